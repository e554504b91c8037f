"""The SQL of changes to objects, run in the writer's transaction.

`head` holds each key's live object. `version` holds its older versions and all its delete markers.
A key without a row in `head` has no live object: its newest row in `version`, if any, is a marker.
"""

# ruff: noqa: S608 - statements are put together from constants only

from collections.abc import Sequence
from dataclasses import dataclass, replace

from coskit.protocol.errors import CosServiceError, NoSuchKey, NoSuchVersion
from coskit.server.store import ids
from coskit.server.store.index import rows
from coskit.server.store.index.changes import buckets
from coskit.server.store.index.transaction import Transaction
from coskit.server.store.interfaces.conditions import Revision, State, WriteCondition
from coskit.server.store.model import (
    NULL_VERSION,
    Bucket,
    DeletionResult,
    Extent,
    NewVersion,
    StoredBody,
    Version,
)

_KEY = "WHERE bucket_id = ? AND key = ?"
_PLACES = rows.places(rows.VERSION)

_HEAD = f"SELECT {rows.VERSION} FROM head {_KEY}"
_SET_HEAD = f"INSERT OR REPLACE INTO head (bucket_id, key, {rows.VERSION}) VALUES (?, ?, {_PLACES})"
_DROP_HEAD = f"DELETE FROM head {_KEY}"
_KEEP_HEAD = (
    f"INSERT INTO version (bucket_id, key, {rows.VERSION}, is_marker)"
    f" SELECT bucket_id, key, {rows.VERSION}, 0 FROM head {_KEY}"
)
_VERSION = f"SELECT is_marker, {rows.VERSION} FROM version {_KEY}"
_BY_ORDER = f"{_VERSION} AND vord = ? AND NOT is_null"
_BY_NULL = f"{_VERSION} AND is_null"
_NEWEST = f"{_VERSION} ORDER BY vord DESC LIMIT 1"
_ADD_MARKER = (
    f"INSERT INTO version (bucket_id, key, {rows.VERSION}, is_marker) VALUES (?, ?, {_PLACES}, 1)"
)
_DROP_VERSION = f"DELETE FROM version {_KEY} AND vord = ?"
_RAISE_VERSION = (
    f"INSERT INTO head (bucket_id, key, {rows.VERSION})"
    f" SELECT bucket_id, key, {rows.VERSION} FROM version {_KEY} AND vord = ?"
)
_SET_STATE = {
    latest: f"UPDATE {table} SET acl = ?, tags = ?, restore = ?, storage_class = ?, lock = ?"
    f" {_KEY} AND vord = ?"
    for latest, table in ((True, "head"), (False, "version"))
}


@dataclass(frozen=True, slots=True)
class VersionContent:
    """The properties of a version that follow from its body."""

    etag: str
    crc64: int
    size: int
    parts: int
    extents: tuple[Extent, ...]
    layout: str | None = None


_NOTHING = VersionContent("", 0, 0, 0, ())


def put(
    tx: Transaction,
    bucket_id: int,
    key: str,
    stored: StoredBody,
    new: NewVersion,
    condition: WriteCondition | None = None,
) -> Version:
    """See `Index.put_version`."""
    extents = tx.references.add(stored, ids.inline_id(tx.next_order()))
    shown = stored.shown
    content = VersionContent(shown.etag, shown.crc64, shown.size, 0, extents)
    return publish(tx, bucket_id, key, content, new, condition)


def copy(
    tx: Transaction,
    bucket_id: int,
    key: str,
    source: Version,
    new: NewVersion,
    condition: WriteCondition | None = None,
) -> Version:
    """See `Index.copy_version`."""
    tx.references.share(source.extents)
    content = VersionContent(
        source.etag, source.crc64, source.size, source.parts, source.extents, source.layout
    )
    # The bytes are the same.
    checksums = source.checksums if new.checksums is None else new.checksums
    new = replace(new, sealing=source.sealing, checksums=checksums)
    return publish(tx, bucket_id, key, content, new, condition)


