"""The ranges that a download requests, and the object that its responses describe."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coskit.client.transfer.parts import MAX_PARTS, PartRange
from coskit.protocol.codec.ranges import parse_content_range
from coskit.protocol.errors import IntegrityError, ObjectChanged, ParameterError

# Conditions of a download apply to the object that is found; its parts are bound to that object.
_CONDITIONS = frozenset(("IfMatch", "IfNoneMatch", "IfModifiedSince", "IfUnmodifiedSince"))


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes of an object that a response carries: their offset and their number."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class FoundObject:
    """The state of an object that was found; later responses must describe the same object.

    Attributes:
        size: the bytes of the object.
        etag: the ETag as the service spells it.
        version: the version id, or "".
        crc64: the CRC64 of all bytes, or None if the service does not return it.
    """

    size: int
    etag: str
    version: str
    crc64: int | None

    def conditions(self) -> dict[str, str]:
        """Return the parameters that bind a request to this object."""
        bound = {"IfMatch": self.etag, "VersionId": self.version}
        return {name: text for name, text in bound.items() if text}

    def check(self, headers: Mapping[str, Any], part: PartRange) -> None:
        """Check that a response carries a part of this object.

        Raises:
            ObjectChanged: the response describes another object.
            IntegrityError: the response carries another part, or its length is unclear.
        """
        found, span = read_response(headers)
        if (found.etag, found.size) != (self.etag, self.size):
            raise ObjectChanged(
                f"The object changed while it was downloaded: its ETag was {self.etag} with "
                f"{self.size} bytes and is {found.etag} with {found.size}"
            )
        if (span.offset, span.length) != (part.offset, part.length):
            raise IntegrityError(
                f"{part.length} bytes from {part.offset} were requested; the service returned "
                f"{span.length} from {span.offset}"
            )


def read_response(headers: Mapping[str, Any]) -> tuple[FoundObject, Span]:
    """Return the object that a response to GET or HEAD describes, and the bytes it carries.

    Raises:
        IntegrityError: the headers contradict each other, or the length is missing.
    """
    length, content_range = headers.get("Content-Length", ""), headers.get("Content-Range")
    if not (length.isascii() and length.isdigit()):
        raise IntegrityError("The response has no valid Content-Length")
    span, size = Span(0, int(length)), int(length)
    if content_range is not None:
        carried = parse_content_range(content_range)
        first, last, size = (carried.first, carried.last, carried.total) if carried else (0, -1, 0)
        span = Span(first, last - first + 1)
        if span.length != int(length) or span.length < 1 or last >= size:
            raise IntegrityError(
                f"A response of {length} bytes has the Content-Range {content_range!r}"
            )
    crc = headers.get("x-cos-hash-crc64ecma", "")
    known = int(crc) if crc.isascii() and crc.isdigit() else None
    etag, version = headers.get("ETag", ""), headers.get("x-cos-version-id", "")
    return FoundObject(size, etag, version, known), span


def described(headers: Mapping[str, Any], found: FoundObject) -> dict[str, Any]:
    """Return the headers of the whole object, from the headers of a response with a part of it."""
    others = {name: text for name, text in headers.items() if name not in ("Body", "Content-Range")}
    return {**others, "Content-Length": str(found.size)}


def plan_ranges(size: int, step: int, alignment: int = 1) -> tuple[PartRange, ...]:
    """Divide an object into at most 10,000 ranges of at least `step` bytes; none if it is empty.

    Args:
        size: the bytes of the object.
        step: the bytes of a range.
        alignment: the number of bytes that every offset is a multiple of.
    """
    step = max(step, -(-size // MAX_PARTS))
    step = -(-step // alignment) * alignment
    return tuple(
        PartRange(number, offset, min(step, size - offset))
        for number, offset in enumerate(range(0, size, step), 1)
    )


def range_header(part: PartRange) -> str:
    """Return the Range header that requests a part."""
    return f"bytes={part.offset}-{part.offset + part.length - 1}"


def refuse_range(options: Mapping[str, Any]) -> None:
    """Refuse a range among the options of a download, which is of the whole object.

    Raises:
        ParameterError: there is a range.
    """
    if options.get("Range") is not None:
        raise ParameterError("A download is of the whole object: use get_object with Range")


def for_parts(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a download that every part takes."""
    return {name: value for name, value in options.items() if name not in _CONDITIONS}
