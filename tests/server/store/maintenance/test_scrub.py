"""The scrub reads everything, finds damage, and resumes after it was killed."""

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
from coskit.server.store.interfaces.errors import DamagedBlob
from coskit.server.store.maintenance.scrub import Scrub, ScrubRun, dump_runs, load_runs
from coskit.server.store.model import BlobRow
from coskit.server.store.store import Store
from tests.server.store.io.test_damage import flip
from tests.server.store.store_fixture import StoreFixture, body, put

LARGE = random.Random(8).randbytes(200_000)
RUNS = st.builds(ScrubRun, *[st.integers(0, 1 << 60)] * 7, st.text("0123456789abcdef"))


def fill(fixture: StoreFixture) -> dict[str, str]:
    """Put objects inside and outside of the index; return the blob of each."""
    bucket = fixture.bucket()
    bodies = {"small": b"small", "large": LARGE, "larger": LARGE * 8, "other": LARGE[::-1]}
    return {
        key: fixture.run(put(fixture.store, bucket, key, data)).extents[0].blob_id
        for key, data in bodies.items()
    }


def file_of(fixture: StoreFixture, blob_id: str) -> Any:
    return fixture.directory / "blobs" / blob_id[:2] / blob_id


@given(st.none() | RUNS, st.none() | RUNS)
def test_what_is_kept_of_runs_is_read_back(running: ScrubRun | None, last: ScrubRun | None) -> None:
    assert load_runs(dump_runs(running, last)) == (running, last)


@pytest.mark.parametrize("text", ["", "x", "[]", "[1, 2]", '[{"began": 1, "no": 2}, null]'])
def test_what_no_run_has_kept_is_no_run(text: str) -> None:
    assert load_runs(text) == (None, None)


def test_a_scrub_of_what_is_right_reads_all_of_it(fixture: StoreFixture) -> None:
    fill(fixture)
    run = fixture.run(fixture.store.scrub.once())
    assert (run.blobs, run.bytes, run.damaged, run.damaged_pages) == (4, 5 + 10 * 200_000, 0, 0)
    assert run.ended >= run.began > 0
    assert fixture.store.index.damage() == []
    store = fixture.reopen()
    fixture.run(store.scrub.load())
    assert store.scrub.last == run
    fixture.run(store.scrub.once())
    assert store.scrub.last.pages > 5


def test_a_scrub_marks_what_is_damaged_or_gone(fixture: StoreFixture) -> None:
    blobs = fill(fixture)
    flip(file_of(fixture, blobs["larger"]), 1_500_000)
    file_of(fixture, blobs["other"]).unlink()
    run = fixture.run(fixture.store.scrub.once())
    assert run.damaged == 2
    marks = {mark.blob_id: mark.what for mark in fixture.store.index.damage()}
    assert set(marks) == {blobs["larger"], blobs["other"]}
    assert marks[blobs["other"]] == "missing"
    store, bucket = fixture.store, fixture.store.index.bucket("shelf")
    assert fixture.run(body(store, store.index.latest(bucket.id, "large"))) == LARGE


def test_a_scrub_takes_back_the_mark_of_what_was_put_right(fixture: StoreFixture) -> None:
    blobs = fill(fixture)
    flip(file_of(fixture, blobs["large"]), 3)
    fixture.run(fixture.store.scrub.once())
    assert len(fixture.store.index.damage()) == 1
    flip(file_of(fixture, blobs["large"]), 3)
    assert fixture.run(fixture.store.scrub.once()).damaged == 0
    assert fixture.store.index.damage() == []


