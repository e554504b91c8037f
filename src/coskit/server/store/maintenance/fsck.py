"""The check of a directory: the index against itself, and against the bytes in both directions."""

# ruff: noqa: S608 - statements are put together from constants only

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from coskit.protocol.errors import InternalError
from coskit.server.store.index import database, rows
from coskit.server.store.index.database import Connection, DamagedIndex, Error
from coskit.server.store.maintenance.blob_check import NAME, BlobCheck, readable
from coskit.server.store.maintenance.findings import Finding, sql

_PAGES = 1024  # checked at a time
_BATCH = 10_000  # rows


def check(directory: Path, *, exclusive: bool, deep: bool = True) -> Iterator[Finding]:
    """Yield the faults of a directory; blocks.

    Args:
        directory: the server's directory.
        exclusive: whether no other process uses the directory. Work in progress of another process
            is not reported.
        deep: whether to read all bytes, not only to look for the files.

    Raises:
        Error: the index cannot be opened.
        RuntimeError: the index is of another version of coskit.
    """
    try:
        db = _open(directory, exclusive=exclusive)
    except Error as error:
        if not database.is_damage(error):
            raise
        yield Finding("page-damaged", "page 1", f"The index cannot be opened: {error}")
        return
    with closing(db):
        yield from _pages(directory)
        for name, section in _SECTIONS.items():
            yield from _in_snapshot(name, section, db)
        if deep:
            yield from _in_snapshot("structure", _structure, db)
        inspection = BlobCheck(directory, db, exclusive=exclusive, deep=deep)
        yield from _in_snapshot("blobs", inspection.check, db)


def repair(directory: Path, *, deep: bool = True) -> tuple[list[Finding], list[Finding]]:
    """Repair what can be repaired; return the repaired findings and the remaining ones.

    No other process may use the directory. A damaged index is not changed.
    """
    repaired: list[Finding] = []
    while True:
        found = list(check(directory, exclusive=True, deep=deep))
        doable = [finding for finding in found if finding.repair]
        if not doable or any(finding.kind in _UNSAFE for finding in found):
            return repaired, found
        with closing(database.connect(directory / database.FILE, create=False)) as db:
            db.execute("BEGIN IMMEDIATE")
            for finding in doable:
                assert finding.repair
                finding.repair(db)
            db.execute("COMMIT")
        repaired += doable


_UNSAFE = {"page-damaged", "index-unreadable", "index-structure"}


def _open(directory: Path, *, exclusive: bool) -> Connection:
    db = database.connect(directory / database.FILE, create=False)
    try:
        db.create_scalar_function("readable", lambda *values: readable(values[0]), 1)
        if exclusive:
            database.prepare(db)
        elif database.version(db) != database.latest():
            raise RuntimeError("the index is of another version of coskit")
    except BaseException:
        db.close()
        raise
    return db


def _in_snapshot(
    name: str, section: Callable[[Connection], Iterator[Finding]], db: Connection
) -> Iterator[Finding]:
    """Yield the findings of a section in one snapshot, and the error that ends it, if any."""
    try:
        db.execute("BEGIN")
        yield from section(db)
        if db.in_transaction:
            db.execute("COMMIT")  # keeps the table that other sections read
    except (Error, InternalError) as error:
        yield Finding("index-unreadable", name, str(error))
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _pages(directory: Path) -> Iterator[Finding]:
    first, pages = 0, 1
    while first < pages:
        try:
            pages = database.check_pages(directory / database.FILE, first, _PAGES)
        except DamagedIndex:
            pages = (directory / database.FILE).stat().st_size // database.PAGE
            for number in range(first, min(first + _PAGES, pages)):
                try:
                    database.check_pages(directory / database.FILE, number, 1)
                except DamagedIndex as error:
                    yield Finding("page-damaged", f"page {number + 1}", error.message)
        first += _PAGES


def _structure(db: Connection) -> Iterator[Finding]:
    for (line,) in db.execute("PRAGMA integrity_check"):
        if line != "ok":
            yield Finding("index-structure", database.FILE, line)


def _bodies(db: Connection) -> Iterator[Finding]:
    """Check bodies; store their extents in a table for the next sections."""
    db.execute("DROP TABLE IF EXISTS temp.extent")
    db.execute("CREATE TEMP TABLE extent (blob_id TEXT NOT NULL, until INTEGER NOT NULL)")
    add = "INSERT INTO temp.extent VALUES (?, ?)"
    kept: list[tuple[str, int]] = []
    for name, size, body, sealing in db.execute(_BODIES):
        try:
            extents = rows.decode_body(body, size)
        except (ValueError, TypeError) as error:
            yield Finding("body-length", name, f"no extents: {error}")
            continue
        if not sealing and sum(extent.length for extent in extents) != size:
            yield Finding("body-length", name, f"{size} bytes are said to be in {body}")
        # A sealed body's extents are whole blobs, and `size` is its decrypted size.
        whole = bool(sealing) and body[:1] != "["
        kept += [(e.blob_id, 0 if whole else e.offset + e.length) for e in extents]
        if len(kept) > _BATCH:
            db.executemany(add, kept)
            kept.clear()
    db.executemany(add, kept)
    db.execute("CREATE INDEX temp.extent_blob ON extent (blob_id)")


