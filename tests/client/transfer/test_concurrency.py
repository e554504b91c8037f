"""Workers, their end and their memory: bounded, in turn, ended by the first failure."""

import asyncio
import gc
import threading
import time

import pytest

from coskit.client._async.concurrency import (
    AsyncMemoryBudget,
    AsyncWorkers,
    async_cleanup,
    async_deadline,
)
from coskit.client._sync.concurrency import MemoryBudget, Workers, cleanup, deadline, sleep
from coskit.client.cancellation import Cancelled, CancelToken, current
from coskit.client.transfer.adaptive_limit import AdaptiveLimit
from coskit.protocol.errors import TransferTimeout


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


def test_threads_without_tasks_of_their_own_take_those_that_wait() -> None:
    free, done = threading.Event(), []

    def work(number: int) -> None:
        if number == 0:
            assert free.wait(10)
        done.append(number)
        if number == 3:
            free.set()

    with Workers(2) as workers:
        for number in range(4):  # the submitter does not wait for a free thread
            workers.submit(work, number)
        assert workers.busy <= 2
    assert sorted(done) == [0, 1, 2, 3]


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


def test_a_limit_that_the_pace_lowers_holds_for_the_next_task() -> None:
    pace, running, most = AdaptiveLimit(), 0, []
    pace.limit = 2

    async def work() -> None:
        nonlocal running
        running += 1
        most.append(running)
        await asyncio.sleep(0)
        running -= 1

    async def main() -> None:
        async with AsyncWorkers(8, pace) as workers:
            for number in range(10):
                if number == 5:
                    pace.limit = 1
                await workers.submit(work)
                assert workers.busy <= pace.limit + 1

    asyncio.run(main())
    assert max(most) == 2


# What follows is about the end of a transfer.


def test_a_stop_ends_what_is_part_of_it_and_nothing_else() -> None:
    whole = CancelToken()
    inner, other = CancelToken(whole), CancelToken()
    inner.check()
    whole.cancel()
    for stopped in (whole, inner):
        with pytest.raises(Cancelled):
            stopped.check()
    other.check()


def test_a_part_may_end_without_the_whole() -> None:
    whole = CancelToken()
    CancelToken(whole).cancel()
    whole.check()


def test_a_deadline_of_the_whole_ends_a_pause_in_a_part() -> None:
    with pytest.raises(TransferTimeout, match=r"deadline of 0\.01 s"):
        CancelToken(CancelToken(None, seconds=0.01)).pause(60)


def test_a_pause_ends_when_another_thread_stops_it() -> None:
    stop = CancelToken()
    thread = threading.Timer(0.01, stop.cancel)
    thread.start()
    with pytest.raises(Cancelled):
        stop.pause(60)
    thread.join()


def test_a_deadline_holds_for_threads_and_for_nothing_after_it() -> None:
    def work() -> None:
        sleep(60)

    def all_of_it() -> None:
        with deadline(0.05), Workers(2) as workers:
            for _ in range(4):
                workers.submit(work)

    with pytest.raises(TransferTimeout, match="deadline"):
        all_of_it()
    assert current.token is None
    sleep(0)
    assert not [t for t in threading.enumerate() if t.name.startswith("coskit")]


def test_a_deadline_holds_for_tasks_and_other_timeouts_are_themselves() -> None:
    async def late() -> None:
        async with async_deadline(0.01):
            await asyncio.Event().wait()

    async def other() -> None:
        async with async_deadline(60):
            raise TimeoutError("another one")

    with pytest.raises(TransferTimeout, match="deadline"):
        asyncio.run(late())
    with pytest.raises(TimeoutError, match="another one"):
        asyncio.run(other())


def test_a_failed_thread_ends_the_ones_that_wait() -> None:
    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        sleep(60)

    def fail() -> None:
        assert waiting.wait(30)
        raise ValueError("the real one")

    def all_of_it() -> None:
        with Workers(2) as workers:
            workers.submit(wait)
            workers.submit(fail)

    with pytest.raises(ValueError, match="the real one"):
        all_of_it()


