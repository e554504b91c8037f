"""The findings of a check, and their repairs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from coskit.server.store.index.database import Connection

# A repair, called inside a transaction.
Repair = Callable[[Connection], None]

# The meaning of each kind of finding.
KINDS = {
    "page-damaged": "A page of the index differs from what was written.",
    "index-unreadable": "A part of the index cannot be read, so it was not checked.",
    "index-structure": "SQLite finds an inconsistency in the file of the index.",
    "body-length": "The extents of a body do not add up to its size.",
    "blob-unknown": "A body lies in a blob that the index does not have.",
    "extent-beyond": "A body lies in bytes beyond the end of its blob.",
    "reference-count": "A blob is referred to more or less often than its count says.",
    "blob-unreferenced": "Nothing refers to a blob that the index has.",
    "part-without-upload": "A part is of an upload that is not open.",
    "without-bucket": "Objects or uploads are of a bucket that does not exist.",
    "version-order": "A version is newer than the live object of its key.",
    "head-missing": "The newest version of a key is no marker, and yet the key is not live.",
    "two-null-versions": "A key has two versions with the id null.",
    "sequence-behind": "An order would be given twice.",
    "garbage-referenced": "A blob that is referred to is listed as garbage.",
    "garbage": "A file that nothing refers to has not been removed yet.",
    "unsettled": "A write was interrupted between its commit and its end.",
    "unfinished": "A write was interrupted before its commit.",
    "orphan-file": "A file is no blob of the index.",
    "blob-missing": "The file of a blob is missing.",
    "blob-damaged": "The bytes of a blob differ from what was written.",
    "mark-obsolete": "A blob is marked as damaged, but its bytes are right.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault.

    Attributes:
        kind: one of `KINDS`.
        subject: the blob, key or page that is at fault.
        what: the details.
        repair: a repair that loses no byte that anything refers to, None if there is none.
    """

    kind: str
    subject: str
    what: str = ""
    repair: Repair | None = field(default=None, compare=False, repr=False)


def sql(statement: str, *values: str | int) -> Repair:
    """Return the repair that runs one statement."""

    def act(db: Connection) -> None:
        db.execute(statement, values)

    return act


def unlink(*paths: Path) -> Repair:
    """Return the repair that removes files."""

    def act(_: Connection) -> None:
        for path in paths:
            path.unlink(missing_ok=True)

    return act
