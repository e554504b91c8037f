"""Waiting writes are committed together, but each succeeds or fails on its own."""

import asyncio
import threading
from contextlib import closing
from pathlib import Path
from typing import NoReturn

import pytest

from coskit.protocol.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    CosServiceError,
    InternalError,
    NoSuchBucket,
    PreconditionFailed,
    ServiceUnavailable,
    TooManyBuckets,
)
from coskit.server.store.index.database import connect, one, prepare
from coskit.server.store.index.group_commit import GroupCommitWriter
from coskit.server.store.index.transaction import Transaction
from coskit.server.store.interfaces.errors import CommitError, VersionReplaced
from coskit.server.store.model import DeletionResult, Extent, NewVersion, StoredBody, Version
from tests.server.store.store_fixture import StoreFixture, body, put, run


def refuse(live: Version | None) -> NoReturn:
    raise PreconditionFailed


def absent(live: Version | None) -> None:
    if live is not None:
        raise PreconditionFailed


def test_one_of_many_racing_writers_wins(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket()

    async def race() -> list[Version | BaseException]:
        racers = (put(store, bucket, "key", b"%d" % n, absent) for n in range(64))
        return await asyncio.gather(*racers, return_exceptions=True)

    results = fixture.run(race())
    winners = [result for result in results if isinstance(result, Version)]
    assert len(winners) == 1
    assert sum(isinstance(result, PreconditionFailed) for result in results) == 63
    assert store.index.latest(bucket.id, "key") == winners[0]
    assert fixture.run(body(store, winners[0])) == b"%d" % results.index(winners[0])


def test_a_condition_sees_the_object_that_it_replaces(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket(versioning="Enabled")
    seen: list[Version | None] = []
    first = fixture.run(put(store, bucket, "key", b"1", seen.append))
    fixture.run(put(store, bucket, "key", b"2", seen.append))
    fixture.call(store.index.delete_version, bucket.id, "key")
    fixture.run(put(store, bucket, "key", b"3", seen.append))
    assert seen == [None, first, None]


def test_a_failing_write_leaves_its_neighbours_alone(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket()
    large = b"x" * 100_000

    async def write() -> list[Version | BaseException]:
        writes = []
        for n in range(40):
            condition = refuse if n % 2 else None
            writes.append(put(store, bucket, f"{n:02}", large if n % 4 > 1 else b"s", condition))
        return await asyncio.gather(*writes, return_exceptions=True)

    results = fixture.run(write())
    assert [isinstance(result, Version) for result in results] == [True, False] * 20
    page = fixture.call(store.index.list_objects, bucket.id)
    assert [entry.key for entry in page.entries] == [f"{n:02}" for n in range(0, 40, 2)]
    fixture.close()
    assert len(fixture.files()) == 10
    assert fixture.drafts() == set()
    fixture.reopen()


def test_what_a_condition_raises_reaches_the_writer(fixture: StoreFixture) -> None:
    bucket = fixture.bucket()

    def stumble(live: Version | None) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        fixture.run(put(fixture.store, bucket, "key", condition=stumble))
    assert fixture.call(fixture.store.index.list_objects, bucket.id).entries == ()


def test_deleting_many_reports_each(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket()
    fixture.run(put(store, bucket, "a"))
    fixture.run(put(store, bucket, "b"))
    results = fixture.call(
        store.index.delete_versions, bucket.id, [("a", None), ("none", None), ("b", "null")]
    )
    assert results == [
        DeletionResult(None, False, True),
        DeletionResult(None, False, False),
        DeletionResult("null", False, True),
    ]
    assert fixture.call(store.index.delete_versions, bucket.id, []) == []


def test_buckets_belong_to_one_owner(fixture: StoreFixture) -> None:
    store = fixture.store
    made = fixture.call(store.index.create_bucket, "b", "me", "acl")
    assert (made.name, made.owner, made.acl, made.versioning, made.config) == (
        *("b", "me", "acl", ""),
        {},
    )
    refusals: list[tuple[str, str, int, type[CosServiceError]]] = [
        ("b", "me", 200, BucketAlreadyOwnedByYou),
        ("b", "you", 200, BucketAlreadyExists),
        ("c", "me", 1, TooManyBuckets),
    ]
    for name, owner, limit, error in refusals:
        with pytest.raises(error):
            fixture.call(store.index.create_bucket, name, owner, "acl", limit=limit)
    fixture.call(store.index.create_bucket, "a", "you", "acl", limit=1)
    assert [bucket.name for bucket in store.index.buckets()] == ["a", "b"]
    assert store.index.bucket("b") == made


def test_settings_of_a_bucket_change_one_by_one(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket("b")
    fixture.call(store.index.update_bucket, "b", config={"cors": "C", "policy": "P"})
    fixture.call(store.index.update_bucket, "b", versioning="Enabled", acl="new")
    fixture.call(store.index.update_bucket, "b", config={"cors": None, "lifecycle": "L"})
    found = fixture.reopen().index.bucket("b")
    assert (found.id, found.created) == (bucket.id, bucket.created)
    assert (found.versioning, found.acl) == ("Enabled", "new")
    assert found.config == {"policy": "P", "lifecycle": "L"}


def test_a_bucket_with_anything_in_it_stays(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket("b", "Enabled")

    def refused() -> bool:
        try:
            fixture.call(store.index.delete_bucket, "b")
        except BucketNotEmpty:
            return True
        return False

    version = fixture.run(put(store, bucket, "key"))
    assert refused(), "an object"
    marker = fixture.call(store.index.delete_version, bucket.id, "key")
    assert refused(), "a version under a marker"
    fixture.call(store.index.delete_version, bucket.id, "key", version.version_id)
    assert refused(), "a marker"
    fixture.call(store.index.delete_version, bucket.id, "key", marker.version_id)
    upload = fixture.call(store.index.begin_upload, bucket.id, "key", NewVersion())
    assert refused(), "an upload"
    fixture.call(store.index.abort_upload, bucket.id, "key", upload.upload_id)
    assert not refused()


def test_a_deleted_bucket_refuses_writes_and_its_successor_is_another(
    fixture: StoreFixture,
) -> None:
    store, gone = fixture.store, fixture.bucket("b")
    source = fixture.run(put(store, fixture.bucket("sources"), "key"))
    fixture.call(store.index.delete_bucket, "b")
    writes = (
        lambda: put(store, gone, "key"),
        lambda: put(store, gone, "key", b"x" * 100_000),
        lambda: store.index.copy_version(gone.id, "key", source, NewVersion()),
        lambda: store.index.delete_version(gone.id, "key"),
        lambda: store.index.begin_upload(gone.id, "key", NewVersion()),
        lambda: store.index.update_version(gone.id, "key", None, {"acl": "A"}),
        lambda: store.index.update_bucket("b", acl="A"),
        lambda: store.index.delete_bucket("b"),
    )
    for write in writes:
        with pytest.raises(NoSuchBucket):
            fixture.run(run(write))
    with pytest.raises(NoSuchBucket):
        store.index.bucket("b")
    successor = fixture.bucket("b")
    assert successor.id != gone.id
    assert fixture.call(store.index.list_objects, successor.id).entries == ()


def test_a_cancelled_request_does_not_undo_its_commit(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket()
    large = b"x" * 100_000

    async def hurry() -> None:
        arrived = asyncio.Event()
        loop = asyncio.get_running_loop()

        def condition(live: Version | None) -> None:
            loop.call_soon_threadsafe(arrived.set)

        request = asyncio.create_task(put(store, bucket, "key", large, condition))
        await arrived.wait()
        request.cancel()
        await asyncio.wait([request])
        # The writer works in order: once this is there, so is what came before it.
        await put(store, bucket, "later")

    fixture.run(hurry())
    store = fixture.reopen()
    assert fixture.run(body(store, store.index.latest(bucket.id, "key"))) == large
    assert fixture.drafts() == set()


def test_a_closed_store_takes_no_more(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket()
    fixture.close()
    with pytest.raises(ServiceUnavailable):
        fixture.call(store.index.delete_version, bucket.id, "key")
    assert fixture.reopen().index.bucket(bucket.name) == bucket


class Writing:
    """A writer over a table of words, with the numbers of its commits."""

    def __init__(self, path: Path) -> None:
        self.db = connect(path)
        self.db.execute("CREATE TABLE sequence (last INTEGER)")
        self.db.execute("CREATE TABLE word (text TEXT UNIQUE)")
        self.writer = GroupCommitWriter(self.db, lambda: 0.0)

    def add(self, text: str) -> asyncio.Future[str]:
        return self.writer.submit(self._add, text)

    @staticmethod
    def _add(tx: Transaction, text: str) -> str:
        tx.db.execute("INSERT INTO word VALUES (?)", (text,))
        return text

    def words(self) -> list[str]:
        return [row[0] for row in self.db.execute("SELECT text FROM word ORDER BY text")]

    def close(self) -> None:
        self.writer.close()
        self.db.close()


def test_an_sql_error_fails_one_write(tmp_path: Path) -> None:
    async def write() -> None:
        writing = Writing(tmp_path / "db")
        futures = [writing.add(text) for text in ("a", "b", "a", "c")]
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert [results[0], results[1], results[3]] == ["a", "b", "c"]
        assert isinstance(results[2], InternalError)
        assert writing.words() == ["a", "b", "c"]
        writing.close()

    asyncio.run(write())


def test_a_failed_commit_fails_its_group_and_the_writer_continues(tmp_path: Path) -> None:
    async def write() -> None:
        writing = Writing(tmp_path / "db")
        await writing.add("first")

        def spoil(tx: Transaction) -> None:
            # What a full disk does: the transaction is gone in the middle of a change.
            tx.db.execute("ROLLBACK")
            tx.db.execute("SELECT * FROM missing")

        # While the writer is busy with another change, three wait: they are one group.
        opened = threading.Event()
        begun = threading.Event()

        def wait(tx: Transaction) -> bool:
            begun.set()
            return opened.wait(10)

        gate = writing.writer.submit(wait)
        assert await asyncio.to_thread(begun.wait, 10)
        group: list[asyncio.Future] = [
            writing.add("lost"),
            writing.writer.submit(spoil),
            writing.add("lost too"),
        ]
        opened.set()
        assert await gate
        results = await asyncio.gather(*group, return_exceptions=True)
        assert [type(result) for result in results] == [CommitError] * 3
        assert await writing.add("last") == "last"
        assert writing.words() == ["first", "last"]
        writing.close()

    asyncio.run(write())


def test_what_is_undone_releases_nothing(tmp_path: Path) -> None:
    file = StoredBody("file", 5, "", 0, None)

    def drop(tx: Transaction, extents: tuple[Extent, ...], fails: bool) -> None:
        tx.references.drop(extents, 0)
        if fails:
            raise LookupError

    with closing(connect(tmp_path / "db")) as db:
        prepare(db)
        tx = Transaction(db, lambda: 0.0)
        extents = tx.references.add(file, "")
        with pytest.raises(LookupError):
            tx.attempt(drop, extents, fails=True)
        assert tx.references.released == []
        tx.attempt(drop, extents, fails=False)
        assert tx.references.released == ["file"]


def test_a_full_disk_fails_writes_until_there_is_room(tmp_path: Path) -> None:
    async def write() -> None:
        writing = Writing(tmp_path / "db")
        await writing.add("first")
        pages = one(writing.db, "PRAGMA page_count")[0]
        writing.db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(InternalError):
            await writing.add("x" * 100_000)
        assert await writing.add("small") == "small"
        writing.db.execute("PRAGMA max_page_count = 100000")
        await writing.add("y" * 100_000)
        assert len(writing.words()) == 3
        writing.close()

    asyncio.run(write())


def test_copying_what_is_gone_fails(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket()
    for data in (b"small", b"x" * 100_000):
        source = fixture.run(put(store, bucket, "source", data))
        fixture.call(store.index.delete_version, bucket.id, "source")
        with pytest.raises(VersionReplaced):
            fixture.call(store.index.copy_version, bucket.id, "copy", source, NewVersion())
        with pytest.raises(VersionReplaced):
            store.read(source)
    assert fixture.call(store.index.list_objects, bucket.id).entries == ()
