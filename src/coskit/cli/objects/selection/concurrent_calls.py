"""Work on many objects at a time: a bounded number of calls, results in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")
CONCURRENCY = 16
_AHEAD = 4  # calls that wait for each one that runs


@dataclass(frozen=True, slots=True)
class Outcome(Generic[_Item, _Made]):
    """The end of one call: its result, or the error that it raised."""

    item: _Item
    result: _Made | None = None
    error: Exception | None = None


def run_each(
    items: Iterable[_Item], act: Callable[[_Item], _Made], concurrency: int = CONCURRENCY
) -> Generator[Outcome[_Item, _Made], None, None]:
    """Yield the outcome of each item, in the order of the items.

    Args:
        items: the items, read as they are needed.
        act: the call; it runs in threads.
        concurrency: the number of calls at a time.
    """
    pool = ThreadPoolExecutor(concurrency, "coskit-command")
    running: deque[tuple[_Item, Future[_Made]]] = deque()
    try:
        for item in items:
            running.append((item, pool.submit(act, item)))
            if len(running) >= concurrency * _AHEAD:
                yield _ended(*running.popleft())
        while running:
            yield _ended(*running.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _ended(item: _Item, call: Future[_Made]) -> Outcome[_Item, _Made]:
    error = call.exception()
    if error is None:
        return Outcome(item, call.result())
    if isinstance(error, Exception):
        return Outcome(item, error=error)
    raise error
