"""What the workers of one server have in common: memory and locks that they inherit."""

import mmap
import os
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from coskit.server.metrics.shared_memory import SPACE, Board
from coskit.server.store.blobs.shared_pins import SLOTS, FairLock, SharedPins, SharedState

# Bytes of the file of locks; a queue of turns takes two.
_COMMITS, _LINES = 0, 2


class Crew:
    """Made before the workers are forked; nothing of it outlives them.

    Args:
        size: how many workers there are.
        directory: the server's, for a file of locks that has no name.
    """

    def __init__(self, size: int, directory: Path) -> None:
        self.size = size
        self._pins = mmap.mmap(-1, size * SLOTS)
        self._board = mmap.mmap(-1, size * SPACE)
        self._locks = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - open as long as any worker runs
        self._alive, self._life = os.pipe()

    def member(self, number: int) -> "Member":
        """Return what a worker has of it, in that worker's process."""
        os.close(self._life)
        shared_state = SharedState(
            SharedPins(self._pins, number), FairLock(self._locks.fileno(), _COMMITS)
        )
        lines = FairLock(self._locks.fileno(), _LINES)
        return Member(
            number, self.size, shared_state, Board(self._board, number), lines, self._alive
        )


class Member:
    """What a worker has to do with the others.

    Attributes:
        number: from 0 on; never that of two processes at a time.
        size: how many workers there are.
        company: for the store.
        board: for the metrics.
        lines: is entered to write lines of the access log, so that none is torn.
        alive: fd that ends when whoever has forked the worker has ended.
    """

    def __init__(
        self,
        number: int,
        size: int,
        shared_state: SharedState,
        board: Board,
        lines: AbstractContextManager[None],
        alive: int,
    ) -> None:
        self.number = number
        self.size = size
        self.shared_state = shared_state
        self.board = board
        self.lines = lines
        self.alive = alive

    @property
    def has_jobs(self) -> bool:
        """Whether it does what is to be done once for the whole server."""
        return self.number == 0
