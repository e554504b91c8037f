"""The index in one SQLite file: reads on a connection per thread, writes through one writer."""

# ruff: noqa: D102 - see Index for what each method promises
# ruff: noqa: S608 - statements are put together from constants only

import asyncio
import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

from coskit.protocol.errors import CosServiceError
from coskit.server.store import appending, buckets, ids, multipart, objects, pages, rows, schema
from coskit.server.store.interface import BlobRow, Condition, Index, Released, Revision
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
from coskit.server.store.rows import Row
from coskit.server.store.transaction import Clock, Transaction
from coskit.server.store.writer import Writer

_CACHED_STATEMENTS = 256
_BUSY_SECONDS = 30.0
_CHECKPOINT_PAGES = 4000  # 16 MB of log: fewer, longer checkpoints
_CACHE_KIB = 16_384  # for each of the few connections


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
_BLOBS = "SELECT blob.id, size, crc64, data FROM json_each(?) CROSS JOIN blob ON blob.id = value"

_GARBAGE = "SELECT blob_id FROM garbage"
_FORGET_GARBAGE = "DELETE FROM garbage WHERE blob_id = ?"


class SqliteIndex(Index):
    """An `Index` in one file; at most one process may have it open.

    Args:
        path: the database file, made if missing.
        clock: seconds since 1970.

    Raises:
        RuntimeError: a later version of coskit has changed the tables.
        sqlite3.Error: the file cannot be used.
    """

    def __init__(self, path: Path, clock: Clock = time.time) -> None:
        self._path = path
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._writing = _connect(path)
        try:
            _migrate(self._writing)
        except BaseException:
            self._writing.close()
            raise
        self._writer = Writer(self._writing, clock)

    def subscribe(self, released: Released) -> None:
        self._writer.subscribe(released)

    def close(self) -> None:
        self._writer.close()
        for reader in self._readers:
            reader.close()
        self._writing.close()

    # Buckets.

    def bucket(self, name: str) -> Bucket | None:
        row = self._reader().execute(buckets.BY_NAME, (name,)).fetchone()
        return None if row is None else rows.read_bucket(row)

    def buckets(self) -> list[Bucket]:
        return [rows.read_bucket(row) for row in self._reader().execute(buckets.ALL)]

    def create_bucket(
        self, name: str, owner: str, acl: str, limit: int, config: Mapping[str, str]
    ) -> asyncio.Future[Bucket]:
        return self._writer.submit(buckets.create, name, owner, acl, limit, config)

    def delete_bucket(self, name: str) -> asyncio.Future[None]:
        return self._writer.submit(buckets.delete, name)

    def update_bucket(
        self,
        name: str,
        versioning: str | None,
        acl: str | None,
        config: Mapping[str, str | None],
    ) -> asyncio.Future[Bucket]:
        return self._writer.submit(buckets.update, name, versioning, acl, config)

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
        found = self._reader().execute(_BLOBS, (json.dumps(blob_ids),))
        return {row[0]: BlobRow(row[1], rows.unsigned(row[2]), row[3]) for row in found}

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
            appending.append, bucket_id, key, stored, new, position, limit, condition
        )

    def delete_versions(
        self,
        bucket_id: int,
        targets: Sequence[tuple[str, str | None]],
        condition: Condition | None,
    ) -> asyncio.Future[list[Deleted | CosServiceError]]:
        return self._writer.submit(objects.delete_many, bucket_id, targets, condition)

    def update_version(
        self, bucket_id: int, key: str, version_id: str | None, revise: Revision
    ) -> asyncio.Future[Version]:
        return self._writer.submit(objects.update, bucket_id, key, version_id, revise)

    # Multipart uploads.

    def begin_upload(self, bucket_id: int, key: str, new: NewVersion) -> asyncio.Future[Upload]:
        return self._writer.submit(multipart.begin, bucket_id, key, new)

    def upload(self, bucket_id: int, key: str, upload_id: str) -> Upload | None:
        place = (bucket_id, rows.encode_key(key), upload_id)
        row = self._reader().execute(multipart.UPLOAD, place).fetchone()
        return None if row is None else rows.read_upload(row)

    def put_part(
        self, bucket_id: int, key: str, upload_id: str, number: int, stored: Stored
    ) -> asyncio.Future[Part]:
        return self._writer.submit(multipart.put_part, bucket_id, key, upload_id, number, stored)

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
        condition: Condition | None,
    ) -> asyncio.Future[Version]:
        return self._writer.submit(
            multipart.complete, bucket_id, key, upload_id, listed, minimum_part, condition
        )

    def abort_upload(self, bucket_id: int, key: str, upload_id: str) -> asyncio.Future[None]:
        return self._writer.submit(multipart.abort, bucket_id, key, upload_id)

    # Listings.

    def list_objects(
        self, bucket_id: int, prefix: str, delimiter: str, marker: str, limit: int
    ) -> ObjectPage:
        with self._snapshot() as db:
            return pages.objects(db, bucket_id, prefix, delimiter, marker, limit)

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
            return pages.versions(
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
            return pages.uploads(
                db, bucket_id, prefix, delimiter, key_marker, upload_id_marker, limit
            )

    def list_parts(
        self, bucket_id: int, key: str, upload_id: str, marker: int, limit: int
    ) -> PartPage | None:
        with self._snapshot() as db:
            return pages.parts(db, bucket_id, key, upload_id, marker, limit)

    # Garbage.

    def garbage(self) -> list[str]:
        return [row[0] for row in self._reader().execute(_GARBAGE)]

    def forget_garbage(self, blob_ids: Sequence[str]) -> asyncio.Future[None]:
        return self._writer.submit(_forget_garbage, blob_ids)

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
        row: Row | None = self._reader().execute(statement, place).fetchone()
        return row

    def _reader(self) -> sqlite3.Connection:
        reader: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = _connect(self._path)
            self._readers.append(reader)
        return reader

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        """Let several statements read one state."""
        reader = self._reader()
        reader.execute("BEGIN")
        try:
            yield reader
        finally:
            reader.rollback()


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file in autocommit; a connection is used by one thread and closed by another."""
    db = sqlite3.connect(
        path,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_CACHED_STATEMENTS,
    )
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return db


def _migrate(db: sqlite3.Connection) -> None:
    """Apply the steps of `schema/` that the file has not seen."""
    steps = sorted(
        (int(file.name.split("_")[0]), file.read_text("utf-8"))
        for file in resources.files(schema).iterdir()
        if file.name.endswith(".sql")
    )
    done = db.execute("PRAGMA user_version").fetchone()[0]
    if done > steps[-1][0]:
        raise RuntimeError("the index was written by a later version of coskit")
    for number, script in steps:
        if number > done:
            db.executescript(f"BEGIN;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


def _forget_garbage(tx: Transaction, blob_ids: Sequence[str]) -> None:
    tx.db.executemany(_FORGET_GARBAGE, [(blob_id,) for blob_id in blob_ids])
