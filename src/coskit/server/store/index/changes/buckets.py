"""The SQL of changes to buckets, run in the writer's transaction."""

# ruff: noqa: S608 - statements are put together from constants only

import json
from collections.abc import Mapping
from dataclasses import replace

from coskit.protocol.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    NoSuchBucket,
    TooManyBuckets,
)
from coskit.server.store.index import rows
from coskit.server.store.index.database import one
from coskit.server.store.index.transaction import Transaction
from coskit.server.store.interfaces.conditions import BucketCondition
from coskit.server.store.model import Bucket

BY_NAME = f"SELECT {rows.BUCKET} FROM bucket WHERE name = ?"
ALL = f"SELECT {rows.BUCKET} FROM bucket ORDER BY name"

_BY_ID = f"SELECT {rows.BUCKET} FROM bucket WHERE id = ?"
_COUNT = "SELECT count(*) FROM bucket WHERE owner = ?"
_ADD = (
    "INSERT INTO bucket (name, owner, created, versioning, acl, config) VALUES (?, ?, ?, ?, ?, ?)"
)
_SET = "UPDATE bucket SET versioning = ?, acl = ?, config = ? WHERE id = ?"
_DROP = "DELETE FROM bucket WHERE id = ?"
_IN_USE = (
    "SELECT EXISTS (SELECT 1 FROM head WHERE bucket_id = :id)"
    " OR EXISTS (SELECT 1 FROM version WHERE bucket_id = :id)"
    " OR EXISTS (SELECT 1 FROM upload WHERE bucket_id = :id)"
)


def create(
    tx: Transaction,
    name: str,
    owner: str,
    acl: str,
    *,
    limit: int = 200,
    config: Mapping[str, str] | None = None,
    versioning: str = "",
) -> Bucket:
    """See `Index.create_bucket`."""
    taken = _find(tx, name)
    if taken is not None:
        raise BucketAlreadyOwnedByYou if taken.owner == owner else BucketAlreadyExists
    if one(tx.db, _COUNT, (owner,))[0] >= limit:
        raise TooManyBuckets
    tx.db.execute(_ADD, (name, owner, tx.now(), versioning, acl, json.dumps(dict(config or {}))))
    return _require(tx, name)


def delete(tx: Transaction, name: str) -> None:
    """See `Index.delete_bucket`."""
    bucket = _require(tx, name)
    if one(tx.db, _IN_USE, {"id": bucket.id})[0]:
        raise BucketNotEmpty
    tx.buckets.pop(bucket.id, None)
    tx.db.execute(_DROP, (bucket.id,))


def update(
    tx: Transaction,
    name: str,
    *,
    versioning: str | None = None,
    acl: str | None = None,
    config: Mapping[str, str | None] | None = None,
    condition: BucketCondition | None = None,
) -> Bucket:
    """See `Index.update_bucket`."""
    old = _require(tx, name)
    if condition is not None:
        condition(old)
    merged = {**old.config, **(config or {})}
    new = replace(
        old,
        versioning=old.versioning if versioning is None else versioning,
        acl=old.acl if acl is None else acl,
        config={name: text for name, text in merged.items() if text is not None},
    )
    tx.buckets.pop(old.id, None)
    tx.db.execute(_SET, (new.versioning, new.acl, json.dumps(new.config), new.id))
    return new


def current(tx: Transaction, bucket_id: int) -> Bucket:
    """Return a bucket as it is at this point of the transaction.

    Raises:
        NoSuchBucket: the bucket has been deleted.
    """
    bucket = tx.buckets.get(bucket_id)
    if bucket is None:
        row = tx.db.execute(_BY_ID, (bucket_id,)).fetchone()
        if row is None:
            raise NoSuchBucket
        bucket = tx.buckets[bucket_id] = rows.read_bucket(row)
    return bucket


def _require(tx: Transaction, name: str) -> Bucket:
    bucket = _find(tx, name)
    if bucket is None:
        raise NoSuchBucket
    return bucket


def _find(tx: Transaction, name: str) -> Bucket | None:
    row = tx.db.execute(BY_NAME, (name,)).fetchone()
    return None if row is None else rows.read_bucket(row)
