"""Files that nothing refers to are removed while the store runs, and no other files."""

import asyncio
import os
import threading
import time
from pathlib import Path

import pytest

from coskit.protocol.errors import InternalError
from coskit.server.store.blobs.backup_lock import (
    BackupInProgress,
    lock_for_backup,
    lock_for_removal,
)
from coskit.server.store.blobs.orphan_sweep import GRACE
from coskit.server.store.model import NewVersion, StoredBody
from tests.server.store.io.test_damage import flip
from tests.server.store.store_fixture import StoreFixture, body, put

LARGE = b"x" * 100_000


def orphan(fixture: StoreFixture, age: float = 2 * GRACE) -> Path:
    """Leave a file that no commit names."""
    file = fixture.directory / "blobs" / "0f" / ("0f" * 16)
    file.write_bytes(LARGE)
    make_old(file, age)
    return file


def make_old(file: Path, age: float = 2 * GRACE) -> None:
    then = time.time() - age
    os.utime(file, (then, then))


def test_an_old_file_that_nothing_names_is_removed_and_a_young_one_stays(
    fixture: StoreFixture,
) -> None:
    bucket = fixture.bucket()
    version = fixture.run(put(fixture.store, bucket, "key", LARGE))
    for file in (fixture.directory / "blobs").glob("*/*"):
        make_old(file)
    file = orphan(fixture, GRACE / 2)
    assert fixture.run(fixture.store.orphans.once()) == 0
    make_old(file)
    assert fixture.run(fixture.store.orphans.once()) == 1
    assert not file.exists()
    assert fixture.run(body(fixture.store, version)) == LARGE


def test_what_is_being_published_read_or_disputed_is_not_collected(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket()

    async def work() -> None:
        version = await put(store, bucket, "read", LARGE)
        reading = store.read(version)
        await store.index.delete_version(bucket.id, "read")
        async with store.receive() as receiver:
            await receiver.write(LARGE)
            stored = await receiver.finish()
            store.lifetime.keep_unsettled((await keep_unsettled()).blob_id)
            for file in (fixture.directory / "blobs").glob("*/*"):
                make_old(file)
            assert await store.orphans.once() == 0
            await store.put(bucket, "key", stored, NewVersion())
        assert b"".join([chunk async for chunk in reading]) == LARGE

    async def keep_unsettled() -> StoredBody:
        receiver = store.receive()
        await receiver.__aenter__()
        await receiver.write(LARGE)
        return await receiver.finish()

    fixture.run(work())
    assert fixture.run(body(store, store.index.latest(bucket.id, "key"))) == LARGE


def test_a_collection_beside_many_writes_removes_nothing_that_is_stored(
    fixture: StoreFixture,
) -> None:
    store, bucket = fixture.store, fixture.bucket()

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

    fixture.run(work())
    for n in range(8):
        version = store.index.latest(bucket.id, f"{n}")
        assert fixture.run(body(store, version)) == b"%d" % n * 70_000


def test_nothing_is_collected_by_a_damaged_index(fixture: StoreFixture) -> None:
    bucket = fixture.bucket()
    fixture.run(put(fixture.store, bucket, "key", LARGE))
    (file,) = (fixture.directory / "blobs").glob("*/*")
    make_old(file)
    fixture.close()
    index = fixture.directory / "index.db"
    for page in range(1, index.stat().st_size // 4096):
        flip(index, page * 4096 + 100)
    fixture.reopen()
    with pytest.raises(InternalError):
        fixture.run(fixture.store.orphans.once())
    fixture.close()
    assert file.exists()
    for page in range(1, index.stat().st_size // 4096):
        flip(index, page * 4096 + 100)
    fixture.reopen()


def test_a_backup_postpones_removals(
    fixture: StoreFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coskit.server.store.blobs.blob_lifetime._RETRY_DELAY", 0.01)
    bucket = fixture.bucket()
    fixture.run(put(fixture.store, bucket, "key", LARGE))
    (file,) = (fixture.directory / "blobs").glob("*/*")
    with lock_for_backup(fixture.directory):
        fixture.call(fixture.store.index.delete_version, bucket.id, "key")
        fixture.run(fixture.store.threads.drain())
        fixture.run(asyncio.sleep(0.05))
        assert file.exists()
        assert fixture.store.index.garbage() == [file.name]

    async def gone() -> None:
        while file.exists():  # noqa: ASYNC110 - no event for a removed file
            await asyncio.sleep(0.01)

    fixture.run(asyncio.wait_for(gone(), 30))
    fixture.close()
    fixture.reopen()
    assert fixture.store.index.garbage() == []


def test_a_store_opens_during_a_backup(fixture: StoreFixture) -> None:
    bucket = fixture.bucket()
    version = fixture.run(put(fixture.store, bucket, "key", LARGE))
    fixture.close()
    (fixture.directory / "tmp" / "half").write_bytes(b"")
    with lock_for_backup(fixture.directory):
        store = fixture.reopen()
        assert fixture.run(body(store, version)) == LARGE
        assert fixture.drafts() == {"half"}
    fixture.reopen()
    assert fixture.drafts() == set()


def test_removers_wait_for_each_other_and_give_way_to_a_hold(tmp_path: Path) -> None:
    order: list[str] = []
    with lock_for_removal(tmp_path):
        thread = threading.Thread(target=lambda: _remove(tmp_path, order))
        thread.start()
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]
    with (
        lock_for_backup(tmp_path),
        lock_for_backup(tmp_path),
        pytest.raises(BackupInProgress),
        lock_for_removal(tmp_path),
    ):
        order.append("never")
    with lock_for_removal(tmp_path):
        assert order == ["first", "second"]


def _remove(directory: Path, order: list[str]) -> None:
    with lock_for_removal(directory):
        order.append("second")
