"""Disk space that the store reserves, and releases when the disk is full."""

import os
from contextlib import suppress
from pathlib import Path

from coskit.server.store.disk.private_files import FILE_MODE

FILE = "spare"
SIZE = 4 << 20  # bytes: enough to open the index and for some thousand deletions
PERIOD = 10.0  # seconds from one attempt to fill the reserve to the next
_FILL_MULTIPLE = 4  # multiple of its size that must be free before it is filled
_RELEASE_SIZE = 128 << 10  # bytes that are released at a time
_BLOCK = 512  # bytes, as st_blocks counts


class DiskReserve:
    """A file that reserves space for starts and deletions on a full disk.

    Args:
        directory: the server's directory.
        size: bytes to reserve; 0 reserves nothing.
    """

    def __init__(self, directory: Path, size: int) -> None:
        self._directory = directory
        self._path = directory / FILE
        self._size = size

    def fill(self, *, at_end: bool = False) -> None:
        """Reserve the space, if the disk has plenty and the reserve is not full.

        At the end of a server, reserve as much as is free: other programs may fill the disk before
        the next start.
        """
        free = self._free()
        size = min(self._size, free) if at_end else self._size
        if not size or self._reserved() >= size or (free < _FILL_MULTIPLE * size and not at_end):
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        with suppress(OSError):  # another program was faster, or the file system cannot
            fd = os.open(self._path, flags, FILE_MODE)
            try:
                os.posix_fallocate(fd, 0, size)
            except OSError:
                os.ftruncate(fd, 0)
            finally:
                os.close(fd)

    def release_if_short(self) -> None:
        """Release a part of the reserve if the disk has less free space than that part."""
        if self._size and self._free() < _RELEASE_SIZE:
            self.release()

    def release(self) -> None:
        """Release a part of the reserve. A program that fills the disk would take all of it."""
        with suppress(OSError):
            os.truncate(self._path, max(0, self._path.stat().st_size - _RELEASE_SIZE))

    def _reserved(self) -> int:
        try:
            return self._path.stat().st_blocks * _BLOCK
        except OSError:
            return 0

    def _free(self) -> int:
        disk = os.statvfs(self._directory)
        return disk.f_bavail * disk.f_frsize
