"""How an archive becomes a bucket again: every byte checked, every version in its old order."""

# ruff: noqa: S608 - statements are put together from constants only

import json
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from coskit.protocol.codec.checksums.md5_crc64 import crc64, crc64_combine
from coskit.server.store import ids
from coskit.server.store.blobs.files import FileBlobs, lock_directory
from coskit.server.store.index import database, rows
from coskit.server.store.index.database import Connection, one
from coskit.server.store.index.transaction import Clock, Transaction
from coskit.server.store.maintenance.export import (
    FORMAT,
    READABLE,
    ArchiveSummary,
    InvalidArchive,
    load_version,
)
from coskit.server.store.model import NULL_VERSION, Bucket, StoredBody, Version

# The setting of a bucket that tells, while an import is under way, of which archive.
MARK = "import"

_IN_MEMORY = 1 << 16  # bytes up to which a body goes into the index
_STEP = 1 << 20
_AT_ONCE = 256  # versions in a commit
_LARGEST_DOCUMENT = 1 << 24

_FIND = f"SELECT {rows.BUCKET} FROM bucket WHERE name = ?"
_MAKE = (
    "INSERT INTO bucket (name, owner, created, versioning, acl, config) VALUES (?, ?, ?, ?, ?, ?)"
)
_CONFIGURE = "UPDATE bucket SET config = ? WHERE id = ?"
_IN_USE = (
    "SELECT EXISTS (SELECT 1 FROM head WHERE bucket_id = :id)"
    " OR EXISTS (SELECT 1 FROM version WHERE bucket_id = :id)"
    " OR EXISTS (SELECT 1 FROM upload WHERE bucket_id = :id)"
)
_PLACES = rows.places(rows.VERSION)
_ADD_HEAD = f"INSERT INTO head (bucket_id, key, {rows.VERSION}) VALUES (?, ?, {_PLACES})"
_ADD_VERSION = (
    f"INSERT INTO version (bucket_id, key, {rows.VERSION}, is_marker) VALUES (?, ?, {_PLACES}, ?)"
)
_IS_THERE = (
    "SELECT EXISTS (SELECT 1 FROM head WHERE bucket_id = ?1 AND key = ?2 AND vord = ?3)"
    " OR EXISTS (SELECT 1 FROM version WHERE bucket_id = ?1 AND key = ?2 AND vord = ?3)"
)
_RAISE_ORDER = "UPDATE sequence SET last = max(last, ?)"


class BucketInUse(ValueError):
    """The bucket has something in it that does not come from this archive."""


def import_bucket(source: Path, directory: Path, clock: Clock, name: str = "") -> ArchiveSummary:
    """Make a bucket from an archive; an import that was cut short goes on where it stopped. Blocks.

    Args:
        source: the archive.
        directory: a server's, which nobody uses.
        clock: seconds since 1970.
        name: of the bucket; as in the archive if it is "".

    Raises:
        BlockingIOError: a server uses the directory.
        BucketInUse: the bucket holds something else.
        NotAnArchive: the file is none, or is damaged or cut short; what came before is there.
        OSError: files cannot be read or written.
    """
    lock = lock_directory(directory)
    try:
        with (
            closing(database.connect(directory / database.FILE)) as db,
            source.open("rb") as file,
        ):
            database.prepare(db)
            return _Import(db, FileBlobs(directory), clock).read(file, name)
    except tarfile.TarError as error:
        raise InvalidArchive(f"no whole tar file: {error}") from error
    finally:
        os.close(lock)


@dataclass(frozen=True, slots=True)
class _ReceivedVersion:
    """A version whose bytes are here."""

    version: Version
    stored: tuple[StoredBody, ...]


