"""Appends: bytes are shared, counted once, and removed with the object."""

from pathlib import Path

import pytest

from coskit.protocol.errors import EntityTooLarge
from coskit.server.store.model import Bucket, NewVersion, Version
from coskit.server.store.store import Store
from tests.server.store.store_fixture import StoreFixture, body


async def append(
    store: Store, bucket: Bucket, position: int, data: bytes, limit: int = 1 << 30
) -> Version:
    async with store.receive(len(data)) as receiver:
        await receiver.write(data)
        stored = await receiver.finish()
        return await store.append(bucket, "log", stored, NewVersion(), position, limit=limit)


def files(directory: Path) -> int:
    return sum(path.is_file() for path in (directory / "blobs").rglob("*"))


def test_bytes_are_added_not_copied_and_go_with_the_last_reader(fixture: StoreFixture) -> None:
    async def work() -> None:
        store = fixture.store
        bucket = await store.index.create_bucket("b-1", "owner", "")
        first = await append(store, bucket, 0, b"a" * 100_000)
        grown = await append(store, bucket, 100_000, b"b" * 100_000)
        assert grown.extents[:1] == first.extents
        assert files(fixture.directory) == 2
        copy = await store.index.copy_version(bucket.id, "copy", grown, NewVersion())
        await store.index.delete_version(bucket.id, "log")
        assert await body(store, copy) == b"a" * 100_000 + b"b" * 100_000
        await store.index.delete_version(bucket.id, "copy")

    fixture.run(work())
    fixture.reopen()
    assert files(fixture.directory) == 0


def test_an_object_does_not_outgrow_the_limit(fixture: StoreFixture) -> None:
    async def work() -> None:
        bucket = await fixture.store.index.create_bucket("b-1", "owner", "")
        await append(fixture.store, bucket, 0, b"a" * 6, limit=10)
        with pytest.raises(EntityTooLarge):
            await append(fixture.store, bucket, 6, b"b" * 5, limit=10)
        version = await append(fixture.store, bucket, 6, b"b" * 4, limit=10)
        assert await body(fixture.store, version) == b"aaaaaabbbb"

    fixture.run(work())
