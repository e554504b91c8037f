"""The three durability modes: the meaning of a response 200 to a write."""

from typing import Literal, get_args

Durability = Literal["strict", "relaxed", "none"]

MODES: tuple[Durability, ...] = get_args(Durability)

# The description of each mode that is printed at the start.
MEANINGS: dict[Durability, str] = {
    "strict": "a response 200 means that the bytes are on the disk",
    "relaxed": "a power cut may undo the writes of the last second or two, never half of one",
    "none": "a power cut may damage everything; for tests and for data that can be made again",
}


def durability(option: str) -> Durability:
    """Return the mode of this name.

    Raises:
        ValueError: there is no such mode.
    """
    for mode in MODES:
        if mode == option:
            return mode
    raise ValueError(f"the durability must be one of {', '.join(MODES)}, not {option!r}")