def publish(
    tx: Transaction,
    bucket_id: int,
    key: str,
    content: VersionContent,
    new: NewVersion,
    condition: WriteCondition | None,
    *,
    is_null: bool = False,
) -> Version:
    """Make content, whose references are counted already, the key's live object.

    With `is_null` it is the null version, even if versioning is enabled.
    """
    bucket = buckets.current(tx, bucket_id)
    if is_null and bucket.versioning:
        bucket = replace(bucket, versioning="Suspended")
    old = head(tx, bucket_id, key)
    if condition is not None:
        condition(old)
    _retire(tx, bucket, key, old)
    version = _draft(tx, bucket, key, content, new)
    tx.db.execute(_SET_HEAD, (*_place(bucket, key), *rows.version_row(version)))
    return version


def rewrite(tx: Transaction, bucket_id: int, key: str, version: Version) -> Version:
    """Replace the live object by a version whose references are counted already."""
    place = _place(buckets.current(tx, bucket_id), key)
    tx.db.execute(_SET_HEAD, (*place, *rows.version_row(version)))
    return version


def delete(
    tx: Transaction,
    bucket_id: int,
    key: str,
    version_id: str | None = None,
    *,
    condition: WriteCondition | None = None,
    may_delete: WriteCondition | None = None,
) -> DeletionResult:
    """See `Index.delete_version`."""
    return _delete(tx, buckets.current(tx, bucket_id), key, version_id, condition, may_delete)


def delete_many(
    tx: Transaction,
    bucket_id: int,
    targets: Sequence[tuple[str, str | None]],
    condition: WriteCondition | None = None,
    may_delete: WriteCondition | None = None,
) -> list[DeletionResult | CosServiceError]:
    """See `Index.delete_versions`."""
    bucket = buckets.current(tx, bucket_id)
    results: list[DeletionResult | CosServiceError] = []
    for target in targets:
        try:
            results.append(tx.attempt(_delete, bucket, *target, condition, may_delete))
        except CosServiceError as error:
            results.append(error)
    return results


def update(
    tx: Transaction,
    bucket_id: int,
    key: str,
    version_id: str | None,
    revise: Revision | State,
) -> Version:
    """See `Index.update_version`."""
    bucket = buckets.current(tx, bucket_id)
    version = head(tx, bucket_id, key)
    if version_id is not None and (version is None or version.version_id != version_id):
        version = _version(tx, bucket, key, version_id)
    if version is None or version.is_marker:
        raise NoSuchKey if version_id is None else NoSuchVersion
    values = revise(version) if callable(revise) else revise
    acl = values.get("acl", version.acl)
    tags = values.get("tags", version.tags)
    restore = values.get("restore", version.restore)
    storage_class = values.get("storage_class") or version.storage_class
    lock = values.get("lock", version.lock)
    state = (acl, tags, restore, storage_class, lock)
    tx.db.execute(_SET_STATE[version.is_latest], (*state, *_place(bucket, key), version.order))
    return replace(
        version, acl=acl, tags=tags, restore=restore, storage_class=storage_class, lock=lock
    )


def _delete(
    tx: Transaction,
    bucket: Bucket,
    key: str,
    version_id: str | None,
    condition: WriteCondition | None,
    may_delete: WriteCondition | None,
) -> DeletionResult:
    if version_id is None:
        return _delete_live(tx, bucket, key, condition, may_delete)
    return _delete_version(tx, bucket, key, version_id, condition, may_delete)


def _delete_live(
    tx: Transaction,
    bucket: Bucket,
    key: str,
    condition: WriteCondition | None,
    may_delete: WriteCondition | None,
) -> DeletionResult:
    old = head(tx, bucket.id, key)
    if condition is not None:
        condition(old)
    _retire(tx, bucket, key, old, may_delete)
    if old is not None:
        tx.db.execute(_DROP_HEAD, _place(bucket, key))
    if not bucket.versioning:
        return DeletionResult(None, False, old is not None)
    new = NewVersion(storage_class="", owner=bucket.owner)
    marker = _draft(tx, bucket, key, _NOTHING, new)
    tx.db.execute(_ADD_MARKER, (*_place(bucket, key), *rows.version_row(marker)))
    return DeletionResult(marker.version_id, True, old is not None)