def test_a_scrub_finds_damaged_pages_of_the_index(fixture: StoreFixture) -> None:
    bucket = fixture.bucket()
    for n in range(50):
        fixture.run(put(fixture.store, bucket, f"{n}", bytes(3000)))
    fixture.close()
    size = (fixture.directory / "index.db").stat().st_size
    store = fixture.reopen()
    for page in (size // 4096 - 1, size // 4096 - 2):
        flip(fixture.directory / "index.db", page * 4096 + 2000)
    assert store.index.check_pages(0, 1) == size // 4096
    run = fixture.run(_pages_only(store))
    assert run.damaged_pages == 2


async def _pages_only(store: Store) -> ScrubRun:
    return await store.scrub._read_pages(ScrubRun(1), None)


def test_a_scrub_of_a_damaged_index_comes_to_an_end(fixture: StoreFixture) -> None:
    bucket = fixture.bucket()
    for n in range(60):
        fixture.run(put(fixture.store, bucket, f"{n}", bytes(3000)))
    fixture.close()
    index = fixture.directory / "index.db"
    last = index.stat().st_size // 4096 - 1
    for page in range(last - 10, last):
        flip(index, page * 4096 + 3000)
    store = fixture.reopen()
    run = fixture.run(store.scrub.once())
    assert run.ended
    assert run.damaged_pages == 10
    assert run.blobs < 60
    store = fixture.reopen()
    assert store.scrub.last == run


class Killed(BaseException):
    """Stands for the end of a process."""


def test_a_killed_scrub_resumes_where_it_stopped(fixture: StoreFixture) -> None:
    blobs = fill(fixture)
    store = fixture.store
    read: list[str] = []

    class Noted(Scrub):
        async def _read_blob(
            self, blob_id: str, row: BlobRow, rate: float | None
        ) -> DamagedBlob | None:
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

    flip(file_of(fixture, blobs["larger"]), 0)
    with pytest.raises(Killed):
        fixture.run(scrub(2).once())
    assert len(read) == 2
    run = fixture.run(scrub(-1).once())
    assert sorted(read) == read == sorted(blobs.values())
    assert (run.blobs, run.damaged) == (4, 1)


def test_a_scrub_that_is_slowed_down_takes_its_time(fixture: StoreFixture) -> None:
    fill(fixture)
    slept: list[float] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await fixture.store.scrub.once(rate=20e6)
        slept.append(loop.time() - began)

    fixture.run(run())
    assert slept[0] > 0.09  # 2 MB at 20 MB in a second


def test_a_blob_that_is_deleted_during_the_scrub_is_no_damage(
    fixture: StoreFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = fill(fixture)
    store, bucket = fixture.store, fixture.store.index.bucket("shelf")

    async def run() -> ScrubRun:
        rows = store.index.blobs_after("", 100)
        await store.index.delete_version(bucket.id, "large")
        await store.lifetime.close()
        monkeypatch.setattr(store.index, "blobs_after", lambda after, limit: [] if after else rows)
        return await store.scrub._read_blobs(ScrubRun(1), None)

    found = fixture.run(run())
    assert not file_of(fixture, blobs["large"]).exists()
    assert (found.blobs, found.damaged) == (4, 0)
    assert store.index.damage() == []


def test_a_scrub_waits_for_its_period_and_no_longer(fixture: StoreFixture) -> None:
    store = fixture.store
    scrub = Scrub(store.index, store.blobs, store.threads.background, clock=lambda: 1000.0)
    assert scrub._wait(60) == 0
    scrub.last = ScrubRun(990_000, 991_000)
    assert scrub._wait(60) == 50
    scrub.last = dataclasses.replace(scrub.last, began=900_000)
    assert scrub._wait(60) == 0
    scrub.last = dataclasses.replace(scrub.last, began=9_000_000)  # the clock was set back
    assert scrub._wait(60) == 60
    scrub.running = ScrubRun(1)
    assert scrub._wait(60) == 0


def test_a_scrub_is_cancelled_while_a_thread_reads_for_it(
    fixture: StoreFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(fixture)
    reading, go_on = threading.Event(), threading.Event()
    read = FileReader.read

    def read_late(self: FileReader, offset: int, length: int) -> bytes:
        reading.set()
        assert go_on.wait(30)
        return read(self, offset, length)

    monkeypatch.setattr(FileReader, "read", read_late)

    async def cancel() -> None:
        scrub = asyncio.create_task(fixture.store.scrub.run(rate=1 << 30, period=60))
        assert await asyncio.to_thread(reading.wait, 30)
        scrub.cancel()
        with pytest.raises(asyncio.CancelledError):
            await scrub
        go_on.set()

    fixture.run(cancel())
    fixture.reopen()