_BODIES = (
    f"SELECT {NAME}, size, body, sealing FROM head"
    f" UNION ALL SELECT {NAME} || '@' || vord, size, body, sealing FROM version"
    " UNION ALL SELECT 'part ' || number || ' of ' || part.upload_id, size, body, sealing FROM part"
    " LEFT JOIN upload ON upload.upload_id = part.upload_id"
)


def _references(db: Connection) -> Iterator[Finding]:
    for blob_id, count in db.execute(
        "SELECT blob_id, count(*) FROM temp.extent"
        " WHERE blob_id NOT IN (SELECT id FROM blob) GROUP BY blob_id"
    ):
        yield Finding("blob-unknown", blob_id, f"{count} bodies or parts need it")
    for blob_id, until, size in db.execute(
        "SELECT blob_id, max(until), size FROM temp.extent JOIN blob ON id = blob_id"
        " WHERE until > size GROUP BY blob_id"
    ):
        yield Finding("extent-beyond", blob_id, f"byte {until} of {size} is needed")
    counted = "(SELECT count(*) FROM temp.extent WHERE blob_id = id)"
    for blob_id, refs, count in db.execute(
        f"SELECT id, refs, {counted} AS counted FROM blob WHERE refs <> counted"
    ):
        if count:
            yield Finding(
                *("reference-count", blob_id, f"{refs} are counted, {count} are there"),
                sql("UPDATE blob SET refs = ? WHERE id = ?", count, blob_id),
            )
        else:
            # Its file becomes an orphan.
            drop = sql("DELETE FROM blob WHERE id = ?", blob_id)
            yield Finding("blob-unreferenced", blob_id, f"{refs} are counted", drop)
    for (blob_id,) in db.execute(
        "SELECT blob_id FROM garbage WHERE blob_id IN (SELECT id FROM blob)"
    ):
        reserve = sql("DELETE FROM garbage WHERE blob_id = ?", blob_id)
        yield Finding("garbage-referenced", blob_id, "", reserve)


def _relations(db: Connection) -> Iterator[Finding]:
    for upload_id, count in db.execute(
        "SELECT upload_id, count(*) FROM part"
        " WHERE upload_id NOT IN (SELECT upload_id FROM upload) GROUP BY upload_id"
    ):
        drop = sql("DELETE FROM part WHERE upload_id = ?", upload_id)
        yield Finding("part-without-upload", upload_id, f"{count} parts", drop)
    for table in ("head", "version", "upload"):
        for bucket_id, count in db.execute(
            f"SELECT bucket_id, count(*) FROM {table}"
            " WHERE bucket_id NOT IN (SELECT id FROM bucket) GROUP BY bucket_id"
        ):
            yield Finding("without-bucket", f"bucket {bucket_id}", f"{count} rows of {table}")
    both = "FROM head h JOIN version v ON v.bucket_id = h.bucket_id AND v.key = h.key"
    name = "printf('%s/%s', h.bucket_id, readable(h.key))"
    for place, order in db.execute(f"SELECT {name}, v.vord {both} WHERE v.vord >= h.vord"):
        yield Finding("version-order", place, f"version {order}")
    for (place,) in db.execute(f"SELECT {name} {both} WHERE v.is_null AND h.is_null"):
        yield Finding("two-null-versions", place)
    for (place,) in db.execute(
        f"SELECT {name} FROM version h WHERE NOT is_marker AND NOT EXISTS (SELECT 1 FROM head"
        " WHERE bucket_id = h.bucket_id AND key = h.key) AND NOT EXISTS (SELECT 1 FROM version v"
        " WHERE v.bucket_id = h.bucket_id AND v.key = h.key AND v.vord > h.vord)"
    ):
        yield Finding("head-missing", place)
    (last,) = database.one(db, "SELECT max(last) FROM sequence")
    (newest,) = database.one(
        db,
        "SELECT max(coalesce((SELECT max(vord) FROM head), 0),"
        " coalesce((SELECT max(vord) FROM version), 0))",
    )
    if last is None or newest > last:
        raise_it = sql("UPDATE sequence SET last = ?", newest)
        yield Finding("sequence-behind", "sequence", f"{last} before {newest}", raise_it)


_SECTIONS = {"bodies": _bodies, "references": _references, "relations": _relations}
