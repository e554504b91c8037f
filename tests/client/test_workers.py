"""Workers: never more than the limit at a time, the first failure ends the rest, in both worlds."""

import asyncio
import gc
import threading

import pytest

from coskit.client._async.workers import AsyncWorkers
from coskit.client._sync.workers import Workers


def test_tasks_run_side_by_side_up_to_the_limit() -> None:
    running, most, done = 0, 0, []

    async def work(number: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        done.append(number)

    async def main() -> None:
        async with AsyncWorkers(3) as workers:
            for number in range(10):
                await workers.submit(work, number)

    asyncio.run(main())
    assert (sorted(done), most) == (list(range(10)), 3)


def test_threads_run_side_by_side_up_to_the_limit() -> None:
    meeting, done = threading.Barrier(3, timeout=10), []

    def work(number: int) -> None:
        meeting.wait()  # passes only if three are here at a time
        done.append(number)

    with Workers(3) as workers:
        for number in range(9):
            workers.submit(work, number)
    assert sorted(done) == list(range(9))


def test_the_first_failure_of_tasks_is_raised_and_the_others_are_cancelled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cancelled = []

    async def fail(number: int) -> None:
        raise ValueError(number)

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    async def main() -> None:
        async with AsyncWorkers(4) as workers:
            await workers.submit(wait)
            for number in range(20):
                await workers.submit(fail, number)

    with pytest.raises(ValueError, match=r"^\d$"):
        asyncio.run(main())
    gc.collect()
    assert cancelled == [True]
    assert caplog.text == ""


def test_the_first_failure_of_threads_is_raised_and_no_further_one_starts() -> None:
    started = []

    def work(number: int) -> None:
        started.append(number)
        raise ValueError(number)

    def submit_all() -> None:
        with Workers(2) as workers:
            for number in range(50):
                workers.submit(work, number)

    with pytest.raises(ValueError, match=r"^\d$"):
        submit_all()
    assert len(started) < 10
    assert not [t for t in threading.enumerate() if t.name.startswith("coskit")]


def test_an_error_of_the_caller_cancels_the_tasks() -> None:
    cancelled = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    async def main() -> None:
        async with AsyncWorkers(2) as workers:
            await workers.submit(wait)
            await asyncio.sleep(0)
            raise KeyError("the caller")

    with pytest.raises(KeyError, match="the caller"):
        asyncio.run(main())
    assert cancelled == [True]
