"""The count of references to blobs: a change adds and drops references, which may free blobs."""

from collections.abc import Iterable

from coskit.server.store.index import rows
from coskit.server.store.index.database import Connection, one
from coskit.server.store.interfaces.errors import VersionReplaced
from coskit.server.store.model import Extent, StoredBody

_ADD_BLOB = "INSERT INTO blob (id, size, crc64, refs, data) VALUES (?, ?, ?, 1, ?)"
_SHARE = "UPDATE blob SET refs = refs + 1 WHERE id = ?"
_COUNT = "SELECT refs, data IS NULL FROM blob WHERE id = ?"
_DROP_ONE = "UPDATE blob SET refs = refs - 1 WHERE id = ?"
_DROP_BLOB = "DELETE FROM blob WHERE id = ?"
_DROP_MARK = "DELETE FROM damage WHERE blob_id = ?"
_ADD_GARBAGE = "INSERT INTO garbage (blob_id, since) VALUES (?, ?)"


class BlobReferences:
    """The references that one transaction adds and drops.

    Attributes:
        released: the ids of files that have lost their last reference.
    """

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self.released: list[str] = []

    def add(self, stored: StoredBody, inline_id: str) -> tuple[Extent, ...]:
        """Add the first reference to a received body; return its extents.

        Args:
            stored: the received body.
            inline_id: the id of the blob if the body is not a file.
        """
        if not stored.size:
            return ()
        blob_id = stored.blob_id or inline_id
        crc = rows.signed(stored.crc64)
        self._db.execute(_ADD_BLOB, (blob_id, stored.size, crc, stored.inline))
        return (Extent(blob_id, 0, stored.size),)

    def share(self, extents: Iterable[Extent]) -> None:
        """Add a reference for each extent.

        Raises:
            VersionReplaced: a blob has lost its last reference.
        """
        for extent in extents:
            self._db.execute(_SHARE, (extent.blob_id,))
            if not self._db.changes():
                raise VersionReplaced

    def drop(self, extents: Iterable[Extent], now: int) -> None:
        """Drop a reference for each extent; blobs without references leave the index."""
        for extent in extents:
            target = (extent.blob_id,)
            refs, is_file = one(self._db, _COUNT, target)
            self._db.execute(_DROP_ONE if refs > 1 else _DROP_BLOB, target)
            if refs == 1:
                self._db.execute(_DROP_MARK, target)
            if refs == 1 and is_file:
                self._db.execute(_ADD_GARBAGE, (extent.blob_id, now))
                self.released.append(extent.blob_id)
