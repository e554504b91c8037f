"""A caller's file that a download is written to: in order, whatever order its parts arrive in."""

import inspect
import io
import threading
from collections.abc import Sequence
from typing import Any

from coskit.protocol.errors import ParameterError


def check_writable(file: Any) -> None:
    """Make sure that bytes can be written to what a caller gave.

    Raises:
        ParameterError: it has no `write`, or one for text.
    """
    if not callable(getattr(file, "write", None)):
        raise ParameterError(f"Fileobj is a file to write to, not {type(file).__name__}")
    if isinstance(file, io.TextIOBase):
        raise ParameterError("Fileobj is a text file: open it in binary mode")


def write_fully(file: Any, pieces: Sequence[bytes]) -> None:
    """Write all of the pieces, however little the file takes at a time.

    Raises:
        BlockingIOError: the file is one that does not block, and takes nothing now.
        ParameterError: its `write` has to be awaited.
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
    """Parts that arrive in any order and are written in that of their numbers, from 1.

    Whoever has brought a part claims what is to be written next, until there is nothing; so parts
    are written as early as they can be, by one caller at a time, and nobody waits for a turn.
    """

    def __init__(self) -> None:
        self._next = 1
        self._ready: dict[int, list[bytes]] = {}
        self._writing = False
        self._lock = threading.Lock()

    @property
    def written(self) -> int:
        """How many parts are written."""
        return self._next - 1

    def offer(self, number: int, pieces: list[bytes]) -> None:
        """Hand over a part that has arrived."""
        with self._lock:
            self._ready[number] = pieces

    def claim(self) -> list[bytes] | None:
        """Return the part that is to be written now, or None; `done` has to follow."""
        with self._lock:
            if self._writing or self._next not in self._ready:
                return None
            self._writing = True
            return self._ready.pop(self._next)

    def done(self) -> None:
        """Note that the claimed part is written."""
        with self._lock:
            self._writing = False
            self._next += 1
