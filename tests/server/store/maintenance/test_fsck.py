"""The check of a directory finds every kind of fault between index and bytes, and repairs some."""

import os
import random
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from coskit.server.store.blobs.waiting_removals import (
    PATTERN,
    WaitingRemovals,
    waiting_removals,
)
from coskit.server.store.index.database import connect
from coskit.server.store.maintenance.blob_check import LOST
from coskit.server.store.maintenance.findings import KINDS, Finding
from coskit.server.store.maintenance.fsck import check, repair
from coskit.server.store.model import NewVersion
from tests.server.store.io.test_damage import flip
from tests.server.store.store_fixture import StoreFixture, body, compose, put, put_part

LARGE = random.Random(4).randbytes(150_000)


def fill(fixture: StoreFixture) -> None:
    """Store a bit of everything."""
    store, bucket = fixture.store, fixture.bucket(versioning="Enabled")
    for data in (b"small", LARGE, b""):
        fixture.run(put(store, bucket, "key", data))
    version = fixture.run(put(store, bucket, "source", LARGE[::-1]))
    fixture.call(store.index.copy_version, bucket.id, "copy", version, NewVersion())
    fixture.call(store.index.delete_version, bucket.id, "source")
    fixture.run(compose(store, bucket, "joined", [LARGE, b"tail"]))
    upload = fixture.call(store.index.begin_upload, bucket.id, "open", NewVersion())
    fixture.run(put_part(store, bucket, "open", upload.upload_id, 1, LARGE))
    fixture.close()


def findings(fixture: StoreFixture, **options: bool) -> list[Finding]:
    return list(check(fixture.directory, exclusive=True, **options))


def sql(fixture: StoreFixture, *statements: str) -> None:
    with closing(connect(fixture.directory / "index.db")) as db:
        for statement in statements:
            db.execute(statement)
            assert db.total_changes(), statement


def first_file(fixture: StoreFixture) -> Path:
    """Return the first of the large files."""
    found = sorted((fixture.directory / "blobs").glob("*/*"))
    return next(file for file in found if file.stat().st_size > len(LARGE))


def test_what_is_right_has_no_findings(fixture: StoreFixture) -> None:
    fill(fixture)
    assert findings(fixture) == []
    assert findings(fixture, deep=False) == []
    fixture.reopen()
    assert list(check(fixture.directory, exclusive=False)) == []


A_FILE = "(SELECT id FROM blob WHERE size > 9 AND data IS NULL ORDER BY id LIMIT 1)"

# By kind of finding: what brings it about, and whether it can be repaired.
BREAKAGES: dict[str, tuple[str, bool]] = {
    "body-length": (
        "UPDATE head SET body = '[[\"x\",0,1]]', size = 9 WHERE key = x'6B6579'",
        False,
    ),
    "blob-unknown": (f"DELETE FROM blob WHERE id = {A_FILE}", False),
    "extent-beyond": (f"UPDATE blob SET size = 7 WHERE id = {A_FILE}", False),
    "reference-count": (f"UPDATE blob SET refs = refs + 1 WHERE id = {A_FILE}", True),
    "blob-unreferenced": ("INSERT INTO blob VALUES ('0abc', 1, 0, 1, x'00')", True),
    "part-without-upload": ("DELETE FROM upload", True),
    "without-bucket": ("UPDATE upload SET bucket_id = 77", False),
    "version-order": ("UPDATE version SET vord = vord + (1 << 60) WHERE key = x'6B6579'", False),
    "head-missing": ("DELETE FROM version WHERE is_marker", False),
    "sequence-behind": ("UPDATE sequence SET last = 5", True),
    "garbage-referenced": (f"INSERT INTO garbage VALUES ({A_FILE}, 0)", True),
    "garbage": ("INSERT INTO garbage VALUES ('00gone', 0)", True),
    "mark-obsolete": (f"INSERT INTO damage VALUES ({A_FILE}, 0, 'was wrong')", True),
}


@pytest.mark.parametrize("kind", BREAKAGES)
def test_an_index_at_odds_with_itself_is_found(fixture: StoreFixture, kind: str) -> None:
    fill(fixture)
    statement, repairable = BREAKAGES[kind]
    sql(fixture, statement)
    found = findings(fixture)
    mine = [finding for finding in found if finding.kind == kind]
    assert mine, found
    assert all((finding.repair is not None) == repairable for finding in mine)
    assert all(finding.kind in KINDS for finding in found)
    if repairable:
        before = {path.name for path in first_file(fixture).parents[1].glob("*/*")}
        repaired, left = repair(fixture.directory)
        assert kind in {finding.kind for finding in repaired}
        assert left == []
        kept = {path.name for path in first_file(fixture).parents[1].glob("*/*")}
        lost = {path.name for path in (fixture.directory / LOST).glob("*")}
        assert kept | lost == before, "a repair has removed bytes"
    fixture.reopen()


def test_two_versions_with_the_id_null_are_found(fixture: StoreFixture) -> None:
    fill(fixture)
    sql(
        fixture,
        "UPDATE head SET is_null = 1",
        "UPDATE version SET is_null = 1 WHERE vord = (SELECT min(vord) FROM version)",
    )
    assert [finding.kind for finding in findings(fixture)] == ["two-null-versions"]


