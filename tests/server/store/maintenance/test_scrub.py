"""The scrub reads everything, finds what is damaged, and goes on where it was killed."""

import asyncio
import dataclasses
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.server.store.blobs.files import FileReader
from coskit.server.store.interfaces.errors import Damaged
from coskit.server.store.maintenance.scrub import Scrub, Scrubbed, dump_runs, load_runs
from coskit.server.store.model import BlobRow
from coskit.server.store.store import Store
from tests.server.store.io.test_damage import flip
from tests.server.store.store_fixture import Shelf, body, put

LARGE = random.Random(8).randbytes(200_000)
RUNS = st.builds(Scrubbed, *[st.integers(0, 1 << 60)] * 7, st.text("0123456789abcdef"))


def fill(shelf: Shelf) -> dict[str, str]:
    """Put objects inside and outside of the index; return the blob of each."""
    bucket = shelf.bucket()
    bodies = {"small": b"small", "large": LARGE, "larger": LARGE * 8, "other": LARGE[::-1]}
    return {
        key: shelf.run(put(shelf.store, bucket, key, data)).extents[0].blob_id
        for key, data in bodies.items()
    }


def file_of(shelf: Shelf, blob_id: str) -> Any:
    return shelf.directory / "blobs" / blob_id[:2] / blob_id


@given(st.none() | RUNS, st.none() | RUNS)
def test_what_is_kept_of_runs_is_read_back(running: Scrubbed | None, last: Scrubbed | None) -> None:
    assert load_runs(dump_runs(running, last)) == (running, last)


@pytest.mark.parametrize("text", ["", "x", "[]", "[1, 2]", '[{"began": 1, "no": 2}, null]'])
def test_what_no_run_has_kept_is_no_run(text: str) -> None:
    assert load_runs(text) == (None, None)


def test_a_scrub_of_what_is_right_reads_all_of_it(shelf: Shelf) -> None:
    fill(shelf)
    run = shelf.run(shelf.store.scrub.once())
    assert (run.blobs, run.bytes, run.damaged, run.damaged_pages) == (4, 5 + 10 * 200_000, 0, 0)
    assert run.ended >= run.began > 0
    assert shelf.store.index.damage() == []
    store = shelf.reopen()
    shelf.run(store.scrub.load())
    assert store.scrub.last == run
    shelf.run(store.scrub.once())
    assert store.scrub.last.pages > 5


def test_a_scrub_marks_what_is_damaged_or_gone(shelf: Shelf) -> None:
    blobs = fill(shelf)
    flip(file_of(shelf, blobs["larger"]), 1_500_000)
    file_of(shelf, blobs["other"]).unlink()
    run = shelf.run(shelf.store.scrub.once())
    assert run.damaged == 2
    marks = {mark.blob_id: mark.what for mark in shelf.store.index.damage()}
    assert set(marks) == {blobs["larger"], blobs["other"]}
    assert marks[blobs["other"]] == "missing"
    store, bucket = shelf.store, shelf.store.index.bucket("shelf")
    assert shelf.run(body(store, store.index.latest(bucket.id, "large"))) == LARGE


def test_a_scrub_takes_back_the_mark_of_what_was_put_right(shelf: Shelf) -> None:
    blobs = fill(shelf)
    flip(file_of(shelf, blobs["large"]), 3)
    shelf.run(shelf.store.scrub.once())
    assert len(shelf.store.index.damage()) == 1
    flip(file_of(shelf, blobs["large"]), 3)
    assert shelf.run(shelf.store.scrub.once()).damaged == 0
    assert shelf.store.index.damage() == []


