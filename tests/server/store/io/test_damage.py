"""Bytes that a disk has changed are never handed out, and what is damaged is remembered."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from coskit.protocol.errors import InternalError
from coskit.server.store.blobs.block_checksums import BLOCK, FOOTER, Summing, trailer_length
from coskit.server.store.index.database import connect
from coskit.server.store.interfaces.errors import Damaged
from coskit.server.store.model import Version
from coskit.server.store.recovery import open_store
from coskit.server.store.store import Store
from tests.server.store.store_fixture import Shelf, body, compose, put

LARGE = random.Random(5).randbytes(5 * BLOCK + 123)


def blob_file(shelf: Shelf) -> Path:
    (file,) = (shelf.directory / "blobs").glob("*/*")
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
        async for chunk in store.reading(version, first, length):
            got += chunk
    except Damaged:
        assert len(got) < len(LARGE[first : None if length is None else first + length])
    return bytes(got)


def test_no_flipped_byte_of_a_file_ever_goes_out(shelf: Shelf) -> None:
    bucket = shelf.bucket()
    shelf.run(put(shelf.store, bucket, "key", LARGE))
    file, chance = blob_file(shelf), random.Random(2)
    for place in interesting(len(LARGE)):
        flip(file, place, chance.randrange(8))
        first = chance.randrange(len(LARGE))
        length = chance.randrange(1, len(LARGE) - first + 1)
        store = shelf.reopen()  # which tells of each blob's damage anew
        shelf.run(unmark(store))
        got = shelf.run(received(store, bucket.name, 0, None))
        assert LARGE.startswith(got), f"wrong bytes after a flip at {place}"
        assert len(got) <= place, f"the flipped byte {place} went out"
        shelf.run(unmark(store))
        part = shelf.run(received(store, bucket.name, first, length))
        assert LARGE[first : first + length].startswith(part), f"a flip at {place}, from {first}"
        restore(file)
    shelf.run(unmark(shelf.store))
    assert shelf.run(received(shelf.store, bucket.name, 0, None)) == LARGE


def restore(file: Path) -> None:
    """Write a blob's file anew, as it was."""
    summing = Summing()
    summing.update(LARGE)
    file.write_bytes(LARGE + summing.trailer(file.name))


async def unmark(store: Store) -> None:
    await store.index.clear_damage([damage.blob_id for damage in store.index.damage()])


def test_a_range_beside_the_damage_is_served_and_one_over_it_is_not(shelf: Shelf) -> None:
    store, bucket = shelf.store, shelf.bucket()
    version = shelf.run(put(store, bucket, "key", LARGE))
    flip(blob_file(shelf), 2 * BLOCK + 5)
    assert shelf.run(body(store, version, 10, BLOCK)) == LARGE[10 : BLOCK + 10]
    assert shelf.run(body(store, version, 3 * BLOCK)) == LARGE[3 * BLOCK :]
    with pytest.raises(Damaged, match="damaged"):
        shelf.run(body(store, version, 2 * BLOCK + 100, 5))


def test_a_found_damage_is_marked_and_goes_with_its_blob(shelf: Shelf) -> None:
    store, bucket = shelf.store, shelf.bucket()
    version = shelf.run(put(store, bucket, "key", LARGE))
    shelf.run(put(store, bucket, "other", LARGE[::-1]))
    (extent,) = version.extents
    flip(shelf.directory / "blobs" / extent.blob_id[:2] / extent.blob_id, 7)
    with pytest.raises(Damaged):
        shelf.run(body(store, version))
    store = shelf.reopen()
    (mark,) = store.index.damage()
    assert (mark.blob_id, mark.what) == (
        extent.blob_id,
        "wrong checksum in the 64 KiB from byte 0 on",
    )
    with pytest.raises(Damaged):  # at once, also where the bytes are right
        shelf.run(body(store, version, 2 * BLOCK, 5))
    other = store.index.latest(bucket.id, "other")
    assert shelf.run(body(store, other)) == LARGE[::-1]
    shelf.run(put(store, bucket, "key", LARGE))
    assert store.index.damage() == []
    assert shelf.run(body(store, store.index.latest(bucket.id, "key"))) == LARGE


