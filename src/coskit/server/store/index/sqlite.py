"""The index in one SQLite file: reads on a connection per thread, writes through one writer."""

# ruff: noqa: D102 - the methods are documented in Index
# ruff: noqa: S608 - statements are put together from constants only

import asyncio
import contextlib
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from coskit.protocol.errors import NoSuchBucket, NoSuchKey, NoSuchUpload, NoSuchVersion
from coskit.server.store import ids
from coskit.server.store.disk.disk_reserve import DiskReserve
from coskit.server.store.disk.durability import Durability
from coskit.server.store.index import database, list_pages, rows
from coskit.server.store.index.changes import append, buckets, multipart, objects
from coskit.server.store.index.database import Connection, Error, translated
from coskit.server.store.index.group_commit import GroupCommitWriter
from coskit.server.store.index.readers import Readers
from coskit.server.store.index.rows import Row
from coskit.server.store.index.transaction import Clock, Transaction
from coskit.server.store.interfaces.conditions import Released
from coskit.server.store.interfaces.index import Index
from coskit.server.store.interfaces.upload_records import PAGE
from coskit.server.store.model import (
    NULL_VERSION,
    BlobRow,
    Bucket,
    CommitStatistics,
    DamageMark,
    ObjectPage,
    PartPage,
    StoreTotals,
    Upload,
    UploadPage,
    Version,
    VersionPage,
)

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger("coskit.server.store")

_FLUSH_SECONDS = 1.0  # between syncs of the index's log in the mode "relaxed"
_LISTING_THREADS = 2


def _look_ups(columns: str) -> tuple[str, str, str]:
    """Return the statements that find a live object, a version by order and the null version.

    Their rows begin with whether it is the latest and whether it is a marker.
    """
    key = "bucket_id = :bucket AND key = :key"
    head = f"SELECT 1, 0, {columns} FROM head WHERE {key}"
    version = (  # only a marker is the latest without being a head
        "SELECT is_marker"
        f" AND NOT EXISTS (SELECT 1 FROM head WHERE {key})"
        f" AND vord = (SELECT max(vord) FROM version WHERE {key}),"
        f" is_marker, {columns} FROM version WHERE {key}"
    )
    by_order = "vord = :order AND NOT is_null"
    return (
        head,
        f"{head} AND {by_order} UNION ALL {version} AND {by_order}",
        f"{head} AND is_null UNION ALL {version} AND is_null",
    )


_LOOK_UP = _look_ups(rows.VERSION)
_GET = _look_ups(f"{rows.VERSION}, (SELECT data FROM blob WHERE id = body)")
_BLOB = "blob.id, size, crc64, data, (SELECT what FROM damage WHERE blob_id = blob.id)"
_BLOBS = f"SELECT {_BLOB} FROM json_each(?) CROSS JOIN blob ON blob.id = value"
_BLOBS_AFTER = f"SELECT {_BLOB} FROM blob WHERE id > ? ORDER BY id LIMIT ?"
_MARK_DAMAGE = (
    "INSERT OR IGNORE INTO damage (blob_id, since, what) SELECT id, ?, ? FROM blob WHERE id = ?"
)
_CLEAR_DAMAGE = "DELETE FROM damage WHERE blob_id = ?"
_DAMAGE = "SELECT blob_id, since, what FROM damage ORDER BY blob_id"
_PROGRESS = "SELECT state FROM progress WHERE job = ?"
_SET_PROGRESS = "INSERT OR REPLACE INTO progress (job, state) VALUES (?, ?)"

_BLOB_TOTALS = "SELECT count(*), coalesce(sum(size), 0) FROM blob"
_GARBAGE = "SELECT blob_id FROM garbage"
_FORGET_GARBAGE = "DELETE FROM garbage WHERE blob_id = ?"


