"""Objects that the vendor's SDK for Python encrypted: AES-256-CTR, read only.

That scheme authenticates nothing: a client that may write to the bucket can change the plaintext,
and a wrong AES key gives wrong bytes. Such objects are read only if there are `vendor_keys`.
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
class UnframedLayout:
    """The layout of an object whose encrypted bytes have the offsets of the plaintext."""

    alignment = 1

    def plain_offset(self, sealed: int) -> int:
        """See `Layout.plain_offset`."""
        return sealed

    def plain_length(self, sealed: int) -> int:
        """See `Layout.plain_length`: both lengths are equal."""
        return sealed

    def sealed_range(self, text: str) -> str | None:
        """See `Layout.sealed_range`: both ranges are equal."""
        return text


@dataclass(frozen=True, slots=True)
class VendorEnvelope:
    """The wrapped data key and counter start of an object."""

    key: bytes
    start: bytes

    @property
    def layout(self) -> UnframedLayout:
        """The layout of the object."""
        return UnframedLayout()

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> Self | None:
        """Return the envelope in an object's headers, or None if there is none.

        Raises:
            NotSealed: another SDK of the vendor encrypted the object, by another scheme.
            SealBroken: the envelope is damaged.
        """
        given = {name.lower(): value for name, value in headers.items()}
        if f"{_PREFIX}key" not in given:
            return None
        if f"{_PREFIX}iv" not in given or f"{_PREFIX}cek-alg" in given:
            raise NotSealed(
                "The object was encrypted with a scheme that the vendor's Python SDK does not use"
            )
        try:
            key = base64.b64decode(given[f"{_PREFIX}key"], validate=True)
            return cls(key, base64.b64decode(given[f"{_PREFIX}iv"], validate=True))
        except ValueError:
            raise SealBroken("The object's wrapped key is damaged") from None

    def open(self, keys: Iterable[MasterKey]) -> "CounterContent":
        """Unwrap the data key with the key that wrapped it.

        Raises:
            SealBroken: none of the keys wrapped it, as far as the scheme shows.
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
    """The content of an object whose data key is unwrapped."""

    layout = UnframedLayout()

    def __init__(self, data_key: bytes, start: bytes) -> None:
        self._data_key = data_key
        self._start = start

    def decryptor(self, stored: ByteRange, wanted: ByteRange | None) -> "CounterDecryptor":
        """Return the decryptor of a response.

        Raises:
            SealBroken: the response does not hold the requested range.
        """
        if stored != (wanted or ByteRange(0, stored.total - 1, stored.total)):
            raise SealBroken("The service sent another range of the object than was requested")
        return CounterDecryptor(self._data_key, self._start, stored.first)


class CounterDecryptor:
    """Decrypts from any byte on; every byte that arrives gives a byte of plaintext."""

    def __init__(self, data_key: bytes, start: bytes, first: int) -> None:
        counter = (int.from_bytes(start, "big") + first // _BLOCK) % (1 << 128)
        mode = modes.CTR(counter.to_bytes(_BLOCK, "big"))
        self._stream: CipherContext = Cipher(algorithms.AES(data_key), mode).decryptor()
        self._stream.update(bytes(first % _BLOCK))

    def feed(self, arrived: bytes) -> bytes:
        """See `Decryptor.feed`."""
        return self._stream.update(arrived)

    def finish(self) -> None:
        """See `Decryptor.finish`: the length of the response was checked before."""
