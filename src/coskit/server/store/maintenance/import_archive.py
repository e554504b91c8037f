"""The import of an archive: every byte is checked, and every version keeps its order."""

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

# The setting of a bucket that holds the archive's id while its import is not complete.
MARK = "import"

_IN_MEMORY = 1 << 16  # bytes up to which a body is stored in the index
_CHUNK_SIZE = 1 << 20
_COMMIT_SIZE = 256  # versions in a commit
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


# The path, the size and the reader of a member of the archive.
_Member = tuple[str, int, Callable[[int], bytes]]


class BucketInUse(ValueError):
    """The bucket holds something that does not come from this archive."""


def import_bucket(source: Path, directory: Path, clock: Clock, name: str = "") -> ArchiveSummary:
    """Make a bucket from an archive, or resume an import that was interrupted; blocks.

    The directory is made if it is missing, but only after the archive's description was read.

    Args:
        source: the archive's path.
        directory: a server's directory, which no process uses.
        clock: seconds since 1970.
        name: the bucket's name; "" for the name in the archive.

    Raises:
        BlockingIOError: a server uses the directory.
        BucketInUse: the bucket holds something else.
        InvalidArchive: the file is no archive, or is damaged or truncated; the versions before the
            damage have been imported.
        OSError: files cannot be read or written.
    """
    try:
        with source.open("rb") as file:
            members = _members(file)
            bucket, mark = _read_description(*next(members, ("", 0, file.read)))
            bucket = replace(bucket, name=name or bucket.name)
            lock = lock_directory(directory)
            try:
                with closing(database.connect(directory / database.FILE)) as db:
                    database.prepare(db)
                    return _Import(db, FileBlobs(directory), clock).run(bucket, mark, members)
            finally:
                os.close(lock)
    except tarfile.TarError as error:
        raise InvalidArchive(f"no whole tar file: {error}") from error


def _read_description(path: str, size: int, read: Callable[[int], bytes]) -> tuple[Bucket, str]:
    """Return the bucket that an archive describes, and the archive's id."""
    about = _document(read(_LARGEST_DOCUMENT)) if path == "archive.json" else {}
    if about.get("format") != FORMAT or about.get("version") not in READABLE:
        raise InvalidArchive("this is no archive of a bucket, or of a later version of coskit")
    try:
        return Bucket(**about["bucket"]), str(about["id"])
    except (TypeError, LookupError) as error:
        raise InvalidArchive(f"no description of a bucket: {error}") from error


@dataclass(frozen=True, slots=True)
class _ReceivedVersion:
    """A version whose bytes are stored but not committed."""

    version: Version
    stored: tuple[StoredBody, ...]


