"""How the file of the index is opened: with a checksum on every page, and its tables up to date.

SQLite's own checksum VFS verifies a page whenever it comes from the disk, so that a flipped bit is
an error and never an answer.
"""

import os
import threading
import time
from collections.abc import Mapping, Sequence
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
PAGE_CHECKSUM = 8  # bytes at the end of each page, as the VFS wants it

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
    """A page of the index is not what was written; what lies on others can still be read."""

    wire_code = "InternalError"


def connect(path: Path, durability: Durability = "strict", *, create: bool = True) -> Connection:
    """Open the file in autocommit; a connection is used by one thread at a time.

    Args:
        path: the file.
        durability: what a commit through it means.
        create: whether a missing file is made.

    Raises:
        Error: the file cannot be used.
    """
    _register()
    if create:
        make_file(path)  # SQLite would let others read it, and takes its mode for the log's files
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    db = apsw.Connection(os.fspath(path), flags, vfs=_VFS, statementcachesize=_CACHED_STATEMENTS)
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


def prepare(db: Connection) -> None:
    """Bring an opened file up to date: its log taken over, its tables, its pages with checksums.

    Only for a file that nobody else uses yet.

    Raises:
        RuntimeError: a later version of coskit has changed the tables.
    """
    # A process that died while it took pages over from the log has left half of one in the file.
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
    """Return how many steps of `schema/` the file has seen."""
    return int(one(db, "PRAGMA user_version")[0])


def one(db: Connection, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Row:
    """Return the first row of a statement that always gives one."""
    row: Row | None = db.execute(statement, values).fetchone()
    assert row is not None, statement
    return row


def fetch_all(db: Connection, statement: str, values: Sequence[Any] = ()) -> list[Row]:
    """Return all rows of a statement."""
    return list(db.execute(statement, values))


def latest() -> int:
    """Return how many steps there are."""
    return _steps()[-1][0]


def has_checksums(db: Connection) -> bool:
    """Return whether the pages carry checksums: files of the first versions have none."""
    return db.reserve_bytes("main") == PAGE_CHECKSUM


def is_damage(error: BaseException) -> bool:
    """Return whether an error means that the file is not what was written."""
    if isinstance(error, _DAMAGE):
        return True
    extended = getattr(error, "extendedresult", 0)  # apsw's stubs do not know it
    return isinstance(error, apsw.IOError) and extended in (
        apsw.SQLITE_IOERR_DATA,
        apsw.SQLITE_IOERR_SHORT_READ,
        apsw.SQLITE_IOERR_CORRUPTFS,
    )


def is_full(error: BaseException) -> bool:
    """Return whether an error means that there is no room."""
    # The last for the file that readers share, which has no room to grow.
    code = getattr(error, "extendedresult", None)
    return isinstance(error, apsw.FullError) or code == apsw.SQLITE_IOERR_SHMSIZE


def is_exhausted(error: BaseException) -> bool:
    """Return whether an error means that no file can be opened: those of the index are there."""
    return isinstance(error, apsw.CantOpenError)


def translated(error: Error) -> CosServiceError:
    """Return what the caller of the store is told of an error."""
    if is_damage(error):
        return DamagedIndex("A page of the index is damaged.")
    if is_exhausted(error):
        return ServiceUnavailable("The index could not be opened.", headers={"Retry-After": "2"})
    return InternalError("The index could not be read.")


def check_pages(path: Path, first: int, count: int) -> int:
    """Read pages of the file past every cache of SQLite; return how many it has in all.

    Those that are still in the log are not looked at: SQLite checks them when it takes them over.

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
    """Read a page, more than once if need be: it may be in the middle of being written."""
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
    """Make the VFS known to SQLite, once in a process."""
    with _registering:
        if _VFS in apsw.vfs_names():
            return
        passing = apsw.Connection(":memory:")
        try:
            apsw.sqlite_extra.load(passing, "cksumvfs")
        finally:
            passing.close()
