"""The pages of listings: the SQL that each runs, and the page made of its rows.

A page jumps with one cursor: a second cursor would have to compile the statement again.
"""

# ruff: noqa: S608 - statements are put together from constants only

import itertools
from collections.abc import Callable, Iterator

from coskit.protocol.errors import InvalidArgument, NoSuchUpload
from coskit.server.store import ids
from coskit.server.store.index import prefix_scan, rows
from coskit.server.store.index.changes import multipart
from coskit.server.store.index.database import Connection
from coskit.server.store.index.rows import Row
from coskit.server.store.model import (
    NULL_VERSION,
    ObjectPage,
    PartPage,
    UploadPage,
    VersionPage,
)

_OBJECTS = f"SELECT {rows.ENTRY}, 1, 0 FROM head WHERE bucket_id = ? AND key >= ? ORDER BY key"
# Outside of `head` only a marker can be the latest: the newest version of a key without a head.
_VERSION = (
    f"SELECT {rows.ENTRY}, is_marker"
    " AND NOT EXISTS (SELECT 1 FROM head h WHERE h.bucket_id = v.bucket_id AND h.key = v.key)"
    " AND NOT EXISTS (SELECT 1 FROM version n"
    " WHERE n.bucket_id = v.bucket_id AND n.key = v.key AND n.vord > v.vord),"
    " is_marker FROM version v"
)
_VERSIONS = (
    f"SELECT {rows.ENTRY}, 1, 0 FROM head WHERE bucket_id = ?1 AND key >= ?2"
    f" UNION ALL {_VERSION} WHERE bucket_id = ?1 AND key >= ?2 ORDER BY key, vord DESC"
)
_OLDER = (
    f"SELECT {rows.ENTRY}, 1, 0 FROM head"
    " WHERE bucket_id = ?1 AND key = ?2 AND vord < ?3"
    f" UNION ALL {_VERSION} WHERE bucket_id = ?1 AND key = ?2 AND vord < ?3 ORDER BY vord DESC"
)
_NULL_ORDER = (
    "SELECT vord FROM head WHERE bucket_id = ?1 AND key = ?2 AND is_null"
    " UNION ALL SELECT vord FROM version WHERE bucket_id = ?1 AND key = ?2 AND is_null"
)
_UPLOADS = (
    f"SELECT {rows.UPLOAD} FROM upload WHERE bucket_id = ? AND key >= ? ORDER BY key, upload_id"
)
_LATER = (
    f"SELECT {rows.UPLOAD} FROM upload"
    " WHERE bucket_id = ? AND key = ? AND upload_id > ? ORDER BY upload_id"
)
_PARTS = f"SELECT {rows.PART} FROM part WHERE upload_id = ? AND number > ? ORDER BY number LIMIT ?"


def objects(
    db: Connection, bucket_id: int, prefix: str, delimiter: str, marker: str, limit: int
) -> ObjectPage:
    """See `Index.list_objects`."""
    cursor = db.cursor()
    found = prefix_scan.page(
        scan=lambda key: cursor.execute(_OBJECTS, (bucket_id, key)),
        read=rows.read_entry,
        prefix=rows.encode_key(prefix),
        delimiter=rows.encode_key(delimiter),
        marker=rows.encode_key(marker),
        limit=limit,
    )
    return ObjectPage(
        tuple(found.entries),
        tuple(map(rows.decode_key, found.prefixes)),
        found.truncated,
        rows.decode_key(found.next_marker),
    )


def versions(
    db: Connection,
    bucket_id: int,
    prefix: str,
    delimiter: str,
    key_marker: str,
    version_id_marker: str,
    limit: int,
) -> VersionPage:
    """See `Index.list_versions`."""
    marker = rows.encode_key(key_marker)
    cursor = db.cursor()

    def scan(key: bytes) -> Iterator[Row]:
        return cursor.execute(_VERSIONS, (bucket_id, key))

    found = prefix_scan.page(
        scan=scan,
        read=rows.read_entry,
        prefix=rows.encode_key(prefix),
        delimiter=rows.encode_key(delimiter),
        marker=marker,
        limit=limit,
        rest=_rest_of_key(db, scan, bucket_id, marker, version_id_marker),
    )
    return VersionPage(
        tuple(found.entries),
        tuple(map(rows.decode_key, found.prefixes)),
        found.truncated,
        rows.decode_key(found.next_marker),
        found.next_entry.version_id if found.next_entry else "",
    )


def uploads(
    db: Connection,
    bucket_id: int,
    prefix: str,
    delimiter: str,
    key_marker: str,
    upload_id_marker: str,
    limit: int,
) -> UploadPage:
    """See `Index.list_uploads`."""
    marker = rows.encode_key(key_marker)
    later = (bucket_id, marker, upload_id_marker)
    cursor = db.cursor()
    found = prefix_scan.page(
        scan=lambda key: cursor.execute(_UPLOADS, (bucket_id, key)),
        read=rows.read_upload,
        prefix=rows.encode_key(prefix),
        delimiter=rows.encode_key(delimiter),
        marker=marker,
        limit=limit,
        rest=(lambda: db.execute(_LATER, later)) if upload_id_marker else None,
    )
    return UploadPage(
        tuple(found.entries),
        tuple(map(rows.decode_key, found.prefixes)),
        found.truncated,
        rows.decode_key(found.next_marker),
        found.next_entry.upload_id if found.next_entry else "",
    )


def parts(
    db: Connection, bucket_id: int, key: str, upload_id: str, marker: int, limit: int
) -> PartPage:
    """See `Index.list_parts`."""
    place = (bucket_id, rows.encode_key(key), upload_id)
    upload = db.execute(multipart.UPLOAD, place).fetchone()
    if upload is None:
        raise NoSuchUpload
    found = db.execute(_PARTS, (upload_id, marker, limit + 1)).fetchall() if limit > 0 else []
    shown = tuple(rows.read_part(row) for row in found[:limit])
    truncated = len(found) > len(shown)
    return PartPage(
        rows.read_upload(upload), shown, truncated, shown[-1].number if truncated else 0
    )


def _rest_of_key(
    db: Connection, scan: prefix_scan.Scan, bucket_id: int, key: bytes, version_id: str
) -> Callable[[], Iterator[Row]] | None:
    """Return a scan of the versions of a key that are older than the named one."""
    if not version_id:
        return None
    order = ids.version_order(version_id)
    if version_id == NULL_VERSION:
        null = db.execute(_NULL_ORDER, (bucket_id, key)).fetchone()
        if null is None:
            # Deleted since the previous page: repeating its key is better than missing versions.
            return lambda: itertools.takewhile(lambda row: row[0] == key, scan(key))
        order = null[0]
    elif order is None:
        raise InvalidArgument("The version-id-marker is not a version id.")
    return lambda: db.execute(_OLDER, (bucket_id, key, order))
