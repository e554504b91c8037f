"""Thread pools for blocking calls: bodies and background jobs do not wait for each other."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_FILE_THREADS = 16
_BACKGROUND_THREADS = 2


class ThreadPools:
    """Two thread pools; used on the event loop."""

    def __init__(self) -> None:
        self._files = ThreadPoolExecutor(_FILE_THREADS, "coskit-files")
        self._background = ThreadPoolExecutor(_BACKGROUND_THREADS, "coskit-background")
        self._running: set[asyncio.Future[Any]] = set()

    def file(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Start a call that reads, writes or hashes bytes."""
        return self._submit(self._files, partial(call, *args, **kwargs))

    def background(
        self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Start a call that no request waits for."""
        return self._submit(self._background, partial(call, *args, **kwargs))

    async def drain(self) -> None:
        """Wait for the started calls and their callbacks."""
        while self._running:
            await asyncio.wait(self._running)

    def close(self) -> None:
        """Return when every started call has ended; blocks."""
        self._files.shutdown()
        self._background.shutdown()

    def _submit(self, pool: Executor, call: Callable[[], T]) -> asyncio.Future[T]:
        future = asyncio.get_running_loop().run_in_executor(pool, call)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return future
