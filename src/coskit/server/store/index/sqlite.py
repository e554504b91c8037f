"""The index in one SQLite file: reads on a connection per thread, writes through one writer."""

# ruff: noqa: D102 - see Index for what each method promises
# ruff: noqa: S608 - statements are put together from constants only

import asyncio
import contextlib
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from coskit.protocol.errors import CosServiceError
from coskit.server.store import ids
from coskit.server.store.disk.disk_reserve import Spare
from coskit.server.store.disk.durability import Durability
from coskit.server.store.index import database, list_pages, rows
from coskit.server.store.index.changes import append, buckets, multipart, objects
from coskit.server.store.index.database import Connection, Error, translated
from coskit.server.store.index.group_commit import Writer
from coskit.server.store.index.rows import Row
from coskit.server.store.index.transaction import Clock, Transaction
from coskit.server.store.interfaces import (
    Activity,
    BlobRow,
    BucketCondition,
    Census,
    Condition,
    Damage,
    Finish,
    Index,
    Released,
    Revision,
)
from coskit.server.store.model import (
    NULL_VERSION,
    Bucket,
    Deleted,
    NewVersion,
    ObjectPage,
    Part,
    PartPage,
    Stored,
    Upload,
    UploadPage,
    Version,
    VersionPage,
)

_log = logging.getLogger("coskit.server.store")

_FLUSH_SECONDS = 1.0  # after which "relaxed" has the log of the index synced


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

_CENSUS = "SELECT count(*), coalesce(sum(size), 0) FROM blob"
_GARBAGE = "SELECT blob_id FROM garbage"
_FORGET_GARBAGE = "DELETE FROM garbage WHERE blob_id = ?"