def break_file(fixture: StoreFixture, how: str) -> None:
    file = first_file(fixture)
    if how == "gone":
        file.unlink()
    elif how == "cut":
        os.truncate(file, 1000)
    elif how == "longer":
        with file.open("ab") as opened:
            opened.write(b"x")
    elif how == "another":
        others = [other for other in file.parents[1].glob("*/*") if other != file]
        large = next(other for other in others if other.stat().st_size > len(LARGE))
        file.write_bytes(large.read_bytes())
    else:
        flip(file, {"data": 70_000, "table": 150_005, "footer": -5 % file.stat().st_size}[how])


@pytest.mark.parametrize("how", ["gone", "cut", "longer", "another", "data", "table", "footer"])
def test_bytes_at_odds_with_the_index_are_found_and_what_needs_them_is_named(
    fixture: StoreFixture, how: str
) -> None:
    fill(fixture)
    file = first_file(fixture)
    break_file(fixture, how)
    (finding,) = findings(fixture)
    assert finding.kind == ("blob-missing" if how == "gone" else "blob-damaged")
    assert finding.subject == file.name
    assert any(key in finding.what for key in ("key", "copy", "joined", "upload")), finding
    assert finding.repair is None
    quick = findings(fixture, deep=False)
    assert len(quick) == (how != "data")
    assert repair(fixture.directory) == ([], [finding])
    fixture.reopen()


def test_damaged_bytes_inside_the_index_are_found(fixture: StoreFixture) -> None:
    fill(fixture)
    sql(fixture, "UPDATE blob SET data = x'00' WHERE data = CAST('small' AS BLOB)")
    (finding,) = findings(fixture)
    assert finding.kind == "blob-damaged"
    fixture.reopen()


def test_strange_files_are_set_aside(fixture: StoreFixture) -> None:
    fill(fixture)
    stranger = fixture.directory / "blobs" / "ab" / ("ab" * 16)
    stranger.write_bytes(b"whose?")
    draft = fixture.directory / "tmp" / "half"
    draft.write_bytes(b"half")
    kept = first_file(fixture)
    os.link(kept, fixture.directory / "tmp" / kept.name)
    kinds = {finding.kind: finding.subject for finding in findings(fixture)}
    assert kinds == {
        "orphan-file": f"blobs/ab/{stranger.name}",
        "unfinished": "half",
        "unsettled": kept.name,
    }
    repaired, left = repair(fixture.directory)
    assert (len(repaired), left) == (3, [])
    assert (fixture.directory / LOST / stranger.name).read_bytes() == b"whose?"
    assert kept.exists()
    store = fixture.reopen()
    assert fixture.drafts() == set()
    version = store.index.latest(store.index.bucket("shelf").id, "copy")
    assert fixture.run(body(store, version)) == LARGE[::-1]


def test_every_damaged_page_of_the_index_is_named(fixture: StoreFixture) -> None:
    fill(fixture)
    file = fixture.directory / "index.db"
    good = file.read_bytes()
    for page in range(1, len(good) // 4096, 3):
        file.write_bytes(good)
        flip(file, page * 4096 + 4000)
        found = findings(fixture, deep=False)
        assert [f.subject for f in found if f.kind == "page-damaged"] == [f"page {page + 1}"]
    damaged = file.read_bytes()
    assert repair(fixture.directory)[0] == []
    assert file.read_bytes() == damaged, "a repair has written to a damaged index"
    for place in (3, 17, 40, 4090):
        file.write_bytes(good)
        flip(file, place)
        assert findings(fixture)[0].kind == "page-damaged"
    file.write_bytes(good)
    assert findings(fixture) == []
    fixture.reopen()


def test_nothing_under_way_is_reported_not_even_a_file_that_a_reader_holds_for_long(
    fixture: StoreFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coskit.server.store.maintenance.blob_check._REMOVAL_SECONDS", 0.3)
    fill(fixture)
    store = fixture.reopen()
    bucket = store.index.bucket("shelf")

    async def work() -> list[Finding]:
        version = await put(store, bucket, "going", LARGE)
        reading = store.read(version)  # its file stays for now
        await store.index.delete_version(bucket.id, "going", version.version_id)
        async with store.receive() as receiver:
            await receiver.write(LARGE)
            await receiver.finish()
            found = list(check(fixture.directory, exclusive=False))
        await reading.aclose()
        return found

    assert fixture.run(work()) == []
    fixture.close()
    assert list(fixture.directory.glob(PATTERN)) == []
    fixture.reopen()


def test_the_readers_of_a_dead_process_keep_no_file(fixture: StoreFixture) -> None:
    fill(fixture)
    dead = WaitingRemovals(fixture.directory)
    dead.add(["ab" * 16])
    assert waiting_removals(fixture.directory) == {"ab" * 16}
    os.close(dead._fd)
    assert waiting_removals(fixture.directory) == set()
    fixture.reopen()
    assert list(fixture.directory.glob(PATTERN)) == []


def test_a_file_whose_removal_fails_is_reported(
    fixture: StoreFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coskit.server.store.maintenance.blob_check._REMOVAL_SECONDS", 0.3)
    bucket = fixture.bucket()
    fixture.run(put(fixture.store, bucket, "going", LARGE))

    def fail(blob_ids: Sequence[str]) -> None:
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(fixture.store.blobs, "discard", fail)
        fixture.call(fixture.store.index.delete_version, bucket.id, "going")
        fixture.run(fixture.store.lifetime.close())
        found = list(check(fixture.directory, exclusive=False))
    assert [finding.kind for finding in found] == ["garbage"]


def test_all_kinds_of_findings_are_explained() -> None:
    said: Callable[[str], bool] = lambda text: text.endswith(".") and len(text) > 20  # noqa: E731
    assert all(map(said, KINDS.values()))
