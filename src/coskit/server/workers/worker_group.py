"""Memory and locks that the workers of one server inherit and share."""

import mmap
import os
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from coskit.server.metrics.shared_memory import SPACE, SharedMetrics
from coskit.server.store.blobs.shared_pins import SLOTS, FairLock, SharedPins, SharedState

# Offsets in the lock file; a fair lock takes two bytes.
_COMMITS, _LOG = 0, 2


class WorkerGroup:
    """The resources of all workers, created before they are forked; none outlives them.

    Args:
        size: the number of workers.
        directory: the server's directory, for a lock file without a name.
    """

    def __init__(self, size: int, directory: Path) -> None:
        self.size = size
        self._pins = mmap.mmap(-1, size * SLOTS)
        self._shared_metrics = mmap.mmap(-1, size * SPACE)
        self._locks = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - open as long as any worker runs
        self._alive, self._life = os.pipe()

    def worker(self, number: int) -> "Worker":
        """Return the part of one worker; called in that worker's process."""
        os.close(self._life)
        shared_state = SharedState(
            SharedPins(self._pins, number), FairLock(self._locks.fileno(), _COMMITS)
        )
        log_lock = FairLock(self._locks.fileno(), _LOG)
        return Worker(
            number,
            self.size,
            shared_state,
            SharedMetrics(self._shared_metrics, number),
            log_lock,
            self._alive,
        )


class Worker:
    """The part of one worker in its group.

    Attributes:
        number: the worker's number from 0 on; two running processes never have the same.
        size: the number of workers.
        shared_state: the store's state that all workers share.
        shared_metrics: the metrics of all workers.
        log_lock: held to write lines of the access log, so that none is torn.
        alive: the read end of a pipe; it reaches its end when the supervisor exits.
    """

    def __init__(
        self,
        number: int,
        size: int,
        shared_state: SharedState,
        shared_metrics: SharedMetrics,
        log_lock: AbstractContextManager[None],
        alive: int,
    ) -> None:
        self.number = number
        self.size = size
        self.shared_state = shared_state
        self.shared_metrics = shared_metrics
        self.log_lock = log_lock
        self.alive = alive

    @property
    def has_jobs(self) -> bool:
        """True for the worker that runs the jobs of the whole server."""
        return self.number == 0
