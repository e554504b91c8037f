"""Several processes over one store: what one is using no other removes, and turns are fair."""

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
from coskit.server.store.blobs.shared_pins import SLOTS, Company, SharedPins, Turns
from coskit.server.store.interfaces.conditions import Condition
from coskit.server.store.interfaces.errors import CommitError
from coskit.server.store.model import Bucket, NewVersion, Version
from coskit.server.store.recovery import open_store
from coskit.server.store.store import Store
from tests.server.store.store_fixture import Shelf, body, put

LARGE = b"x" * 100_000


@pytest.fixture
def memory() -> Iterator[mmap.mmap]:
    """Give the memory of three processes."""
    with closing(mmap.mmap(-1, 3 * SLOTS)) as shared:
        yield shared


class Guests:
    """Members of a company over the directory of a shelf, each as a process of its own sees it."""

    def __init__(self, shelf: Shelf, memory: mmap.mmap) -> None:
        self._shelf = shelf
        self._memory = memory
        shelf.run(shelf.store.close())

    def join(self, number: int) -> Store:
        """Open the store as the member of a number; an earlier one of that number is dead."""
        company = Company(SharedPins(self._memory, number))
        return self._shelf.run(open_store(self._shelf.directory, company=company))

    def settle(self, store: Store) -> None:
        """Wait until a member has removed what it can remove now."""
        self._shelf.run(store.threads.drain())
        self._shelf.run(self._worked_off(store))

    async def _worked_off(self, store: Store) -> None:
        while store.lifetime._tasks:
            await asyncio.wait(store.lifetime._tasks)


@pytest.fixture
def guests(shelf: Shelf, memory: mmap.mmap, monkeypatch: pytest.MonkeyPatch) -> Guests:
    """Let a company use the directory of a fresh store."""
    monkeypatch.setattr("coskit.server.store.blobs.blob_lifetime._READERS_PATIENCE", 0.01)
    return Guests(shelf, memory)


def test_a_pin_is_seen_by_all_others_until_it_is_dropped_as_often(memory: mmap.mmap) -> None:
    one, other = SharedPins(memory, 0), SharedPins(memory, 2)
    one.add(("a", "b"))
    one.add(("a",))
    assert (one.elsewhere("a"), other.elsewhere("a"), other.elsewhere("c")) == (False, True, False)
    one.drop(("a", "b"))
    assert (other.elsewhere("a"), other.elsewhere("b")) == (True, False)
    one.drop(("a",))
    assert not other.elsewhere("a")


def test_the_pins_of_a_dead_process_end_with_its_successor(memory: mmap.mmap) -> None:
    other = SharedPins(memory, 1)
    SharedPins(memory, 0).add(("a",))
    assert other.elsewhere("a")
    other.add(("b",))
    successor = SharedPins(memory, 0)
    assert (other.elsewhere("a"), successor.elsewhere("b")) == (False, True)


def test_a_file_stays_as_long_as_another_process_reads_it(shelf: Shelf, guests: Guests) -> None:
    one, other = guests.join(0), guests.join(1)
    bucket = shelf.call(one.index.create_bucket, "room", "owner", "acl")
    version = shelf.run(put(one, bucket, "key", LARGE))

    async def read_while_it_goes() -> bytes:
        reading = one.reading(version)
        await other.index.delete_version(bucket.id, "key")
        for _ in range(10):  # it tries again and again
            await asyncio.sleep(0.01)
        assert len(shelf.files()) == 1
        return b"".join([chunk async for chunk in reading])

    assert shelf.run(read_while_it_goes()) == LARGE
    shelf.run(asyncio.wait_for(gone(shelf), 30))
    close(shelf, one, other)


async def gone(shelf: Shelf) -> None:
    while shelf.files():  # noqa: ASYNC110 - nobody tells when a file goes
        await asyncio.sleep(0.01)


def close(shelf: Shelf, *stores: Store) -> None:
    for store in stores:
        shelf.run(store.close())


def test_each_sees_at_once_what_the_other_has_committed(shelf: Shelf, guests: Guests) -> None:
    one, other = guests.join(0), guests.join(1)
    bucket = shelf.call(one.index.create_bucket, "room", "owner", "acl")
    orders = []
    for number in range(50):
        version = shelf.run(put(one, bucket, "key", b"%d" % number))
        orders.append(version.order)
        assert shelf.run(body(other, other.index.latest(bucket.id, "key"))) == b"%d" % number
        one, other = other, one
    assert orders == sorted(set(orders))
    close(shelf, one, other)


def test_writers_of_several_processes_do_not_get_into_each_others_way(
    shelf: Shelf, guests: Guests
) -> None:
    stores = [guests.join(number) for number in range(3)]
    bucket = shelf.call(stores[0].index.create_bucket, "room", "owner", "acl")

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

    shelf.run(all_at_once())
    assert shelf.run(body(stores[0], stores[0].index.latest(bucket.id, "sum"))) == b"120"
    close(shelf, *stores)