def test_a_damaged_row_is_marked(shelf: Shelf) -> None:
    bucket = shelf.bucket()
    version = shelf.run(put(shelf.store, bucket, "key", b"right"))
    shelf.close()
    db = connect(shelf.directory / "index.db")
    db.execute("UPDATE blob SET data = ?", (b"wrong",))
    db.close()
    store = shelf.reopen()

    async def get() -> object:
        return store.get(bucket, "key")

    with pytest.raises(Damaged):
        shelf.run(get())
    shelf.close()
    shelf.reopen()
    assert [mark.blob_id for mark in shelf.store.index.damage()] == [version.extents[0].blob_id]
    shelf.call(shelf.store.index.delete_version, bucket.id, "key")
    assert shelf.store.index.damage() == []


def test_a_file_without_checksums_is_read_through_before_its_first_byte(shelf: Shelf) -> None:
    """As the first versions have left them."""
    store, bucket = shelf.store, shelf.bucket()
    version = shelf.run(put(store, bucket, "key", LARGE))
    file = blob_file(shelf)
    os.truncate(file, len(LARGE))
    assert shelf.run(body(store, version)) == LARGE
    assert shelf.run(body(store, version, 100, 200)) == LARGE[100:300]
    flip(file, len(LARGE) - 1)
    with pytest.raises(Damaged):
        shelf.run(body(store, version, 0, 1))


def test_a_part_of_a_joined_object_that_is_damaged_stops_it_there(shelf: Shelf) -> None:
    store, bucket = shelf.store, shelf.bucket()
    version = shelf.run(compose(store, bucket, "key", [LARGE, LARGE[::-1], b"tail"]))
    second = version.extents[1].blob_id
    flip(shelf.directory / "blobs" / second[:2] / second, 0)

    async def read() -> bytes:
        got, reading = bytearray(), store.reading(version)
        while len(got) < len(LARGE):
            got += await anext(reading)
        with pytest.raises(Damaged) as caught:
            await anext(reading)
        assert caught.value.blob_id == second
        return bytes(got)

    assert shelf.run(read()) == LARGE


def test_damage_that_nobody_can_mark_is_still_an_error(shelf: Shelf) -> None:
    store, bucket = shelf.store, shelf.bucket()
    version = shelf.run(put(store, bucket, "key", LARGE))
    flip(blob_file(shelf), 0)

    async def read() -> None:
        reading = store.reading(version)
        await store.index.delete_version(bucket.id, "key")
        with pytest.raises(Damaged):
            await anext(reading)
        await reading.aclose()

    shelf.run(read())
    assert store.index.damage() == []


def index_places(size: int) -> list[int]:
    """Return places in the index: its header, the head of each page, and others at random."""
    chance = random.Random(3)
    heads = [page + chance.randrange(12) for page in range(0, size, 4096)]
    return [*range(0, 100, 7), *heads, *(chance.randrange(size) for _ in range(150))]


def test_no_flipped_byte_of_the_index_ever_makes_a_wrong_answer(
    tmp_path: Path, shelf: Shelf
) -> None:
    bucket = shelf.bucket(versioning="Enabled")
    bodies = {f"key{n:03}": b"%d" % n * 200 for n in range(60)}
    for key, data in bodies.items():
        shelf.run(put(shelf.store, bucket, key, data))
    versions = {key: shelf.store.index.latest(bucket.id, key) for key in bodies}
    shelf.close()
    file = shelf.directory / "index.db"
    good = file.read_bytes()
    found = 0
    for place in index_places(len(good)):
        file.write_bytes(good)
        flip(file, place, place % 8)
        found += shelf.run(ask_everything(shelf.directory, bodies, versions))
        for log in shelf.directory.glob("index.db-*"):
            log.unlink()
    assert found > 100
    file.write_bytes(good)
    shelf.reopen()
    assert shelf.run(ask(shelf.store, bodies, versions)) == 0


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
    """Return 1 if any answer is an error of the server; every other answer must be right."""
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
