"""Checksums of S3: the algorithms, their text form, and the checksums of multipart objects."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

from fastcrc import crc32 as _fastcrc

from coskit.protocol.codec.checksums.crc_combine import CrcCombiner

Kind = Literal["FULL_OBJECT", "COMPOSITE"]
KINDS: tuple[Kind, ...] = ("FULL_OBJECT", "COMPOSITE")

HEADER = "x-amz-checksum-"


class Hasher(Protocol):
    """A hash that is fed piece by piece."""

    def update(self, data: bytes, /) -> Any:
        """Add the next bytes."""
        ...

    def digest(self) -> bytes:
        """Return the checksum of all bytes added."""
        ...


class _Crc:
    """A CRC as a hasher.

    Args:
        function: a function that continues a CRC over more bytes.
        size: the CRC's size in bytes.
    """

    def __init__(self, function: Callable[[bytes, int], int], size: int) -> None:
        self._function = function
        self._size = size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Add the next bytes."""
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        """Return the CRC in big-endian order."""
        return self._value.to_bytes(self._size, "big")


def _crc64nvme() -> Hasher:
    import anycrc  # installed with the server only

    return _Crc(anycrc.Model("CRC64-NVME").calc, 8)


@dataclass(frozen=True, eq=False)
class Algorithm:
    """A checksum algorithm.

    Attributes:
        name: the algorithm's name, such as `CRC32`.
        size: the size of a checksum in bytes.
        hasher: a function that returns a new hasher.
        combiner: the combination of the parts' checksums into the object's, or None if there is
            none.
        composes: whether a multipart object may have a composite checksum.
    """

    name: str
    size: int
    hasher: Callable[[], Hasher]
    combiner: CrcCombiner | None = None
    composes: bool = True

    @property
    def header(self) -> str:
        """The name of the header, or the trailer, for a checksum of this algorithm."""
        return HEADER + self.name.lower()

    @property
    def field(self) -> str:
        """The element in documents for a checksum of this algorithm."""
        return f"Checksum{self.name}"

    @property
    def kind(self) -> Kind:
        """The default kind of a multipart object's checksum."""
        return "COMPOSITE" if self.composes else "FULL_OBJECT"

    def allows(self, kind: Kind) -> bool:
        """Return whether a multipart object may have a checksum of this kind."""
        return self.composes if kind == "COMPOSITE" else self.combiner is not None

    def digest(self, data: bytes) -> bytes:
        """Return the checksum of bytes."""
        hasher = self.hasher()
        hasher.update(data)
        return hasher.digest()

    def join(self, parts: Sequence[tuple[bytes, int]]) -> bytes:
        """Return the full checksum of an object from the checksum and the size of each part."""
        assert self.combiner is not None, f"{self.name} cannot be joined"
        whole = 0
        for digest, size in parts:
            whole = self.combiner.join(whole, int.from_bytes(digest, "big"), size)
        return whole.to_bytes(self.size, "big")

    def parse(self, text: str) -> bytes | None:
        """Return the checksum in a text, or None if the text is malformed."""
        try:
            digest = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return None
        return digest if len(digest) == self.size else None


ALGORITHMS: Mapping[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("CRC32", 4, partial(_Crc, _fastcrc.iso_hdlc, 4), CrcCombiner(0xEDB88320, 32)),
        Algorithm("CRC32C", 4, partial(_Crc, _fastcrc.iscsi, 4), CrcCombiner(0x82F63B78, 32)),
        Algorithm("CRC64NVME", 8, _crc64nvme, CrcCombiner(0x9A6C9329AC4BC9B5, 64), composes=False),
        Algorithm("SHA1", 20, hashlib.sha1),
        Algorithm("SHA256", 32, hashlib.sha256),
    )
}
BY_HEADER = {algorithm.header: algorithm for algorithm in ALGORITHMS.values()}
FIELDS = tuple(algorithm.field for algorithm in ALGORITHMS.values())


@dataclass(frozen=True, slots=True)
class Checksum:
    """The checksum of an object or a part.

    Attributes:
        algorithm: the checksum's algorithm.
        text: the checksum in Base64; if it is composite, followed by `-` and the number of parts.
    """

    algorithm: Algorithm
    text: str

    @property
    def kind(self) -> Kind:
        """The kind: of all bytes, or composed of the parts' checksums."""
        return "COMPOSITE" if "-" in self.text else "FULL_OBJECT"

    @property
    def digest(self) -> bytes:
        """The checksum as bytes."""
        return base64.b64decode(self.text.partition("-")[0])

    def dump(self) -> str:
        """Return the stored form."""
        return f"{self.algorithm.name} {self.text}"


def checksum(algorithm: Algorithm, digest: bytes) -> Checksum:
    """Return a full checksum from its bytes."""
    return Checksum(algorithm, base64.b64encode(digest).decode())


def load_checksum(text: str | None) -> Checksum | None:
    """Return the checksum that `Checksum.dump` stored; None stays None."""
    if text is None:
        return None
    name, _, value = text.partition(" ")
    return Checksum(ALGORITHMS[name], value)


@dataclass(frozen=True, slots=True)
class RequestedChecksum:
    """The algorithm and the kind of checksum that a multipart upload requests."""

    algorithm: Algorithm
    kind: Kind

    def dump(self) -> str:
        """Return the stored form."""
        return f"{self.algorithm.name} {self.kind}"

    def of_parts(self, parts: Sequence[tuple[bytes, int]]) -> Checksum:
        """Return the checksum of an object from the checksum and the size of each part."""
        if self.kind == "FULL_OBJECT":
            return checksum(self.algorithm, self.algorithm.join(parts))
        composed = self.algorithm.digest(b"".join(digest for digest, _ in parts))
        text = base64.b64encode(composed).decode()
        return Checksum(self.algorithm, f"{text}-{len(parts)}")


def load_requested_checksum(text: str | None) -> RequestedChecksum | None:
    """Return the request that `RequestedChecksum.dump` stored; None stays None."""
    if text is None:
        return None
    name, _, kind = text.partition(" ")
    return RequestedChecksum(
        ALGORITHMS[name], "COMPOSITE" if kind == "COMPOSITE" else "FULL_OBJECT"
    )
