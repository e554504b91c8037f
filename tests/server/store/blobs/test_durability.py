"""The syncs of each durability mode, and their order."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from coskit.server.store.blobs.files import FileBlobs
from coskit.server.store.disk.directory_sync import DirectorySyncs
from coskit.server.store.disk.durability import MEANINGS, MODES, durability
from coskit.server.store.index.database import connect, one
from coskit.server.store.store import Store
from tests.server.store.store_fixture import StoreFixture, body, put

LARGE = b"x" * 100_000


class Synced:
    """The names of what has been synced, in order."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def note(self, fd: int) -> None:
        self.names.append(Path(f"/proc/self/fd/{fd}").readlink().parent.name)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> Synced:
    """Record all syncs of this process except SQLite's."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("what a descriptor stands for can be seen on Linux only")
    noted, real = Synced(), os.fsync

    def sync(fd: int) -> None:
        noted.note(fd)
        real(fd)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr("coskit.server.store.blobs.files._sync", sync)
    return noted


@pytest.mark.parametrize(("mode", "level"), [("strict", 2), ("relaxed", 1), ("none", 0)])
def test_a_mode_decides_when_the_index_is_synced(tmp_path: Path, mode: str, level: int) -> None:
    db = connect(tmp_path / "index.db", durability(mode))
    assert one(db, "PRAGMA synchronous") == (level,)
    assert one(db, "PRAGMA journal_mode") == ("wal",)
    db.close()


@pytest.mark.parametrize("mode", ["strict", "relaxed"])
def test_a_body_is_synced_before_it_is_published_and_its_directory_after_it(
    fixture: StoreFixture, synced: Synced, mode: str
) -> None:
    fixture.reopen(durability=mode)
    bucket = fixture.bucket()
    synced.names.clear()
    version = fixture.run(put(fixture.store, bucket, "key", LARGE))
    fan = version.extents[0].blob_id[:2]
    first = [name for name in synced.names if name in ("tmp", "blobs", fan)][:2]
    assert first == ["tmp", "blobs"], synced.names  # the file, under its first name; the fan
    fixture.reopen()
    assert fixture.run(body(fixture.store, version)) == LARGE


def test_without_durability_nothing_is_synced(fixture: StoreFixture, synced: Synced) -> None:
    fixture.reopen(durability="none")
    synced.names.clear()
    bucket = fixture.bucket()
    version = fixture.run(put(fixture.store, bucket, "key", LARGE))
    fixture.call(fixture.store.index.delete_version, bucket.id, "key")
    fixture.run(put(fixture.store, bucket, "key", LARGE))
    assert synced.names == []
    fixture.reopen()
    assert fixture.run(body(fixture.store, fixture.store.index.latest(bucket.id, "key"))) == LARGE
    assert version.size == len(LARGE)


def test_relaxed_syncs_the_index_before_it_removes_a_file(
    fixture: StoreFixture, synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut could undo the deletion and leave an object without its bytes."""
    fixture.reopen(durability="relaxed")
    bucket = fixture.bucket()
    fixture.run(put(fixture.store, bucket, "key", LARGE))
    (file,) = (fixture.directory / "blobs").glob("*/*")
    order: list[str] = []
    real_flush, real_discard = fixture.store.index.flush, fixture.store.blobs.discard

    def flush() -> None:
        order.append("flush")
        real_flush()

    def discard(blob_ids: Sequence[str]) -> None:
        order.append("discard")
        real_discard(blob_ids)

    fixture.store.lifetime._flush = flush
    monkeypatch.setattr(fixture.store.blobs, "discard", discard)
    synced.names.clear()
    fixture.call(fixture.store.index.delete_version, bucket.id, "key")
    fixture.run(fixture.store.lifetime.close())
    assert order == ["flush", "discard"]
    assert "data" in synced.names, synced.names  # the log, which lies in the directory `data`
    assert not file.exists()


def test_relaxed_syncs_the_index_on_its_own(
    fixture: StoreFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coskit.server.store.index.sqlite._FLUSH_SECONDS", 0.01)
    store: Store = fixture.reopen(durability="relaxed")
    flushed = threading.Event()
    real = store.index.flush

    def flush() -> None:
        real()
        flushed.set()

    monkeypatch.setattr(store.index, "flush", flush)
    bucket = fixture.bucket()
    flushed.clear()
    fixture.run(put(store, bucket, "key"))
    assert flushed.wait(30)


def test_a_mode_is_one_of_three_and_each_is_explained() -> None:
    assert [durability(mode) for mode in MODES] == list(MODES) == list(MEANINGS)
    with pytest.raises(ValueError, match="strict, relaxed, none"):
        durability("eventual")


def test_many_syncs_of_a_directory_share_one_that_begins_after_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Semaphore(0), threading.Semaphore(0)
    seen: list[set[str]] = []

    def sync(directory: Path) -> None:
        seen.append({path.name for path in directory.iterdir()})
        begun.release()
        assert go.acquire(timeout=30)

    monkeypatch.setattr("coskit.server.store.disk.directory_sync.sync_directory", sync)
    syncs, done = DirectorySyncs(), []

    def work(name: str) -> None:
        (tmp_path / name).touch()
        syncs.sync(tmp_path)
        done.append(name)

    first = threading.Thread(target=work, args=("first",))
    first.start()
    assert begun.acquire(timeout=30)
    others = [threading.Thread(target=work, args=(f"{n}",)) for n in range(8)]
    for thread in others:
        thread.start()
    while syncs._states[tmp_path].wanted < 9:
        threading.Event().wait(0.001)
    assert done == []
    go.release()
    assert begun.acquire(timeout=30)  # one more, for all the others
    go.release()
    for thread in (first, *others):
        thread.join(30)
    assert len(done) == 9
    assert seen == [{"first"}, {"first", *(f"{n}" for n in range(8))}]
    assert syncs._states == {}


def test_a_sync_that_fails_fails_for_one_and_is_tried_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(directory: Path) -> None:
        raise OSError(5, "refused")

    syncs = DirectorySyncs()
    with monkeypatch.context() as patch:
        patch.setattr("coskit.server.store.disk.directory_sync.sync_directory", refuse)
        with pytest.raises(OSError, match="refused"):
            syncs.sync(tmp_path)
    syncs.sync(tmp_path)
    assert syncs._states == {}


def test_blobs_in_flight_share_directories_and_fill_all_in_the_long_run(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path, "none")
    fans = [blobs._next_fan() for _ in range(64 * 300)]
    runs = [set(fans[n : n + 64]) for n in range(0, len(fans), 64)]
    assert all(len(run) == 1 for run in runs)
    assert len(set(fans)) > 100