class _Import:
    def __init__(self, db: Connection, blobs: FileBlobs, clock: Clock) -> None:
        self._db = db
        self._blobs = blobs
        self._clock = clock
        self._waiting: list[_ReceivedVersion] = []
        self._bodies: dict[str, StoredBody] = {}
        self._moved = ArchiveSummary("", 0, 0)

    def read(self, file: IO[bytes], name: str) -> ArchiveSummary:
        try:
            return self._read(file, name)
        except Exception:
            for arrived in self._waiting:
                self._forget(arrived.stored)
            self._forget(self._bodies.values())
            raise

    def _read(self, file: IO[bytes], name: str) -> ArchiveSummary:
        members = _members(file)
        bucket = self._begin(*next(members, ("", 0, file.read)), name)
        for path, size, read in members:
            folder, _, rest = path.partition("/")
            if folder == "bodies":
                self._bodies[rest] = self._receive(size, read)
            elif folder == "versions":
                self._arrive(bucket, rest.removesuffix(".json"), read(_LARGEST_DOCUMENT))
            elif path == "end.json":
                return self._end(bucket, read(_LARGEST_DOCUMENT))
            else:
                raise InvalidArchive(f"what is {path[:100]!r}?")
        raise InvalidArchive("the archive is cut short")

    def _begin(self, path: str, size: int, read: Callable[[int], bytes], name: str) -> Bucket:
        about = _document(read(_LARGEST_DOCUMENT)) if path == "archive.json" else {}
        if about.get("format") != FORMAT or about.get("version") not in READABLE:
            raise InvalidArchive("this is no archive of a bucket, or of a later version of coskit")
        try:
            told, mark = Bucket(**about["bucket"]), str(about["id"])
        except (TypeError, LookupError) as error:
            raise InvalidArchive(f"no description of a bucket: {error}") from error
        return self._make_bucket(replace(told, name=name or told.name), mark)

    def _make_bucket(self, told: Bucket, mark: str) -> Bucket:
        self._moved = replace(self._moved, bucket=told.name)
        row = self._db.execute(_FIND, (told.name,)).fetchone()
        config = {**told.config, MARK: mark}
        if row is None:
            values = (told.owner, told.created, told.versioning, told.acl, json.dumps(config))
            self._db.execute(_MAKE, (told.name, *values))
            return rows.read_bucket(one(self._db, _FIND, (told.name,)))
        found = rows.read_bucket(row)
        if found.config.get(MARK) != mark:
            if one(self._db, _IN_USE, {"id": found.id})[0]:
                raise BucketInUse(f"the bucket {told.name} is not empty")
            self._db.execute(
                "UPDATE bucket SET versioning = ?, acl = ?, config = ? WHERE id = ?",
                (told.versioning, told.acl, json.dumps(config), found.id),
            )
        return replace(found, versioning=told.versioning, acl=told.acl, config=config)

    def _receive(self, size: int, read: Callable[[int], bytes]) -> StoredBody:
        if size <= _IN_MEMORY:
            data = read(size)
            if len(data) != size:
                raise InvalidArchive("the archive is cut short")
            return StoredBody("", size, "", crc64(data), data)
        crc = came = 0
        writer = self._blobs.create()
        try:
            while block := read(min(_STEP, size - came)):
                writer.write(block)
                crc, came = crc64(block, crc), came + len(block)
            if came != size:
                raise InvalidArchive("the archive is cut short")
            writer.finish()
        except BaseException:
            writer.close()
            self._blobs.discard([writer.blob_id])
            raise
        return StoredBody(writer.blob_id, size, "", crc, None)

    def _arrive(self, bucket: Bucket, number: str, text: bytes) -> None:
        version, crcs = load_version(text)
        bodies = [self._bodies.get(f"{number}/{n}") for n in range(len(crcs))]
        stored = tuple(body for body in bodies if body is not None)
        _check(version, crcs, stored)
        left = [body for body in self._bodies.values() if body not in stored]
        self._forget(left)  # of versions that the export has left out
        self._bodies.clear()
        place = (bucket.id, rows.encode_key(version.key), version.order)
        if one(self._db, _IS_THERE, place)[0]:
            self._forget(stored)
        else:
            self._waiting.append(_ReceivedVersion(version, stored))
        self._moved = replace(
            self._moved,
            versions=self._moved.versions + 1,
            bytes=self._moved.bytes + sum(body.size for body in stored),
            sealed=self._moved.sealed + (version.sealing is not None),
        )
        if len(self._waiting) >= _AT_ONCE:
            self._commit(bucket)

    def _commit(self, bucket: Bucket) -> None:
        tx = Transaction(self._db, self._clock)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for arrived in self._waiting:
                _add(tx, bucket, arrived)
            tx.finish()
            newest = max((arrived.version.order for arrived in self._waiting), default=0)
            self._db.execute(_RAISE_ORDER, (newest,))
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        files = [s.blob_id for arrived in self._waiting for s in arrived.stored if s.blob_id]
        self._blobs.settle(files)
        self._waiting.clear()

    def _end(self, bucket: Bucket, text: bytes) -> ArchiveSummary:
        self._commit(bucket)
        end = _document(text)
        if end.get("versions") != self._moved.versions:
            raise InvalidArchive(
                f"{self._moved.versions} of {end.get('versions')} versions are there"
            )
        config = {key: value for key, value in bucket.config.items() if key != MARK}
        self._db.execute(_CONFIGURE, (json.dumps(config), bucket.id))
        return replace(self._moved, left_out=tuple(end.get("left_out", ())))

    def _forget(self, bodies: Iterable[StoredBody]) -> None:
        files = [body.blob_id for body in bodies if body.blob_id]
        if files:
            self._blobs.discard(files)


def _members(file: IO[bytes]) -> Iterator[tuple[str, int, Callable[[int], bytes]]]:
    """Give the name, the size and the bytes of each file in a tar, in order."""
    with tarfile.open(fileobj=file, mode="r|*") as tar:
        for info in tar:
            member = tar.extractfile(info) if info.isfile() else None
            if member is None:
                raise InvalidArchive(f"{info.name[:100]!r} is no plain file")
            yield info.name, info.size, member.read
            tar.members = []  # type: ignore[attr-defined]  # it would keep them all


def _document(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidArchive(f"no JSON: {error}") from error
    return found if isinstance(found, dict) else {}


def _check(version: Version, crcs: list[int], stored: tuple[StoredBody, ...]) -> None:
    """Raise NotAnArchive unless the bytes of a version are those that were exported."""
    sizes = [extent.length for extent in version.extents]
    told = list(zip(sizes, crcs, strict=True))
    if [(body.size, body.crc64) for body in stored] != told:
        raise InvalidArchive(f"the bytes of {version.key[:200]!r} are damaged")
    if version.sealing is None:
        whole = 0
        for size, crc in told:
            whole = crc64_combine(whole, crc, size)
        if (sum(sizes), whole) != (version.size, version.crc64):
            raise InvalidArchive(f"the bytes of {version.key[:200]!r} are not the object's")


def _add(tx: Transaction, bucket: Bucket, arrived: _ReceivedVersion) -> None:
    extents = tuple(
        extent
        for stored in arrived.stored
        for extent in tx.references.add(stored, ids.inline_id(tx.next_order()))
    )
    version = replace(arrived.version, extents=extents)
    if version.version_id not in (NULL_VERSION, ids.version_id(version.order)):
        raise InvalidArchive(f"a version of {version.key[:200]!r} has an id of its own")
    row = (bucket.id, rows.encode_key(version.key), *rows.version_row(version))
    if version.is_latest and not version.is_marker:
        tx.db.execute(_ADD_HEAD, row)
    else:
        tx.db.execute(_ADD_VERSION, (*row, version.is_marker))
