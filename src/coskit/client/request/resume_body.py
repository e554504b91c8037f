"""What is missing of a body whose connection was cut: how it is asked for, what counts as it."""

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
        first: offset of the first.
        last: offset of the last.
        total: bytes of the object.
        etag: of the object, as the service spells it.
        version: its version id, or "".
    """

    first: int
    last: int
    total: int
    etag: str
    version: str

    def content_range(self, received: int) -> str:
        """Return the Content-Range of what is missing once so many bytes have come."""
        return f"bytes {self.first + received}-{self.last}/{self.total}"


def body_range_of(status: int, headers: Mapping[str, str]) -> BodyRange | None:
    """Return the body_range that an answer's body has, or None where it cannot be told for sure.

    Args:
        status: 200 for a whole object, 206 for a range.
        headers: of the answer; without a strong ETag nothing binds a second answer to it.
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
    """Return the call that reads on: of the same object, from the first byte that is missing."""
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
    """Make sure that an answer is the rest, and of the same object.

    Raises:
        ObjectChanged: it is of another object.
        IntegrityError: it is another part of the object, or the whole of it.
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
