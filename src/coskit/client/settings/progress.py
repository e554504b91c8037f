"""The progress callback of a transfer and the number it is called with."""

from collections.abc import Callable
from typing import Self

# The arguments: bytes transferred; bytes in total, or None if the length is unknown.
Callback = Callable[["Consumed", int | None], object]


class Consumed(int):
    """A number of transferred bytes; an earlier, resumed transfer brought `resumed` of them."""

    resumed: int

    def __new__(cls, value: int, resumed: int = 0) -> Self:
        """Create the number of transferred bytes, which includes the resumed bytes."""
        consumed = super().__new__(cls, value)
        consumed.resumed = resumed
        return consumed