def test_a_scrub_finds_damaged_pages_of_the_index(shelf: Shelf) -> None:
    bucket = shelf.bucket()
    for n in range(50):
        shelf.run(put(shelf.store, bucket, f"{n}", bytes(3000)))
    shelf.close()
    size = (shelf.directory / "index.db").stat().st_size
    store = shelf.reopen()
    for page in (size // 4096 - 1, size // 4096 - 2):
        flip(shelf.directory / "index.db", page * 4096 + 2000)
    assert store.index.check_pages(0, 1) == size // 4096
    run = shelf.run(_pages_only(store))
    assert run.damaged_pages == 2


async def _pages_only(store: Store) -> Scrubbed:
    return await store.scrub._read_pages(Scrubbed(1), None)


def test_a_scrub_of_a_damaged_index_comes_to_an_end(shelf: Shelf) -> None:
    bucket = shelf.bucket()
    for n in range(60):
        shelf.run(put(shelf.store, bucket, f"{n}", bytes(3000)))
    shelf.close()
    index = shelf.directory / "index.db"
    last = index.stat().st_size // 4096 - 1
    for page in range(last - 10, last):
        flip(index, page * 4096 + 3000)
    store = shelf.reopen()
    run = shelf.run(store.scrub.once())
    assert run.ended
    assert run.damaged_pages == 10
    assert run.blobs < 60
    store = shelf.reopen()
    assert store.scrub.last == run


class Killed(BaseException):
    """Stands for the end of a process."""


def test_a_killed_scrub_goes_on_where_it_was(shelf: Shelf) -> None:
    blobs = fill(shelf)
    store = shelf.store
    read: list[str] = []

    class Noted(Scrub):
        async def _read_blob(
            self, blob_id: str, row: BlobRow, rate: float | None
        ) -> Damaged | None:
            found = await super()._read_blob(blob_id, row, rate)
            read.append(blob_id)
            return found

    def scrub(dies_after: int) -> Scrub:
        def submit(call: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            if len(read) == dies_after:
                raise Killed
            future.set_result(call(*args))
            return future

        return Noted(store.index, store.blobs, submit, saved_after=0)

    flip(file_of(shelf, blobs["larger"]), 0)
    with pytest.raises(Killed):
        shelf.run(scrub(2).once())
    assert len(read) == 2
    run = shelf.run(scrub(-1).once())
    assert sorted(read) == read == sorted(blobs.values())
    assert (run.blobs, run.damaged) == (4, 1)


def test_a_scrub_that_is_slowed_down_takes_its_time(shelf: Shelf) -> None:
    fill(shelf)
    slept: list[float] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await shelf.store.scrub.once(rate=20e6)
        slept.append(loop.time() - began)

    shelf.run(run())
    assert slept[0] > 0.09  # 2 MB at 20 MB in a second


def test_a_blob_that_goes_meanwhile_is_no_damage(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = fill(shelf)
    store, bucket = shelf.store, shelf.store.index.bucket("shelf")

    async def run() -> Scrubbed:
        rows = store.index.blobs_after("", 100)
        await store.index.delete_version(bucket.id, "large")
        await store.lifetime.close()
        monkeypatch.setattr(store.index, "blobs_after", lambda after, limit: [] if after else rows)
        return await store.scrub._read_blobs(Scrubbed(1), None)

    found = shelf.run(run())
    assert not file_of(shelf, blobs["large"]).exists()
    assert (found.blobs, found.damaged) == (4, 0)
    assert store.index.damage() == []


def test_a_scrub_waits_for_its_period_and_no_longer(shelf: Shelf) -> None:
    store = shelf.store
    scrub = Scrub(store.index, store.blobs, store.threads.background, clock=lambda: 1000.0)
    assert scrub._wait(60) == 0
    scrub.last = Scrubbed(990_000, 991_000)
    assert scrub._wait(60) == 50
    scrub.last = dataclasses.replace(scrub.last, began=900_000)
    assert scrub._wait(60) == 0
    scrub.last = dataclasses.replace(scrub.last, began=9_000_000)  # the clock was set back
    assert scrub._wait(60) == 60
    scrub.running = Scrubbed(1)
    assert scrub._wait(60) == 0


def test_a_scrub_is_cancelled_while_a_thread_reads_for_it(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shelf)
    reading, go_on = threading.Event(), threading.Event()
    read = FileReader.read

    def read_late(self: FileReader, offset: int, length: int) -> bytes:
        reading.set()
        assert go_on.wait(30)
        return read(self, offset, length)

    monkeypatch.setattr(FileReader, "read", read_late)

    async def cancel() -> None:
        scrub = asyncio.create_task(shelf.store.scrub.run(rate=1 << 30, period=60))
        assert await asyncio.to_thread(reading.wait, 30)
        scrub.cancel()
        with pytest.raises(asyncio.CancelledError):
            await scrub
        go_on.set()

    shelf.run(cancel())
    shelf.reopen()
