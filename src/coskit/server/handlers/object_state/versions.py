"""Lookup of the version that a request names."""

from functools import wraps

from coskit.protocol.codec.dates import http_date
from coskit.protocol.errors import BucketVersionNotOpen, MethodNotAllowed, NoSuchKey
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.object_state.retry_replaced import Handler
from coskit.server.store.model import NULL_VERSION, Bucket, Version
from coskit.server.store.store import Store


def find_version(store: Store, bucket: Bucket, key: str, version_id: str | None) -> Version:
    """Return a version by its id, which may be a delete marker, or the current object.

    Raises:
        NoSuchKey: the request names no version, and the key has no current object.
        NoSuchVersion: there is no version with that id.
    """
    if version_id:
        return store.index.version(bucket.id, key, version_id)
    return store.index.latest(bucket.id, key)


def named_version(ctx: Context) -> str | None:
    """Return the version id of a request, or None if the request names none.

    Raises:
        BucketVersionNotOpen: the request names a version, and the bucket has none.
    """
    named: str | None = ctx.params.get("VersionId")
    if named and named != NULL_VERSION and not ctx.bucket.versioning:
        raise BucketVersionNotOpen
    return named


def refuse_marker(ctx: Context, version: Version) -> None:
    """Refuse a delete marker, which has nothing to read.

    Raises:
        NoSuchKey: the version is a delete marker.
        MethodNotAllowed: the request names the delete marker, in a dialect with this error.
    """
    if not version.is_marker:
        return
    headers = {"x-cos-delete-marker": "true", "x-cos-version-id": version.version_id}
    if ctx.rules.refuses_marker_with_405 and ctx.params.get("VersionId"):
        modified = http_date(version.modified)
        raise MethodNotAllowed(headers={**headers, "Last-Modified": modified, "Allow": "DELETE"})
    raise NoSuchKey(headers={"x-cos-delete-marker": "true"})


def report_delete_marker(handler: Handler) -> Handler:
    """Wrap a handler so that NoSuchKey says whether a delete marker is the reason."""

    @wraps(handler)
    async def reporting(ctx: Context) -> Reply:
        try:
            return await handler(ctx)
        except NoSuchKey as error:
            if ctx.bucket.versioning and not ctx.params.get("VersionId"):
                page = await ctx.store.index.list_versions(ctx.bucket.id, ctx.key, limit=1)
                if any(entry.key == ctx.key and entry.is_marker for entry in page.entries):
                    error.headers["x-cos-delete-marker"] = "true"
            raise

    return reporting


def find_object(ctx: Context) -> Version:
    """Return the version that a request names, which is not a delete marker.

    Raises:
        NoSuchKey: there is no object, or the version is a delete marker.
        NoSuchVersion: there is no version with that id.
        BucketVersionNotOpen: the request names a version, and the bucket has none.
    """
    version = find_version(ctx.store, ctx.bucket, ctx.key, named_version(ctx))
    refuse_marker(ctx, version)
    return version
