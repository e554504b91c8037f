"""Files that list removals which wait for readers, so that a check by another process knows them.

Each process that serves a directory has at most one such file. It is locked while the process runs,
so that the list of a process that died is ignored.
"""

import fcntl
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from coskit.server.store.disk.private_files import FILE_MODE

PATTERN = "waiting.*"


class WaitingRemovals:
    """The list of one process; its methods block and are called one at a time.

    Args:
        directory: the server's directory.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / PATTERN.replace("*", secrets.token_hex(8))
        self._fd = -1

    def add(self, blob_ids: Sequence[str]) -> None:
        """Add blobs to the list. They stay on it until `clear`."""
        if self._fd < 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._fd = os.open(self._path, flags, FILE_MODE)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
        os.write(self._fd, "".join(f"{blob_id}\n" for blob_id in blob_ids).encode())

    def clear(self) -> None:
        """Remove the list."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._path.unlink(missing_ok=True)
            os.close(fd)


def waiting_removals(directory: Path) -> set[str]:
    """Return the blobs on the lists of running processes."""
    found: set[str] = set()
    for path in directory.glob(PATTERN):
        with suppress(FileNotFoundError), path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found.update(file.read().split())
    return found


def remove_stale_lists(directory: Path) -> None:
    """Remove the lists of dead processes; only for a directory that no other process uses."""
    for path in directory.glob(PATTERN):
        path.unlink(missing_ok=True)
