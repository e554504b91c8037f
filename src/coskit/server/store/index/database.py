"""The SQLite file of the index: opened with a checksum on every page and up-to-date tables.

SQLite's checksum VFS verifies every page that is read from the disk, so that a flipped bit is an
error and never a wrong result.
"""

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import apsw
import apsw.sqlite_extra

from coskit.protocol.errors import CosServiceError, InternalError, ServiceUnavailable
from coskit.server.store.disk.durability import Durability
from coskit.server.store.disk.private_files import make_file
from coskit.server.store.index import schema

Connection = apsw.Connection
Error = apsw.Error
Row = tuple[Any, ...]

FILE = "index.db"
LOG = "index.db-wal"
PAGE = 4096  # bytes
PAGE_CHECKSUM = 8  # bytes at the end of each page, as the checksum VFS requires

_SYNCHRONOUS: dict[Durability, str] = {"strict": "FULL", "relaxed": "NORMAL", "none": "OFF"}
_VFS = "cksmvfs"
_CACHED_STATEMENTS = 256
_BUSY_MILLISECONDS = 30_000
_CHECKPOINT_PAGES = 4000  # 16 MB of log: fewer, longer checkpoints
_CACHE_KIB = 16_384  # for each of the few connections
_ATTEMPTS = 5
_PAUSE = 0.05  # seconds from one attempt to read a page to the next
_DAMAGE = (apsw.CorruptError, apsw.NotADBError)

_registering = threading.Lock()


class DamagedIndex(InternalError):
    """A page of the index differs from what was written; other pages can still be read."""

    wire_code = "InternalError"


def connect(path: Path, durability: Durability = "strict", *, create: bool = True) -> Connection:
    """Open the file in autocommit mode; one thread at a time may use the connection.

    Args:
        path: the file's path.
        durability: the durability mode of commits through the connection.
        create: whether to make a missing file.

    Raises:
        Error: the file cannot be used.
    """
    _register()
    if create:
        make_file(path)  # private; SQLite gives its mode to the files of the log
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    with _naming(path):
        db = apsw.Connection(
            os.fspath(path), flags, vfs=_VFS, statementcachesize=_CACHED_STATEMENTS
        )
        try:
            db.set_busy_timeout(_BUSY_MILLISECONDS)
            if create and not path.stat().st_size:
                db.execute(f"PRAGMA page_size = {PAGE}")
                db.reserve_bytes("main", PAGE_CHECKSUM)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
            db.execute("PRAGMA foreign_keys = OFF")
            db.execute("PRAGMA recursive_triggers = OFF")
            db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        except BaseException:
            db.close()
            raise
    return db


@contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    """Put the file's path before the text of an error of SQLite."""
    try:
        yield
    except Error as error:
        error.args = (f"{path}: {error}",)
        raise


def prepare(db: Connection) -> None:
    """Bring an opened file up to date: its log, its tables, and the checksums of its pages.

    No other process may use the file yet.

    Raises:
        Error: the file is damaged, or cannot be used.
        RuntimeError: a later version of coskit has changed the tables.
    """
    with _naming(db.filename):
        # A process that died during a checkpoint may have left a half-written page in the file.
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        steps = _steps()
        done = version(db)
        if done > steps[-1][0]:
            raise RuntimeError("the index was written by a later version of coskit")
        for number, script in steps:
            if number > done:
                db.execute(f"BEGIN;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
        if not has_checksums(db):
            db.execute("PRAGMA journal_mode = DELETE")
            db.reserve_bytes("main", PAGE_CHECKSUM)
            db.execute("VACUUM")
            db.execute("PRAGMA journal_mode = WAL")


def version(db: Connection) -> int:
    """Return the number of the last script of `schema/` that the file has had."""
    return int(one(db, "PRAGMA user_version")[0])


def one(db: Connection, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Row:
    """Return the first row of a statement that always has one."""
    row: Row | None = db.execute(statement, values).fetchone()
    assert row is not None, statement
    return row


def fetch_all(db: Connection, statement: str, values: Sequence[Any] = ()) -> list[Row]:
    """Return all rows of a statement."""
    return list(db.execute(statement, values))


def latest() -> int:
    """Return the number of the last script of `schema/`."""
    return _steps()[-1][0]


def has_checksums(db: Connection) -> bool:
    """Return whether the pages have checksums; files of the first versions have none."""
    return db.reserve_bytes("main") == PAGE_CHECKSUM


def is_damage(error: BaseException) -> bool:
    """Return whether an error means that the file is damaged."""
    if isinstance(error, _DAMAGE):
        return True
    extended = getattr(error, "extendedresult", 0)  # apsw's stubs do not know it
    return isinstance(error, apsw.IOError) and extended in (
        apsw.SQLITE_IOERR_DATA,
        apsw.SQLITE_IOERR_SHORT_READ,
        apsw.SQLITE_IOERR_CORRUPTFS,
    )


def is_full(error: BaseException) -> bool:
    """Return whether an error means that the disk is full."""
    # The extended code is for the shared-memory file, which cannot grow on a full disk.
    code = getattr(error, "extendedresult", None)
    return isinstance(error, apsw.FullError) or code == apsw.SQLITE_IOERR_SHMSIZE


def is_exhausted(error: BaseException) -> bool:
    """Return whether an error means that file descriptors ran out: the index's files exist."""
    return isinstance(error, apsw.CantOpenError)


def translated(error: Error) -> CosServiceError:
    """Return the error to raise from the store for an error of SQLite."""
    if is_damage(error):
        return DamagedIndex("A page of the index is damaged.")
    if is_exhausted(error):
        return ServiceUnavailable("The index could not be opened.", headers={"Retry-After": "2"})
    return InternalError("The index could not be read.")


def check_pages(path: Path, first: int, count: int) -> int:
    """Read pages of the file, past every cache of SQLite; return how many the file has.

    Pages in the log are not read: SQLite checks them in the checkpoint.

    Raises:
        DamagedIndex: one of them is damaged.
    """
    _register()
    flags = [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0]
    file = apsw.VFSFile(_VFS, os.fspath(path), flags)
    try:
        size = int.from_bytes(file.xRead(100, 0)[16:18], "big")
        size = 1 << 16 if size == 1 else size
        pages = file.xFileSize() // size
        for number in range(first, min(first + count, pages)):
            _check_page(file, number, size)
    except Error as error:
        raise DamagedIndex(f"The index cannot be read: {error}") from error
    finally:
        file.xClose()
    return pages


def _check_page(file: apsw.VFSFile, number: int, size: int) -> None:
    """Read a page; retry a few times, as the page may be half-written at the moment."""
    for attempt in range(_ATTEMPTS):
        try:
            file.xRead(size, number * size)
            return
        except apsw.IOError as error:
            if attempt == _ATTEMPTS - 1:
                text = f"Page {number + 1} of the index is damaged."
                raise DamagedIndex(text) from error
            time.sleep(_PAUSE)


@cache
def _steps() -> Sequence[tuple[int, str]]:
    return sorted(
        (int(file.name.split("_")[0]), file.read_text("utf-8"))
        for file in resources.files(schema).iterdir()
        if file.name.endswith(".sql")
    )


def _register() -> None:
    """Register the checksum VFS with SQLite, once in a process."""
    with _registering:
        if _VFS in apsw.vfs_names():
            return
        passing = apsw.Connection(":memory:")
        try:
            apsw.sqlite_extra.load(passing, "cksumvfs")
        finally:
            passing.close()
