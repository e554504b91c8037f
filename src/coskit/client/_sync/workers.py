"""Doing several things at once with threads; its twin in `_async` does it under asyncio."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

sleep = time.sleep


def blocking(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the function here: this world may block."""
    return function(*args, **kwargs)


def chunks(content: Iterable[bytes]) -> Iterator[bytes]:
    """Iterate over chunks."""
    return iter(content)


class Workers:
    """At most `limit` threads at a time; the first failure ends the others and is raised.

    Use as a context manager: leaving it waits for every task; after an error it lets the running
    ones end, since a thread cannot be cancelled, and starts no further one.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._futures: set[Future[None]] = set()
        self._pool = ThreadPoolExecutor(limit, thread_name_prefix="coskit")

    def __enter__(self) -> Self:
        return self

    def submit(self, function: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Start a task as soon as one of the places is free.

        Raises:
            Exception: what an earlier task raised; nothing is started then.
        """
        while len(self._futures) >= self._limit:
            self._reap()
        self._futures.add(self._pool.submit(function, *args, **kwargs))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            while error is None and self._futures:
                self._reap()
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)
            for future in self._futures:
                with contextlib.suppress(BaseException):
                    future.result(0)

    def _reap(self) -> None:
        done, self._futures = wait(self._futures, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