def same_as(seen: Version | None) -> Condition:
    """Return a condition that the live object is still the one that was seen."""

    def check(found: Version | None) -> None:
        if (found and found.order) != (seen and seen.order):
            raise CosServiceError("another one")

    return check


def test_a_newcomer_takes_away_what_the_dead_were_writing_and_nothing_of_the_living(
    shelf: Shelf, guests: Guests
) -> None:
    dead, living = guests.join(0), guests.join(1)
    bucket = shelf.call(living.index.create_bucket, "room", "owner", "acl")

    async def leave(store: Store) -> None:
        sink = store.receive()
        await sink.__aenter__()
        await sink.write(LARGE)
        await sink.finish()

    async def publish_late() -> None:
        async with living.receive() as sink:
            await sink.write(LARGE)
            stored = await sink.finish()
            assert len(shelf.drafts()) == 2
            company = Company(SharedPins(guests._memory, 0))
            newcomer = await open_store(shelf.directory, company=company)
            await newcomer.close()
            assert shelf.drafts() == {stored.blob_id}
            await living.put(bucket, "key", stored, NewVersion())

    shelf.run(leave(dead))
    shelf.run(publish_late())
    assert shelf.run(body(living, living.index.latest(bucket.id, "key"))) == LARGE
    close(shelf, living, dead)


def test_a_newcomer_removes_the_garbage_of_the_dead(shelf: Shelf, guests: Guests) -> None:
    dead, reader = guests.join(0), guests.join(1)
    bucket = shelf.call(dead.index.create_bucket, "room", "owner", "acl")
    version = shelf.run(put(dead, bucket, "key", LARGE))
    reading = reader.reading(version)
    shelf.call(dead.index.delete_version, bucket.id, "key")
    shelf.run(dead.close())  # what it could not remove yet it leaves behind
    assert len(shelf.files()) == 1

    async def rest() -> bytes:
        return b"".join([chunk async for chunk in reading])

    newcomer = guests.join(0)
    assert shelf.run(rest()) == LARGE
    shelf.run(asyncio.wait_for(gone(shelf), 30))
    guests.settle(newcomer)
    assert newcomer.index.garbage() == []
    close(shelf, newcomer, reader)


def test_the_file_of_a_failed_commit_is_nobodys_orphan(shelf: Shelf, guests: Guests) -> None:
    one, other = guests.join(0), guests.join(1)
    bucket = shelf.call(one.index.create_bucket, "room", "owner", "acl")
    shelf.run(fail(one, bucket))
    (draft,) = shelf.drafts()
    shelf.run(recovery.adopt(other, time.time))
    guests.settle(other)
    assert shelf.drafts() == {draft}
    close(shelf, one, other)


async def fail(store: Store, bucket: Bucket) -> None:
    """Have a commit fail of which nobody knows what remains."""
    async with store.receive() as sink:
        await sink.write(LARGE)
        stored = await sink.finish()
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        failed.set_exception(CommitError("torn"))
        with pytest.raises(CommitError):
            await store._publish(stored, lambda: failed)


# Turns, between real processes.

TURNS = """
import os, sys
from coskit.server.store.blobs.shared_pins import Turns
turns = Turns(int(sys.argv[1]), 0)
number = int(sys.argv[2])
sys.stdin.readline()
for _ in range(300):
    with turns:
        seen = int(os.pread(number, 20, 0))
        os.pwrite(number, b"%20d" % (seen + 1), 0)
"""
HOLDING = """
import sys
from coskit.server.store.blobs.shared_pins import Turns
Turns(int(sys.argv[1]), 0).__enter__()
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


def test_the_turn_of_a_process_that_dies_goes_to_the_next() -> None:
    with tempfile.TemporaryFile() as locks, start(HOLDING, locks.fileno()) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "mine\n"
        with pytest.raises(BlockingIOError):
            fcntl.lockf(locks.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 1)
        holder.send_signal(signal.SIGKILL)
        holder.wait(30)
        with Turns(locks.fileno(), 0):
            pass


def test_who_gives_back_its_turn_waits_for_who_has_waited() -> None:
    with tempfile.TemporaryFile() as locks, start(HOLDING, locks.fileno()) as waiting:
        fd = locks.fileno()
        turns = Turns(fd, 0)
        fcntl.lockf(fd, fcntl.LOCK_EX, 1, 1)  # the turn is ours, while the other stands in line
        while is_free(fd, 0):
            continue
        fcntl.lockf(fd, fcntl.LOCK_UN, 1, 1)
        assert waiting.stdout
        assert waiting.stdout.readline() == "mine\n"
        assert waiting.stdin
        waiting.stdin.close()
        waiting.wait(30)
        with turns:
            pass


def is_free(fd: int, byte: int) -> bool:
    """Return whether no other process has a lock."""
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except BlockingIOError:
        return False
    fcntl.lockf(fd, fcntl.LOCK_UN, 1, byte)
    return True
