"""The division of content into parts."""

from dataclasses import dataclass

from coskit.client.settings.transfers import MIB
from coskit.protocol.errors import ParameterError

MAX_PARTS = 10_000
MAX_PART = 5 << 30
SINGLE_UPLOAD = 20 * MIB

# Parts of large files are larger: each request takes time, and a failed part costs little.
_LARGE = 64 * MIB
_LARGE_PART = 8 * MIB
_PARTS_OF_LARGE = 128  # with more parts, the part size doubles
# The part size of a stream doubles after this many parts, because its length is unknown.
_PARTS_BEFORE_GROWTH = 1000


@dataclass(frozen=True, slots=True)
class PartRange:
    """A part of a source: its number from 1, its offset and its length in bytes."""

    number: int
    offset: int
    length: int


def plan_parts(size: int, part_size: int) -> tuple[PartRange, ...]:
    """Divide `size` bytes into at most 10,000 parts of at least `part_size` bytes.

    Raises:
        ParameterError: the part size is not positive, or the object would be too large.
    """
    if part_size < 1:
        raise ParameterError("PartSize must be at least 1 MB")
    # Whole MiB keep the parts of a larger file aligned.
    smallest = -(-size // MAX_PARTS)
    step = max(part_size, -(-smallest // MIB) * MIB)
    if step > MAX_PART:
        raise ParameterError("A part must be at most 5 GB")
    return tuple(
        PartRange(number, offset, min(step, size - offset))
        for number, offset in enumerate(range(0, size, step), 1)
    )


def comfortable_part_size(size: int, least: int) -> int:
    """Return the part size for a file: at least `least`, more for large files.

    It is 8 MiB for files from 64 MiB on, and doubles whenever the size is four times as large.

    Args:
        size: the bytes of the file.
        least: the least part size, in bytes.
    """
    if size < _LARGE:
        return least
    step, parts = _LARGE_PART, _PARTS_OF_LARGE
    while size > step * parts:
        step, parts = step * 2, parts * 2
    return max(least, min(step, MAX_PART))


def stream_part_size(number: int, least: int, memory: int) -> int:
    """Return the size of a part of a stream: it doubles after every 1,000 parts.

    Args:
        number: the number of the part, from 1.
        least: the size of the first part, in bytes.
        memory: the largest size, because a part is in memory while it is sent.

    Raises:
        ParameterError: the number is above 10,000.
    """
    if number > MAX_PARTS:
        raise ParameterError(
            "The stream is longer than 10,000 parts: give a larger PartSize, or more memory in "
            "TransferSettings"
        )
    grown = least << ((number - 1) // _PARTS_BEFORE_GROWTH)
    return max(min(grown, memory, MAX_PART), min(least, memory), 1)
