"""What the processes that serve one store share: which blobs each is using, and turns to commit."""

import fcntl
import threading
import zlib
from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from mmap import mmap
from types import TracebackType
from typing import Protocol

SLOTS = 1 << 16  # bytes of shared memory for each process


class BlobPins(Protocol):
    """The blobs that are in use, as other processes see them; may be used from any thread."""

    def add(self, blob_ids: Iterable[str]) -> None:
        """Have others keep these until they are dropped as often."""
        ...

    def drop(self, blob_ids: Iterable[str]) -> None:
        """Take back one pin of each."""
        ...

    def is_pinned_elsewhere(self, blob_id: str) -> bool:
        """Return whether another process may be using a blob."""
        ...


class UnsharedPins(BlobPins):
    """The pins of a process that has its store for itself."""

    def add(self, blob_ids: Iterable[str]) -> None:
        """See `BlobPins.add`."""

    def drop(self, blob_ids: Iterable[str]) -> None:
        """See `BlobPins.drop`."""

    def is_pinned_elsewhere(self, blob_id: str) -> bool:
        """See `BlobPins.elsewhere`."""
        return False


class SharedPins(BlobPins):
    """Pins in shared memory: each process has a byte for each of the classes blob ids fall into.

    Who reads pins a blob, then looks it up; who deletes commits the deletion, then looks for pins.
    So either the reader finds no blob, or the deleter finds the pin: the locks that every look-up
    and every commit takes keep the two steps of each in order. Blobs that fall into one class keep
    each other longer than need be, and nothing worse.

    Args:
        memory: of all processes, `SLOTS` bytes for each.
        own: the number of this one; a predecessor of that number is dead, and so are its pins.
    """

    def __init__(self, memory: mmap, own: int) -> None:
        self._memory = memory
        self._own = own * SLOTS
        self._others = [at for at in range(0, len(memory), SLOTS) if at != self._own]
        self._counts: Counter[int] = Counter()
        self._lock = threading.Lock()
        memory[self._own : self._own + SLOTS] = bytes(SLOTS)

    def add(self, blob_ids: Iterable[str]) -> None:
        """See `BlobPins.add`."""
        with self._lock:
            for blob_id in blob_ids:
                slot = _slot(blob_id)
                self._counts[slot] += 1
                self._memory[self._own + slot] = 1

    def drop(self, blob_ids: Iterable[str]) -> None:
        """See `BlobPins.drop`."""
        with self._lock:
            for blob_id in blob_ids:
                slot = _slot(blob_id)
                self._counts[slot] -= 1
                if not self._counts[slot]:
                    del self._counts[slot]
                    self._memory[self._own + slot] = 0

    def is_pinned_elsewhere(self, blob_id: str) -> bool:
        """See `BlobPins.elsewhere`."""
        slot = _slot(blob_id)
        return any(self._memory[other + slot] for other in self._others)


def _slot(blob_id: str) -> int:
    return zlib.crc32(blob_id.encode()) % SLOTS


class FairLock:
    """A lock that processes take in turn: who gives it back waits for who has waited.

    SQLite's own lock decides who writes; but its waiters sleep and look again, so that a busy
    writer would keep others out for long. The kernel gives back the locks of a process that dies.

    Args:
        fd: of a file that all processes have inherited; its bytes stand for locks.
        first: the first of two bytes.
    """

    def __init__(self, fd: int, first: int) -> None:
        self._fd = fd
        self._line, self._turn = first, first + 1

    def __enter__(self) -> None:
        # Where locks fail, those of SQLite are still there.
        with suppress(OSError):
            # Only one at a time waits for the turn, so that its last owner has to stand in line.
            fcntl.lockf(self._fd, fcntl.LOCK_EX, 1, self._line)
            fcntl.lockf(self._fd, fcntl.LOCK_EX, 1, self._turn)
            fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, self._line)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, self._turn)


@dataclass(frozen=True, slots=True)
class SharedState:
    """What a process has to do with the others that serve its store.

    Attributes:
        pins: which blobs are in use.
        commit_lock: is entered for each commit.
    """

    pins: BlobPins = field(default_factory=UnsharedPins)
    commit_lock: AbstractContextManager[None] = field(default_factory=nullcontext)