class SqliteIndex(Index):
    """An `Index` in one file; further processes may have it open once it is up to date.

    Args:
        path: the database file, made if missing.
        clock: seconds since 1970.
        durability: what a done future means, see `durability.MEANINGS`.
        turns: is entered for each commit, where other processes write as well.

    Raises:
        RuntimeError: a later version of coskit has changed the tables.
        database.Error: the file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock = time.time,
        durability: Durability = "strict",
        turns: AbstractContextManager[None] | None = None,
        spare: Spare | None = None,
    ) -> None:
        self._path = path
        self._spare = spare
        self._durability: Durability = durability
        self._local = threading.local()
        self._readers: list[Connection] = []
        self._writing = database.connect(path, durability)
        try:
            database.prepare(self._writing)
        except BaseException:
            self._writing.close()
            raise
        self._writer = Writer(self._writing, clock, turns, self._make_room)
        self._ending = threading.Event()
        self._flusher: threading.Thread | None = None
        if durability == "relaxed":
            self._flusher = threading.Thread(target=self._flush_often, name="coskit-index-flusher")
            self._flusher.start()

    def _make_room(self, attempt: int) -> None:
        """Free what the store holds for deletions, in the writer's thread."""
        if attempt and self._spare is not None:
            self._spare.release()
        with contextlib.suppress(Error):  # what the file itself has is written over in the log
            self._writing.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def subscribe(self, released: Released) -> None:
        self._writer.subscribe(released)

    def close(self) -> None:
        self._writer.close()
        self._ending.set()
        if self._flusher:
            self._flusher.join()
        for reader in self._readers:
            reader.close()
        self._writing.close()

    # Buckets.

    def bucket(self, name: str) -> Bucket | None:
        # Not `with self._reading()`: every request asks for its bucket.
        try:
            row: Row | None = self._reader().execute(buckets.BY_NAME, (name,)).fetchone()
        except Error as error:
            raise translated(error) from error
        return None if row is None else rows.read_bucket(row)

    def buckets(self) -> list[Bucket]:
        with self._reading() as db:
            return [rows.read_bucket(row) for row in db.execute(buckets.ALL)]

    def create_bucket(
        self,
        name: str,
        owner: str,
        acl: str,
        limit: int,
        config: Mapping[str, str],
        versioning: str,
    ) -> asyncio.Future[Bucket]:
        return self._writer.submit(buckets.create, name, owner, acl, limit, config, versioning)

    def delete_bucket(self, name: str) -> asyncio.Future[None]:
        return self._writer.submit(buckets.delete, name)

    def update_bucket(
        self,
        name: str,
        versioning: str | None,
        acl: str | None,
        config: Mapping[str, str | None],
        condition: BucketCondition | None,
    ) -> asyncio.Future[Bucket]:
        return self._writer.submit(buckets.update, name, versioning, acl, config, condition)

    # Objects.

    def look_up(self, bucket_id: int, key: str, version_id: str | None) -> Version | None:
        row = self._find(_LOOK_UP, bucket_id, key, version_id)
        return None if row is None else rows.read_version(key, row[0], row[1], row[2:])

    def get(
        self, bucket_id: int, key: str, version_id: str | None
    ) -> tuple[Version, bytes | None] | None:
        row = self._find(_GET, bucket_id, key, version_id)
        if row is None:
            return None
        version = rows.read_version(key, row[0], row[1], row[2:-1])
        return version, row[-1] if version.extents or version.is_marker else b""

    def blobs(self, blob_ids: Sequence[str]) -> Mapping[str, BlobRow]:
        with self._reading() as db:
            found = db.execute(_BLOBS, (json.dumps(blob_ids),)).fetchall()
        return dict(map(_read_blob, found))

    def blobs_after(self, blob_id: str, limit: int) -> list[tuple[str, BlobRow]]:
        with self._reading() as db:
            return [_read_blob(row) for row in db.execute(_BLOBS_AFTER, (blob_id, limit))]

    def put_version(
        self,
        bucket_id: int,
        key: str,
        stored: Stored,
        new: NewVersion,
        condition: Condition | None,
    ) -> asyncio.Future[Version]:
        return self._writer.submit(objects.put, bucket_id, key, stored, new, condition)

    def copy_version(
        self,
        bucket_id: int,
        key: str,
        source: Version,
        new: NewVersion,
        condition: Condition | None,
    ) -> asyncio.Future[Version]:
        return self._writer.submit(objects.copy, bucket_id, key, source, new, condition)

    def append_version(
        self,
        bucket_id: int,
        key: str,
        stored: Stored,
        new: NewVersion,
        position: int,
        limit: int,
        condition: Condition | None,
    ) -> asyncio.Future[Version]:
        return self._writer.submit(
            append.append, bucket_id, key, stored, new, position, limit, condition
        )

    def delete_versions(
        self,
        bucket_id: int,
        targets: Sequence[tuple[str, str | None]],
        condition: Condition | None,
        may_delete: Condition | None,
    ) -> asyncio.Future[list[Deleted | CosServiceError]]:
        return self._writer.submit(objects.delete_many, bucket_id, targets, condition, may_delete)

    def update_version(
        self, bucket_id: int, key: str, version_id: str | None, revise: Revision
    ) -> asyncio.Future[Version]:
        return self._writer.submit(objects.update, bucket_id, key, version_id, revise)

    # Multipart uploads.

    def begin_upload(self, bucket_id: int, key: str, new: NewVersion) -> asyncio.Future[Upload]:
        return self._writer.submit(multipart.begin, bucket_id, key, new)

    def upload(self, bucket_id: int, key: str, upload_id: str) -> Upload | None:
        place = (bucket_id, rows.encode_key(key), upload_id)
        with self._reading() as db:
            row = db.execute(multipart.UPLOAD, place).fetchone()
        return None if row is None else rows.read_upload(row)

    def put_part(
        self,
        bucket_id: int,
        key: str,
        upload_id: str,
        number: int,
        stored: Stored,
        checksums: str | None,
    ) -> asyncio.Future[Part]:
        return self._writer.submit(
            multipart.put_part, bucket_id, key, upload_id, number, stored, checksums
        )

    def copy_part(
        self, bucket_id: int, key: str, upload_id: str, part: Part
    ) -> asyncio.Future[Part]:
        return self._writer.submit(multipart.copy_part, bucket_id, key, upload_id, part)

    def complete_upload(
        self,
        bucket_id: int,
        key: str,
        upload_id: str,
        listed: Sequence[tuple[int, str]],
        minimum_part: int,
        gaps: bool,
        finish: Finish | None,
        condition: Condition | None,
    ) -> asyncio.Future[Version]:
        upload = (bucket_id, key, upload_id)
        return self._writer.submit(
            multipart.complete, *upload, listed, minimum_part, gaps, finish, condition
        )

    def abort_upload(self, bucket_id: int, key: str, upload_id: str) -> asyncio.Future[None]:
        return self._writer.submit(multipart.abort, bucket_id, key, upload_id)

    # Listings.

    def list_objects(
        self, bucket_id: int, prefix: str, delimiter: str, marker: str, limit: int
    ) -> ObjectPage:
        with self._snapshot() as db:
            return list_pages.objects(db, bucket_id, prefix, delimiter, marker, limit)

    def list_versions(
        self,
        bucket_id: int,
        prefix: str,
        delimiter: str,
        key_marker: str,
        version_id_marker: str,
        limit: int,
    ) -> VersionPage:
        with self._snapshot() as db:
            return list_pages.versions(
                db, bucket_id, prefix, delimiter, key_marker, version_id_marker, limit
            )

    def list_uploads(
        self,
        bucket_id: int,
        prefix: str,
        delimiter: str,
        key_marker: str,
        upload_id_marker: str,
        limit: int,
    ) -> UploadPage:
        with self._snapshot() as db:
            return list_pages.uploads(
                db, bucket_id, prefix, delimiter, key_marker, upload_id_marker, limit
            )

    def list_parts(
        self, bucket_id: int, key: str, upload_id: str, marker: int, limit: int
    ) -> PartPage | None:
        with self._snapshot() as db:
            return list_pages.parts(db, bucket_id, key, upload_id, marker, limit)

    # Garbage.

    def garbage(self) -> list[str]:
        with self._reading() as db:
            return [row[0] for row in db.execute(_GARBAGE)]

    def forget_garbage(self, blob_ids: Sequence[str]) -> asyncio.Future[None]:
        return self._writer.submit(_forget_garbage, blob_ids)

    # Damage.

    def mark_damage(self, blob_id: str, what: str) -> asyncio.Future[None]:
        return self._writer.submit(_mark_damage, blob_id, what)

    def clear_damage(self, blob_ids: Sequence[str]) -> asyncio.Future[None]:
        return self._writer.submit(_clear_damage, blob_ids)

    def damage(self) -> list[Damage]:
        with self._reading() as db:
            return [Damage(*row) for row in db.execute(_DAMAGE)]

    def progress(self, job: str) -> str:
        with self._reading() as db:
            row = db.execute(_PROGRESS, (job,)).fetchone()
        return "" if row is None else str(row[0])

    def set_progress(self, job: str, state: str) -> asyncio.Future[None]:
        return self._writer.submit(_set_progress, job, state)

    def check_pages(self, first: int, count: int) -> int:
        return database.check_pages(self._path, first, count)

    def flush(self) -> None:
        if self._durability == "relaxed":
            log = os.open(self._path.with_name(database.LOG), os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(log)
            finally:
                os.close(log)

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

    # What is going on.

    def backlog(self) -> int:
        return self._writer.backlog

    def activity(self) -> Activity:
        return self._writer.activity()

    def census(self) -> Census:
        with self._reading() as db:
            blobs, size = database.one(db, _CENSUS)
        log = self._path.with_name(f"{self._path.name}-wal")
        index = sum(file.stat().st_size for file in (self._path, log) if file.exists())
        return Census(blobs, size, index, shutil.disk_usage(self._path.parent).free)

    def _find(
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
        # Not `with self._reading()`: this is where a small object's time goes.
        try:
            row: Row | None = self._reader().execute(statement, place).fetchone()
        except Error as error:
            raise translated(error) from error
        return row

    def _reader(self) -> Connection:
        reader: Connection | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = database.connect(self._path)
            self._readers.append(reader)
        return reader

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Give this thread's connection.

        Raises:
            InternalError: what it reads is damaged, or cannot be read.
        """
        try:
            yield self._reader()
        except Error as error:
            raise translated(error) from error

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        """Let several statements read one state; as `_reading`."""
        with self._reading() as reader:
            reader.execute("BEGIN")
            try:
                yield reader
            finally:
                reader.execute("ROLLBACK")


def _read_blob(row: Row) -> tuple[str, BlobRow]:
    return row[0], BlobRow(row[1], rows.unsigned(row[2]), row[3], row[4] or "")


def _forget_garbage(tx: Transaction, blob_ids: Sequence[str]) -> None:
    tx.db.executemany(_FORGET_GARBAGE, [(blob_id,) for blob_id in blob_ids])


def _mark_damage(tx: Transaction, blob_id: str, what: str) -> None:
    tx.db.execute(_MARK_DAMAGE, (tx.now(), what, blob_id))


def _clear_damage(tx: Transaction, blob_ids: Sequence[str]) -> None:
    tx.db.executemany(_CLEAR_DAMAGE, [(blob_id,) for blob_id in blob_ids])


def _set_progress(tx: Transaction, job: str, state: str) -> None:
    tx.db.execute(_SET_PROGRESS, (job, state))
