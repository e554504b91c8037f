"""Which bytes of an object a part number names."""

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
from coskit.server.store.part_layout import Piece, pieces

MAX_PART_NUMBER = 10_000


@dataclass(frozen=True, slots=True)
class SelectedPart:
    """A part of an object, or an object without parts as its own first one.

    Attributes:
        span: its bytes; None if it has none.
        size: how many they are.
        headers: that tell of it.
        status: of an answer that sends it.
    """

    span: ByteRange | None
    size: int
    headers: dict[str, str]
    status: int


def selected_part(ctx: Context, version: Version) -> SelectedPart | None:
    """Return the part that a request names, or None if it names none.

    Raises:
        InvalidRequest: it names a range too.
        InvalidArgument: no part has such a number.
        InvalidPartNumber: the object has no such part.
        NotImplementedOperation: nobody knows any more where its parts begin.
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
        raise NotImplementedOperation("The object was completed before its parts were kept apart")
    if number > 1:
        raise InvalidPartNumber
    span = ByteRange(0, version.size - 1, version.size) if version.size else None
    headers = read_checksum_headers(ctx, version)
    return SelectedPart(span, version.size, headers, 206 if span else 200)


def _select(ctx: Context, version: Version, parts: tuple[Piece, ...], number: int) -> SelectedPart:
    first = 0
    for part in parts:
        if part.number == number:
            break
        first += part.size
    else:
        raise InvalidPartNumber
    span = ByteRange(first, first + part.size - 1, version.size) if part.size else None
    told = read_checksum_headers(ctx, version, part)
    headers = {**told, "x-amz-mp-parts-count": str(len(parts))}
    return SelectedPart(span, part.size, headers, 206)
