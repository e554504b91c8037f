"""Doing several things at once under asyncio; its twin in `_sync` does it with threads."""

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

# Blocking work, such as reading a file, must not hold up the event loop.
async_blocking = asyncio.to_thread


async def async_sleep(seconds: float) -> None:
    """Wait; not at all in a task whose cancellation was put off."""
    state = _shielded.get()
    if state is not None and state.cancelled is not None:
        raise state.cancelled
    await asyncio.sleep(seconds)


async def async_chunks(content: AsyncIterable[bytes] | Iterable[bytes]) -> AsyncIterator[bytes]:
    """Iterate over either kind of iterable."""
    if isinstance(content, AsyncIterable):
        async for chunk in content:
            yield chunk
    else:
        for chunk in content:
            yield chunk


@asynccontextmanager
async def async_deadline(seconds: float | None) -> AsyncIterator[None]:
    """Let what is inside last so long at most.

    Raises:
        TransferTimeout: it lasted longer and was cancelled.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise TransferTimeout(f"The transfer's deadline of {seconds} s has passed") from error


async def async_read(read: Callable[[int], Any], size: int) -> Any:
    """Return what a file of either world reads: one that blocks is read in a thread."""
    if inspect.iscoroutinefunction(read):
        return await read(size)
    return await asyncio.to_thread(read, size)


async def async_next_of(iterator: AsyncIterator[Any] | Iterator[Any]) -> Any:
    """Return what an iterator of either world yields, `END` at its end."""
    if isinstance(iterator, AsyncIterator):
        return await anext(iterator, END)
    return await asyncio.to_thread(next, iterator, END)


async def async_cleanup(
    function: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Do what has to be done after a transfer, whatever ended it, for 5 s at most.

    A task that is cancelled meanwhile is so only when this is done.
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
    """The cancellation that waits until an answer is known, if there was one."""

    cancelled: asyncio.CancelledError | None = None


# As a thread's `here` is in the other world, this is a task's own variable.
_shielded: ContextVar[_Shield | None] = ContextVar("heard_out", default=None)


async def async_shielded(
    function: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Make a call and note its answer, which may be of something that would be left behind.

    A task that is cancelled while the request is on its way is so only when the answer has come,
    or did not within 5 s; nothing is sent again then.
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
    """Note a cancellation for later and return True if the answer of this call has to be known."""
    state = _shielded.get()
    if state is None:
        return False
    state.cancelled = cancelled
    return True


class AsyncRaw:
    """What a body has of a file; asyncio has no class for files.

    Attributes:
        closed: whether it can be read no more.
    """

    closed = False

    def _checkClosed(self) -> None:  # noqa: N802 - the name that Python's files have for it
        """Raise ValueError if it is closed."""
        if self.closed:
            raise ValueError("I/O operation on closed file.")

    async def aclose(self) -> None:
        """Note that it can be read no more."""
        self.closed = True


class AsyncMemoryBudget:
    """Bytes that may be in memory at a time; who asks for more waits until others give back."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, size: int) -> int:
        """Wait for `size` bytes, or for all there are if that is less; return how many it is."""
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
                with contextlib.suppress(ValueError):  # `give` may have passed over it
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
    """At most `limit` tasks at a time; the first failure ends the others at once and is raised.

    Use as a context manager: leaving it waits for every task, after an error it cancels them.

    Args:
        limit: tasks at a time at most.
        pace: what else limits them, anew with each task.
    """

    def __init__(self, limit: int, pace: AdaptiveLimit | None = None) -> None:
        self._limit = limit
        self._adaptive_limit = pace
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> int:
        """Tasks that are under way."""
        return sum(not task.done() for task in self._tasks)

    async def __aenter__(self) -> Self:
        return self

    async def submit(
        self, function: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Start a task as soon as one of the places is free.

        Raises:
            Exception: what an earlier task raised; nothing is started then.
        """
        while len(self._tasks) >= self._places():
            await self._reap()

        async def run() -> None:
            await function(*args, **kwargs)

        self._tasks.add(asyncio.create_task(run()))

    async def wait_for_one(self) -> None:
        """Wait until one of the tasks has ended, if there are any; maybe not even so long.

        Raises:
            Exception: what a task raised.
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
        # Every outcome is looked at, since asyncio complains of failures that nobody saw.
        failures = [task.exception() for task in done if not task.cancelled()]
        for failure in filter(None, failures):
            raise failure
