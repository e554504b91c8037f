"""The ranges that a download requests, and the object that its responses describe."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coskit.client.transfer.parts import MAX_PARTS, PartRange
from coskit.protocol.codec.ranges import parse_content_range
from coskit.protocol.errors import IntegrityError, ObjectChanged, ParameterError

# They are the caller's, for the object that is found; its parts are bound to that object instead.
_CONDITIONS = frozenset(("IfMatch", "IfNoneMatch", "IfModifiedSince", "IfUnmodifiedSince"))


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes of an object that an answer carries: where they start and how many they are."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class FoundObject:
    """The object that a download has found; every further answer has to be about the same one.

    Attributes:
        size: its bytes.
        etag: as the service spells it.
        version: its version id, or "".
        crc64: of all its bytes, or None if the service does not tell.
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
        """Make sure that an answer carries a part of this object.

        Raises:
            ObjectChanged: it is about another object.
            IntegrityError: it is another part, or its length is in doubt.
        """
        found, span = read_response(headers)
        if (found.etag, found.size) != (self.etag, self.size):
            raise ObjectChanged(
                f"The object changed while it was downloaded: its ETag was {self.etag} with "
                f"{self.size} bytes and is {found.etag} with {found.size}"
            )
        if (span.offset, span.length) != (part.offset, part.length):
            raise IntegrityError(
                f"{part.length} bytes from {part.offset} were asked for; the service answered "
                f"with {span.length} from {span.offset}"
            )


def read_response(headers: Mapping[str, Any]) -> tuple[FoundObject, Span]:
    """Return what an answer to GET or HEAD tells about the object, and which bytes it carries.

    Raises:
        IntegrityError: its headers contradict each other or do not tell a length.
    """
    length, content_range = headers.get("Content-Length", ""), headers.get("Content-Range")
    if not (length.isascii() and length.isdigit()):
        raise IntegrityError("The answer does not tell how long it is")
    span, size = Span(0, int(length)), int(length)
    if content_range is not None:
        carried = parse_content_range(content_range)
        first, last, size = (carried.first, carried.last, carried.total) if carried else (0, -1, 0)
        span = Span(first, last - first + 1)
        if span.length != int(length) or span.length < 1 or last >= size:
            raise IntegrityError(
                f"An answer of {length} bytes says that it carries {content_range!r}"
            )
    crc = headers.get("x-cos-hash-crc64ecma", "")
    known = int(crc) if crc.isascii() and crc.isdigit() else None
    etag, version = headers.get("ETag", ""), headers.get("x-cos-version-id", "")
    return FoundObject(size, etag, version, known), span


def described(headers: Mapping[str, Any], found: FoundObject) -> dict[str, Any]:
    """Return the headers of the whole object, from those of an answer that carries a part of it."""
    others = {name: text for name, text in headers.items() if name not in ("Body", "Content-Range")}
    return {**others, "Content-Length": str(found.size)}


def plan_ranges(size: int, step: int, alignment: int = 1) -> tuple[PartRange, ...]:
    """Cut an object into ranges of at least `step` bytes, 10,000 at most; an empty one has none.

    Args:
        size: its bytes.
        step: bytes of a range.
        alignment: every range starts at a multiple of this many bytes.
    """
    step = max(step, -(-size // MAX_PARTS))
    step = -(-step // alignment) * alignment
    return tuple(
        PartRange(number, offset, min(step, size - offset))
        for number, offset in enumerate(range(0, size, step), 1)
    )


def range_header(part: PartRange) -> str:
    """Return the Range header that asks for a part."""
    return f"bytes={part.offset}-{part.offset + part.length - 1}"


def refuse_range(options: Mapping[str, Any]) -> None:
    """Make sure that a download was not told a range.

    Raises:
        ParameterError: it was, but whole objects are downloaded.
    """
    if options.get("Range") is not None:
        raise ParameterError("A download is of the whole object: use get_object with Range")


def for_parts(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a caller's options that have to come with every part."""
    return {name: value for name, value in options.items() if name not in _CONDITIONS}