def _writes(
    change: Callable[Concatenate[Transaction, P], T],
) -> "Callable[Concatenate[SqliteIndex, P], asyncio.Future[T]]":
    """Return the method of `SqliteIndex` that makes a change in the writer's thread."""

    def submit(self: "SqliteIndex", /, *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        return self._writer.submit(change, *args, **kwargs)

    return submit


def _forget_garbage(tx: Transaction, blob_ids: Sequence[str]) -> None:
    tx.db.executemany(_FORGET_GARBAGE, [(blob_id,) for blob_id in blob_ids])


def _mark_damage(tx: Transaction, blob_id: str, what: str) -> None:
    tx.db.execute(_MARK_DAMAGE, (tx.now(), what, blob_id))


def _clear_damage(tx: Transaction, blob_ids: Sequence[str]) -> None:
    tx.db.executemany(_CLEAR_DAMAGE, [(blob_id,) for blob_id in blob_ids])


def _set_progress(tx: Transaction, job: str, state: str) -> None:
    tx.db.execute(_SET_PROGRESS, (job, state))


class SqliteIndex(Index):
    """An `Index` in one file; other processes may open the file once its tables are up to date.

    Args:
        path: the database file, made if missing.
        clock: seconds since 1970.
        durability: the meaning of a done future, see `durability.MEANINGS`.
        commit_lock: a lock to enter for each commit if other processes write as well.
        reserve: disk space to release when a commit finds the disk full.

    Raises:
        RuntimeError: a later version of coskit has changed the tables.
        database.Error: the file cannot be used.
    """

    create_bucket = _writes(buckets.create)
    delete_bucket = _writes(buckets.delete)
    update_bucket = _writes(buckets.update)
    put_version = _writes(objects.put)
    copy_version = _writes(objects.copy)
    append_version = _writes(append.append)
    delete_version = _writes(objects.delete)
    delete_versions = _writes(objects.delete_many)
    update_version = _writes(objects.update)
    begin_upload = _writes(multipart.begin)
    put_part = _writes(multipart.put_part)
    copy_part = _writes(multipart.copy_part)
    complete_upload = _writes(multipart.complete)
    abort_upload = _writes(multipart.abort)
    forget_garbage = _writes(_forget_garbage)
    mark_damage = _writes(_mark_damage)
    clear_damage = _writes(_clear_damage)
    set_progress = _writes(_set_progress)

    def __init__(
        self,
        path: Path,
        clock: Clock = time.time,
        durability: Durability = "strict",
        commit_lock: AbstractContextManager[None] | None = None,
        reserve: DiskReserve | None = None,
    ) -> None:
        self._path = path
        self._reserve = reserve
        self._durability: Durability = durability
        self._readers = Readers(path)
        self._listings = ThreadPoolExecutor(_LISTING_THREADS, "coskit-listings")
        self._writing = database.connect(path, durability)
        try:
            database.prepare(self._writing)
        except BaseException:
            self._writing.close()
            raise
        self._writer = GroupCommitWriter(self._writing, clock, commit_lock, self._make_room)
        self._ending = threading.Event()
        self._flusher: threading.Thread | None = None
        if durability == "relaxed":
            self._flusher = threading.Thread(target=self._flush_often, name="coskit-index-flusher")
            self._flusher.start()

    def subscribe(self, released: Released) -> None:
        self._writer.subscribe(released)

    def close(self) -> None:
        self._listings.shutdown()
        self._writer.close()
        self._ending.set()
        if self._flusher:
            self._flusher.join()
        self._readers.close()
        self._writing.close()

    # Buckets.

    def bucket(self, name: str) -> Bucket:
        # Not `with self._readers.reading()`: every request asks for its bucket.
        try:
            row: Row | None = (
                self._readers.connection().execute(buckets.BY_NAME, (name,)).fetchone()
            )
        except Error as error:
            raise translated(error) from error
        if row is None:
            raise NoSuchBucket
        return rows.read_bucket(row)

    def buckets(self) -> list[Bucket]:
        with self._readers.reading() as db:
            return [rows.read_bucket(row) for row in db.execute(buckets.ALL)]

    # Objects.

    def find(self, bucket_id: int, key: str) -> Version | None:
        row = self._select(_LOOK_UP, bucket_id, key, None)
        return None if row is None else rows.read_version(key, row[0], row[1], row[2:])

    def version(self, bucket_id: int, key: str, version_id: str) -> Version:
        row = self._select(_LOOK_UP, bucket_id, key, version_id)
        if row is None:
            raise NoSuchVersion
        return rows.read_version(key, row[0], row[1], row[2:])

    def get(
        self, bucket_id: int, key: str, version_id: str | None = None
    ) -> tuple[Version, bytes | None]:
        row = self._select(_GET, bucket_id, key, version_id)
        if row is None:
            raise NoSuchKey if version_id is None else NoSuchVersion
        version = rows.read_version(key, row[0], row[1], row[2:-1])
        return version, row[-1] if version.extents or version.is_marker else b""

    def upload(self, bucket_id: int, key: str, upload_id: str) -> Upload:
        place = (bucket_id, rows.encode_key(key), upload_id)
        with self._readers.reading() as db:
            row = db.execute(multipart.UPLOAD, place).fetchone()
        if row is None:
            raise NoSuchUpload
        return rows.read_upload(row)

    # Listings.

    def list_objects(
        self,
        bucket_id: int,
        prefix: str = "",
        delimiter: str = "",
        marker: str = "",
        limit: int = PAGE,
    ) -> asyncio.Future[ObjectPage]:
        return self._list(list_pages.objects, bucket_id, prefix, delimiter, marker, limit)

    def list_versions(
        self,
        bucket_id: int,
        prefix: str = "",
        delimiter: str = "",
        key_marker: str = "",
        version_id_marker: str = "",
        limit: int = PAGE,
    ) -> asyncio.Future[VersionPage]:
        markers = key_marker, version_id_marker
        return self._list(list_pages.versions, bucket_id, prefix, delimiter, *markers, limit)

    def list_uploads(
        self,
        bucket_id: int,
        prefix: str = "",
        delimiter: str = "",
        key_marker: str = "",
        upload_id_marker: str = "",
        limit: int = PAGE,
    ) -> asyncio.Future[UploadPage]:
        markers = key_marker, upload_id_marker
        return self._list(list_pages.uploads, bucket_id, prefix, delimiter, *markers, limit)

    def list_parts(
        self, bucket_id: int, key: str, upload_id: str, marker: int = 0, limit: int = PAGE
    ) -> asyncio.Future[PartPage]:
        return self._list(list_pages.parts, bucket_id, key, upload_id, marker, limit)

    # Blobs.

    def blobs(self, blob_ids: Sequence[str]) -> Mapping[str, BlobRow]:
        with self._readers.reading() as db:
            found = db.execute(_BLOBS, (json.dumps(blob_ids),)).fetchall()
        return dict(map(_read_blob, found))

    def blobs_after(self, blob_id: str, limit: int) -> list[tuple[str, BlobRow]]:
        with self._readers.reading() as db:
            return [_read_blob(row) for row in db.execute(_BLOBS_AFTER, (blob_id, limit))]

    def garbage(self) -> list[str]:
        with self._readers.reading() as db:
            return [row[0] for row in db.execute(_GARBAGE)]

    def damage(self) -> list[DamageMark]:
        with self._readers.reading() as db:
            return [DamageMark(*row) for row in db.execute(_DAMAGE)]

    def progress(self, job: str) -> str:
        with self._readers.reading() as db:
            row = db.execute(_PROGRESS, (job,)).fetchone()
        return "" if row is None else str(row[0])

    # The file.

    def check_pages(self, first: int, count: int) -> int:
        return database.check_pages(self._path, first, count)

    def flush(self) -> None:
        if self._durability == "relaxed":
            log = os.open(self._path.with_name(database.LOG), os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(log)
            finally:
                os.close(log)

    def backlog(self) -> int:
        return self._writer.backlog

    def activity(self) -> CommitStatistics:
        return self._writer.activity()

    def census(self) -> asyncio.Future[StoreTotals]:
        return asyncio.get_running_loop().run_in_executor(self._listings, self._count)

    def _count(self) -> StoreTotals:
        with self._readers.reading() as db:
            blobs, size = database.one(db, _BLOB_TOTALS)
        log = self._path.with_name(f"{self._path.name}-wal")
        index = sum(file.stat().st_size for file in (self._path, log) if file.exists())
        return StoreTotals(blobs, size, index, shutil.disk_usage(self._path.parent).free)

    def _list(
        self, page: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Read a page in a listing thread."""

        def read() -> T:
            with self._readers.snapshot() as db:
                return page(db, *args, **kwargs)

        return asyncio.get_running_loop().run_in_executor(self._listings, read)

    def _select(
        self, statements: tuple[str, str, str], bucket_id: int, key: str, version_id: str | None
    ) -> Row | None:
        """Run the first statement for a live object, the second or third for a version."""
        place: dict[str, object] = {"bucket": bucket_id, "key": rows.encode_key(key)}
        if version_id is None:
            statement = statements[0]
        elif version_id == NULL_VERSION:
            statement = statements[2]
        else:
            statement = statements[1]
            place["order"] = ids.version_order(version_id)
        # Not `with self._readers.reading()`, which takes longer than a small object's row.
        try:
            row: Row | None = self._readers.connection().execute(statement, place).fetchone()
        except Error as error:
            raise translated(error) from error
        return row

    def _make_room(self, attempt: int) -> None:
        """Free the space that is reserved for deletions; called in the writer's thread."""
        if attempt and self._reserve is not None:
            self._reserve.release()
        with contextlib.suppress(Error):  # frees the log for new pages
            self._writing.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _flush_often(self) -> None:
        flushed = 0
        while not self._ending.wait(_FLUSH_SECONDS):
            written = self._writer.activity().changes
            if written != flushed:
                try:
                    self.flush()
                except OSError:
                    _log.exception("the index could not be synced")
                else:
                    flushed = written


def _read_blob(row: Row) -> tuple[str, BlobRow]:
    return row[0], BlobRow(row[1], rows.unsigned(row[2]), row[3], row[4] or "")
