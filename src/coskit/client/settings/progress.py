"""The progress callback of a transfer and the number it is called with."""

from collections.abc import Callable
from typing import Self

# (bytes that are through, bytes there are or None while a stream goes on)
Callback = Callable[["Consumed", int | None], object]


class Consumed(int):
    """A number of bytes, of which `resumed` were through before this transfer began."""

    resumed: int

    def __new__(cls, value: int, resumed: int = 0) -> Self:
        """Make the number of bytes that are through, those that were resumed among them."""
        consumed = super().__new__(cls, value)
        consumed.resumed = resumed
        return consumed
