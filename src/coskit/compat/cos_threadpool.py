"""The vendor's `SimpleThreadPool`: tasks in threads, whose results are counted."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class SimpleThreadPool:
    """Runs tasks in parallel.

    Args:
        num_threads: the number of threads.
        num_queue: accepted and not used: tasks wait in memory.
    """

    def __init__(self, num_threads: int = 5, num_queue: int = 0) -> None:
        self._pool = ThreadPoolExecutor(num_threads)
        self._tasks: list[Future[Any]] = []

    def add_task(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Add a task; tasks may add further tasks."""
        self._tasks.append(self._pool.submit(func, *args, **kwargs))

    def wait_completion(self) -> None:
        """Wait until all tasks have ended."""
        at = 0
        while at < len(self._tasks):
            self._tasks[at].exception()
            at += 1
        self._pool.shutdown()

    def get_result(self) -> dict[str, Any]:
        """Return `success_all` and, in `detail`, the numbers and results of the tasks."""
        errors = [task.exception() for task in self._tasks]
        results = [
            str(error) or "meet some exception" if error else task.result()
            for task, error in zip(self._tasks, errors, strict=True)
        ]
        failed = sum(error is not None for error in errors)
        return {
            "success_all": not failed,
            "detail": [(len(results) - failed, failed, results)],
        }
