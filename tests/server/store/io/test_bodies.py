"""Bodies are stored in the index or in files, and are read completely and checked."""

import asyncio
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import InternalError, NoSuchKey
from coskit.server.store.blobs.files import FileReader
from coskit.server.store.index.database import connect
from coskit.server.store.index.database import version as schema_version
from coskit.server.store.io.read import CHUNK, cut
from coskit.server.store.io.receive import BLOCK, BodyReceiver
from coskit.server.store.model import Extent, NewVersion, Version
from coskit.server.store.recovery import open_store
from coskit.server.store.store import INLINE_LIMIT, Store
from tests.server.store.store_fixture import StoreFixture, body, compose, put

LARGE = os.urandom(3 * CHUNK + 17)
SIZES = [
    *(0, 1, INLINE_LIMIT - 1, INLINE_LIMIT, INLINE_LIMIT + 1),
    *(CHUNK - 1, CHUNK, CHUNK + 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5),
]


@asynccontextmanager
async def received(store: Store, data: bytes, step: int) -> AsyncIterator[BodyReceiver]:
    async with store.receive() as receiver:
        for start in range(0, len(data), step):
            await receiver.write(data[start : start + step])
        yield receiver


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [65_536, BLOCK * 3])
def test_a_body_comes_back_whatever_its_size(shared: StoreFixture, size: int, step: int) -> None:
    store = shared.store
    bucket = shared.bucket(f"sizes{size}-{step}")
    data = os.urandom(size)
    new = NewVersion("ARCHIVE", "me", {"x-cos-meta-a": "é\udcff", "b": ""}, "ACL", "TAGS", True)

    async def write() -> Version:
        async with received(store, data, step) as receiver:
            return await store.put(bucket, "key", await receiver.finish(), new)

    version = shared.run(write())
    found, inline = store.get(bucket, "key")
    assert found == version == store.index.latest(bucket.id, "key")
    assert inline == (data if size <= INLINE_LIMIT else None)
    assert shared.run(body(store, version)) == data
    assert (version.size, version.etag) == (size, hashlib.md5(data).hexdigest())
    assert (version.crc64, version.parts, version.restore) == (crc64(data), 0, None)
    assert (version.storage_class, version.owner, version.headers) == new_facts(new)
    assert (version.acl, version.tags, version.appendable) == ("ACL", "TAGS", True)


def new_facts(new: NewVersion) -> tuple[str, str, object]:
    return new.storage_class, new.owner, new.headers


@pytest.mark.parametrize("limit", [0, 10, 2 * BLOCK])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_the_limit_of_what_lies_in_the_index_is_a_setting(
    fixture: StoreFixture, limit: int, beyond: int
) -> None:
    store = fixture.reopen(inline_limit=limit)
    data = os.urandom(max(0, limit + beyond))
    version = fixture.run(put(store, fixture.bucket(), "key", data))
    _, inline = store.get(store.index.bucket("shelf"), "key")
    assert (inline is None) is (len(data) > limit)
    assert fixture.run(body(store, version)) == data
    assert len(fixture.files()) == (len(data) > limit)


@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_part_is_never_in_the_index(fixture: StoreFixture, size: int) -> None:
    bucket = fixture.bucket()
    version = fixture.run(compose(fixture.store, bucket, "key", [b"x" * size]))
    assert fixture.run(body(fixture.store, version)) == b"x" * size
    assert len(fixture.files()) == (size > 0)


RANGES = [(0, 0), (0, 1), (5, 1), (CHUNK - 1, 2), (CHUNK, CHUNK), (1, 3 * CHUNK), (3 * CHUNK, 17)]


@pytest.mark.parametrize(
    ("first", "length"), [*RANGES, (0, None), (7, None), (3 * CHUNK + 17, None)]
)
def test_any_range_is_read_whether_whole_or_in_parts(
    shared: StoreFixture, first: int, length: int | None
) -> None:
    store = shared.store
    name = f"ranges{first}-{length}"
    bucket = shared.bucket(name)
    whole = shared.run(put(store, bucket, "whole", LARGE))
    parts = [LARGE[:1], LARGE[1:CHUNK], b"", LARGE[CHUNK : 2 * CHUNK + 9], LARGE[2 * CHUNK + 9 :]]
    joined = shared.run(compose(store, bucket, "joined", parts))
    small = shared.run(put(store, bucket, "small", LARGE[:1000]))
    end = None if length is None else first + length
    for version, data in ((whole, LARGE), (joined, LARGE), (small, LARGE[:1000])):
        assert shared.run(body(store, version, first, length)) == data[first:end]


