"""How content is cut into parts."""

from dataclasses import dataclass

from coskit.client.settings.transfers import MIB
from coskit.protocol.errors import ParameterError

MAX_PARTS = 10_000
MAX_PART = 5 << 30
SINGLE_UPLOAD = 20 * MIB

# From here on parts grow: requests cost time, and what a part loses by failing costs little.
_LARGE = 64 * MIB
_LARGE_PART = 8 * MIB
_PARTS_OF_LARGE = 128  # more of them, and parts are made twice as large
# A stream's parts double after so many, since nobody knows how many there will be.
_GENERATION = 1000


@dataclass(frozen=True, slots=True)
class PartRange:
    """One part of a source: its number from 1, where it starts and its length in bytes."""

    number: int
    offset: int
    length: int


def plan_parts(size: int, part_size: int) -> tuple[PartRange, ...]:
    """Cut `size` bytes into parts of at least `part_size`, so that no more than 10,000 come out.

    Raises:
        ParameterError: the part size is not positive, or the object would be too large.
    """
    if part_size < 1:
        raise ParameterError("PartSize is at least 1 MB")
    # Whole MiB, so that the parts of a larger file stay aligned.
    smallest = -(-size // MAX_PARTS)
    step = max(part_size, -(-smallest // MIB) * MIB)
    if step > MAX_PART:
        raise ParameterError("A part is at most 5 GB")
    return tuple(
        PartRange(number, offset, min(step, size - offset))
        for number, offset in enumerate(range(0, size, step), 1)
    )


def comfortable_part_size(size: int, least: int) -> int:
    """Return the part size for a file: `least`, but parts of large files are larger.

    It is 8 MiB from 64 MiB on and then twice as much for every four times the size.

    Args:
        size: the file's bytes.
        least: what the caller wants at least, in bytes.
    """
    if size < _LARGE:
        return least
    step, parts = _LARGE_PART, _PARTS_OF_LARGE
    while size > step * parts:
        step, parts = step * 2, parts * 2
    return max(least, min(step, MAX_PART))


def stream_part_size(number: int, least: int, memory: int) -> int:
    """Return the size of a stream's part: twice as much after every 1,000 parts.

    Args:
        number: of the part, from 1.
        least: of the first part, in bytes.
        memory: what one part may take of it, as each is held in memory while it is sent.

    Raises:
        ParameterError: there are 10,000 parts already.
    """
    if number > MAX_PARTS:
        raise ParameterError(
            "The stream is longer than 10,000 parts: give a larger PartSize, or more memory in "
            "TransferSettings"
        )
    grown = least << ((number - 1) // _GENERATION)
    return max(min(grown, memory, MAX_PART), min(least, memory), 1)
