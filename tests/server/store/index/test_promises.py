"""The promises of the index that no single operation's tests hold; every backend keeps them."""

import asyncio

import pytest

from coskit.protocol.errors import (
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    NoSuchVersion,
    PreconditionFailed,
)
from coskit.server.store.interfaces.index import Index
from coskit.server.store.model import Bucket, NewVersion, StoredBody, Version
from tests.server.store.store_fixture import StoreFixture

BODY = StoredBody("", 4, "841a2d689ad86bd1611447453c22c6fc", 0, b"body")


def test_after_a_write_every_read_sees_it(fixture: StoreFixture) -> None:
    index, bucket = fixture.store.index, fixture.bucket(versioning="Enabled")

    async def write() -> None:
        for number in range(20):
            version = await index.put_version(bucket.id, f"{number}", BODY, NewVersion())
            assert index.latest(bucket.id, f"{number}") == version
            assert index.find(bucket.id, f"{number}") == version
            assert index.version(bucket.id, f"{number}", version.version_id) == version
            assert index.get(bucket.id, f"{number}") == (version, b"body")
            page = await index.list_objects(bucket.id)
            assert f"{number}" in [entry.key for entry in page.entries]

    fixture.run(write())


def test_a_cancelled_future_does_not_undo_its_write(fixture: StoreFixture) -> None:
    index, bucket = fixture.store.index, fixture.bucket()

    async def write() -> None:
        for key in ("first", "second"):
            future = index.put_version(bucket.id, key, BODY, NewVersion())
            future.cancel()
        index.update_bucket(bucket.name, acl="new").cancel()
        await index.set_progress("after", "both")

    fixture.run(write())
    assert index.latest(bucket.id, "first").size == index.latest(bucket.id, "second").size == 4
    assert index.bucket(bucket.name).acl == "new"


def test_a_refused_write_changes_nothing(fixture: StoreFixture) -> None:
    index, bucket = fixture.store.index, fixture.bucket()

    def refuse(live: Version | None) -> None:
        raise PreconditionFailed

    with pytest.raises(PreconditionFailed):
        fixture.call(index.put_version, bucket.id, "key", BODY, NewVersion(), refuse)
    assert index.find(bucket.id, "key") is None
    assert fixture.call(index.census).blobs == 0


def test_of_writes_whose_conditions_exclude_each_other_one_succeeds(fixture: StoreFixture) -> None:
    index, bucket = fixture.store.index, fixture.bucket()

    def is_absent(live: Version | None) -> None:
        if live:
            raise PreconditionFailed

    async def write() -> list[Version | BaseException]:
        writes = [
            index.put_version(bucket.id, "key", BODY, NewVersion(), is_absent) for _ in range(8)
        ]
        return await asyncio.gather(*writes, return_exceptions=True)

    outcomes = fixture.run(write())
    assert [type(outcome) for outcome in outcomes].count(Version) == 1
    assert [type(outcome) for outcome in outcomes].count(PreconditionFailed) == 7


def test_reads_of_what_does_not_exist_raise_their_error(fixture: StoreFixture) -> None:
    index, bucket = fixture.store.index, fixture.bucket()
    with pytest.raises(NoSuchBucket):
        index.bucket("none")
    for read in (index.latest, index.get):
        with pytest.raises(NoSuchKey):
            read(bucket.id, "none")
    for find in (index.version, index.get):
        with pytest.raises(NoSuchVersion):
            find(bucket.id, "none", "0" * 16)
    with pytest.raises(NoSuchUpload):
        index.upload(bucket.id, "none", "none")
    with pytest.raises(NoSuchUpload):
        fixture.call(index.list_parts, bucket.id, "none", "none")


def test_progress_and_damage_stay_over_a_restart(fixture: StoreFixture) -> None:
    bucket = fixture.bucket()
    version = stored(fixture.store.index, fixture, bucket)
    (extent,) = version.extents
    fixture.call(fixture.store.index.mark_damage, extent.blob_id, "flipped")
    fixture.call(fixture.store.index.mark_damage, extent.blob_id, "later")
    fixture.call(fixture.store.index.set_progress, "job", "half")
    index = fixture.reopen().index
    assert [(mark.blob_id, mark.what) for mark in index.damage()] == [(extent.blob_id, "flipped")]
    assert (index.progress("job"), index.progress("other")) == ("half", "")
    fixture.call(index.delete_version, bucket.id, "key")
    assert index.damage() == []


def stored(index: Index, fixture: StoreFixture, bucket: Bucket) -> Version:
    return fixture.call(index.put_version, bucket.id, "key", BODY, NewVersion())