EXTENTS = (Extent("a", 0, 4), Extent("b", 10, 1), Extent("a", 2, 3))
CUTS = [
    (0, 8, EXTENTS),
    (0, 4, (Extent("a", 0, 4),)),
    (1, 2, (Extent("a", 1, 2),)),
    (3, 3, (Extent("a", 3, 1), Extent("b", 10, 1), Extent("a", 2, 1))),
    (5, 99, (Extent("a", 2, 3),)),
    (8, 1, ()),
    (2, 0, ()),
]


@pytest.mark.parametrize(("first", "length", "expected"), CUTS)
def test_extents_are_cut_to_a_range(first: int, length: int, expected: tuple[Extent, ...]) -> None:
    assert cut(EXTENTS, first, length) == expected


def test_a_body_that_is_not_committed_leaves_no_file(fixture: StoreFixture) -> None:
    store = fixture.store

    async def give_up() -> None:
        async with received(store, LARGE, 65_536):
            pass
        async with received(store, LARGE, 65_536) as receiver:
            await receiver.finish()
        with pytest.raises(ConnectionError):
            async with received(store, LARGE, 65_536) as receiver:
                raise ConnectionError

    fixture.run(give_up())
    fixture.close()
    assert (fixture.files(), fixture.drafts()) == (set(), set())
    fixture.reopen()


def test_a_cancelled_upload_leaves_no_file(fixture: StoreFixture) -> None:
    store = fixture.store

    async def cancel() -> None:
        waiting = asyncio.Event()

        async def upload() -> None:
            async with received(store, LARGE, 65_536):
                waiting.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(upload())
        await waiting.wait()
        task.cancel()
        await asyncio.wait([task])

    fixture.run(cancel())
    fixture.close()
    assert (fixture.files(), fixture.drafts()) == (set(), set())
    fixture.reopen()


