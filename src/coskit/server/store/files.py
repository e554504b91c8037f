"""Blobs as files of one directory, durable once finished.

`blobs/<first two of id>/<id>` is the blob. `tmp/<id>` is where it is written, and afterwards a
second name of the same file that marks it as unsettled.
"""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from coskit.server.store import ids
from coskit.server.store.interface import Blobs

_sync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


class FileBlobs(Blobs):
    """`Blobs` below a directory; one process at a time may use it."""

    def __init__(self, directory: Path) -> None:
        self._tmp = directory / "tmp"
        self._blobs = directory / "blobs"
        self._tmp.mkdir(parents=True, exist_ok=True)
        if not self._blobs.exists():
            self._make_fans()

    def create(self) -> "FileWriter":
        """See `Blobs.create`."""
        blob_id = ids.new_file_id()
        return FileWriter(blob_id, self._tmp / blob_id, self._path(blob_id))

    def open(self, blob_id: str) -> "FileReader":
        """See `Blobs.open`."""
        return FileReader(self._path(blob_id))

    def settle(self, blob_ids: Sequence[str]) -> None:
        """See `Blobs.settle`."""
        for blob_id in blob_ids:
            (self._tmp / blob_id).unlink(missing_ok=True)

    def unsettled(self) -> list[str]:
        """See `Blobs.unsettled`."""
        return [path.name for path in self._tmp.iterdir()]

    def discard(self, blob_ids: Sequence[str]) -> None:
        """See `Blobs.discard`."""
        for blob_id in blob_ids:
            self._path(blob_id).unlink(missing_ok=True)
            (self._tmp / blob_id).unlink(missing_ok=True)

    def _path(self, blob_id: str) -> Path:
        return self._blobs / blob_id[:2] / blob_id

    def _make_fans(self) -> None:
        """Make all the fan directories at once: no writer has to ask whether its own is there."""
        fresh = self._blobs.with_name("blobs.new")
        for fan in range(256):
            (fresh / f"{fan:02x}").mkdir(parents=True, exist_ok=True)
        sync_directory(fresh)
        fresh.rename(self._blobs)
        sync_directory(self._blobs.parent)


class FileWriter:
    """A `BlobWriter` of one file."""

    def __init__(self, blob_id: str, draft: Path, path: Path) -> None:
        self._blob_id = blob_id
        self._draft = draft
        self._path = path
        self._fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    @property
    def blob_id(self) -> str:
        """See `BlobWriter.blob_id`."""
        return self._blob_id

    def write(self, block: bytes) -> None:
        """See `BlobWriter.write`."""
        left = memoryview(block)
        while left:
            left = left[os.write(self._fd, left) :]

    def finish(self) -> None:
        """See `BlobWriter.finish`."""
        _sync(self._fd)
        self.close()
        os.link(self._draft, self._path)
        sync_directory(self._path.parent)

    def close(self) -> None:
        """See `BlobWriter.close`."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class FileReader:
    """A `BlobReader` of one file."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, offset: int, length: int) -> bytes:
        """See `BlobReader.read`."""
        data = os.pread(self._fd, length, offset)
        # One call may give less than there is, at a signal or beyond 2 GiB.
        while data and len(data) < length:
            more = os.pread(self._fd, length - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def close(self) -> None:
        """See `BlobReader.close`."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def lock_directory(directory: Path) -> int:
    """Make a directory if it is missing and take it for this process; return the lock's fd.

    Raises:
        BlockingIOError: another process has it.
    """
    if not directory.exists():
        directory.mkdir(mode=0o700, parents=True)  # other people's objects are in it
        sync_directory(directory.parent)
    fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(fd)
        raise
    return fd


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
