"""Bytes that the disk has changed are never returned, and damaged blobs are marked."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from coskit.protocol.errors import InternalError
from coskit.server.store.blobs.block_checksums import (
    BLOCK,
    FOOTER,
    BlockChecksumWriter,
    trailer_length,
)
from coskit.server.store.index.database import connect
from coskit.server.store.interfaces.errors import DamagedBlob
from coskit.server.store.model import Version
from coskit.server.store.recovery import open_store
from coskit.server.store.store import Store
from tests.server.store.store_fixture import StoreFixture, body, compose, put

LARGE = random.Random(5).randbytes(5 * BLOCK + 123)


def blob_file(fixture: StoreFixture) -> Path:
    (file,) = (fixture.directory / "blobs").glob("*/*")
    return file


def flip(file: Path, place: int, bit: int = 0) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        (byte,) = opened.read(1)
        opened.seek(place)
        opened.write(bytes([byte ^ (1 << bit)]))


def interesting(size: int) -> list[int]:
    """Return places in a blob's file: edges of blocks, all of the footer, and others at random."""
    whole = size + trailer_length(size)
    edges = {0, 1, BLOCK - 1, BLOCK, size - 1, size, whole - FOOTER - 1}
    chance = random.Random(1)
    return sorted(edges | set(range(whole - FOOTER, whole)) | set(chance.sample(range(whole), 60)))


async def received(store: Store, bucket_name: str, first: int, length: int | None) -> bytes:
    """Return what comes of a body before it ends or fails."""
    got = bytearray()
    version = store.index.latest(store.index.bucket(bucket_name).id, "key")
    try:
        async for chunk in store.read(version, first, length):
            got += chunk
    except DamagedBlob:
        assert len(got) < len(LARGE[first : None if length is None else first + length])
    return bytes(got)


def test_no_flipped_byte_of_a_file_is_ever_returned(fixture: StoreFixture) -> None:
    bucket = fixture.bucket()
    fixture.run(put(fixture.store, bucket, "key", LARGE))
    file, chance = blob_file(fixture), random.Random(2)
    for place in interesting(len(LARGE)):
        flip(file, place, chance.randrange(8))
        first = chance.randrange(len(LARGE))
        length = chance.randrange(1, len(LARGE) - first + 1)
        store = fixture.reopen()  # which reports each blob's damage again
        fixture.run(unmark(store))
        got = fixture.run(received(store, bucket.name, 0, None))
        assert LARGE.startswith(got), f"wrong bytes after a flip at {place}"
        assert len(got) <= place, f"the flipped byte {place} went out"
        fixture.run(unmark(store))
        part = fixture.run(received(store, bucket.name, first, length))
        assert LARGE[first : first + length].startswith(part), f"a flip at {place}, from {first}"
        restore(file)
    fixture.run(unmark(fixture.store))
    assert fixture.run(received(fixture.store, bucket.name, 0, None)) == LARGE


def restore(file: Path) -> None:
    """Write a blob's file anew, as it was."""
    summing = BlockChecksumWriter()
    summing.update(LARGE)
    file.write_bytes(LARGE + summing.trailer(file.name))


async def unmark(store: Store) -> None:
    await store.index.clear_damage([damage.blob_id for damage in store.index.damage()])


