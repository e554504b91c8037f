"""A backup of a server's directory, taken while the server runs, as of one moment."""

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from coskit.server.store.blobs import backup_lock
from coskit.server.store.blobs.files import FileBlobs, lock_directory
from coskit.server.store.blobs.waiting_removals import PATTERN
from coskit.server.store.disk import disk_reserve
from coskit.server.store.disk.directory_sync import sync_directory
from coskit.server.store.disk.private_files import make_file
from coskit.server.store.index import database
from coskit.server.store.index.database import fetch_all

_NEW = "index.db.new"
_NOT_COPIED = {database.FILE, database.LOG, f"{database.FILE}-shm", _NEW, "lock"}
_NOT_COPIED |= {
    backup_lock.FILE,
    backup_lock.TURN,
    disk_reserve.FILE,
    "address.json",
}  # the copy is served elsewhere

# Links or copies the first path to the second, which does not exist.
Place = Callable[[Path, Path], None]


@dataclass(frozen=True, slots=True)
class Backup:
    """The result of a backup.

    Attributes:
        blobs: the number of blob files in the backup.
        added: the number of these files that an earlier backup did not have.
        bytes: the size of the added files.
        removed: the number of files of an earlier backup that were removed.
    """

    blobs: int
    added: int
    bytes: int
    removed: int


def back_up(source: Path, target: Path, *, copying: bool = False) -> Backup:
    """Copy a directory so that the copy can be served; blocks.

    A second backup to the same target adds what is new; until its last step the target holds the
    earlier backup. Blobs never change, so on one file system they are linked rather than copied.

    Args:
        source: a server's directory, in use or not.
        target: the backup's directory, made if it is missing.
        copying: whether to copy blobs even if they could be linked.

    Raises:
        BlockingIOError: a server uses the target.
        ValueError: the target is the source or lies in the source.
        OSError: files cannot be read or written.
        database.Error: the index cannot be read.
    """
    if target.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"{target} lies in the directory to copy")
    lock = lock_directory(target)
    try:
        blobs = FileBlobs(target)
        with backup_lock.lock_for_backup(source):
            known = _copy_index(source / database.FILE, target / _NEW)
            place = _copy if copying else _link
            added, size = _copy_blobs(FileBlobs(source), blobs, known, place)
            _copy_settings(source, target)
        for fan in blobs.fans():
            sync_directory(target / "blobs" / fan)
        # The log of an earlier index is empty: it was closed properly, or never served.
        for name in (database.LOG, f"{database.FILE}-shm"):
            (target / name).unlink(missing_ok=True)
        (target / _NEW).rename(target / database.FILE)
        sync_directory(target)
        return Backup(len(known), added, size, _remove_others(blobs, known))
    finally:
        os.close(lock)


def _copy_index(source: Path, target: Path) -> dict[str, int]:
    """Copy the index as of now; return the size of each blob that is a file, by id."""
    target.unlink(missing_ok=True)
    with (
        closing(database.connect(source, create=False)) as old,
        closing(database.connect(target)) as new,
    ):
        with new.backup("main", old, "main") as copying:
            copying.step(-1)
        new.execute("DELETE FROM garbage; DELETE FROM progress")
        found = fetch_all(new, "SELECT id, size FROM blob WHERE data IS NULL")
        new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        new.execute("PRAGMA journal_mode = DELETE")  # the index is one file then
    with target.open("rb") as copied:
        os.fsync(copied.fileno())
    return dict(found)


def _copy_blobs(
    source: FileBlobs, target: FileBlobs, known: dict[str, int], place: Place
) -> tuple[int, int]:
    count = size = 0
    for blob_id in known:
        old, new = source.path(blob_id), target.path(blob_id)
        if new.exists() and old.exists() and new.stat().st_size == old.stat().st_size:
            continue
        new.unlink(missing_ok=True)  # left by an interrupted backup
        try:
            place(old, new)
        except FileNotFoundError:
            continue  # missing in the source as well: the check of the copy reports it
        count, size = count + 1, size + new.stat().st_size
    return count, size


def _link(old: Path, new: Path) -> None:
    try:
        os.link(old, new)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without links
        _copy(old, new)


def _copy(old: Path, new: Path) -> None:
    with old.open("rb"):  # else a missing file would get an empty copy
        make_file(new)
    shutil.copy2(old, new)
    with new.open("rb") as copied:
        os.fsync(copied.fileno())


def _copy_settings(source: Path, target: Path) -> None:
    """Copy keys and accounts: small files that are replaced as a whole."""
    for file in source.iterdir():
        if file.is_file() and file.name not in _NOT_COPIED and not file.match(PATTERN):
            new = target / f"{file.name}.new"
            _copy(file, new)
            new.rename(target / file.name)


def _remove_others(blobs: FileBlobs, known: dict[str, int]) -> int:
    """Remove the blobs of an earlier backup that this backup does not name."""
    others = [name for fan in blobs.fans() for name, _ in blobs.settled(fan) if name not in known]
    blobs.discard(others)
    return len(others)
