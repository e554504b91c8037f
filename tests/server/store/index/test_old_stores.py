"""A store of the first version is opened, migrated, and read with all checks."""

import json
import random
import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.server.store.index import schema
from coskit.server.store.index.database import connect, has_checksums, latest, version
from coskit.server.store.index.rows import signed
from coskit.server.store.interfaces.errors import DamagedBlob
from coskit.server.store.maintenance.fsck import check
from coskit.server.store.part_layout import part_sizes
from tests.server.store.io.test_damage import flip
from tests.server.store.store_fixture import StoreFixture, body, put

LARGE = random.Random(13).randbytes(200_000)
FILE = "ab" * 16


def old_store(directory: Path) -> None:
    """Write what the first version wrote: no checksums on pages, none at the end of files."""
    (directory / "tmp").mkdir(parents=True)
    for fan in range(256):
        (directory / "blobs" / f"{fan:02x}").mkdir(parents=True)
    (directory / "blobs" / "ab" / FILE).write_bytes(LARGE)
    steps = [resources.files(schema).joinpath(name).read_text() for name in STEPS]
    with closing(sqlite3.connect(directory / "index.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        for step in steps:
            db.executescript(step)
        db.execute("PRAGMA user_version = 2")
        bucket = (1, "shelf", "owner", 5, "", "acl", json.dumps({}))
        db.execute("INSERT INTO bucket VALUES (?, ?, ?, ?, ?, ?, ?)", bucket)
        for n in range(500):
            add(db, b"%03d" % n, f"{n + 1:016x}", b"%d" % n * 100, n + 1, inline=True)
        add(db, b"large", FILE, LARGE, 1000, inline=False)
        db.execute(
            "INSERT INTO version SELECT bucket_id, key, vord - 500, 0, 'older', 0, 0, modified,"
            " storage_class, owner, restore, appendable, parts, acl, tags, headers, '', 0, NULL"
            " FROM head WHERE key = CAST('large' AS BLOB)"
        )
        db.execute(
            "INSERT INTO upload VALUES (1, CAST('open' AS BLOB), 'u', 5, 'o', 'STANDARD', NULL,"
            " NULL, NULL, NULL)"
        )
        empty = "d41d8cd98f00b204e9800998ecf8427e"
        db.execute("INSERT INTO part VALUES ('u', 1, ?, 0, 0, 7, '')", (empty,))
        db.execute("UPDATE sequence SET last = 1000")


STEPS = ("001_store.sql", "002_sealing.sql")


def add(
    db: sqlite3.Connection, key: bytes, blob_id: str, data: bytes, order: int, *, inline: bool
) -> None:
    crc = signed(crc64(data))
    blob = (blob_id, len(data), crc, data if inline else None)
    db.execute("INSERT INTO blob VALUES (?, ?, ?, 1, ?)", blob)
    db.execute(
        "INSERT INTO head VALUES (1, ?, ?, 1, 'e', ?, ?, 7, 'STANDARD', 'o', NULL, 0, 0, NULL,"
        " NULL, NULL, ?, NULL)",
        (key, order, crc, len(data), blob_id),
    )


@pytest.fixture
def old(fixture: StoreFixture, tmp_path: Path) -> StoreFixture:
    """Open an old store."""
    fixture.close()
    fixture.directory = tmp_path / "old"
    old_store(fixture.directory)
    fixture.reopen()
    return fixture


def test_an_old_store_is_read_as_it_was(old: StoreFixture) -> None:
    store, bucket = old.store, old.store.index.bucket("shelf")
    for n in (0, 77, 499):
        found = store.get(bucket, f"{n:03}")
        assert found[1] == b"%d" % n * 100
    version = store.index.latest(bucket.id, "large")
    assert old.run(body(store, version)) == LARGE
    assert old.run(body(store, version, 70_000, 50)) == LARGE[70_000:70_050]
    assert old.run(put(store, bucket, "new", LARGE)).order > 1000
    old.close()
    assert list(check(old.directory, exclusive=True)) == []
    old.reopen()


def test_what_was_written_before_is_said_nothing_of(old: StoreFixture) -> None:
    store, bucket = old.store, old.store.index.bucket("shelf")
    live, older = (
        store.index.version(bucket.id, entry.key, entry.version_id)
        for entry in old.call(store.index.list_versions, bucket.id, "large").entries
    )
    for found in (live, older):
        assert (found.checksums, found.lock, found.layout) == (None, None, None)
    upload = store.index.upload(bucket.id, "open", "u")
    assert (upload.checksums, upload.lock) == (None, None)
    (part,) = old.call(store.index.list_parts, bucket.id, "open", "u").entries
    assert part.checksums is None
    joined = old.call(store.index.complete_upload, bucket.id, "open", "u", [(1, part.etag)])
    assert part_sizes(joined) == (0,)
    old.call(store.index.update_version, bucket.id, "large", older.version_id, {"lock": "held"})
    assert store.index.version(bucket.id, "large", older.version_id).lock == "held"


def test_an_old_index_gets_checksums_on_its_pages(old: StoreFixture) -> None:
    old.close()
    with closing(connect(old.directory / "index.db")) as db:
        assert has_checksums(db)
        assert version(db) == latest()
    flip(old.directory / "index.db", 20 * 4096 + 5)
    assert "page 21" in {finding.subject for finding in check(old.directory, exclusive=True)}
    flip(old.directory / "index.db", 20 * 4096 + 5)
    old.reopen()


def test_a_damaged_old_file_gives_no_byte(old: StoreFixture) -> None:
    store, bucket = old.store, old.store.index.bucket("shelf")
    flip(old.directory / "blobs" / "ab" / FILE, 199_999)
    with pytest.raises(DamagedBlob):
        old.run(body(store, store.index.latest(bucket.id, "large"), 0, 5))
    assert [mark.blob_id for mark in store.index.damage()] == [FILE]
