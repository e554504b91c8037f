"""Concurrency with threads; the twin in `_async` uses asyncio."""

import io
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from contextvars import copy_context
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
        self._futures: set[Future[None]] = set()
        self._token = CancelToken(current.token)
        self._failure: BaseException | None = None
        self._pool = ThreadPoolExecutor(limit, thread_name_prefix="coskit")

    @property
    def busy(self) -> int:
        """The number of running tasks."""
        return sum(not future.done() for future in tuple(self._futures))

    def __enter__(self) -> Self:
        return self

    def submit(self, function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Start a task as soon as the limits allow.

        Raises:
            Exception: an earlier task raised it; the new task is not started.
        """
        while len(self._futures) >= self._places():
            self._reap()
        self._futures.add(self._pool.submit(self._run, lambda: function(*args, **kwargs)))

    def wait_for_one(self) -> None:
        """Wait until a task ends. May return early.

        Raises:
            Exception: a task raised it.
        """
        if self._futures:
            self._reap()

    def _places(self) -> int:
        return min(self._limit, self._adaptive_limit.limit) if self._adaptive_limit else self._limit

    def _run(self, task: Callable[[], None]) -> None:
        current.token = self._token
        try:
            self._token.check()
            task()
        except BaseException as error:
            # The first failure is the real one: what it stops fails because of it.
            if self._failure is None:
                self._failure = error
            self._token.cancel()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            while error is None and self._futures:
                self._reap()
        except BaseException:
            self._token.cancel()
            raise
        finally:
            if error is not None:
                self._token.cancel()
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _reap(self) -> None:
        done, self._futures = wait(self._futures, POLL_INTERVAL, return_when=FIRST_COMPLETED)
        if self._failure is not None:
            raise self._failure
        if not done and current.token is not None:
            current.token.check()
