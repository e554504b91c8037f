"""Several processes on one store: none removes a file that another uses, and locks are fair."""

import asyncio
import fcntl
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from coskit.protocol.errors import CosServiceError
from coskit.server.store import recovery
from coskit.server.store.blobs.shared_pins import SLOTS, FairLock, SharedPins, SharedState
from coskit.server.store.interfaces.conditions import WriteCondition
from coskit.server.store.interfaces.errors import CommitError
from coskit.server.store.model import Bucket, NewVersion, Version
from coskit.server.store.recovery import open_store
from coskit.server.store.store import Store
from tests.server.store.store_fixture import StoreFixture, body, put

LARGE = b"x" * 100_000


@pytest.fixture
def memory() -> Iterator[mmap.mmap]:
    """Give the memory of three processes."""
    with closing(mmap.mmap(-1, 3 * SLOTS)) as shared:
        yield shared


class StoreProcesses:
    """Members of a company over the directory of a shelf, each as a process of its own sees it."""

    def __init__(self, fixture: StoreFixture, memory: mmap.mmap) -> None:
        self._fixture = fixture
        self._memory = memory
        fixture.run(fixture.store.close())

    def join(self, number: int) -> Store:
        """Open the store as the member of a number; an earlier one of that number is dead."""
        shared_state = SharedState(SharedPins(self._memory, number))
        return self._fixture.run(open_store(self._fixture.directory, shared_state=shared_state))

    def settle(self, store: Store) -> None:
        """Wait until a member has removed what it can remove now."""
        self._fixture.run(store.threads.drain())
        self._fixture.run(self._worked_off(store))

    async def _worked_off(self, store: Store) -> None:
        while store.lifetime._tasks:
            await asyncio.wait(store.lifetime._tasks)


@pytest.fixture
def guests(
    fixture: StoreFixture, memory: mmap.mmap, monkeypatch: pytest.MonkeyPatch
) -> StoreProcesses:
    """Let a company use the directory of a fresh store."""
    monkeypatch.setattr("coskit.server.store.blobs.blob_lifetime._READERS_PATIENCE", 0.01)
    return StoreProcesses(fixture, memory)


def test_a_pin_is_seen_by_all_others_until_it_is_dropped_as_often(memory: mmap.mmap) -> None:
    one, other = SharedPins(memory, 0), SharedPins(memory, 2)
    one.add(("a", "b"))
    one.add(("a",))
    assert (
        one.is_pinned_elsewhere("a"),
        other.is_pinned_elsewhere("a"),
        other.is_pinned_elsewhere("c"),
    ) == (False, True, False)
    one.drop(("a", "b"))
    assert (other.is_pinned_elsewhere("a"), other.is_pinned_elsewhere("b")) == (True, False)
    one.drop(("a",))
    assert not other.is_pinned_elsewhere("a")


def test_the_pins_of_a_dead_process_end_with_its_successor(memory: mmap.mmap) -> None:
    other = SharedPins(memory, 1)
    SharedPins(memory, 0).add(("a",))
    assert other.is_pinned_elsewhere("a")
    other.add(("b",))
    successor = SharedPins(memory, 0)
    assert (other.is_pinned_elsewhere("a"), successor.is_pinned_elsewhere("b")) == (False, True)


def test_a_file_stays_as_long_as_another_process_reads_it(
    fixture: StoreFixture, guests: StoreProcesses
) -> None:
    one, other = guests.join(0), guests.join(1)
    bucket = fixture.call(one.index.create_bucket, "room", "owner", "acl")
    version = fixture.run(put(one, bucket, "key", LARGE))

    async def read_while_deleting() -> bytes:
        reading = one.read(version)
        await other.index.delete_version(bucket.id, "key")
        for _ in range(10):  # it tries again and again
            await asyncio.sleep(0.01)
        assert len(fixture.files()) == 1
        return b"".join([chunk async for chunk in reading])

    assert fixture.run(read_while_deleting()) == LARGE
    fixture.run(asyncio.wait_for(gone(fixture), 30))
    close(fixture, one, other)


