"""A backup is the directory of one moment, whatever goes on meanwhile."""

import asyncio
import os
import random
import threading
from pathlib import Path

import pytest

from coskit.server.store.maintenance.backup import back_up
from coskit.server.store.maintenance.fsck import check
from coskit.server.store.recovery import open_store
from tests.server.store.store_fixture import Shelf, body, put

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
    shelf: Shelf, tmp_path: Path, copying: bool
) -> None:
    bucket = shelf.bucket()
    (shelf.directory / "master.key").write_text("key")
    (shelf.directory / "master.key").chmod(0o600)
    for key, data in (("small", b"s"), ("large", LARGE), ("more", LARGE * 2)):
        shelf.run(put(shelf.store, bucket, key, data))
    target = tmp_path / "backup"
    done = back_up(shelf.directory, target, copying=copying)
    assert (done.blobs, done.added, done.removed) == (2, 2, 0)
    assert list(check(target, alone=True)) == []
    assert (target / "master.key").read_text() == "key"
    assert (target / "master.key").stat().st_mode & 0o777 == 0o600
    (file, *_) = (target / "blobs").glob("*/*")
    assert (file.stat().st_nlink == 1) is copying
    shelf.call(shelf.store.index.delete_version, bucket.id, "large")
    expected = {"small": b"s", "large": LARGE, "more": LARGE * 2}
    assert shelf.run(bodies(target)) == expected


def test_a_second_backup_adds_what_is_new_and_drops_what_is_gone(
    shelf: Shelf, tmp_path: Path
) -> None:
    bucket, target = shelf.bucket(), tmp_path / "backup"
    shelf.run(put(shelf.store, bucket, "kept", LARGE))
    shelf.run(put(shelf.store, bucket, "going", LARGE[::-1]))
    back_up(shelf.directory, target)
    assert len(shelf.run(bodies(target))) == 2
    shelf.call(shelf.store.index.delete_version, bucket.id, "going")
    shelf.run(put(shelf.store, bucket, "new", LARGE * 2))
    done = back_up(shelf.directory, target)
    assert (done.blobs, done.added, done.removed) == (2, 1, 1)
    assert list(check(target, alone=True)) == []
    assert shelf.run(bodies(target)) == {"kept": LARGE, "new": LARGE * 2}


def test_a_backup_that_was_cut_short_is_finished_by_the_next(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, target = shelf.bucket(), tmp_path / "backup"
    shelf.run(put(shelf.store, bucket, "a", LARGE))
    back_up(shelf.directory, target)
    shelf.run(put(shelf.store, bucket, "b", LARGE))
    shelf.run(put(shelf.store, bucket, "c", LARGE))

    def refuse(old: Path, new: Path) -> None:
        new.write_bytes(b"half")
        raise OSError(28, "no room")

    with monkeypatch.context() as patch:
        patch.setattr("coskit.server.store.maintenance.backup._link", refuse)
        with pytest.raises(OSError, match="no room"):
            back_up(shelf.directory, target)
    assert shelf.run(bodies(target)) == {"a": LARGE}
    back_up(shelf.directory, target)
    assert list(check(target, alone=True)) == []
    assert set(shelf.run(bodies(target))) == {"a", "b", "c"}


def test_a_backup_does_not_touch_a_directory_that_is_served(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError):
        back_up(tmp_path / "other", shelf.directory)


@pytest.mark.parametrize("inner", ["", "backup", "blobs/../backup/.."])
def test_a_directory_is_not_copied_into_itself(shelf: Shelf, inner: str) -> None:
    before = sorted(shelf.directory.rglob("*"))
    with pytest.raises(ValueError, match="lies in the directory"):
        back_up(shelf.directory, shelf.directory / inner)
    assert sorted(shelf.directory.rglob("*")) == before


def test_backups_under_load_are_each_of_one_moment(shelf: Shelf, tmp_path: Path) -> None:
    """Every object is of one round, and all are of the same or of neighbouring rounds."""
    store, bucket = shelf.store, shelf.bucket()
    ending, failures = threading.Event(), []

    def copy() -> None:
        try:
            for turn in range(4):
                target = tmp_path / f"b{turn % 2}"
                back_up(shelf.directory, target)
                found = [f for f in check(target, alone=True) if f.kind != "unsettled"]
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
        shelf.run(load())
    finally:
        ending.set()
        thread.join(60)
    assert failures == []
    for name in ("b0", "b1"):
        found = shelf.run(bodies(tmp_path / name))
        turns = {int(data[:5]) for data in found.values()}
        assert all(data == data[:5] * 16_000 for data in found.values())
        assert not turns or max(turns) - min(turns) <= 2, turns
        assert os.listdir(tmp_path / name / "tmp") == []  # noqa: PTH208
