"""Room of the store's own on the disk, given back when others have left none."""

import os
from contextlib import suppress
from pathlib import Path

from coskit.server.store.disk.private_files import FILE_MODE

FILE = "spare"
SIZE = 4 << 20  # bytes: what the index needs to open, and for some thousand deletions
PERIOD = 10.0  # seconds from one attempt to fill it to the next
_PLENTY = 4  # times its size that have to be free before it is filled
_STEP = 128 << 10  # bytes that are given back at a time
_BLOCK = 512  # bytes, as st_blocks counts


class DiskReserve:
    """A file that holds room until it is needed: to start, and to delete what fills the disk.

    Args:
        directory: the server's.
        size: bytes that it holds; 0 is none.
    """

    def __init__(self, directory: Path, size: int) -> None:
        self._directory = directory
        self._path = directory / FILE
        self._size = size

    def fill(self, *, at_end: bool = False) -> None:
        """Take the room, if there is plenty and it is not taken already.

        At the end of a server whatever there is will do: others may take it before the next start.
        """
        free = self._free()
        size = min(self._size, free) if at_end else self._size
        if not size or self._reserved() >= size or (free < _PLENTY * size and not at_end):
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        with suppress(OSError):  # others were faster, or the file system cannot
            fd = os.open(self._path, flags, FILE_MODE)
            try:
                os.posix_fallocate(fd, 0, size)
            except OSError:
                os.ftruncate(fd, 0)
            finally:
                os.close(fd)

    def release_if_short(self) -> None:
        """Give a part of the room back if there is less than that on the disk."""
        if self._size and self._free() < _STEP:
            self.release()

    def release(self) -> None:
        """Give a part of the room back, for whoever fills the disk would take all of it."""
        with suppress(OSError):
            os.truncate(self._path, max(0, self._path.stat().st_size - _STEP))

    def _reserved(self) -> int:
        try:
            return self._path.stat().st_blocks * _BLOCK
        except OSError:
            return 0

    def _free(self) -> int:
        disk = os.statvfs(self._directory)
        return disk.f_bavail * disk.f_frsize
