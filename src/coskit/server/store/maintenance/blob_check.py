"""The comparison of blobs' rows with their bytes, in both directions, group by group."""

# ruff: noqa: S608 - statements are put together from constants only

import json
import time
from collections.abc import Iterator
from pathlib import Path

from coskit.protocol.errors import InternalError
from coskit.server.store.blobs import files
from coskit.server.store.blobs.waiting_removals import waiting_removals
from coskit.server.store.index import rows
from coskit.server.store.index.database import Connection, fetch_all
from coskit.server.store.interfaces.errors import DamagedBlob
from coskit.server.store.maintenance.findings import Finding, Repair, sql, unlink
from coskit.server.store.maintenance.scrub import verify
from coskit.server.store.model import BlobRow

LOST = "lost+found"

# The SQL of a key's readable name.
NAME = "printf('%s/%s', bucket_id, readable(key))"
_ROW = "id, size, crc64, (SELECT what FROM damage WHERE blob_id = id)"


def readable(key: object) -> str:
    """Return a key as printable text, as it may not be UTF-8; the statements call it too."""
    return key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else str(key)


_REMOVAL_SECONDS = 2.0  # seconds in which a running server removes garbage


class BlobCheck:
    """A check of the blobs of one directory.

    Args:
        directory: the server's directory.
        db: a connection to its index.
        exclusive: whether no other process uses the directory.
        deep: whether to read all bytes, not only to look for the files.
    """

    def __init__(self, directory: Path, db: Connection, *, exclusive: bool, deep: bool) -> None:
        self._directory = directory
        self._db = db
        self._exclusive = exclusive
        self._deep = deep
        self._blobs = files.FileBlobs(directory)

    def check(self, db: Connection) -> Iterator[Finding]:
        """Yield the faults."""
        db.execute("ROLLBACK")  # each group is compared with the rows at its own time
        began, garbage = time.monotonic(), self._garbage()
        yield from self._inline()
        if self._exclusive:
            yield from self._left_behind()
        for fan in self._blobs.fans():
            yield from self._group(fan)
        if not self._exclusive:
            yield from self._still_there(garbage, began)

    def _inline(self) -> Iterator[Finding]:
        if not self._deep:
            return
        for row in self._db.execute(f"SELECT {_ROW}, data FROM blob WHERE data NOT NULL"):
            yield from self._bytes_of(
                row[0], row[3], BlobRow(row[1], rows.unsigned(row[2]), row[4])
            )

    def _left_behind(self) -> Iterator[Finding]:
        """Yield what a crash has left and the next start would remove."""
        for (blob_id,) in fetch_all(self._db, "SELECT blob_id FROM garbage"):
            path = self._blobs.path(blob_id)
            yield Finding("garbage", blob_id, "", self._forget_garbage(blob_id, path))
        for blob_id in sorted(self._blobs.unsettled()):
            draft = self._directory / "tmp" / blob_id
            known = self._look_up(blob_id) is not None
            done = unlink(draft) if known else unlink(draft, self._blobs.path(blob_id))
            yield Finding("unsettled" if known else "unfinished", blob_id, "", done)

    def _garbage(self) -> set[str]:
        return {blob_id for (blob_id,) in fetch_all(self._db, "SELECT blob_id FROM garbage")}

    def _still_there(self, garbage: set[str], began: float) -> Iterator[Finding]:
        """Yield garbage that a running server has failed to remove."""
        if garbage:
            time.sleep(max(0.0, began + _REMOVAL_SECONDS - time.monotonic()))
        late = garbage & self._garbage()
        for blob_id in sorted(late - waiting_removals(self._directory)):
            if self._blobs.path(blob_id).exists():
                yield Finding("garbage", blob_id, "its removal has failed so far")

    def _group(self, fan: str) -> Iterator[Finding]:
        # Settled files first: a row is newer than its file, and a file whose row is gone is looked
        # up again.
        present = {name for name, _ in self._blobs.settled(fan)}
        statement = f"SELECT {_ROW} FROM blob WHERE data IS NULL AND id BETWEEN ? AND ?"
        known = fetch_all(self._db, statement, (fan, f"{fan}g"))
        for blob_id, size, crc, mark in known:
            yield from self._bytes_of(blob_id, mark, BlobRow(size, rows.unsigned(crc), None))
        for name in sorted(present - {row[0] for row in known}):
            if self._look_up(name) is None and not self._is_garbage(name):
                path = self._blobs.path(name)
                if path.exists():
                    yield Finding("orphan-file", f"blobs/{fan}/{name}", "", self._set_aside(path))

    def _bytes_of(self, blob_id: str, mark: str | None, row: BlobRow) -> Iterator[Finding]:
        try:
            if self._deep or row.data is not None:
                for _ in verify(self._blobs, blob_id, row):
                    continue
            else:
                self._blobs.open(blob_id, row.size, row.crc64).close()
        except DamagedBlob as damage:
            if self._look_up(blob_id) is not None:
                kind = "blob-missing" if damage.what == "missing" else "blob-damaged"
                yield Finding(kind, blob_id, f"{damage.what}; needed by {self._users(blob_id)}")
        except InternalError as error:
            yield Finding("blob-damaged", blob_id, f"{error.message} {error.__cause__}")
        else:
            if mark and self._deep:
                clear = sql("DELETE FROM damage WHERE blob_id = ?", blob_id)
                yield Finding("mark-obsolete", blob_id, mark, clear)

    def _users(self, blob_id: str) -> str:
        """Return the names of the first few objects and parts that need a blob."""
        if not blob_id.isalnum():
            return "nothing that can be named"
        found = self._db.execute(
            f"SELECT DISTINCT name FROM (SELECT {NAME} AS name, body FROM head"
            f" UNION ALL SELECT {NAME}, body FROM version"
            " UNION ALL SELECT 'part ' || number || ' of upload ' || upload_id, body FROM part)"
            " WHERE instr(body, ?) LIMIT 5",
            (blob_id,),
        ).fetchall()
        return json.dumps([row[0] for row in found], ensure_ascii=False)

    def _look_up(self, blob_id: str) -> int | None:
        row = self._db.execute("SELECT size FROM blob WHERE id = ?", (blob_id,)).fetchone()
        return None if row is None else int(row[0])

    def _is_garbage(self, blob_id: str) -> bool:
        found = self._db.execute("SELECT 1 FROM garbage WHERE blob_id = ?", (blob_id,)).fetchone()
        return found is not None

    def _forget_garbage(self, blob_id: str, path: Path) -> Repair:
        def act(db: Connection) -> None:
            if not db.execute("SELECT 1 FROM blob WHERE id = ?", (blob_id,)).fetchone():
                path.unlink(missing_ok=True)
            db.execute("DELETE FROM garbage WHERE blob_id = ?", (blob_id,))

        return act

    def _set_aside(self, path: Path) -> Repair:
        def act(_: Connection) -> None:
            lost = self._directory / LOST
            lost.mkdir(mode=0o700, exist_ok=True)
            path.rename(lost / path.name)

        return act
