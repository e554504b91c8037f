"""State that the processes of one store share: the blobs in use, and a lock for commits."""

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
    """The blobs in use, as other processes see them; used in any thread."""

    def add(self, blob_ids: Iterable[str]) -> None:
        """Pin blobs: other processes keep them until they are dropped as often."""
        ...

    def drop(self, blob_ids: Iterable[str]) -> None:
        """Remove one pin of each blob."""
        ...

    def is_pinned_elsewhere(self, blob_id: str) -> bool:
        """Return whether another process may be using a blob."""
        ...


class UnsharedPins(BlobPins):
    """The pins of a process that shares its store with no other."""

    def add(self, blob_ids: Iterable[str]) -> None:
        """See `BlobPins.add`."""

    def drop(self, blob_ids: Iterable[str]) -> None:
        """See `BlobPins.drop`."""

    def is_pinned_elsewhere(self, blob_id: str) -> bool:
        """See `BlobPins.is_pinned_elsewhere`."""
        return False


class SharedPins(BlobPins):
    """Pins in shared memory: each process has one byte for each hash value of blob ids.

    A reader pins a blob, then looks it up. A deletion is committed, then checked for pins. So
    either the reader finds no blob, or the deleter finds the pin: the locks of every look-up and
    every commit keep the two steps of each in order. Blobs with the same hash keep each other a
    little longer than necessary, which does no harm.

    Args:
        memory: the memory of all processes, `SLOTS` bytes for each.
        own: the number of this process. An earlier process with this number is dead; its pins are
            removed.
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
        """See `BlobPins.is_pinned_elsewhere`."""
        slot = _slot(blob_id)
        return any(self._memory[other + slot] for other in self._others)


def _slot(blob_id: str) -> int:
    return zlib.crc32(blob_id.encode()) % SLOTS


class FairLock:
    """A fair lock between processes: the last owner queues behind those already waiting.

    SQLite's own lock is not fair: its waiters sleep and retry, so that a busy writer can keep
    others out for long. The kernel releases the locks of a process that dies.

    Args:
        fd: the descriptor of a file that all processes have inherited; its bytes are the locks.
        first: the offset of the first of two bytes.
    """

    def __init__(self, fd: int, first: int) -> None:
        self._fd = fd
        self._line, self._turn = first, first + 1

    def __enter__(self) -> None:
        # If file locks fail, SQLite's lock still works.
        with suppress(OSError):
            # Only one process at a time waits for the second byte, so the last owner has to queue.
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
    """The state that a process shares with the other processes of its store.

    Attributes:
        pins: the blobs in use.
        commit_lock: a lock to enter for each commit.
    """

    pins: BlobPins = field(default_factory=UnsharedPins)
    commit_lock: AbstractContextManager[None] = field(default_factory=nullcontext)
