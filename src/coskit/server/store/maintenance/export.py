"""The export of a bucket to one portable file: a tar archive of bodies and JSON.

`archive.json` comes first and describes the bucket. Then, for each version from the oldest of the
first key to the newest of the last, `bodies/<n>/<i>` holds its bytes, extent by extent, and
`versions/<n>.json` its properties, with a CRC64 of every extent. `end.json` has the number of
versions: an archive without it is not complete.
"""

import io
import json
import os
import secrets
import tarfile
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.server.store.blobs import backup_lock
from coskit.server.store.blobs.files import FileBlobs
from coskit.server.store.disk.directory_sync import sync_directory
from coskit.server.store.disk.private_files import make_file
from coskit.server.store.index import database, rows
from coskit.server.store.index.database import Connection, Row
from coskit.server.store.interfaces.errors import DamagedBlob
from coskit.server.store.io import read as reading
from coskit.server.store.io.memory_share import MemoryShare
from coskit.server.store.model import BlobRow, Bucket, Extent, Version

FORMAT = "coskit bucket"
FORMAT_VERSION = 2
READABLE = (1, 2)  # the older format lacks only optional fields

_BUCKET = f"SELECT {rows.BUCKET} FROM bucket WHERE name = ?"  # noqa: S608 - constants only
_VERSIONS = (
    f"SELECT key, 1, 0, {rows.VERSION} FROM head WHERE bucket_id = ?1"  # noqa: S608
    f" UNION ALL SELECT key, 0, is_marker, {rows.VERSION} FROM version WHERE bucket_id = ?1"
    " ORDER BY key, vord"
)
_BLOB = "SELECT size, crc64, data FROM blob WHERE id = ?"


class InvalidArchive(ValueError):
    """The file is no archive of a bucket, or is damaged or truncated."""


@dataclass(frozen=True, slots=True)
class ArchiveSummary:
    """The result of an export or an import.

    Attributes:
        bucket: the bucket's name.
        versions: the number of versions, including delete markers.
        bytes: the stored size of their bodies.
        left_out: the names of versions that were left out because their bytes are damaged.
        sealed: the number of encrypted versions, which need the keys of their server.
    """

    bucket: str
    versions: int
    bytes: int
    left_out: tuple[str, ...] = ()
    sealed: int = 0


def dump_version(version: Version, crcs: list[int]) -> bytes:
    """Return the document of a version.

    Args:
        version: the version.
        crcs: the CRC64 of each extent.
    """
    described = asdict(version)
    described["extents"] = [
        {"size": extent.length, "crc64": crc}
        for extent, crc in zip(version.extents, crcs, strict=True)
    ]
    return json.dumps(described, indent=1).encode("ascii")


def load_version(text: bytes) -> tuple[Version, list[int]]:
    """Return the version and the CRC64s of a document of `dump_version`, without blob ids.

    Raises:
        InvalidArchive: the text is no such document.
    """
    try:
        described: dict[str, Any] = json.loads(text)
        pieces = described.pop("extents")
        extents = tuple(Extent("", 0, int(piece["size"])) for piece in pieces)
        return Version(**described, extents=extents), [int(piece["crc64"]) for piece in pieces]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InvalidArchive(f"not the description of a version: {error}") from error


def export(directory: Path, name: str, target: Path) -> ArchiveSummary:
    """Write a bucket to a file, as of one moment; the server may run. Blocks.

    Args:
        directory: the server's directory.
        name: the bucket's name.
        target: the file's path; it appears when it is complete.

    Raises:
        LookupError: there is no such bucket.
        OSError: files cannot be read or written.
        database.Error: the index cannot be read.
    """
    draft = target.with_name(f"{target.name}.part")
    try:
        draft.unlink(missing_ok=True)
        make_file(draft)
        with draft.open("wb") as out:
            moved = _write(directory, name, out)
            out.flush()
            os.fsync(out.fileno())
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(target.absolute().parent)
    return moved


def _write(directory: Path, name: str, out: IO[bytes]) -> ArchiveSummary:
    with (
        backup_lock.lock_for_backup(directory),
        closing(database.connect(directory / database.FILE, create=False)) as db,
        tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        db.execute("BEGIN")
        row = db.execute(_BUCKET, (name,)).fetchone()
        if row is None:
            raise LookupError(f"there is no bucket {name}")
        return _Export(db, FileBlobs(directory), tar).write(rows.read_bucket(row))


class _Export:
    def __init__(self, db: Connection, blobs: FileBlobs, tar: tarfile.TarFile) -> None:
        self._db = db
        self._blobs = blobs
        self._tar = tar
        self._memory = MemoryShare(1 << 24)

    def write(self, bucket: Bucket) -> ArchiveSummary:
        about = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "id": secrets.token_hex(16),
            "bucket": asdict(bucket),
        }
        self._add("archive.json", json.dumps(about, indent=1).encode(), bucket.created)
        versions = size = sealed = 0
        left_out: list[str] = []
        for number, version in enumerate(self._versions(bucket)):
            try:
                crcs = list(self._bodies(number, version))
            except DamagedBlob:
                # The bytes that were written stay in the archive, but no version names them.
                left_out.append(f"{version.key}@{version.version_id}")
                continue
            self._add(f"versions/{number}.json", dump_version(version, crcs), version.modified)
            versions += 1
            size += sum(extent.length for extent in version.extents)
            sealed += version.sealing is not None
        end = {"versions": versions, "bytes": size, "left_out": left_out}
        self._add("end.json", json.dumps(end, indent=1).encode(), bucket.created)
        return ArchiveSummary(bucket.name, versions, size, tuple(left_out), sealed)

    def _versions(self, bucket: Bucket) -> Iterator[Version]:
        row: Row
        for row in self._db.execute(_VERSIONS, (bucket.id,)):
            yield rows.read_version(rows.decode_key(row[0]), row[1], row[2], row[3:])

    def _bodies(self, number: int, version: Version) -> Iterator[int]:
        """Add a member for each extent and yield its CRC64."""
        for place, extent in enumerate(version.extents):
            info = _member(f"bodies/{number}/{place}", extent.length, version.modified)
            with closing(self._chunks(extent)) as chunks:
                source = _MemberSource(chunks)
                self._tar.addfile(info, source)
            if source.damage:
                raise source.damage
            yield source.crc

    def _chunks(self, extent: Extent) -> Generator[bytes, None, None]:
        row: Row | None = self._db.execute(_BLOB, (extent.blob_id,)).fetchone()
        if row is None:
            raise DamagedBlob(extent.blob_id, "unknown to the index")
        piece = extent, BlobRow(row[0], rows.unsigned(row[1]), row[2])
        return reading.chunks(self._blobs, [piece], self._memory)

    def _add(self, name: str, data: bytes, modified: int) -> None:
        self._tar.addfile(_member(name, len(data), modified), io.BytesIO(data))


class _MemberSource(io.RawIOBase):
    """The file object of a member. After damage it yields zeros up to the member's size."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.crc = 0
        self.damage: DamagedBlob | None = None
        self._chunks = chunks
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        """Return exactly `size` bytes."""
        try:
            while not self.damage and len(self._left) < size:
                chunk = next(self._chunks)
                self.crc = crc64(chunk, self.crc)
                self._left += chunk
        except DamagedBlob as error:
            self.damage, self._left = error, b""
        if self.damage:
            return bytes(size)
        taken, self._left = self._left[:size], self._left[size:]
        return taken


def _member(name: str, size: int, modified: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, modified // 1000, 0o600
    return info