def test_a_range_beside_the_damage_is_served_and_one_over_it_is_not(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket()
    version = fixture.run(put(store, bucket, "key", LARGE))
    flip(blob_file(fixture), 2 * BLOCK + 5)
    assert fixture.run(body(store, version, 10, BLOCK)) == LARGE[10 : BLOCK + 10]
    assert fixture.run(body(store, version, 3 * BLOCK)) == LARGE[3 * BLOCK :]
    with pytest.raises(DamagedBlob, match="damaged"):
        fixture.run(body(store, version, 2 * BLOCK + 100, 5))


def test_damage_is_marked_until_its_blob_is_removed(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket()
    version = fixture.run(put(store, bucket, "key", LARGE))
    fixture.run(put(store, bucket, "other", LARGE[::-1]))
    (extent,) = version.extents
    flip(fixture.directory / "blobs" / extent.blob_id[:2] / extent.blob_id, 7)
    with pytest.raises(DamagedBlob):
        fixture.run(body(store, version))
    store = fixture.reopen()
    (mark,) = store.index.damage()
    assert (mark.blob_id, mark.what) == (
        extent.blob_id,
        "wrong checksum in the 64 KiB from byte 0 on",
    )
    with pytest.raises(DamagedBlob):  # at once, also where the bytes are right
        fixture.run(body(store, version, 2 * BLOCK, 5))
    other = store.index.latest(bucket.id, "other")
    assert fixture.run(body(store, other)) == LARGE[::-1]
    fixture.run(put(store, bucket, "key", LARGE))
    assert store.index.damage() == []
    assert fixture.run(body(store, store.index.latest(bucket.id, "key"))) == LARGE


def test_a_damaged_row_is_marked(fixture: StoreFixture) -> None:
    bucket = fixture.bucket()
    version = fixture.run(put(fixture.store, bucket, "key", b"right"))
    fixture.close()
    db = connect(fixture.directory / "index.db")
    db.execute("UPDATE blob SET data = ?", (b"wrong",))
    db.close()
    store = fixture.reopen()

    async def get() -> object:
        return store.get(bucket, "key")

    with pytest.raises(DamagedBlob):
        fixture.run(get())
    fixture.close()
    fixture.reopen()
    assert [mark.blob_id for mark in fixture.store.index.damage()] == [version.extents[0].blob_id]
    fixture.call(fixture.store.index.delete_version, bucket.id, "key")
    assert fixture.store.index.damage() == []


def test_a_file_without_checksums_is_read_through_before_its_first_byte(
    fixture: StoreFixture,
) -> None:
    """As the first versions have left them."""
    store, bucket = fixture.store, fixture.bucket()
    version = fixture.run(put(store, bucket, "key", LARGE))
    file = blob_file(fixture)
    os.truncate(file, len(LARGE))
    assert fixture.run(body(store, version)) == LARGE
    assert fixture.run(body(store, version, 100, 200)) == LARGE[100:300]
    flip(file, len(LARGE) - 1)
    with pytest.raises(DamagedBlob):
        fixture.run(body(store, version, 0, 1))


def test_a_part_of_a_joined_object_that_is_damaged_stops_it_there(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket()
    version = fixture.run(compose(store, bucket, "key", [LARGE, LARGE[::-1], b"tail"]))
    second = version.extents[1].blob_id
    flip(fixture.directory / "blobs" / second[:2] / second, 0)

    async def read() -> bytes:
        got, reading = bytearray(), store.read(version)
        while len(got) < len(LARGE):
            got += await anext(reading)
        with pytest.raises(DamagedBlob) as caught:
            await anext(reading)
        assert caught.value.blob_id == second
        return bytes(got)

    assert fixture.run(read()) == LARGE


def test_damage_that_cannot_be_marked_is_still_an_error(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket()
    version = fixture.run(put(store, bucket, "key", LARGE))
    flip(blob_file(fixture), 0)

    async def read() -> None:
        reading = store.read(version)
        await store.index.delete_version(bucket.id, "key")
        with pytest.raises(DamagedBlob):
            await anext(reading)
        await reading.aclose()

    fixture.run(read())
    assert store.index.damage() == []


def index_places(size: int) -> list[int]:
    """Return places in the index: its header, the head of each page, and others at random."""
    chance = random.Random(3)
    heads = [page + chance.randrange(12) for page in range(0, size, 4096)]
    return [*range(0, 100, 7), *heads, *(chance.randrange(size) for _ in range(150))]


def test_no_flipped_byte_of_the_index_makes_a_wrong_result(
    tmp_path: Path, fixture: StoreFixture
) -> None:
    bucket = fixture.bucket(versioning="Enabled")
    bodies = {f"key{n:03}": b"%d" % n * 200 for n in range(60)}
    for key, data in bodies.items():
        fixture.run(put(fixture.store, bucket, key, data))
    versions = {key: fixture.store.index.latest(bucket.id, key) for key in bodies}
    fixture.close()
    file = fixture.directory / "index.db"
    good = file.read_bytes()
    found = 0
    for place in index_places(len(good)):
        file.write_bytes(good)
        flip(file, place, place % 8)
        found += fixture.run(ask_everything(fixture.directory, bodies, versions))
        for log in fixture.directory.glob("index.db-*"):
            log.unlink()
    assert found > 100
    file.write_bytes(good)
    fixture.reopen()
    assert fixture.run(ask(fixture.store, bodies, versions)) == 0


async def ask_everything(
    directory: Path, bodies: dict[str, bytes], versions: dict[str, Version]
) -> int:
    """Return 1 if a damaged index says so anywhere; what it says otherwise must be right."""
    try:
        store = await open_store(directory)
    except Exception:
        return 1
    try:
        return await ask(store, bodies, versions)
    finally:
        await store.close()


async def ask(store: Store, bodies: dict[str, bytes], versions: dict[str, Version]) -> int:
    """Return 1 if any result is an InternalError; every other result must be right."""
    errors = 0
    try:
        bucket = store.index.bucket("shelf")
        keys = [entry.key for entry in (await store.index.list_objects(bucket.id)).entries]
        assert keys == list(bodies)
    except InternalError:
        return 1
    for key, data in bodies.items():
        try:
            version, inline = store.get(bucket, key)
            assert version == versions[key]
            assert inline == data
        except InternalError:
            errors = 1
        await asyncio.sleep(0)
    return errors