class _Import:
    def __init__(self, db: Connection, blobs: FileBlobs, clock: Clock) -> None:
        self._db = db
        self._blobs = blobs
        self._clock = clock
        self._waiting: list[_ReceivedVersion] = []
        self._bodies: dict[str, StoredBody] = {}
        self._summary = ArchiveSummary("", 0, 0)

    def run(self, described: Bucket, mark: str, members: Iterator[_Member]) -> ArchiveSummary:
        """Import the members that follow the description of the bucket."""
        try:
            return self._read(self._make_bucket(described, mark), members)
        except Exception:
            for received in self._waiting:
                self._discard(received.stored)
            self._discard(self._bodies.values())
            raise

    def _read(self, bucket: Bucket, members: Iterator[_Member]) -> ArchiveSummary:
        for path, size, read in members:
            folder, _, rest = path.partition("/")
            if folder == "bodies":
                self._bodies[rest] = self._receive(size, read)
            elif folder == "versions":
                self._add_version(bucket, rest.removesuffix(".json"), read(_LARGEST_DOCUMENT))
            elif path == "end.json":
                return self._end(bucket, read(_LARGEST_DOCUMENT))
            else:
                raise InvalidArchive(f"an unknown member {path[:100]!r}")
        raise InvalidArchive("the archive is cut short")

    def _make_bucket(self, described: Bucket, mark: str) -> Bucket:
        self._summary = replace(self._summary, bucket=described.name)
        row = self._db.execute(_FIND, (described.name,)).fetchone()
        config = {**described.config, MARK: mark}
        state = (described.versioning, described.acl, json.dumps(config))
        if row is None:
            values = (described.name, described.owner, described.created, *state)
            self._db.execute(_MAKE, values)
            return rows.read_bucket(one(self._db, _FIND, (described.name,)))
        found = rows.read_bucket(row)
        if found.config.get(MARK) != mark:
            if one(self._db, _IN_USE, {"id": found.id})[0]:
                raise BucketInUse(f"the bucket {described.name} is not empty")
            self._db.execute(
                "UPDATE bucket SET versioning = ?, acl = ?, config = ? WHERE id = ?",
                (*state, found.id),
            )
        return replace(found, versioning=described.versioning, acl=described.acl, config=config)

    def _receive(self, size: int, read: Callable[[int], bytes]) -> StoredBody:
        if size <= _IN_MEMORY:
            data = read(size)
            if len(data) != size:
                raise InvalidArchive("the archive is cut short")
            return StoredBody("", size, "", crc64(data), data)
        crc = came = 0
        writer = self._blobs.create()
        try:
            while block := read(min(_CHUNK_SIZE, size - came)):
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

    def _add_version(self, bucket: Bucket, number: str, text: bytes) -> None:
        version, crcs = load_version(text)
        bodies = [self._bodies.get(f"{number}/{n}") for n in range(len(crcs))]
        stored = tuple(body for body in bodies if body is not None)
        _check(version, crcs, stored)
        left = [body for body in self._bodies.values() if body not in stored]
        self._discard(left)  # they belong to versions that the export has left out
        self._bodies.clear()
        place = (bucket.id, rows.encode_key(version.key), version.order)
        if one(self._db, _IS_THERE, place)[0]:
            self._discard(stored)
        else:
            self._waiting.append(_ReceivedVersion(version, stored))
        self._summary = replace(
            self._summary,
            versions=self._summary.versions + 1,
            bytes=self._summary.bytes + sum(body.size for body in stored),
            sealed=self._summary.sealed + (version.sealing is not None),
        )
        if len(self._waiting) >= _COMMIT_SIZE:
            self._commit(bucket)

    def _commit(self, bucket: Bucket) -> None:
        tx = Transaction(self._db, self._clock)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for received in self._waiting:
                _add(tx, bucket, received)
            tx.finish()
            newest = max((received.version.order for received in self._waiting), default=0)
            self._db.execute(_RAISE_ORDER, (newest,))
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        files = [s.blob_id for received in self._waiting for s in received.stored if s.blob_id]
        self._blobs.settle(files)
        self._waiting.clear()

    def _end(self, bucket: Bucket, text: bytes) -> ArchiveSummary:
        self._commit(bucket)
        end = _document(text)
        if end.get("versions") != self._summary.versions:
            raise InvalidArchive(
                f"{self._summary.versions} of {end.get('versions')} versions are there"
            )
        config = {key: value for key, value in bucket.config.items() if key != MARK}
        self._db.execute(_CONFIGURE, (json.dumps(config), bucket.id))
        return replace(self._summary, left_out=tuple(end.get("left_out", ())))

    def _discard(self, bodies: Iterable[StoredBody]) -> None:
        files = [body.blob_id for body in bodies if body.blob_id]
        if files:
            self._blobs.discard(files)


def _members(file: IO[bytes]) -> Iterator[_Member]:
    """Yield the files of a tar in order."""
    with tarfile.open(fileobj=file, mode="r|*") as tar:
        for info in tar:
            member = tar.extractfile(info) if info.isfile() else None
            if member is None:
                raise InvalidArchive(f"{info.name[:100]!r} is no plain file")
            yield info.name, info.size, member.read
            tar.members = []  # type: ignore[attr-defined]  # else it keeps all members


def _document(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidArchive(f"no JSON: {error}") from error
    return found if isinstance(found, dict) else {}


def _check(version: Version, crcs: list[int], stored: tuple[StoredBody, ...]) -> None:
    """Raise NotAnArchive unless the bytes of a version are those that were exported."""
    sizes = [extent.length for extent in version.extents]
    expected = list(zip(sizes, crcs, strict=True))
    if [(body.size, body.crc64) for body in stored] != expected:
        raise InvalidArchive(f"the bytes of {version.key[:200]!r} are damaged")
    if version.sealing is None:
        whole = 0
        for size, crc in expected:
            whole = crc64_combine(whole, crc, size)
        if (sum(sizes), whole) != (version.size, version.crc64):
            raise InvalidArchive(f"the bytes of {version.key[:200]!r} are not the object's")


def _add(tx: Transaction, bucket: Bucket, received: _ReceivedVersion) -> None:
    extents = tuple(
        extent
        for stored in received.stored
        for extent in tx.references.add(stored, ids.inline_id(tx.next_order()))
    )
    version = replace(received.version, extents=extents)
    if version.version_id not in (NULL_VERSION, ids.version_id(version.order)):
        raise InvalidArchive(f"a version of {version.key[:200]!r} has an id of its own")
    row = (bucket.id, rows.encode_key(version.key), *rows.version_row(version))
    if version.is_latest and not version.is_marker:
        tx.db.execute(_ADD_HEAD, row)
    else:
        tx.db.execute(_ADD_VERSION, (*row, version.is_marker))
