"""Which version of an object a request means."""

from coskit.protocol.errors import BucketVersionNotOpen, NoSuchKey
from coskit.server.handlers.context import Context
from coskit.server.store.model import NULL_VERSION, Bucket, Version
from coskit.server.store.store import Store


def find(store: Store, bucket: Bucket, key: str, version_id: str | None) -> Version:
    """Return a version by its id, which may be a delete marker, or the live object.

    Raises:
        NoSuchKey: no version was named and the key has no live object.
        NoSuchVersion: there is no version of that id.
    """
    if version_id:
        return store.version(bucket, key, version_id)
    return store.latest(bucket, key)


def named_version(ctx: Context) -> str | None:
    """Return the version id of a request, or None if it names none.

    Raises:
        BucketVersionNotOpen: a version was named where there are none.
    """
    named: str | None = ctx.params.get("VersionId")
    if named and named != NULL_VERSION and not ctx.bucket.versioning:
        raise BucketVersionNotOpen
    return named


def refuse_marker(version: Version) -> None:
    """Raise NoSuchKey for a delete marker, which has nothing to read."""
    if version.is_marker:
        raise NoSuchKey(headers={"x-cos-delete-marker": "true"})


def find_object(ctx: Context) -> Version:
    """Return the version that a request means, which is no delete marker.

    Raises:
        NoSuchKey: there is none, or it is a delete marker.
        NoSuchVersion: there is no version of that id.
        BucketVersionNotOpen: a version was named where there are none.
    """
    version = find(ctx.store, ctx.bucket, ctx.key, named_version(ctx))
    refuse_marker(version)
    return version
