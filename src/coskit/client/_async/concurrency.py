"""Concurrency under asyncio; the twin in `_sync` uses threads."""

import asyncio
import contextlib
import inspect
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, ParamSpec, Self
from weakref import WeakKeyDictionary

from coskit.client.cancellation import CLEANUP_TIMEOUT
from coskit.client.transfer.adaptive_limit import AdaptiveLimit
from coskit.client.transfer.body_source import END
from coskit.protocol.errors import TransferTimeout

P = ParamSpec("P")

# Blocking work, such as reading a file, must not block the event loop.
async_blocking = asyncio.to_thread


async def async_sleep(seconds: float) -> None:
    """Wait; raise at once in a task whose cancellation is deferred."""
    state = _shielded.get()
    if state is not None and state.cancelled is not None:
        raise state.cancelled
    await asyncio.sleep(seconds)


async def async_chunks(content: AsyncIterable[bytes] | Iterable[bytes]) -> AsyncIterator[bytes]:
    """Iterate over a synchronous or an asynchronous iterable."""
    if isinstance(content, AsyncIterable):
        async for chunk in content:
            yield chunk
    else:
        for chunk in content:
            yield chunk


@asynccontextmanager
async def async_deadline(seconds: float | None) -> AsyncIterator[None]:
    """Cancel the body of the `with` statement after a number of seconds.

    Raises:
        TransferTimeout: the time passed.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise TransferTimeout(f"The transfer's deadline of {seconds} s has passed") from error


async def async_read(read: Callable[[int], Any], size: int) -> Any:
    """Read from a synchronous or an asynchronous file; a synchronous one is read in a thread."""
    if inspect.iscoroutinefunction(read):
        return await read(size)
    return await asyncio.to_thread(read, size)


async def async_next_of(iterator: AsyncIterator[Any] | Iterator[Any]) -> Any:
    """Return the next item of a synchronous or an asynchronous iterator, `END` at its end."""
    if isinstance(iterator, AsyncIterator):
        return await anext(iterator, END)
    return await asyncio.to_thread(next, iterator, END)


async def async_cleanup(
    function: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Call a cleanup function after a transfer, for at most 5 s.

    A cancellation of the task takes effect after the cleanup.
    """

    async def run() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLEANUP_TIMEOUT):
                await function(*args, **kwargs)

    task, tries = asyncio.ensure_future(run()), 1
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
        if task.cancelled() and tries == 1:  # at its end, `asyncio.run` cancels every task once
            task, tries = asyncio.ensure_future(run()), 2
    task.result()
    if cancelled is not None:
        raise cancelled


class _Shield:
    """The cancellation that is deferred until a response has arrived, if there was one."""

    cancelled: asyncio.CancelledError | None = None


# A variable of the task, as `current` is a variable of the thread in the twin.
_shielded: ContextVar[_Shield | None] = ContextVar("heard_out", default=None)


async def async_shielded(
    function: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Make a call whose response has to be known, because the call creates something.

    A cancellation during the request takes effect after the response, or after 5 s without one; the
    request is not repeated then.
    """
    state = _Shield()
    outer = _shielded.set(state)
    try:
        await function(*args, **kwargs)
    finally:
        _shielded.reset(outer)
        if state.cancelled is not None:
            raise state.cancelled


def defer_cancellation(cancelled: asyncio.CancelledError) -> bool:
    """Return True and keep the cancellation for later if the response has to be known."""
    state = _shielded.get()
    if state is None:
        return False
    state.cancelled = cancelled
    return True


class AsyncRaw:
    """The part of a raw file that a body has; asyncio has no class for files.

    Attributes:
        closed: True after the file is closed.
    """

    closed = False

    def _checkClosed(self) -> None:  # noqa: N802 - the name that Python's files have for it
        """Raise ValueError if it is closed."""
        if self.closed:
            raise ValueError("I/O operation on closed file.")

    async def aclose(self) -> None:
        """Close the file."""
        self.closed = True


class AsyncMemoryBudget:
    """A budget of bytes in memory; a transfer that takes more waits until others give back."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, size: int) -> int:
        """Wait for `size` bytes, at most for the whole budget; return the number taken."""
        size = min(size, self._size)
        if self._free >= size and not self._waiting:
            self._free -= size
            return size
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.give(size)
            else:
                with contextlib.suppress(ValueError):  # `give` may have removed it
                    self._waiting.remove((size, turn))
                self.give(0)
            raise
        return size

    def give(self, size: int) -> None:
        """Return bytes that were taken."""
        self._free += size
        while self._waiting and self._waiting[0][0] <= self._free:
            wanted, turn = self._waiting.popleft()
            if not turn.done() and not turn.get_loop().is_closed():
                self._free -= wanted
                turn.set_result(None)


class AsyncSingleFlight:
    """A function that one task at a time calls on each event loop.

    Args:
        function: the function; if it is not asynchronous, it is called in a thread.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self._locks: WeakKeyDictionary[Any, asyncio.Lock] = WeakKeyDictionary()

    def _lock(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        lock = self._locks.get(loop)
        if lock is None:
            lock = self._locks[loop] = asyncio.Lock()
        return lock

    async def enter(self, *, wait: bool) -> bool:
        """Take the lock and return True; return False if it is taken and `wait` is false."""
        lock = self._lock()
        if not wait and lock.locked():
            return False
        return await lock.acquire()

    def leave(self) -> None:
        """Release the lock."""
        self._lock().release()

    async def call(self) -> Any:
        """Return what the function returns; raise what it raises."""
        if inspect.iscoroutinefunction(self.function):
            return await self.function()
        found = await asyncio.to_thread(self.function)
        return await found if inspect.isawaitable(found) else found


class AsyncWorkers:
    """Runs at most `limit` tasks at a time; the first failure cancels the others and is raised.

    Use as a context manager: leaving it waits for every task, after an error it cancels them.

    Args:
        limit: the largest number of tasks at a time.
        adaptive_limit: a further limit, which may change with each task.
    """

    def __init__(self, limit: int, adaptive_limit: AdaptiveLimit | None = None) -> None:
        self._limit = limit
        self._adaptive_limit = adaptive_limit
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> int:
        """The number of running tasks."""
        return sum(not task.done() for task in self._tasks)

    async def __aenter__(self) -> Self:
        return self

    async def submit(
        self, function: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Start a task as soon as the limits allow.

        Raises:
            Exception: an earlier task raised it; the new task is not started.
        """
        while len(self._tasks) >= self._places():
            await self._reap()

        async def run() -> None:
            await function(*args, **kwargs)

        self._tasks.add(asyncio.create_task(run()))

    async def wait_for_one(self) -> None:
        """Wait until a task ends. May return early.

        Raises:
            Exception: a task raised it.
        """
        if self._tasks:
            await self._reap()

    def _places(self) -> int:
        return min(self._limit, self._adaptive_limit.limit) if self._adaptive_limit else self._limit

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            while error is None and self._tasks:
                await self._reap()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reap(self) -> None:
        done, self._tasks = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        # Every exception is retrieved, because asyncio logs exceptions that are not.
        failures = [task.exception() for task in done if not task.cancelled()]
        for failure in filter(None, failures):
            raise failure
