"""What an answer 200 to a write means: the three modes of durability."""

from typing import Literal, get_args

Durability = Literal["strict", "relaxed", "none"]

MODES: tuple[Durability, ...] = get_args(Durability)

# What a person is told of each at the start.
MEANINGS: dict[Durability, str] = {
    "strict": "an answer 200 means that the bytes are on the disk",
    "relaxed": "a power cut may undo the writes of the last second or two, never half of one",
    "none": "a power cut may damage everything; for tests and for what can be made again",
}


def durability(option: str) -> Durability:
    """Return the mode of this name.

    Raises:
        ValueError: there is none.
    """
    for mode in MODES:
        if mode == option:
            return mode
    raise ValueError(f"the durability is one of {', '.join(MODES)}, not {option!r}")