async def gone(fixture: StoreFixture) -> None:
    while fixture.files():  # noqa: ASYNC110 - no event for a removed file
        await asyncio.sleep(0.01)


def close(fixture: StoreFixture, *stores: Store) -> None:
    for store in stores:
        fixture.run(store.close())


def test_each_sees_at_once_what_the_other_has_committed(
    fixture: StoreFixture, guests: StoreProcesses
) -> None:
    one, other = guests.join(0), guests.join(1)
    bucket = fixture.call(one.index.create_bucket, "room", "owner", "acl")
    orders = []
    for number in range(50):
        version = fixture.run(put(one, bucket, "key", b"%d" % number))
        orders.append(version.order)
        assert fixture.run(body(other, other.index.latest(bucket.id, "key"))) == b"%d" % number
        one, other = other, one
    assert orders == sorted(set(orders))
    close(fixture, one, other)


def test_writers_of_several_processes_do_not_get_into_each_others_way(
    fixture: StoreFixture, guests: StoreProcesses
) -> None:
    stores = [guests.join(number) for number in range(3)]
    bucket = fixture.call(stores[0].index.create_bucket, "room", "owner", "acl")

    async def count_up(store: Store) -> None:
        for _ in range(40):
            while True:
                old = store.index.find(bucket.id, "sum")
                try:
                    value = int(await body(store, old)) if old else 0
                    await put(store, bucket, "sum", b"%d" % (value + 1), same_as(old))
                except CosServiceError:
                    continue
                break

    async def all_at_once() -> None:
        await asyncio.gather(*map(count_up, stores))

    fixture.run(all_at_once())
    assert fixture.run(body(stores[0], stores[0].index.latest(bucket.id, "sum"))) == b"120"
    close(fixture, *stores)


def same_as(seen: Version | None) -> WriteCondition:
    """Return a condition that the live object is still the one that was seen."""

    def check(found: Version | None) -> None:
        if (found and found.order) != (seen and seen.order):
            raise CosServiceError("another one")

    return check


def test_a_newcomer_takes_away_what_the_dead_were_writing_and_nothing_of_the_living(
    fixture: StoreFixture, guests: StoreProcesses
) -> None:
    dead, living = guests.join(0), guests.join(1)
    bucket = fixture.call(living.index.create_bucket, "room", "owner", "acl")

    async def leave(store: Store) -> None:
        receiver = store.receive()
        await receiver.__aenter__()
        await receiver.write(LARGE)
        await receiver.finish()

    async def publish_late() -> None:
        async with living.receive() as receiver:
            await receiver.write(LARGE)
            stored = await receiver.finish()
            assert len(fixture.drafts()) == 2
            shared_state = SharedState(SharedPins(guests._memory, 0))
            newcomer = await open_store(fixture.directory, shared_state=shared_state)
            await newcomer.close()
            assert fixture.drafts() == {stored.blob_id}
            await living.put(bucket, "key", stored, NewVersion())

    fixture.run(leave(dead))
    fixture.run(publish_late())
    assert fixture.run(body(living, living.index.latest(bucket.id, "key"))) == LARGE
    close(fixture, living, dead)


def test_a_newcomer_removes_the_garbage_of_the_dead(
    fixture: StoreFixture, guests: StoreProcesses
) -> None:
    dead, reader = guests.join(0), guests.join(1)
    bucket = fixture.call(dead.index.create_bucket, "room", "owner", "acl")
    version = fixture.run(put(dead, bucket, "key", LARGE))
    reading = reader.read(version)
    fixture.call(dead.index.delete_version, bucket.id, "key")
    fixture.run(dead.close())  # what it could not remove yet it leaves behind
    assert len(fixture.files()) == 1

    async def rest() -> bytes:
        return b"".join([chunk async for chunk in reading])

    newcomer = guests.join(0)
    assert fixture.run(rest()) == LARGE
    fixture.run(asyncio.wait_for(gone(fixture), 30))
    guests.settle(newcomer)
    assert newcomer.index.garbage() == []
    close(fixture, newcomer, reader)


