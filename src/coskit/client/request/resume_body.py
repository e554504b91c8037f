"""Resume a response body after a cut: the Range request and the check of its response."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from coskit.protocol.codec.conditional_headers import READ_CONDITIONS
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.codec.ranges import parse_content_range
from coskit.protocol.errors import IntegrityError, ObjectChanged


@dataclass(frozen=True, slots=True)
class BodyRange:
    """The bytes of one object that a body consists of.

    Attributes:
        first: the offset of the first byte.
        last: the offset of the last byte.
        total: the number of bytes of the object.
        etag: the object's ETag, as the service spells it.
        version: the object's version id, or "".
    """

    first: int
    last: int
    total: int
    etag: str
    version: str

    def content_range(self, received: int) -> str:
        """Return the Content-Range of the bytes that are missing after the received ones."""
        return f"bytes {self.first + received}-{self.last}/{self.total}"


def body_range_of(status: int, headers: Mapping[str, str]) -> BodyRange | None:
    """Return the bytes that a response's body consists of, or None if they are in doubt.

    Args:
        status: the status: 200 for a whole object, 206 for a range.
        headers: the headers of the response; without a strong ETag nothing binds a second response
            to the same object.
    """
    length, etag = headers.get("Content-Length", ""), headers.get("ETag", "")
    if not (length.isascii() and length.isdigit()) or not etag or etag.startswith("W/"):
        return None
    version = headers.get("x-cos-version-id", "")
    if status == 200:
        return BodyRange(0, int(length) - 1, int(length), etag, version)
    found = parse_content_range(headers.get("Content-Range", ""))
    if found is None:  # several ranges in one body, say
        return None
    first, last, total = found.first, found.last, found.total
    if last - first + 1 != int(length) or last >= total:
        return None
    return BodyRange(first, last, total, etag, version)


def remaining_call(call: Call, body_range: BodyRange, received: int) -> Call:
    """Return the call that reads the same object from the first missing byte on."""
    headers = {name: text for name, text in call.headers.items() if name not in READ_CONDITIONS}
    headers["range"] = f"bytes={body_range.first + received}-{body_range.last}"
    headers["if-match"] = body_range.etag
    query = call.query
    if body_range.version:
        query = [pair for pair in query if pair[0] != "versionId"]
        query = [*query, ("versionId", body_range.version)]
    return replace(call, headers=headers, query=query)


def check_remaining(
    body_range: BodyRange, received: int, status: int, headers: Mapping[str, str]
) -> None:
    """Make sure that a response carries the remaining bytes of the same object.

    Raises:
        ObjectChanged: the response is about another object.
        IntegrityError: the response carries another part of the object, or all of it.
    """
    etag = headers.get("ETag", "")
    if etag and etag.strip('"') != body_range.etag.strip('"'):
        raise ObjectChanged(
            f"The object changed while it was read: its ETag was {body_range.etag} and is {etag} "
            f"after {received} bytes"
        )
    wanted, got = body_range.content_range(received), headers.get("Content-Range", "")
    if status != 206 or got != wanted:
        raise IntegrityError(
            f"The rest of a body that was cut is {wanted!r}; the service answered HTTP {status} "
            f"with {got!r}"
        )
