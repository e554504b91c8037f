"""A body in one piece of memory that is written once, where it stays."""

import io
from collections.abc import Callable

from coskit.client.libc import prefer_large_pages


class _Filled(io.RawIOBase):
    """What `io.BufferedReader` reads from: it alone makes bytes that are filled afterwards."""

    def __init__(self, first: bytes, fill: Callable[[memoryview], int]) -> None:
        self._first = first
        self._fill = fill

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, memory: memoryview, /) -> int:  # type: ignore[override]
        """Fill all of the memory, or what there is for it."""
        prefer_large_pages(memory)
        at = len(self._first)
        memory[:at] = self._first
        size = -1
        while size and at < len(memory):
            with memory[at:] as missing:  # errors must not keep it: it is valid only for now
                size = self._fill(missing)
            at += size
        return at


def gathered(first: bytes, size: int, fill: Callable[[memoryview], int]) -> bytes:
    """Return so many bytes in one piece.

    Args:
        first: what they begin with.
        size: how many there are.
        fill: writes what comes next to the start of a view and returns how many bytes that is, 0
            if there are no more, which are then fewer than `size`.
    """
    # A buffer of one byte is none: what is asked for is read to where it is returned.
    return io.BufferedReader(_Filled(first, fill), 1).read(size)
