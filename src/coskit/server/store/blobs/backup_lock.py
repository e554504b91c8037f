"""A lock between processes that blocks the removal of blob files while a backup copies them."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "hold"
TURN = "hold.turn"  # locked first for a removal: removals wait for each other, not for a backup


class BackupInProgress(BlockingIOError):
    """A backup is copying the blobs; they can be removed later."""


@contextmanager
def lock_for_backup(directory: Path) -> Iterator[None]:
    """Keep every blob file of a directory until the end of the context; many backups may run."""
    fd = _open(directory / FILE)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)


@contextmanager
def lock_for_removal(directory: Path) -> Iterator[None]:
    """Let no backup begin while blob files are removed.

    Raises:
        BackupInProgress: a backup is running.
    """
    turn = _open(directory / TURN)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        fd = _open(directory / FILE)
        try:
            _take(fd)
            yield
        finally:
            os.close(fd)
    finally:
        os.close(turn)


def _take(fd: int) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BackupInProgress(errno.EAGAIN, "the blobs are being copied") from error


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
