"""How a file is cut into parts."""

from dataclasses import dataclass

from coskit.protocol.errors import ParameterError

MIB = 1 << 20
MAX_PARTS = 10_000
MAX_PART = 5 << 30
SINGLE_UPLOAD = 20 * MIB


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
