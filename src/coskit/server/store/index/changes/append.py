"""The SQL of appends to objects, run in the writer's transaction."""

import hashlib
from dataclasses import replace

from coskit.protocol.codec.checksums.md5_crc64 import crc64_combine
from coskit.protocol.errors import (
    AppendPositionErr,
    EntityTooLarge,
    InvalidBucketState,
    ObjectNotAppendable,
)
from coskit.server.store import ids
from coskit.server.store.index.changes import buckets, objects
from coskit.server.store.index.transaction import Transaction
from coskit.server.store.interfaces.conditions import WriteCondition
from coskit.server.store.model import Extent, NewVersion, StoredBody, Version


def append(
    tx: Transaction,
    bucket_id: int,
    key: str,
    stored: StoredBody,
    new: NewVersion,
    position: int,
    *,
    limit: int,
    condition: WriteCondition | None = None,
) -> Version:
    """See `Index.append_version`."""
    old = objects.head(tx, bucket_id, key)
    if condition is not None:
        condition(old)
    bucket = buckets.current(tx, bucket_id)
    check_position(old, position)
    if old is None and bucket.versioning and objects.has_null_version(tx, bucket, key):
        raise InvalidBucketState("The version null of this object would be replaced.")
    if position + stored.size > limit:
        raise EntityTooLarge
    extents = tx.references.add(stored, ids.inline_id(tx.next_order()))
    if old is None:
        content = objects.VersionContent(stored.md5, stored.crc64, stored.size, 0, extents)
        new = replace(new, appendable=True)
        # Appendable objects are not versioned: each is the null version.
        return objects.publish(tx, bucket_id, key, content, new, None, is_null=True)
    return objects.rewrite(tx, bucket_id, key, _grown(tx, old, stored, extents))


def check_position(old: Version | None, position: int) -> None:
    """Raise the errors of `Index.append_version` for an append at a position."""
    if old is not None and not old.appendable:
        raise ObjectNotAppendable
    size = 0 if old is None else old.size
    if position != size:
        raise AppendPositionErr(headers={"x-cos-next-append-position": str(size)})


def _grown(
    tx: Transaction, old: Version, stored: StoredBody, extents: tuple[Extent, ...]
) -> Version:
    digests = hashlib.md5(bytes.fromhex(old.etag) + bytes.fromhex(stored.md5))
    return replace(
        old,
        order=tx.next_order(),
        etag=digests.hexdigest(),
        crc64=crc64_combine(old.crc64, stored.crc64, stored.size),
        size=old.size + stored.size,
        modified=tx.now(),
        extents=old.extents + extents,
        checksums=None,
        layout=None,
    )
