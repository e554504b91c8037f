"""A backup is the directory as of one moment, even while it changes."""

import asyncio
import os
import random
import threading
from pathlib import Path

import pytest

from coskit.server.store.maintenance.backup import back_up
from coskit.server.store.maintenance.fsck import check
from coskit.server.store.recovery import open_store
from tests.server.store.store_fixture import StoreFixture, body, put

LARGE = random.Random(7).randbytes(120_000)


async def bodies(directory: Path) -> dict[str, bytes]:
    store = await open_store(directory)
    try:
        bucket = store.index.bucket("shelf")
        keys = [entry.key for entry in (await store.index.list_objects(bucket.id)).entries]
        return {key: await body(store, store.index.latest(bucket.id, key)) for key in keys}
    finally:
        await store.close()


@pytest.mark.parametrize("copying", [False, True], ids=["linked", "copied"])
def test_a_backup_holds_everything_and_can_be_served(
    fixture: StoreFixture, tmp_path: Path, copying: bool
) -> None:
    bucket = fixture.bucket()
    (fixture.directory / "master.key").write_text("key")
    (fixture.directory / "master.key").chmod(0o600)
    for key, data in (("small", b"s"), ("large", LARGE), ("more", LARGE * 2)):
        fixture.run(put(fixture.store, bucket, key, data))
    target = tmp_path / "backup"
    done = back_up(fixture.directory, target, copying=copying)
    assert (done.blobs, done.added, done.removed) == (2, 2, 0)
    assert list(check(target, exclusive=True)) == []
    assert (target / "master.key").read_text() == "key"
    assert (target / "master.key").stat().st_mode & 0o777 == 0o600
    (file, *_) = (target / "blobs").glob("*/*")
    assert (file.stat().st_nlink == 1) is copying
    fixture.call(fixture.store.index.delete_version, bucket.id, "large")
    expected = {"small": b"s", "large": LARGE, "more": LARGE * 2}
    assert fixture.run(bodies(target)) == expected


def test_a_second_backup_adds_what_is_new_and_drops_what_is_gone(
    fixture: StoreFixture, tmp_path: Path
) -> None:
    bucket, target = fixture.bucket(), tmp_path / "backup"
    fixture.run(put(fixture.store, bucket, "kept", LARGE))
    fixture.run(put(fixture.store, bucket, "going", LARGE[::-1]))
    back_up(fixture.directory, target)
    assert len(fixture.run(bodies(target))) == 2
    fixture.call(fixture.store.index.delete_version, bucket.id, "going")
    fixture.run(put(fixture.store, bucket, "new", LARGE * 2))
    done = back_up(fixture.directory, target)
    assert (done.blobs, done.added, done.removed) == (2, 1, 1)
    assert list(check(target, exclusive=True)) == []
    assert fixture.run(bodies(target)) == {"kept": LARGE, "new": LARGE * 2}


def test_a_backup_that_was_cut_short_is_finished_by_the_next(
    fixture: StoreFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, target = fixture.bucket(), tmp_path / "backup"
    fixture.run(put(fixture.store, bucket, "a", LARGE))
    back_up(fixture.directory, target)
    fixture.run(put(fixture.store, bucket, "b", LARGE))
    fixture.run(put(fixture.store, bucket, "c", LARGE))

    def refuse(old: Path, new: Path) -> None:
        new.write_bytes(b"half")
        raise OSError(28, "no room")

    with monkeypatch.context() as patch:
        patch.setattr("coskit.server.store.maintenance.backup._link", refuse)
        with pytest.raises(OSError, match="no room"):
            back_up(fixture.directory, target)
    assert fixture.run(bodies(target)) == {"a": LARGE}
    back_up(fixture.directory, target)
    assert list(check(target, exclusive=True)) == []
    assert set(fixture.run(bodies(target))) == {"a", "b", "c"}


def test_a_backup_does_not_touch_a_directory_that_is_served(
    fixture: StoreFixture, tmp_path: Path
) -> None:
    with pytest.raises(BlockingIOError):
        back_up(tmp_path / "other", fixture.directory)


@pytest.mark.parametrize("inner", ["", "backup", "blobs/../backup/.."])
def test_a_directory_is_not_copied_into_itself(fixture: StoreFixture, inner: str) -> None:
    before = sorted(fixture.directory.rglob("*"))
    with pytest.raises(ValueError, match="lies in the directory"):
        back_up(fixture.directory, fixture.directory / inner)
    assert sorted(fixture.directory.rglob("*")) == before


def test_backups_under_load_are_each_of_one_moment(fixture: StoreFixture, tmp_path: Path) -> None:
    """Every object is of one round, and all are of the same or of neighbouring rounds."""
    store, bucket = fixture.store, fixture.bucket()
    ending, failures = threading.Event(), []

    def copy() -> None:
        try:
            for turn in range(4):
                target = tmp_path / f"b{turn % 2}"
                back_up(fixture.directory, target)
                found = [f for f in check(target, exclusive=True) if f.kind != "unsettled"]
                assert found == []
        except BaseException as error:
            failures.append(error)
        finally:
            ending.set()

    async def load() -> None:
        turn = 0
        while not ending.is_set():
            turn += 1
            keys = range(6)
            await asyncio.gather(
                *(put(store, bucket, f"{n}", b"%05d" % turn * 16_000) for n in keys)
            )
            await store.index.delete_version(bucket.id, f"{turn % 6}")

    thread = threading.Thread(target=copy)
    thread.start()
    try:
        fixture.run(load())
    finally:
        ending.set()
        thread.join(60)
    assert failures == []
    for name in ("b0", "b1"):
        found = fixture.run(bodies(tmp_path / name))
        commit_lock = {int(data[:5]) for data in found.values()}
        assert all(data == data[:5] * 16_000 for data in found.values())
        assert not commit_lock or max(commit_lock) - min(commit_lock) <= 2, commit_lock
        assert os.listdir(tmp_path / name / "tmp") == []  # noqa: PTH208
