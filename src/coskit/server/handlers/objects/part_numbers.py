"""Reading of one part of an object, by its number."""

from dataclasses import dataclass

from coskit.protocol.codec.ranges import ByteRange
from coskit.protocol.errors import (
    InvalidArgument,
    InvalidPartNumber,
    InvalidRequest,
    NotImplementedOperation,
)
from coskit.server.handlers.body.checksums import read_checksum_headers
from coskit.server.handlers.context import Context
from coskit.server.store.model import Version
from coskit.server.store.part_layout import LayoutPart, pieces

MAX_PART_NUMBER = 10_000


@dataclass(frozen=True, slots=True)
class SelectedPart:
    """A part of an object; an object without parts is its own first part.

    Attributes:
        span: the part's bytes in the object; None if the part is empty.
        size: the number of bytes.
        headers: the response headers for the part.
        status: the HTTP status of a response with the part.
    """

    span: ByteRange | None
    size: int
    headers: dict[str, str]
    status: int


def selected_part(ctx: Context, version: Version) -> SelectedPart | None:
    """Return the part that a request names, or None if the request names none.

    Raises:
        InvalidRequest: the request names a range too.
        InvalidArgument: the number is out of bounds.
        InvalidPartNumber: the object has no such part.
        NotImplementedOperation: an earlier version completed the object and stored no part sizes.
    """
    number = ctx.params.get("PartNumber")
    if number is None:
        return None
    if ctx.headers.get("range"):
        raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
    if not 1 <= number <= MAX_PART_NUMBER:
        raise InvalidArgument(
            f"Part number must be an integer between 1 and {MAX_PART_NUMBER}, inclusive"
        )
    parts = pieces(version)
    if parts:
        return _select(ctx, version, parts, number)
    if version.parts:
        raise NotImplementedOperation(
            "An earlier server version completed the object and stored no part sizes"
        )
    if number > 1:
        raise InvalidPartNumber
    span = ByteRange(0, version.size - 1, version.size) if version.size else None
    headers = read_checksum_headers(ctx, version)
    return SelectedPart(span, version.size, headers, 206 if span else 200)


def _select(
    ctx: Context, version: Version, parts: tuple[LayoutPart, ...], number: int
) -> SelectedPart:
    first = 0
    for part in parts:
        if part.number == number:
            break
        first += part.size
    else:
        raise InvalidPartNumber
    span = ByteRange(first, first + part.size - 1, version.size) if part.size else None
    checksum = read_checksum_headers(ctx, version, part)
    headers = {**checksum, "x-amz-mp-parts-count": str(len(parts))}
    return SelectedPart(span, part.size, headers, 206)