def test_an_aftermath_runs_although_the_transfer_was_stopped() -> None:
    done = []

    def clean() -> None:
        sleep(0)
        done.append(True)

    current.token = CancelToken()
    try:
        current.token.cancel()
        cleanup(clean)
        with pytest.raises(Cancelled):
            sleep(0)
    finally:
        current.token = None
    assert done == [True]


def test_a_cleanup_finishes_before_a_second_cancellation_applies() -> None:
    done = []

    async def clean() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        done.append(True)

    async def main() -> None:
        task = asyncio.create_task(async_cleanup(clean))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == [True]

    asyncio.run(main())


def test_an_aftermath_that_takes_too_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coskit.client._async.concurrency.CLEANUP_TIMEOUT", 0.01)
    monkeypatch.setattr("coskit.client._sync.concurrency.CLEANUP_TIMEOUT", 0.01)
    asyncio.run(async_cleanup(asyncio.sleep, 60))
    cleanup(sleep, 60)


# What follows is about memory.


def test_who_asks_for_more_memory_than_there_is_gets_what_there_is() -> None:
    budget = MemoryBudget(10)
    assert budget.take(100) == 10
    budget.give(10)

    async def main() -> None:
        other = AsyncMemoryBudget(10)
        assert await other.take(100) == 10

    asyncio.run(main())


def test_memory_is_given_in_turn_to_tasks_so_that_who_wants_much_gets_it() -> None:
    order: list[str] = []

    async def main() -> None:
        budget = AsyncMemoryBudget(10)
        await budget.take(6)

        async def take(name: str, size: int) -> None:
            budget.give(await budget.take(size))
            order.append(name)

        async with asyncio.TaskGroup() as group:
            group.create_task(take("much", 10))
            await asyncio.sleep(0)
            group.create_task(take("little", 1))
            await asyncio.sleep(0)
            budget.give(6)

    asyncio.run(main())
    assert order == ["much", "little"]


def test_a_task_that_is_cancelled_while_it_waits_for_memory_leaves_the_rest_to_others() -> None:
    async def main() -> None:
        budget = AsyncMemoryBudget(10)
        await budget.take(10)
        first = asyncio.create_task(budget.take(8))
        second = asyncio.create_task(budget.take(8))
        await asyncio.sleep(0)
        first.cancel()
        budget.give(10)  # passes over the first, which has not yet noticed
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await second == 8
        assert await budget.take(2) == 2

    asyncio.run(main())


def test_memory_is_given_in_turn_to_threads() -> None:
    budget, order = MemoryBudget(10), []
    budget.take(6)

    def take(name: str, size: int) -> None:
        budget.take(size)
        order.append(name)
        budget.give(size)

    threads = []
    for waiting, (name, size) in enumerate([("much", 10), ("little", 1)], 1):
        threads.append(threading.Thread(target=take, args=(name, size)))
        threads[-1].start()
        while len(budget._waiting) < waiting:
            sleep(0.001)
    budget.give(6)
    for thread in threads:
        thread.join()
    assert order == ["much", "little"]


def test_a_thread_whose_transfer_ends_while_it_waits_for_memory_leaves_the_line() -> None:
    budget = MemoryBudget(10)
    budget.take(10)

    def wait() -> None:
        budget.take(1)

    def all_of_it() -> None:
        with deadline(0.05), Workers(1) as workers:
            workers.submit(wait)

    with pytest.raises(TransferTimeout):
        all_of_it()
    budget.give(10)
    assert budget.take(10) == 10


@pytest.mark.parametrize("has_started", [True, False])
def test_ctrl_c_while_a_thread_starts_leaves_no_thread(
    monkeypatch: pytest.MonkeyPatch, has_started: bool
) -> None:
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        if has_started:
            start(thread)
        raise KeyboardInterrupt

    before, workers = threading.active_count(), Workers(2)
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), workers:
        workers.submit(time.sleep, 0.01)
    assert threading.active_count() == before
