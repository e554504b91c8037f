"""Objects that the vendor's SDK for Python encrypted: AES-256-CTR, read only.

That scheme authenticates nothing. Whoever can write to the bucket can change what is read here, and
a wrong AES key gives wrong bytes; so it is read only where the caller names keys for it.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from coskit.encryption.errors import NotSealed, SealBroken
from coskit.encryption.master_keys import MasterKey
from coskit.protocol.codec.ranges import ByteRange
from coskit.protocol.errors import ParameterError

_PREFIX = "x-cos-meta-client-side-encryption-"
_BLOCK = 16


@dataclass(frozen=True, slots=True)
class Unframed:
    """The layout of an object whose encrypted bytes are where its plaintext was."""

    alignment = 1

    def plain_offset(self, sealed: int) -> int:
        """See `Layout.plain_offset`."""
        return sealed

    def plain_length(self, sealed: int) -> int:
        """See `Layout.plain_length`: nothing was added."""
        return sealed

    def sealed_range(self, text: str) -> str | None:
        """See `Layout.sealed_range`: it is the very Range."""
        return text


@dataclass(frozen=True, slots=True)
class VendorEnvelope:
    """The wrapped data key and counter start of an object."""

    key: bytes
    start: bytes

    @property
    def layout(self) -> Unframed:
        """Where the bytes are."""
        return Unframed()

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> Self | None:
        """Return what an object's headers carry, or None if they carry none of it.

        Raises:
            NotSealed: another SDK of the vendor wrote them, by another scheme.
            SealBroken: they are damaged.
        """
        given = {name.lower(): value for name, value in headers.items()}
        if f"{_PREFIX}key" not in given:
            return None
        if f"{_PREFIX}iv" not in given or f"{_PREFIX}cek-alg" in given:
            raise NotSealed("The object was encrypted by another scheme than the Python SDK's")
        try:
            key = base64.b64decode(given[f"{_PREFIX}key"], validate=True)
            return cls(key, base64.b64decode(given[f"{_PREFIX}iv"], validate=True))
        except ValueError:
            raise SealBroken("The object's wrapped key is damaged") from None

    def open(self, keys: Iterable[MasterKey]) -> "CounterContent":
        """Unwrap the data key with whichever of the keys wrapped it.

        Raises:
            SealBroken: none of them did, as far as the scheme can tell.
        """
        for master in keys:
            try:
                data_key, start = master.open_vendor((self.key, self.start))
            except (SealBroken, ParameterError):
                continue
            if len(data_key) == 32 and len(start) == _BLOCK:
                return CounterContent(data_key, start)
        raise SealBroken("None of the vendor keys unwraps the object's key")


class CounterContent:
    """The content of an object whose data key is at hand."""

    layout = Unframed()

    def __init__(self, data_key: bytes, start: bytes) -> None:
        self._data_key = data_key
        self._start = start

    def opener(self, answer: ByteRange, wanted: ByteRange | None) -> "CounterOpener":
        """Return what decrypts an answer.

        Raises:
            SealBroken: the answer is not what is asked for.
        """
        if answer != (wanted or ByteRange(0, answer.total - 1, answer.total)):
            raise SealBroken("The service sent another range of the object than was asked for")
        return CounterOpener(self._data_key, self._start, answer.first)


class CounterOpener:
    """Decrypts from any byte on; what arrives is what comes out."""

    def __init__(self, data_key: bytes, start: bytes, first: int) -> None:
        counter = (int.from_bytes(start, "big") + first // _BLOCK) % (1 << 128)
        mode = modes.CTR(counter.to_bytes(_BLOCK, "big"))
        self._stream: CipherContext = Cipher(algorithms.AES(data_key), mode).decryptor()
        self._stream.update(bytes(first % _BLOCK))

    def feed(self, arrived: bytes) -> bytes:
        """See `Opener.feed`."""
        return self._stream.update(arrived)

    def finish(self) -> None:
        """See `Opener.finish`: the scheme cannot tell, but the answer's length was checked."""