def test_the_file_of_a_failed_commit_is_no_orphan(
    fixture: StoreFixture, guests: StoreProcesses
) -> None:
    one, other = guests.join(0), guests.join(1)
    bucket = fixture.call(one.index.create_bucket, "room", "owner", "acl")
    fixture.run(fail(one, bucket))
    (draft,) = fixture.drafts()
    fixture.run(recovery.adopt(other, time.time))
    guests.settle(other)
    assert fixture.drafts() == {draft}
    close(fixture, one, other)


async def fail(store: Store, bucket: Bucket) -> None:
    """Publish a body in a commit that fails with an unknown outcome."""
    async with store.receive() as receiver:
        await receiver.write(LARGE)
        stored = await receiver.finish()
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        failed.set_exception(CommitError("torn"))
        with pytest.raises(CommitError):
            await store._publish(stored, lambda: failed)


# Fair locks, between real processes.

TURNS = """
import os, sys
from coskit.server.store.blobs.shared_pins import FairLock
commit_lock = FairLock(int(sys.argv[1]), 0)
number = int(sys.argv[2])
sys.stdin.readline()
for _ in range(300):
    with commit_lock:
        seen = int(os.pread(number, 20, 0))
        os.pwrite(number, b"%20d" % (seen + 1), 0)
"""
HOLDING = """
import sys
from coskit.server.store.blobs.shared_pins import FairLock
FairLock(int(sys.argv[1]), 0).__enter__()
print("mine", flush=True)
sys.stdin.readline()
"""


def start(script: str, *fds: int) -> subprocess.Popen[str]:
    """Start a process that inherits files."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, fds)],
        pass_fds=fds,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_turn_belongs_to_one_process_at_a_time() -> None:
    with tempfile.TemporaryFile() as locks, tempfile.TemporaryFile() as number, ExitStack() as all_:
        os.pwrite(number.fileno(), b"%20d" % 0, 0)
        processes = [
            all_.enter_context(start(TURNS, locks.fileno(), number.fileno())) for _ in range(3)
        ]
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        assert [process.wait(30) for process in processes] == [0, 0, 0]
        assert int(os.pread(number.fileno(), 20, 0)) == 900


def test_the_lock_of_a_process_that_dies_goes_to_the_next() -> None:
    with tempfile.TemporaryFile() as locks, start(HOLDING, locks.fileno()) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "mine\n"
        with pytest.raises(BlockingIOError):
            fcntl.lockf(locks.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 1)
        holder.send_signal(signal.SIGKILL)
        holder.wait(30)
        with FairLock(locks.fileno(), 0):
            pass


def test_who_gives_back_its_turn_waits_for_who_has_waited() -> None:
    with tempfile.TemporaryFile() as locks, start(HOLDING, locks.fileno()) as waiting:
        fd = locks.fileno()
        commit_lock = FairLock(fd, 0)
        fcntl.lockf(fd, fcntl.LOCK_EX, 1, 1)  # the turn is ours, while the other stands in line
        while is_free(fd, 0):
            continue
        fcntl.lockf(fd, fcntl.LOCK_UN, 1, 1)
        assert waiting.stdout
        assert waiting.stdout.readline() == "mine\n"
        assert waiting.stdin
        waiting.stdin.close()
        waiting.wait(30)
        with commit_lock:
            pass


def is_free(fd: int, byte: int) -> bool:
    """Return whether no other process has a lock."""
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except BlockingIOError:
        return False
    fcntl.lockf(fd, fcntl.LOCK_UN, 1, byte)
    return True
