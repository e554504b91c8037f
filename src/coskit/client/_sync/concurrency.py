"""Concurrency with threads; the twin in `_async` uses asyncio."""

import io
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from coskit.client.cancellation import (
    CLEANUP_TIMEOUT,
    POLL_INTERVAL,
    CancelToken,
    GraceToken,
    current,
)
from coskit.client.transfer.adaptive_limit import AdaptiveLimit
from coskit.client.transfer.body_source import END, iterated

P = ParamSpec("P")
T = TypeVar("T")


def sleep(seconds: float) -> None:
    """Wait; raise as soon as the transfer of this thread is cancelled."""
    if current.token is None:
        time.sleep(seconds)
    else:
        current.token.pause(seconds)


def blocking(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the function in this thread, which may block."""
    return function(*args, **kwargs)


def chunks(content: Iterable[bytes]) -> Iterator[bytes]:
    """Iterate over chunks."""
    return iterated(content)


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Cancel the body of the `with` statement after a number of seconds, at its next wait.

    Raises:
        TransferTimeout: the time passed.
    """
    outer = current.token
    if seconds is not None:
        current.token = CancelToken(outer, seconds)
    try:
        yield
    finally:
        current.token = outer


def read(read: Callable[[int], Any], size: int) -> Any:
    """Read from a file."""
    return read(size)


def next_of(iterator: Iterator[Any]) -> Any:
    """Return the next item of an iterator, `END` at its end."""
    return next(iterator, END)


def cleanup(function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call a cleanup function after a transfer, for at most 5 s."""
    outer, current.token = current.token, CancelToken(None, CLEANUP_TIMEOUT)
    try:
        with suppress(TimeoutError):
            function(*args, **kwargs)
    finally:
        current.token = outer


def shielded(function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Make a call whose response has to be known, because the call creates something.

    A cancellation or Ctrl-C during the request takes effect after the response, or after 5 s
    without one; the request is not repeated then.
    """
    grace = GraceToken(current.token)

    def run() -> None:
        outer, current.token = current.token, grace
        try:
            function(*args, **kwargs)
        finally:
            current.token = outer

    if threading.current_thread() is threading.main_thread():
        _beside(copy_context().run, run, grace)
    else:  # Ctrl-C interrupts only the main thread
        run()


def _beside(
    enter: Callable[[Callable[[], None]], None], run: Callable[[], None], grace: CancelToken
) -> None:
    """Run a function in a new thread, so that Ctrl-C does not interrupt it."""
    started, ended = threading.Event(), threading.Event()
    given_up, failures = False, list[BaseException]()

    def work() -> None:
        started.wait()
        try:
            if not given_up:
                enter(run)
        except BaseException as error:
            failures.append(error)
        finally:
            ended.set()

    try:
        threading.Thread(target=work, name="coskit-shielded", daemon=True).start()
    except BaseException:  # interrupted during the start: the thread must not call the function
        given_up = True
        raise
    finally:
        started.set()
    try:
        ended.wait()
    except BaseException:
        grace.cancel()
        ended.wait()
        raise
    if failures:
        raise failures[0]


class Raw(io.RawIOBase):
    """The part of a raw file that a body has: all of `io.RawIOBase`."""


class MemoryBudget:
    """A budget of bytes in memory; a transfer that takes more waits until others give back."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._free = self._size
        self._change = threading.Condition()
        self._waiting: deque[object] = deque()

    def take(self, size: int) -> int:
        """Wait for `size` bytes, at most for the whole budget; return the number taken."""
        if self._process != os.getpid():  # a lock that was held at the fork stays locked
            self._reset()
        size = min(size, self._size)
        turn = object()
        with self._change:
            if self._free >= size and not self._waiting:
                self._free -= size
                return size
            self._waiting.append(turn)
            try:
                # In order of arrival, so that small requests do not delay a large one for ever.
                while self._free < size or self._waiting[0] is not turn:
                    self._change.wait(POLL_INTERVAL)
                    if current.token is not None:
                        current.token.check()
                self._free -= size
            finally:
                self._waiting.remove(turn)
                self._change.notify_all()
        return size

    def give(self, size: int) -> None:
        """Return bytes that were taken."""
        with self._change:
            self._free += size
            if self._waiting:
                self._change.notify_all()


class SingleFlight:
    """A function that one thread at a time calls.

    A forked process has a lock of its own, so that one held at the fork hinders no process.

    Args:
        function: the function.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self._locks: dict[int, threading.Lock] = {}

    def _lock(self) -> threading.Lock:
        return self._locks.setdefault(os.getpid(), threading.Lock())

    def enter(self, *, wait: bool) -> bool:
        """Take the lock and return True; return False if it is taken and `wait` is false."""
        return self._lock().acquire(blocking=wait)

    def leave(self) -> None:
        """Release the lock."""
        self._lock().release()

    def call(self) -> Any:
        """Return what the function returns; raise what it raises."""
        return self.function()


class Workers:
    """Runs at most `limit` threads at a time; the first failure cancels the others and is raised.

    Use as a context manager: leaving it waits for every task. After an error or Ctrl-C, running
    tasks end at their next check and no further task starts.

    Args:
        limit: the largest number of tasks at a time.
        adaptive_limit: a further limit, which may change with each task.
    """

    def __init__(self, limit: int, adaptive_limit: AdaptiveLimit | None = None) -> None:
        self._limit = limit
        self._adaptive_limit = adaptive_limit
        self._token = CancelToken(current.token)
        self._failure: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._unfinished = 0
        # The number of unfinished tasks that the submitter waits for, -1 if it does not wait.
        self._awaited = -1
        self._wake_up: SimpleQueue[None] = SimpleQueue()

    @property
    def busy(self) -> int:
        """The number of running tasks."""
        return min(self._unfinished, len(self._threads))

    def __enter__(self) -> Self:
        return self

    def submit(self, function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Start a task as soon as the limits allow.

        Raises:
            Exception: an earlier task raised it; the new task is not started.
        """
        self._wait_for_place()
        with self._lock:
            self._unfinished += 1
            short = len(self._threads) < min(self._unfinished, self._limit)
        self._tasks.put(partial(function, *args, **kwargs))
        if short:
            thread = threading.Thread(target=self._work, name=f"coskit_{len(self._threads)}")
            # Kept before its start, during which Ctrl-C may come.
            self._threads.append(thread)
            thread.start()

    def wait_for_one(self) -> None:
        """Wait until a task ends. May return early.

        Raises:
            Exception: a task raised it.
        """
        if self._unfinished:
            self._wait(self._unfinished - 1)

    def _wait_for_place(self) -> None:
        if self._adaptive_limit is None:
            # Some tasks wait in the queue, so that no thread waits for the submitter, which is not
            # woken for each of them.
            while self._unfinished >= 2 * self._limit or self._failure is not None:
                self._wait(self._limit + self._limit // 2)
            return
        while not self._wait(min(self._limit, self._adaptive_limit.limit) - 1):
            pass

    def _work(self) -> None:
        current.token = self._token
        while (task := self._tasks.get()) is not None:
            try:
                self._token.check()
                task()
            except BaseException as error:
                # The first failure is the real one: what it stops fails because of it.
                if self._failure is None:
                    self._failure = error
                self._token.cancel()
            del task  # nothing keeps its arguments until there is another one
            self._finish_one()
        self._tasks.put(None)  # for the next thread

    def _finish_one(self) -> None:
        with self._lock:
            self._unfinished -= 1
            awaited = self._unfinished <= self._awaited or self._failure is not None
            if awaited:
                self._awaited = -1
        if awaited:
            self._wake_up.put(None)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            while error is None and not self._wait(0):
                pass
        except BaseException:
            self._token.cancel()
            raise
        finally:
            if error is not None:
                self._token.cancel()
            self._tasks.put(None)
            for thread in self._threads:
                with suppress(RuntimeError):  # Ctrl-C or the system prevented its start
                    thread.join()

    def _wait(self, few: int) -> bool:
        """Wait until at most `few` tasks are unfinished; return early, False, after a while."""
        with self._lock:
            done = self._unfinished <= few
            self._awaited = -1 if done else few
        if not done:
            try:
                self._wake_up.get(timeout=POLL_INTERVAL)
            except Empty:
                if current.token is not None:
                    current.token.check()
        if self._failure is not None:
            raise self._failure
        return done
