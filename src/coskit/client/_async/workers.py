"""Doing several things at once under asyncio; its twin in `_sync` does it with threads."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from types import TracebackType
from typing import ParamSpec, Self

P = ParamSpec("P")

async_sleep = asyncio.sleep

# Blocking work, such as reading a file, must not hold up the event loop.
async_blocking = asyncio.to_thread


async def async_chunks(content: AsyncIterable[bytes] | Iterable[bytes]) -> AsyncIterator[bytes]:
    """Iterate over either kind of iterable."""
    if isinstance(content, AsyncIterable):
        async for chunk in content:
            yield chunk
    else:
        for chunk in content:
            yield chunk


class AsyncWorkers:
    """At most `limit` tasks at a time; the first failure ends the others and is raised.

    Use as a context manager: leaving it waits for every task, after an error it cancels them.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def submit(
        self, function: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Start a task as soon as one of the places is free.

        Raises:
            Exception: what an earlier task raised; nothing is started then.
        """
        while len(self._tasks) >= self._limit:
            await self._reap()

        async def run() -> None:
            await function(*args, **kwargs)

        self._tasks.add(asyncio.create_task(run()))

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