def _delete_version(
    tx: Transaction,
    bucket: Bucket,
    key: str,
    version_id: str,
    condition: WriteCondition | None,
    may_delete: WriteCondition | None,
) -> DeletionResult:
    place = _place(bucket, key)
    live = head(tx, bucket.id, key)
    is_head = live is not None and live.version_id == version_id
    version = live if is_head else _version(tx, bucket, key, version_id)
    if condition is not None:
        condition(version)
    if version is None:
        return DeletionResult(version_id, False, False)
    if may_delete is not None:
        may_delete(version)
    if is_head:
        tx.db.execute(_DROP_HEAD, place)
    else:
        tx.db.execute(_DROP_VERSION, (*place, version.order))
    tx.references.drop(version.extents, tx.now())
    if is_head or live is None:
        _promote(tx, bucket, key)
    return DeletionResult(version_id, version.is_marker, True)


def _retire(
    tx: Transaction,
    bucket: Bucket,
    key: str,
    old: Version | None,
    may_delete: WriteCondition | None = None,
) -> None:
    """Prepare for a new version or marker: keep the live object, or drop the null version.

    The row in `head` stays; replace or delete it afterwards.
    """
    place = _place(bucket, key)
    if old is not None:
        if bucket.versioning != "Enabled" and old.version_id == NULL_VERSION:
            if may_delete is not None:
                may_delete(old)
            tx.references.drop(old.extents, tx.now())
        else:
            tx.db.execute(_KEEP_HEAD, place)
    if bucket.versioning == "Suspended":
        null = _version(tx, bucket, key, NULL_VERSION)
        if null is not None:
            if may_delete is not None:
                may_delete(null)
            tx.db.execute(_DROP_VERSION, (*place, null.order))
            tx.references.drop(null.extents, tx.now())


def _promote(tx: Transaction, bucket: Bucket, key: str) -> None:
    """Make the newest remaining version live, unless it is a marker."""
    place = _place(bucket, key)
    row = tx.db.execute(_NEWEST, place).fetchone()
    if row is not None and not row[0]:
        tx.db.execute(_RAISE_VERSION, (*place, row[1]))
        tx.db.execute(_DROP_VERSION, (*place, row[1]))


def _place(bucket: Bucket, key: str) -> tuple[int, bytes]:
    return bucket.id, rows.encode_key(key)


def head(tx: Transaction, bucket_id: int, key: str) -> Version | None:
    """Return the live object of a key."""
    row = tx.db.execute(_HEAD, (bucket_id, rows.encode_key(key))).fetchone()
    return None if row is None else rows.read_version(key, 1, 0, row)


def has_null_version(tx: Transaction, bucket: Bucket, key: str) -> bool:
    """Return whether a key without a live object has an older null version."""
    found = _version(tx, bucket, key, NULL_VERSION)
    return found is not None and not found.is_marker


def _version(tx: Transaction, bucket: Bucket, key: str, version_id: str) -> Version | None:
    """Return an older version or a marker, with `is_latest` false: only heads are the latest."""
    place = _place(bucket, key)
    if version_id == NULL_VERSION:
        row = tx.db.execute(_BY_NULL, place).fetchone()
    else:
        row = tx.db.execute(_BY_ORDER, (*place, ids.version_order(version_id))).fetchone()
    return None if row is None else rows.read_version(key, 0, row[0], row[1:])


def _draft(
    tx: Transaction, bucket: Bucket, key: str, content: VersionContent, new: NewVersion
) -> Version:
    """Return the version or marker that is about to become the key's newest."""
    order = tx.next_order()
    return Version(
        key=key,
        version_id=ids.version_id(order) if bucket.versioning == "Enabled" else NULL_VERSION,
        order=order,
        is_latest=True,
        is_marker=content is _NOTHING,
        etag=content.etag,
        crc64=content.crc64,
        size=content.size,
        modified=tx.now(),
        storage_class=new.storage_class,
        owner=new.owner,
        headers=new.headers,
        acl=new.acl,
        tags=new.tags,
        restore=None,
        appendable=new.appendable,
        parts=content.parts,
        extents=content.extents,
        sealing=new.sealing,
        checksums=new.checksums,
        lock=new.lock,
        layout=content.layout,
    )
