"""Work on many objects at a time: a bounded number of calls, results as they arrive."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")
CONCURRENCY = 16
_AHEAD = 4  # calls that wait for each one that runs


@dataclass(frozen=True, slots=True)
class Outcome(Generic[_Item, _Made]):
    """What became of one call: its result, or the error that it raised."""

    item: _Item
    result: _Made | None = None
    error: Exception | None = None


def run_each(
    items: Iterable[_Item], act: Callable[[_Item], _Made], concurrency: int = CONCURRENCY
) -> Iterator[Outcome[_Item, _Made]]:
    """Yield what became of each item, in the order in which the calls end.

    Args:
        items: the items, read as they are needed.
        act: the call; it runs in threads.
        concurrency: the number of calls at a time.
    """
    pool = ThreadPoolExecutor(concurrency, "coskit-command")
    running: dict[Future[_Made], _Item] = {}
    try:
        for item in items:
            running[pool.submit(act, item)] = item
            if len(running) >= concurrency * _AHEAD:
                yield from _ended(running)
        while running:
            yield from _ended(running)
    finally:
        pool.shutdown(cancel_futures=True)


def _ended(running: dict[Future[_Made], _Item]) -> Iterator[Outcome[_Item, _Made]]:
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for call in [each for each in running if each in done]:
        item = running.pop(call)
        error = call.exception()
        if error is None:
            yield Outcome(item, call.result())
        elif isinstance(error, Exception):
            yield Outcome(item, error=error)
        else:
            raise error
