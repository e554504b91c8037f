"""A hold on a directory's blobs: while somebody copies them, in whatever process, none goes."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "hold"
TURN = "hold.turn"  # locked by who removes, so that removers wait for each other and not for a hold


class BackupInProgress(BlockingIOError):
    """Somebody is copying the blobs; they can be removed later."""


@contextmanager
def lock_for_backup(directory: Path) -> Iterator[None]:
    """Keep every blob file of a directory until the end of the context; many may hold at once."""
    fd = _open(directory / FILE)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)


@contextmanager
def lock_for_removal(directory: Path) -> Iterator[None]:
    """Let no hold begin while blob files are removed.

    Raises:
        BackupInProgress: there is one.
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
