"""Block tasks run in order, without a round trip to the event loop."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from coskit.server.store.io.serial_executor import SerialExecutor
from coskit.server.store.io.thread_pools import ThreadPools


@pytest.fixture(name="run")
def _run() -> Callable[[Callable[[SerialExecutor], Awaitable[None]]], None]:
    """Run a test's body on a lane whose threads end with it."""

    def run(body: Callable[[SerialExecutor], Awaitable[None]]) -> None:
        async def main() -> None:
            workers = ThreadPools()
            try:
                await body(SerialExecutor(workers.file))
                await workers.drain()
            finally:
                await asyncio.to_thread(workers.close)

        asyncio.run(main())

    return run


Run = Callable[[Callable[[SerialExecutor], Awaitable[None]]], None]


def test_blocks_keep_their_order_and_never_meet(run: Run) -> None:
    seen: list[bytes] = []
    working = threading.Lock()

    def work(block: bytes) -> None:
        assert working.acquire(blocking=False), "two blocks at a time"
        seen.append(block)
        working.release()

    async def body(lane: SerialExecutor) -> None:
        await asyncio.gather(*(lane.put(work, b"%d" % number) for number in range(200)))

    run(body)
    assert seen == [b"%d" % number for number in range(200)]


def test_the_next_block_does_not_wait_for_the_loop(run: Run) -> None:
    second = threading.Event()

    async def body(lane: SerialExecutor) -> None:
        lane.put(lambda _: None, b"first")
        done = lane.put(lambda _: second.set(), b"second")
        assert second.wait(30), "the loop stands still here, and the second block with it"
        await done

    run(body)


def test_a_failure_belongs_to_its_block_and_the_next_block_runs(run: Run) -> None:
    async def body(lane: SerialExecutor) -> None:
        def refuse(_: bytes) -> None:
            raise OSError("no room")

        failed, fine = lane.put(refuse, b"a"), lane.put(lambda _: None, b"b")
        with pytest.raises(OSError, match="no room"):
            await failed
        await fine

    run(body)


def test_a_lane_that_ran_dry_takes_more(run: Run) -> None:
    async def body(lane: SerialExecutor) -> None:
        for _ in range(20):
            await lane.put(lambda _: None, b"")

    run(body)


def test_no_caller_has_to_wait_for_a_block(run: Run) -> None:
    async def body(lane: SerialExecutor) -> None:
        lane.put(lambda _: None, b"").cancel()
        await lane.put(lambda _: None, b"")

    run(body)
