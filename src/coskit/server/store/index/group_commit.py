"""Group commit: one thread makes the index's writes, and commits waiting changes together."""

import asyncio
import contextlib
import errno
import logging
import os
import queue
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from coskit.protocol.errors import InternalError, ServiceUnavailable
from coskit.server.store.index.database import (
    Connection,
    DamagedIndex,
    Error,
    is_damage,
    is_exhausted,
    is_full,
)
from coskit.server.store.index.transaction import Clock, Transaction
from coskit.server.store.interfaces.conditions import Released
from coskit.server.store.interfaces.errors import CommitError
from coskit.server.store.model import GROUPS, CommitStatistics

P = ParamSpec("P")
T = TypeVar("T")

# A change with its arguments, and the future that waits for it.
Command = tuple[Callable[[Transaction], object], asyncio.Future[Any]]
# The future, its result, and the exception that stands instead of a result.
Outcome = tuple[asyncio.Future[Any], object, BaseException | None]

_LARGEST_GROUP = 256
_ATTEMPTS = 4  # attempts of a commit that finds the disk full

_log = logging.getLogger("coskit.server.store")


class GroupCommitWriter:
    """The only writer of a database in its process; all its futures belong to one event loop.

    Args:
        connection: the connection for writes.
        clock: seconds since 1970.
        commit_lock: a lock to enter for each commit if other processes write as well.
        make_room: frees disk space before the retry of a commit that found the disk full; it
            receives the number of the attempt, from 0 on.
    """

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        commit_lock: AbstractContextManager[None] | None = None,
        make_room: Callable[[int], None] = lambda attempt: None,
    ) -> None:
        self._db = connection
        self._make_room = make_room
        self._commit_lock = commit_lock or nullcontext()
        self._clock = clock
        self._released: Released = _ignore
        self._closed = False
        self._groups = [0] * (len(GROUPS) + 1)
        self._changes = 0
        self._failed = 0
        self._seconds = 0.0
        self._waiting: deque[Command] = deque()
        self._wakeup: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._wake_scheduled = False
        self._thread = threading.Thread(target=self._run, name="coskit-index-writer", daemon=True)
        self._thread.start()

    def subscribe(self, released: Released) -> None:
        """Have `released` called on the event loop after each commit that frees files."""
        self._released = released

    def submit(
        self, change: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Queue a change; its future is done when it is durable, or has failed without effect.

        Raises:
            ServiceUnavailable: the writer is closed.
        """
        if self._closed:
            raise ServiceUnavailable("The store is closed.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((lambda tx: tx.attempt(change, *args, **kwargs), future))
        if not self._wake_scheduled:
            # Deferred, so that writes of other requests in this turn of the loop join the commit.
            self._wake_scheduled = True
            loop.call_soon(self._wake)
        return future

    @property
    def backlog(self) -> int:
        """The number of changes that wait for the next commit."""
        return len(self._waiting)

    def activity(self) -> CommitStatistics:
        """Return statistics of the commits since the start."""
        groups = tuple(self._groups)
        return CommitStatistics(self.backlog, self._changes, groups, self._failed, self._seconds)

    def close(self) -> None:
        """Refuse further changes; return when the accepted ones are committed."""
        if not self._closed:
            self._closed = True
            self._wakeup.put(None)
        self._thread.join()

    def _wake(self) -> None:
        self._wake_scheduled = False
        self._wakeup.put(None)

    def _run(self) -> None:
        while True:
            self._wakeup.get()
            while self._waiting:
                self._write_together()
            if self._closed:
                return

    def _write_together(self) -> None:
        """Commit the waiting changes."""
        with self._commit_lock:
            # Changes that arrived while this thread waited for the lock are included. Only this
            # thread takes from the queue, so the counted changes are still in it.
            size = min(len(self._waiting), _LARGEST_GROUP)
            group = [self._waiting.popleft() for _ in range(size)]
            began = time.perf_counter()
            outcomes, released = self._commit(group)
        self._seconds += time.perf_counter() - began
        self._changes += len(group)
        self._groups[bisect_left(GROUPS, len(group))] += 1
        self._deliver(outcomes, released)

    def _commit(self, group: Sequence[Command]) -> tuple[list[Outcome], Sequence[str]]:
        """Make the changes; return the outcome of each, and the files without references."""
        try:
            return self._attempt_with_room(group)
        except Exception as error:
            self._failed += 1
            _log.exception("a commit of %d changes failed", len(group))
            return [(future, None, _failure(CommitError, error)) for _, future in group], ()

    def _attempt_with_room(self, group: Sequence[Command]) -> tuple[list[Outcome], Sequence[str]]:
        for attempt in range(_ATTEMPTS - 1):
            try:
                return self._attempt(group)
            except Exception as error:
                if not is_full(error):
                    raise
                self._make_room(attempt)
        return self._attempt(group)

    def _attempt(self, group: Sequence[Command]) -> tuple[list[Outcome], Sequence[str]]:
        tx = Transaction(self._db, self._clock)
        try:
            self._db.execute("BEGIN IMMEDIATE")
            outcomes = [self._make(tx, *command) for command in group]
            tx.finish()
            self._db.execute("COMMIT")
        except Exception:
            with contextlib.suppress(Error):
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
            raise
        return outcomes, tx.references.released

    def _make(
        self,
        tx: Transaction,
        change: Callable[[Transaction], object],
        future: asyncio.Future[Any],
    ) -> Outcome:
        try:
            return future, change(tx), None
        except Error as error:
            if not self._db.in_transaction or is_full(error):
                raise
            _log.exception("a change failed")
            return future, None, _failure(InternalError, error)
        except BaseException as error:  # the change's own error, raised from its future
            return future, None, error

    def _deliver(self, outcomes: Sequence[Outcome], released: Sequence[str]) -> None:
        loop = outcomes[0][0].get_loop()
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(partial(self._settle, outcomes, released))

    def _settle(self, outcomes: Sequence[Outcome], released: Sequence[str]) -> None:
        if released:
            self._released(released)
        for future, result, error in outcomes:
            if future.cancelled():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


def _failure(kind: type[InternalError], cause: Exception) -> InternalError:
    if is_damage(cause) and kind is not CommitError:
        kind = DamagedIndex
    error = kind("The index could not be written.")
    number = errno.ENOSPC if is_full(cause) else errno.EMFILE if is_exhausted(cause) else None
    error.__cause__ = cause if number is None else OSError(number, os.strerror(number))
    return error


def _ignore(blob_ids: Sequence[str]) -> None:
    """Leave the garbage to the next start."""
