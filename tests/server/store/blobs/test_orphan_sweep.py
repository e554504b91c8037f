"""Files that nothing refers to are collected while the store runs; no other file ever is."""

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from coskit.protocol.errors import InternalError
from coskit.server.store.blobs.backup_lock import Held, hold, removing
from coskit.server.store.blobs.orphan_sweep import GRACE
from coskit.server.store.model import NewVersion, Stored
from tests.server.store.io.test_damage import flip
from tests.server.store.store_fixture import Shelf, body, put

LARGE = b"x" * 100_000


def orphan(shelf: Shelf, age: float = 2 * GRACE) -> Path:
    """Leave a file that no commit names."""
    file = shelf.directory / "blobs" / "0f" / ("0f" * 16)
    file.write_bytes(LARGE)
    make_old(file, age)
    return file


def make_old(file: Path, age: float = 2 * GRACE) -> None:
    then = time.time() - age
    os.utime(file, (then, then))


def test_an_old_file_that_nothing_names_is_removed_and_a_young_one_stays(shelf: Shelf) -> None:
    bucket = shelf.bucket()
    version = shelf.run(put(shelf.store, bucket, "key", LARGE))
    for file in (shelf.directory / "blobs").glob("*/*"):
        make_old(file)
    file = orphan(shelf, GRACE / 2)
    assert shelf.run(shelf.store.orphans.once()) == 0
    make_old(file)
    assert shelf.run(shelf.store.orphans.once()) == 1
    assert not file.exists()
    assert shelf.run(body(shelf.store, version)) == LARGE


def test_what_is_being_published_read_or_disputed_is_not_collected(shelf: Shelf) -> None:
    store, bucket = shelf.store, shelf.bucket()

    async def work() -> None:
        version = await put(store, bucket, "read", LARGE)
        reading = store.reading(version)
        await store.index.delete_version(bucket.id, "read")
        async with store.receive() as sink:
            await sink.write(LARGE)
            stored = await sink.finish()
            store.lifetime.disputed((await disputed()).blob_id)
            for file in (shelf.directory / "blobs").glob("*/*"):
                make_old(file)
            assert await store.orphans.once() == 0
            await store.put(bucket, "key", stored, NewVersion())
        assert b"".join([chunk async for chunk in reading]) == LARGE

    async def disputed() -> Stored:
        sink = store.receive()
        await sink.__aenter__()
        await sink.write(LARGE)
        return await sink.finish()

    shelf.run(work())
    assert shelf.run(body(store, store.index.latest(bucket.id, "key"))) == LARGE


def test_a_collection_beside_many_writes_removes_nothing_that_is_stored(shelf: Shelf) -> None:
    store, bucket = shelf.store, shelf.bucket()

    async def write(n: int) -> None:
        for turn in range(6):
            await put(store, bucket, f"{n}", b"%d" % n * 70_000)
            if turn % 2:
                await store.index.delete_version(bucket.id, f"{n}")
        await put(store, bucket, f"{n}", b"%d" % n * 70_000)

    async def collect() -> None:
        store.orphans._clock = lambda: time.time() + 10 * GRACE  # everything is old
        for _ in range(5):
            await store.orphans.once()

    async def work() -> None:
        await asyncio.gather(collect(), *(write(n) for n in range(8)))

    shelf.run(work())
    for n in range(8):
        version = store.index.latest(bucket.id, f"{n}")
        assert shelf.run(body(store, version)) == b"%d" % n * 70_000


def test_nothing_is_collected_by_a_damaged_index(shelf: Shelf) -> None:
    bucket = shelf.bucket()
    shelf.run(put(shelf.store, bucket, "key", LARGE))
    (file,) = (shelf.directory / "blobs").glob("*/*")
    make_old(file)
    shelf.close()
    index = shelf.directory / "index.db"
    for page in range(1, index.stat().st_size // 4096):
        flip(index, page * 4096 + 100)
    shelf.reopen()
    with pytest.raises(InternalError):
        shelf.run(shelf.store.orphans.once())
    shelf.close()
    assert file.exists()
    for page in range(1, index.stat().st_size // 4096):
        flip(index, page * 4096 + 100)
    shelf.reopen()


def test_while_somebody_copies_nothing_goes_and_afterwards_it_does(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coskit.server.store.blobs.blob_lifetime._PATIENCE", 0.01)
    bucket = shelf.bucket()
    shelf.run(put(shelf.store, bucket, "key", LARGE))
    (file,) = (shelf.directory / "blobs").glob("*/*")
    with hold(shelf.directory):
        shelf.call(shelf.store.index.delete_version, bucket.id, "key")
        shelf.run(shelf.store.threads.drain())
        shelf.run(asyncio.sleep(0.05))
        assert file.exists()
        assert shelf.store.index.garbage() == [file.name]

    async def gone() -> None:
        while file.exists():  # noqa: ASYNC110 - nobody tells when a file goes
            await asyncio.sleep(0.01)

    shelf.run(asyncio.wait_for(gone(), 30))
    shelf.close()
    shelf.reopen()
    assert shelf.store.index.garbage() == []


def test_a_store_opens_while_somebody_copies_it(shelf: Shelf) -> None:
    bucket = shelf.bucket()
    version = shelf.run(put(shelf.store, bucket, "key", LARGE))
    shelf.close()
    (shelf.directory / "tmp" / "half").write_bytes(b"")
    with hold(shelf.directory):
        store = shelf.reopen()
        assert shelf.run(body(store, version)) == LARGE
        assert shelf.drafts() == {"half"}
    shelf.reopen()
    assert shelf.drafts() == set()


def test_removers_wait_for_each_other_and_give_way_to_a_hold(tmp_path: Path) -> None:
    order: list[str] = []
    with removing(tmp_path):
        thread = threading.Thread(target=lambda: _remove(tmp_path, order))
        thread.start()
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]
    with hold(tmp_path), hold(tmp_path), pytest.raises(Held), removing(tmp_path):
        order.append("never")
    with removing(tmp_path):
        assert order == ["first", "second"]


def _remove(directory: Path, order: list[str]) -> None:
    with removing(directory):
        order.append("second")
