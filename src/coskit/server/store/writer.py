"""One thread that makes the index's writes, committing together those that wait together."""

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from coskit.protocol.errors import InternalError, ServiceUnavailable
from coskit.server.store.interface import CommitError, Released
from coskit.server.store.transaction import Clock, Transaction

P = ParamSpec("P")
T = TypeVar("T")

# A change with its arguments, and the future that waits for it.
Command = tuple[Callable[[Transaction], object], asyncio.Future[Any]]
# The future, its result, and the exception that stands instead of a result.
Outcome = tuple[asyncio.Future[Any], object, BaseException | None]

_LARGEST_GROUP = 256

_log = logging.getLogger("coskit.server.store")


class Writer:
    """The only writer of a database; all its futures belong to one event loop."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._db = connection
        self._clock = clock
        self._released: Released = _ignore
        self._closed = False
        self._queue: queue.SimpleQueue[Command | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="coskit-index-writer", daemon=True)
        self._thread.start()

    def subscribe(self, released: Released) -> None:
        """Have `released` called on the loop after each commit that frees files."""
        self._released = released

    def submit(
        self, change: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Queue a change; the future is done once it is durable, or has failed and left no trace.

        Raises:
            ServiceUnavailable: the writer is closed.
        """
        if self._closed:
            raise ServiceUnavailable("The store is closed.")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put((lambda tx: tx.attempt(change, *args, **kwargs), future))
        return future

    def close(self) -> None:
        """Take no more changes; return when the accepted ones are committed."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (command := self._queue.get()) is not None:
            group = [command]
            ending = False
            # This thread alone takes from the queue, so what it counts is there to be taken.
            for _ in range(min(self._queue.qsize(), _LARGEST_GROUP)):
                follower = self._queue.get()
                if follower is None:
                    ending = True
                    break
                group.append(follower)
            self._commit(group)
            if ending:
                break

    def _commit(self, group: Sequence[Command]) -> None:
        tx = Transaction(self._db, self._clock)
        try:
            self._db.execute("BEGIN IMMEDIATE")
            outcomes = [self._make(tx, *command) for command in group]
            tx.finish()
            self._db.execute("COMMIT")
        except Exception as error:
            _log.exception("a commit of %d changes failed", len(group))
            with contextlib.suppress(sqlite3.Error):
                self._db.rollback()
            self._deliver([(future, None, _failure(CommitError, error)) for _, future in group], ())
        else:
            self._deliver(outcomes, tx.references.released)

    def _make(
        self,
        tx: Transaction,
        change: Callable[[Transaction], object],
        future: asyncio.Future[Any],
    ) -> Outcome:
        try:
            return future, change(tx), None
        except sqlite3.Error as error:
            if not self._db.in_transaction:
                raise
            _log.exception("a change failed")
            return future, None, _failure(InternalError, error)
        except BaseException as error:  # the caller's trouble, not this thread's
            return future, None, error

    def _deliver(self, outcomes: Sequence[Outcome], released: Sequence[str]) -> None:
        loop = outcomes[0][0].get_loop()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
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
    error = kind("The index could not be written.")
    error.__cause__ = cause
    return error


def _ignore(blob_ids: Sequence[str]) -> None:
    """Let the garbage lie until the next start."""
