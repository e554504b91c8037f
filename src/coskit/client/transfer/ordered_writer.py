"""Writes the parts of a download to an open file in order, although they arrive in any order."""

import inspect
import io
import threading
from collections.abc import Sequence
from typing import Any

from coskit.protocol.errors import ParameterError


def check_writable(file: Any) -> None:
    """Refuse a file that bytes cannot be written to.

    Raises:
        ParameterError: the file has no `write`, or is a text file.
    """
    if not callable(getattr(file, "write", None)):
        raise ParameterError(f"Fileobj must be a file to write to, not {type(file).__name__}")
    if isinstance(file, io.TextIOBase):
        raise ParameterError("Fileobj is a text file: open it in binary mode")


def write_fully(file: Any, pieces: Sequence[bytes]) -> None:
    """Write all chunks, even if the file takes only a few bytes at a time.

    Raises:
        BlockingIOError: the file is non-blocking and takes no bytes now.
        ParameterError: the `write` of the file is a coroutine function.
    """
    for piece in pieces:
        rest = piece
        while rest:
            written = file.write(rest)
            if inspect.isawaitable(written):
                if inspect.iscoroutine(written):
                    written.close()
                raise ParameterError("Fileobj.write has to be awaited: give a plain binary file")
            if isinstance(written, int) and 0 < written < len(rest):
                rest = rest[written:]
            elif written == 0 or (written is None and isinstance(file, io.RawIOBase)):
                raise BlockingIOError("Fileobj takes no bytes now, and this download cannot wait")
            else:
                break


class OrderedWriter:
    """The parts of a download, to be written in the order of their numbers, from 1.

    A worker that has fetched a part claims and writes parts until the next one is missing. Parts
    are written as early as possible, by one worker at a time, and no worker waits for its turn.
    """

    def __init__(self) -> None:
        self._next = 1
        self._ready: dict[int, list[bytes]] = {}
        self._writing = False
        self._lock = threading.Lock()

    @property
    def written(self) -> int:
        """The number of parts that are written."""
        return self._next - 1

    def offer(self, number: int, pieces: list[bytes]) -> None:
        """Add a part that has arrived."""
        with self._lock:
            self._ready[number] = pieces

    def claim(self) -> list[bytes] | None:
        """Return the next part to write, or None; call `done` after writing it."""
        with self._lock:
            if self._writing or self._next not in self._ready:
                return None
            self._writing = True
            return self._ready.pop(self._next)

    def done(self) -> None:
        """Record that the claimed part is written."""
        with self._lock:
            self._writing = False
            self._next += 1
