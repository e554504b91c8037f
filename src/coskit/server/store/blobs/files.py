"""Blobs as files in one directory: durable once finished, checked block by block when read.

A blob is the file `blobs/<first two digits of the id>/<id>`, followed by its checksums. It is
written as `tmp/<id>`, which afterwards is a second name of the file that marks it as unsettled.
"""

import errno
import fcntl
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.server.store import ids
from coskit.server.store.blobs import block_checksums
from coskit.server.store.blobs.backup_lock import lock_for_removal
from coskit.server.store.blobs.shared_pins import BlobPins, UnsharedPins
from coskit.server.store.blobs.waiting_removals import WaitingRemovals, remove_stale_lists
from coskit.server.store.disk.directory_sync import DirectorySyncs, sync_directory
from coskit.server.store.disk.durability import Durability
from coskit.server.store.disk.private_files import make_directory, restrict_permissions
from coskit.server.store.interfaces.blobs import Blobs
from coskit.server.store.interfaces.errors import DamagedBlob

_DIRECTORIES = 256
_BLOBS_IN_A_ROW = 64  # in one directory, so that concurrent writes share its syncs
_CHECKED_AT_ONCE = 1 << 20  # bytes
_sync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync
_WRITTEN_EARLY = 1 << 20  # bytes of a block from which its write to the disk starts before the sync


class FileBlobs(Blobs):
    """`Blobs` below a directory.

    Args:
        directory: the server's directory.
        durability: "none" syncs nothing. "relaxed" syncs like "strict": a body that the index names
            must not be lost if the index is not.
        pins: the pins that other processes see. A new blob is pinned before it exists.
    """

    def __init__(
        self, directory: Path, durability: Durability = "strict", pins: BlobPins | None = None
    ) -> None:
        self._pins = pins or UnsharedPins()
        self._directory = directory
        self._tmp = directory / "tmp"
        self._blobs = directory / "blobs"
        self._syncs = DirectorySyncs() if durability != "none" else None
        self._waiting = WaitingRemovals(directory)
        self._choosing = threading.Lock()
        self._fan, self._in_a_row = 0, _BLOBS_IN_A_ROW
        make_directory(self._tmp)
        if not self._blobs.exists():
            self._make_fan_directories()

    def create(self) -> "FileWriter":
        """See `Blobs.create`."""
        blob_id = ids.new_file_id(self._next_fan())
        self._pins.add((blob_id,))
        try:
            return FileWriter(blob_id, self._tmp / blob_id, self.path(blob_id), self._syncs)
        except BaseException:
            self._pins.drop((blob_id,))
            raise

    def open(self, blob_id: str, size: int, crc: int) -> "FileReader":
        """See `Blobs.open`."""
        return FileReader(self.path(blob_id), size, crc)

    def fans(self) -> list[str]:
        """See `Blobs.fans`."""
        return [f"{fan:02x}" for fan in range(_DIRECTORIES)]

    def settled(self, fan: str) -> list[tuple[str, float]]:
        """See `Blobs.settled`."""
        found = list(self._files(self._blobs / fan))
        # A blob gets its own name before it loses the draft's, so this order misses none.
        return [pair for pair in found if not (self._tmp / pair[0]).exists()]

    def settle(self, blob_ids: Sequence[str]) -> None:
        """See `Blobs.settle`."""
        for blob_id in blob_ids:
            (self._tmp / blob_id).unlink(missing_ok=True)

    def unsettled(self) -> list[str]:
        """See `Blobs.unsettled`."""
        return [path.name for path in self._tmp.iterdir()]

    def discard(self, blob_ids: Sequence[str]) -> None:
        """See `Blobs.discard`."""
        with lock_for_removal(self._directory):
            for blob_id in blob_ids:
                self.path(blob_id).unlink(missing_ok=True)
                (self._tmp / blob_id).unlink(missing_ok=True)

    def note_waiting(self, blob_ids: Sequence[str]) -> None:
        """See `Blobs.note_waiting`."""
        self._waiting.add(blob_ids)

    def clear_waiting(self) -> None:
        """See `Blobs.clear_waiting`."""
        self._waiting.clear()

    def path(self, blob_id: str) -> Path:
        """Return the path of a blob's file, which may not exist."""
        return self._blobs / blob_id[:2] / blob_id

    def _next_fan(self) -> int:
        with self._choosing:
            if self._in_a_row == _BLOBS_IN_A_ROW:
                self._fan, self._in_a_row = secrets.randbelow(_DIRECTORIES), 0
            self._in_a_row += 1
            return self._fan

    @staticmethod
    def _files(fan: Path) -> Iterator[tuple[str, float]]:
        with os.scandir(fan) as entries:
            for entry in entries:
                try:
                    yield entry.name, entry.stat(follow_symlinks=False).st_mtime
                except FileNotFoundError:  # removed since it was listed
                    continue

    def _make_fan_directories(self) -> None:
        """Make all the fan directories at once, so that no writer has to check for its own."""
        fresh = self._blobs.with_name("blobs.new")
        make_directory(fresh)
        for fan in range(_DIRECTORIES):
            make_directory(fresh / f"{fan:02x}")
        if self._syncs:
            sync_directory(fresh)
        fresh.rename(self._blobs)
        if self._syncs:
            sync_directory(self._directory)


