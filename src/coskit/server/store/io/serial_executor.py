"""Execution of one body's block tasks in order, in a worker thread."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable

Submit = Callable[..., asyncio.Future[None]]
Work = Callable[[bytes], None]


class SerialExecutor:
    """An executor that runs block tasks in the order of their submission.

    It is used on the event loop. A worker thread takes the next block without a round trip to the
    loop, which would leave it idle for a fifth of the time that a block takes.

    Args:
        submit: runs a blocking call in a worker thread.
    """

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Work, bytes, asyncio.Future[None]]] = deque()
        self._running = False

    def put(self, work: Work, block: bytes) -> asyncio.Future[None]:
        """Queue work on a block; return a future of its end, which has its exception."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append((work, block, done))
            starts, self._running = not self._running, True
        if starts:
            self._submit(self._run)
        return done

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._running = False
                    return
                work, block, done = self._waiting.popleft()
            error: BaseException | None = None
            try:
                work(block)
            except BaseException as cause:  # raised from the future
                error = cause
            del block  # freed before the future is done
            done.get_loop().call_soon_threadsafe(_settle, done, error)


def _settle(done: asyncio.Future[None], error: BaseException | None) -> None:
    if done.cancelled():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