def test_a_body_is_published_inside_its_context(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket()

    async def publish_late() -> None:
        async with received(store, LARGE, 65_536) as receiver:
            stored = await receiver.finish()
        with pytest.raises(ValueError, match="inside the context"):
            await store.put(bucket, "key", stored, NewVersion())

    fixture.run(publish_late())


def test_a_sink_holds_three_blocks_at_most(fixture: StoreFixture) -> None:
    async def watch() -> list[int]:
        bytes_in_memory = []
        async with fixture.store.receive() as receiver:
            for _ in range(400):
                await receiver.write(bytes(65_536))
                bytes_in_memory.append(receiver.bytes_in_memory)
            await receiver.finish()
            bytes_in_memory.append(receiver.bytes_in_memory)
        return bytes_in_memory

    bytes_in_memory = fixture.run(watch())
    assert max(bytes_in_memory) <= 3 * BLOCK + 65_536
    assert bytes_in_memory[-1] == 0


def test_a_disk_that_refuses_fails_the_upload(fixture: StoreFixture) -> None:
    (fixture.directory / "tmp").rmdir()

    async def upload() -> None:
        async with received(fixture.store, LARGE, 65_536) as receiver:
            await receiver.finish()

    with pytest.raises(InternalError):
        fixture.run(upload())
    (fixture.directory / "tmp").mkdir()


@pytest.mark.parametrize("step", ["replace", "delete", "delete the bucket's last copy"])
def test_a_running_read_delivers_the_old_bytes(fixture: StoreFixture, step: str) -> None:
    store, bucket = fixture.store, fixture.bucket()

    async def read_on() -> bytes:
        version = await put(store, bucket, "key", LARGE)
        source = store.read(version)
        chunks = [await anext(source)] if step != "delete" else []
        if step == "replace":
            await put(store, bucket, "key", b"new")
        else:
            await store.index.copy_version(bucket.id, "copy", version, NewVersion())
            await store.index.delete_versions(bucket.id, [("key", None), ("copy", None)])
        # Whatever is put off until now would be done before this returns.
        for n in range(5):
            await put(store, bucket, "other", b"x" * (INLINE_LIMIT + 1 + n))
        assert len(fixture.files()) >= 2
        chunks += [chunk async for chunk in source]
        return b"".join(chunks)

    assert fixture.run(read_on()) == LARGE
    fixture.close()
    assert len(fixture.files()) == 1
    fixture.reopen()


def test_a_read_that_is_closed_early_lets_go(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket()

    async def look_and_leave() -> None:
        version = await put(store, bucket, "key", LARGE)
        begun, unbegun = store.read(version), store.read(version)
        await anext(begun)
        await store.index.delete_version(bucket.id, "key")
        for source in (begun, unbegun):
            await source.aclose()
            await source.aclose()
            with pytest.raises(StopAsyncIteration):
                await anext(source)

    fixture.run(look_and_leave())
    fixture.close()
    assert fixture.files() == set()
    fixture.reopen()


def test_closing_waits_for_the_thread_of_a_closed_read(
    fixture: StoreFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, bucket = fixture.store, fixture.bucket()
    reading, go_on = threading.Event(), threading.Event()
    read = FileReader.read

    def read_late(self: FileReader, offset: int, length: int) -> bytes:
        if offset:  # what is read ahead
            reading.set()
            assert go_on.wait(30)
        return read(self, offset, length)

    async def close_while_reading() -> None:
        version = await put(store, bucket, "key", LARGE)
        monkeypatch.setattr(FileReader, "read", read_late)
        source = store.read(version)
        await anext(source)
        assert await asyncio.to_thread(reading.wait, 30)
        await source.aclose()
        await store.index.delete_version(bucket.id, "key")
        closing = asyncio.create_task(store.close())
        await asyncio.wait([closing], timeout=0.05)
        go_on.set()
        await closing

    fixture.run(close_while_reading())
    assert fixture.files() == set()
    fixture.reopen()


def test_a_cancelled_read_lets_go(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket()

    async def cancel() -> None:
        version = await put(store, bucket, "key", LARGE)
        source = store.read(version)

        async def read() -> None:
            try:
                await anext(source)
                await asyncio.Event().wait()
            finally:
                await source.aclose()

        task = asyncio.create_task(read())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await store.index.delete_version(bucket.id, "key")

    fixture.run(cancel())
    fixture.close()
    assert fixture.files() == set()
    fixture.reopen()


DAMAGES = ["shortened", "flipped", "flipped at the end", "gone"]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("joined", [False, True], ids=["whole", "in parts"])
def test_damaged_files_are_never_read_to_the_end(
    fixture: StoreFixture, damage: str, joined: bool
) -> None:
    store, bucket = fixture.store, fixture.bucket()
    write = compose(store, bucket, "key", [LARGE]) if joined else put(store, bucket, "key", LARGE)
    version = fixture.run(write)
    (file,) = (fixture.directory / "blobs").glob("*/*")
    spoil(file, damage)
    with pytest.raises(InternalError):
        fixture.run(body(store, version))


def spoil(file: Path, damage: str) -> None:
    if damage == "gone":
        file.unlink()
    elif damage == "shortened":
        os.truncate(file, len(LARGE) - 1)
    else:
        data = bytearray(LARGE)
        data[-1 if damage.endswith("end") else 0] ^= 1
        file.write_bytes(data)


def test_damaged_rows_are_not_served(fixture: StoreFixture) -> None:
    bucket = fixture.bucket()
    fixture.run(put(fixture.store, bucket, "key", b"right"))
    fixture.close()
    with closing(connect(fixture.directory / "index.db")) as db:
        db.execute("UPDATE blob SET data = ?", (b"wrong",))
    store = fixture.reopen()

    async def get() -> object:
        return store.get(bucket, "key")

    with pytest.raises(InternalError):
        fixture.run(get())
    with pytest.raises(InternalError):
        fixture.run(body(store, store.index.latest(bucket.id, "key")))


def test_everything_is_there_after_reopening(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fixture.bucket(versioning="Enabled")
    for data in (b"", b"small", LARGE):
        fixture.run(put(store, bucket, "key", data))
    fixture.call(store.index.delete_version, bucket.id, "key")
    fixture.run(compose(store, bucket, "joined", [LARGE, b"tail"]))
    upload = fixture.call(store.index.begin_upload, bucket.id, "open", NewVersion(tags="T"))
    before = fixture.call(store.index.list_versions, bucket.id)
    store = fixture.reopen()
    assert fixture.call(store.index.list_versions, bucket.id) == before
    assert store.index.upload(bucket.id, "open", upload.upload_id) == upload
    bodies = [
        fixture.run(body(store, store.index.version(bucket.id, "key", entry.version_id)))
        for entry in before.entries
        if entry.key == "key"
    ]
    assert bodies == [b"", LARGE, b"small", b""]
    assert fixture.run(body(store, store.index.latest(bucket.id, "joined"))) == LARGE + b"tail"


KILLED = """
import asyncio, os, sys
from coskit.server.store.model import NewVersion
from coskit.server.store.store import Store
from coskit.server.store.recovery import open_store
from tests.server.store.store_fixture import put

async def main() -> None:
    store = await open_store(sys.argv[1])
    bucket = await store.index.create_bucket("shelf", "owner", "acl")
    data = b"x" * 100_000
    await put(store, bucket, "kept", data)
    version = await put(store, bucket, "deleted", data)
    store.read(version)  # holds the file past its deletion
    await store.index.delete_version(bucket.id, "deleted")
    async with store.receive() as receiver:
        await receiver.write(data)
        await receiver.finish()
        async with store.receive() as half:
            await half.write(bytes(3_000_000))
            await half.write(bytes(3_000_000))
            print(sum(len(files) for _, _, files in os.walk(sys.argv[1] + "/blobs")), flush=True)
            os.kill(os.getpid(), 9)

asyncio.run(main())
"""


def test_what_a_killed_process_leaves_is_cleared_up(tmp_path: Path, fixture: StoreFixture) -> None:
    fixture.close()
    directory = tmp_path / "killed"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(directory)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[4],
    )
    assert (killed.returncode, killed.stdout.strip()) == (-9, "3"), killed.stderr
    fixture.directory = directory
    fixture.store = fixture.run(open_store(directory))
    assert (len(fixture.files()), fixture.drafts()) == (1, set())
    bucket = fixture.store.index.bucket("shelf")
    version = fixture.store.index.latest(bucket.id, "kept")
    assert fixture.run(body(fixture.store, version)) == b"x" * 100_000
    with pytest.raises(NoSuchKey):
        fixture.store.index.latest(bucket.id, "deleted")


def test_unknown_files_among_the_drafts_are_removed(fixture: StoreFixture) -> None:
    bucket = fixture.bucket()
    version = fixture.run(put(fixture.store, bucket, "key", LARGE))
    fixture.close()
    (kept,) = fixture.files()
    # As a crash between commit and settling leaves it, and a crash while writing.
    os.link(fixture.directory / "blobs" / kept[:2] / kept, fixture.directory / "tmp" / kept)
    (fixture.directory / "tmp" / "half").write_bytes(b"half")
    store = fixture.reopen()
    assert (fixture.files(), fixture.drafts()) == ({kept}, set())
    assert fixture.run(body(store, version)) == LARGE


def test_a_directory_belongs_to_one_process(fixture: StoreFixture) -> None:
    with pytest.raises(BlockingIOError):
        fixture.run(open_store(fixture.directory))


def test_an_index_of_a_later_version_is_left_alone(fixture: StoreFixture) -> None:
    fixture.close()
    with closing(connect(fixture.directory / "index.db")) as db:
        present = schema_version(db)
        db.execute("PRAGMA user_version = 999")
    with pytest.raises(RuntimeError, match="later version"):
        fixture.run(open_store(fixture.directory))
    with closing(connect(fixture.directory / "index.db")) as db:
        db.execute(f"PRAGMA user_version = {present}")
    fixture.reopen()