class FileWriter:
    """A `BlobWriter` of one file."""

    def __init__(self, blob_id: str, draft: Path, path: Path, syncs: DirectorySyncs | None) -> None:
        self._blob_id = blob_id
        self._draft = draft
        self._path = path
        self._syncs = syncs
        self._summing = block_checksums.BlockChecksumWriter()
        self._size = 0
        self._fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    @property
    def blob_id(self) -> str:
        """See `BlobWriter.blob_id`."""
        return self._blob_id

    def write(self, block: bytes) -> None:
        """See `BlobWriter.write`."""
        self._summing.update(block)
        self._write(block)
        if self._syncs and len(block) >= _WRITTEN_EARLY:
            self._begin_writing(len(block))

    def finish(self) -> None:
        """See `BlobWriter.finish`."""
        self._write(self._summing.trailer(self._blob_id))
        # Linked before it is synced: on most file systems one write of the journal covers both.
        os.link(self._draft, self._path)
        if self._syncs:
            _sync(self._fd)
        self.close()
        if self._syncs:
            self._syncs.sync(self._path.parent)

    def close(self) -> None:
        """See `BlobWriter.close`."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _write(self, block: bytes) -> None:
        left = memoryview(block)
        while left:
            left = left[os.write(self._fd, left) :]
        self._size += len(block)

    def _begin_writing(self, length: int) -> None:
        """Start to write the last block to the disk, so that the final sync takes less time."""
        if hasattr(os, "posix_fadvise"):
            # On Linux this starts the write of dirty pages; it neither waits for it nor drops them.
            os.posix_fadvise(self._fd, self._size - length, length, os.POSIX_FADV_DONTNEED)


class FileReader:
    """A `BlobReader` of one file.

    A file of the first versions has no checksums at its end: it is read completely once before its
    first bytes are returned.
    """

    def __init__(self, path: Path, size: int, crc: int) -> None:
        self._blob_id = path.name
        self._size = size
        self._crc = crc
        self._sums: block_checksums.BlockChecksums | None = None
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise DamagedBlob(path.name, "missing") from error
        try:
            self._sums = self._find_sums()
        except BaseException:
            self.close()
            raise

    def read(self, offset: int, length: int) -> bytes:
        """See `BlobReader.read`."""
        length = min(length, self._size - offset)
        if length <= 0:
            return b""
        if self._sums is None:
            return self._pread(offset, length)
        first, end = block_checksums.span(offset, length, self._size)
        data = self._pread(first, end - first)
        try:
            self._sums.check(first, data)
        except block_checksums.ChecksumMismatch as error:
            raise DamagedBlob(self._blob_id, str(error)) from error
        return data if len(data) == length else data[offset - first : offset - first + length]

    def close(self) -> None:
        """See `BlobReader.close`."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _find_sums(self) -> block_checksums.BlockChecksums | None:
        length = os.fstat(self._fd).st_size
        if length == self._size:
            self._check_all()
            return None
        if length != self._size + block_checksums.trailer_length(self._size):
            raise DamagedBlob(self._blob_id, f"a file of {length} bytes")
        trailer = self._pread(self._size, length - self._size)
        try:
            return block_checksums.read_trailer(trailer, self._blob_id, self._size, self._crc)
        except block_checksums.ChecksumMismatch as error:
            raise DamagedBlob(self._blob_id, str(error)) from error

    def _check_all(self) -> None:
        crc = 0
        for offset in range(0, self._size, _CHECKED_AT_ONCE):
            data = self._pread(offset, min(_CHECKED_AT_ONCE, self._size - offset))
            crc = crc64(data, crc)
        if crc != self._crc:
            raise DamagedBlob(self._blob_id, "wrong checksum")

    def _pread(self, offset: int, length: int) -> bytes:
        try:
            data = os.pread(self._fd, length, offset)
            # One call may return less, after a signal or beyond 2 GiB.
            while len(data) < length:
                more = os.pread(self._fd, length - len(data), offset + len(data))
                if not more:
                    raise DamagedBlob(self._blob_id, "shorter than it was")
                data += more
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            raise DamagedBlob(self._blob_id, "unreadable for the disk") from error
        return data


def lock_directory(directory: Path) -> int:
    """Make a directory if it is missing and lock it for this process; return the lock's descriptor.

    Raises:
        BlockingIOError: another process has it locked.
    """
    if not directory.exists():
        directory.mkdir(mode=0o700, parents=True)  # private: it holds other people's objects
        sync_directory(directory.parent)
    fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        restrict_permissions(directory)
        remove_stale_lists(directory)
    except BaseException:
        os.close(fd)
        raise
    return fd
