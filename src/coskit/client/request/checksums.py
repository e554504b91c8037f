"""Checksums of content: those in response headers, and their comparison with the bytes."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.codec.ranges import parse_content_range
from coskit.protocol.errors import IntegrityError

CRC64 = "x-cos-hash-crc64ecma"
_MD5 = re.compile("[0-9a-f]{32}", re.ASCII | re.IGNORECASE).fullmatch


class BodyChecksum(Protocol):
    """A checksum that is computed of a body while it arrives.

    Attributes:
        heavy: whether the computation is so slow that large chunks are left to a thread.
    """

    heavy: bool

    def add(self, chunk: bytes) -> None:
        """Add the next bytes."""
        ...

    def check(self, received: int) -> None:
        """Compare the checksum of all bytes with the one in the response.

        Args:
            received: the number of bytes, for the message.

        Raises:
            IntegrityError: the checksums differ.
        """
        ...


class Crc64Checksum:
    """The CRC64 that COS returns for its objects."""

    __slots__ = ("_crc64", "_expected")
    heavy = False

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._crc64 = 0

    def add(self, chunk: bytes) -> None:
        """Add the next bytes."""
        self._crc64 = crc64(chunk, self._crc64)

    def check(self, received: int) -> None:
        """See `BodyChecksum.check`."""
        if self._crc64 != self._expected:
            raise IntegrityError(
                f"The object's CRC64 is {self._expected}, but the {received} bytes that "
                f"arrived have {self._crc64}"
            )


class HashChecksum:
    """Another checksum of a whole object.

    Args:
        name: the name of the checksum, for the message.
        expected: the checksum in the response: the MD5 in hex, others in Base64.
        hasher: the hash that computes it: an object with `update` and `digest`.
    """

    __slots__ = ("_expected", "_hasher", "_name", "heavy")

    def __init__(self, name: str, expected: str, hasher: Any) -> None:
        self._name = name
        self._expected = expected
        self._hasher = hasher
        self.heavy = name in ("MD5", "SHA1", "SHA256")

    def add(self, chunk: bytes) -> None:
        """Add the next bytes."""
        self._hasher.update(chunk)

    def check(self, received: int) -> None:
        """See `BodyChecksum.check`."""
        digest: bytes = self._hasher.digest()
        found = digest.hex() if self._name == "MD5" else b64encode(digest).decode()
        if found != self._expected:
            raise IntegrityError(
                f"The object's {self._name} is {self._expected}, but the {received} bytes that "
                f"arrived have {found}"
            )


def object_crc64(headers: Mapping[str, str]) -> int | None:
    """Return the CRC64 of the whole object in a response's headers, or None."""
    text = headers.get(CRC64, "")
    return int(text) if text.isascii() and text.isdigit() else None


def body_crc64(status: int, headers: Mapping[str, str]) -> int | None:
    """Return the CRC64 of a response's body, or None if its headers do not contain it."""
    found = object_crc64(headers)
    return found if found is not None and is_whole(status, headers) else None


def is_whole(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether a response carries a whole object."""
    if status not in (200, 206):
        return False  # a 304 has checksums of a body that it does not carry
    content_range = headers.get("Content-Range", "")
    if status == 200 and not content_range:  # rclone responds to ranges with 200 too
        return True
    found = parse_content_range(content_range)
    return found is not None and found.first == 0 and found.last == found.total - 1


def md5_of_etag(etag: str) -> str:
    """Return the hex MD5 that an ETag stands for, "" if it has another form."""
    text = etag.strip('"').lower()
    return text if _MD5(text) else ""


def bare_etag(headers: Mapping[str, Any]) -> str:
    """Return the ETag in a response's headers or a result, without its quotes."""
    return str(headers.get("ETag") or "").strip('"')


def joined_etag(etags: Sequence[str]) -> str:
    """Return the ETag that S3 gives an object of these parts, "" if a part's ETag is no MD5."""
    digests = [md5_of_etag(etag) for etag in etags]
    if not all(digests):
        return ""
    return f"{hashlib.md5(bytes.fromhex(''.join(digests))).hexdigest()}-{len(digests)}"


def check_stored(headers: Mapping[str, str], sent: int) -> bool:
    """Compare the CRC64 of the stored bytes with that of the sent bytes.

    Returns:
        Whether the response contains the CRC64, so that nothing else needs to be compared.

    Raises:
        IntegrityError: the service stored other bytes.
    """
    stored = object_crc64(headers)
    if stored is not None and stored != sent:
        raise IntegrityError(
            f"The service stored bytes with CRC64 {stored}; those sent have {sent}"
        )
    return stored is not None


def check_stored_md5(stored: str, sent: str) -> None:
    """Compare the MD5 of the stored bytes with that of the sent bytes, both in hex.

    Raises:
        IntegrityError: the service stored other bytes.
    """
    if stored != sent:
        raise IntegrityError(f"The service stored bytes with MD5 {stored}; those sent have {sent}")
