"""An observer of a body receives all of it, in order, before `finish` returns."""

import os
import threading

import pytest

from coskit.protocol.errors import InternalError
from coskit.server.store.io.receive import BLOCK
from coskit.server.store.model import StoredBody
from coskit.server.store.store import INLINE_LIMIT, Store
from tests.server.store.store_fixture import StoreFixture

SIZES = [0, 1, INLINE_LIMIT, INLINE_LIMIT + 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [50_000, 2 * BLOCK])
@pytest.mark.parametrize("inline", [True, False])
def test_an_observer_sees_the_whole_body(
    shared: StoreFixture, size: int, step: int, inline: bool
) -> None:
    data = os.urandom(size)
    seen: list[bytes] = []

    async def receive(store: Store) -> StoredBody:
        async with store.receive(size, inline=inline) as receiver:
            receiver.observe(seen.append)
            for start in range(0, size, step):
                await receiver.write(data[start : start + step])
            stored = await receiver.finish()
            assert b"".join(seen) == data
            return stored

    assert shared.run(receive(shared.store)).size == size


def test_a_large_block_is_not_shown_on_the_loop(shared: StoreFixture) -> None:
    threads: list[int] = []

    async def receive(store: Store) -> int:
        async with store.receive(2 * BLOCK) as receiver:
            receiver.observe(lambda _: threads.append(threading.get_ident()))
            await receiver.write(bytes(2 * BLOCK))
            await receiver.finish()
        return threading.get_ident()

    assert shared.run(receive(shared.store)) not in threads[:1]


def test_a_body_whose_observer_fails_is_not_received(fixture: StoreFixture) -> None:
    def fail(_: bytes) -> None:
        raise InternalError("the observer fails")

    async def receive(store: Store, size: int) -> None:
        async with store.receive(size) as receiver:
            receiver.observe(fail)
            await receiver.write(bytes(size))
            await receiver.finish()

    for size in (10, BLOCK, 3 * BLOCK):
        with pytest.raises(InternalError, match="the observer fails"):
            fixture.run(receive(fixture.store, size))
    fixture.close()
    assert (fixture.files(), fixture.drafts()) == (set(), set())
