"""Whole objects: put, get, head, copy, delete."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from coskit.protocol.checksums import quote_etag
from coskit.protocol.dates import http_date, plain_date
from coskit.protocol.endpoint import MAX_KEY_BYTES, is_banned_key
from coskit.protocol.errors import (
    AccessDenied,
    CosServiceError,
    EntityTooLarge,
    InvalidArgument,
    InvalidRequest,
    KeyTooLong,
    MalformedXML,
    PreconditionFailed,
)
from coskit.protocol.operations import DELETE_OBJECTS, GET_OBJECT
from coskit.protocol.ranges import check_conditions, parse_range
from coskit.protocol.restore import load_job, restore_headers
from coskit.protocol.xml import items
from coskit.server.handlers.begun import begun
from coskit.server.handlers.context import Context, Reply, Streamed
from coskit.server.handlers.encryption import (
    encryption_headers,
    needed_key,
    opened,
    requested_key,
)
from coskit.server.handlers.incoming import MAX_BODY, new_version, receive, stored_headers
from coskit.server.handlers.listing import storage_tier
from coskit.server.handlers.overwriting import overwrite_condition
from coskit.server.handlers.pace import Slowed, requested_rate
from coskit.server.handlers.replaced import reads_the_latest
from coskit.server.handlers.restore import refuse_archived
from coskit.server.handlers.rights import may_in_bucket, require
from coskit.server.handlers.sealing import Key, Sealer, pour
from coskit.server.handlers.tagging import dump_tags, parse_tag_header
from coskit.server.handlers.versions import find, find_object, named_version, refuse_marker
from coskit.server.store.model import Bucket, Deleted, NewVersion, Version

MAX_DELETED = 1000
_OVERRIDES = {
    "ResponseCacheControl": "Cache-Control",
    "ResponseContentDisposition": "Content-Disposition",
    "ResponseContentEncoding": "Content-Encoding",
    "ResponseContentLanguage": "Content-Language",
    "ResponseContentType": "Content-Type",
    "ResponseExpires": "Expires",
}


_UNSENDABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


async def put_object(ctx: Context) -> Reply:
    """Store an object; it appears whole, in place of an older one."""
    key = requested_key(ctx)
    new, condition = new_version(ctx, key), overwrite_condition(ctx)
    async with ctx.store.receive(ctx.body.length) as sink:
        stored = await receive(ctx, sink, key)
        version = await ctx.store.put(ctx.bucket, ctx.key, stored, new, condition)
    return Reply(
        {
            "ETag": quote_etag(version.etag),
            "x-cos-hash-crc64ecma": str(version.crc64),
            **_new_version_header(version),
            **encryption_headers(key),
        }
    )


async def head_object(ctx: Context) -> Reply:
    """Describe an object; archived ones too."""
    version = find_object(ctx)
    key = needed_key(ctx, version.sealing)
    outcome = check_conditions(ctx.headers, version.etag, version.modified)
    if outcome == "failed":
        raise PreconditionFailed
    headers = described(ctx, version) | encryption_headers(key)
    if outcome == "not modified":
        return Reply(headers, status=304)
    return Reply({**headers, "Content-Length": str(version.size)})


@reads_the_latest
async def get_object(ctx: Context) -> Reply:
    """Send an object or a range of it."""
    named = named_version(ctx)
    version, inline = ctx.store.get(ctx.bucket, ctx.key, named)
    refuse_marker(version)
    refuse_archived(ctx, version)
    key = needed_key(ctx, version.sealing)
    outcome = check_conditions(ctx.headers, version.etag, version.modified)
    if outcome == "failed":
        raise PreconditionFailed
    headers = described(ctx, version) | encryption_headers(key)
    if outcome == "not modified":
        return Reply(headers, status=304)
    headers |= _overrides(ctx.params)
    headers["Accept-Ranges"] = "bytes"
    span = parse_range(ctx.params["Range"], version.size) if "Range" in ctx.params else None
    first, length = (span.first, span.length) if span else (0, version.size)
    headers["Content-Length"] = str(length)
    if span:
        headers["Content-Range"] = span.content_range
    status, rate = 206 if span else 200, requested_rate(ctx)
    body: bytes | Streamed
    if inline is not None:
        body = inline[first : first + length]
    else:
        body = await begun(opened(ctx, version, first, length, key))
    return Reply(headers, status, Slowed(body, rate) if rate else body)


def _overrides(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers that response-* parameters put in place of stored ones."""
    asked = {header: params[name] for name, header in _OVERRIDES.items() if name in params}
    for header, text in asked.items():
        if _UNSENDABLE.search(text):
            raise InvalidArgument(f"response-{header.lower()} holds a control character")
    return asked


@reads_the_latest
async def copy_object(ctx: Context) -> Reply:
    """Copy an object, without moving its bytes unless another key is to seal them."""
    source_bucket, source = find_source(ctx)
    if source.size > MAX_BODY:
        raise EntityTooLarge("A source above 5 GB is copied in parts")
    opener = needed_key(ctx, source.sealing, "CopySource")
    key = requested_key(ctx)
    new = _copied(ctx, source, key)
    same_place = (source_bucket.name, source.key) == (ctx.bucket.name, ctx.key)
    replaced = ctx.params.get("CopyStatus") == "Replaced"
    same_class = new.storage_class == source.storage_class
    if same_place and not replaced and same_class and key == opener:
        raise InvalidRequest("A copy onto itself needs x-cos-metadata-directive Replaced")
    condition = overwrite_condition(ctx)
    if key == opener:
        version = await ctx.store.copy(ctx.bucket, ctx.key, source, new, condition)
    else:
        async with ctx.store.receive(source.size) as sink:
            body = opened(ctx, source, 0, source.size, opener)
            stored = await pour(body, Sealer(sink, key) if key else sink)
            version = await ctx.store.put(ctx.bucket, ctx.key, stored, new, condition)
    result: dict[str, Any] = {
        "ETag": quote_etag(version.etag),
        "CRC64": str(version.crc64),
        "LastModified": plain_date(version.modified),
        **source_version_header(ctx, source),
        **encryption_headers(key),
    }
    if version.version_id != "null":
        result["VersionId"] = version.version_id
    return Reply(result)


def _copied(ctx: Context, source: Version, key: Key | None) -> NewVersion:
    """Return what a copy is to be: class and ACL as asked, the rest as the directives say."""
    asked = new_version(ctx, key)
    headers: Mapping[str, str] = source.headers
    if ctx.params.get("CopyStatus") == "Replaced":
        headers = stored_headers(ctx.params)
    tags = source.tags
    if ctx.params.get("TaggingDirective") == "Replaced":
        given = parse_tag_header(ctx.params["Tagging"]) if "Tagging" in ctx.params else ()
        tags = dump_tags(given) if given else None
    return replace(asked, headers=headers, tags=tags)


async def delete_object(ctx: Context) -> Reply:
    """Delete an object or a version; what is not there is deleted already."""
    version_id = ctx.params.get("VersionId")
    deleted = await ctx.store.delete(ctx.bucket, ctx.key, version_id)
    result: dict[str, Any] = {}
    # The id of a version that never was may be text that no header can carry.
    if ctx.bucket.versioning and deleted.version_id and (deleted.existed or deleted.is_marker):
        result["x-cos-version-id"] = deleted.version_id
    if deleted.is_marker:
        result["x-cos-delete-marker"] = "true"
    return Reply(result)


async def delete_objects(ctx: Context) -> Reply:
    """Delete many objects; each one's outcome is told apart."""
    document = ctx.params["Delete"]
    objects = items(document, "Object")
    if not 0 < len(objects) <= MAX_DELETED or not all(item.get("Key") for item in objects):
        raise MalformedXML(f"Delete lists 1 to {MAX_DELETED} objects, each with a Key")
    targets = [(item["Key"], item.get("VersionId") or None) for item in objects]
    fates = [_fate(ctx, key) for key, _ in targets]
    possible = [target for target, fate in zip(targets, fates, strict=True) if fate is None]
    deleted = iter(await ctx.store.delete_many(ctx.bucket, possible))
    outcomes = [next(deleted) if fate is None else fate for fate in fates]
    quiet = document.get("Quiet", "").strip().lower() == "true"
    result: dict[str, Any] = {"Deleted": [], "Error": []}
    for (key, version_id), outcome in zip(targets, outcomes, strict=True):
        entry = {"Key": key, **({"VersionId": version_id} if version_id else {})}
        if isinstance(outcome, CosServiceError):
            result["Error"].append({**entry, "Code": outcome.code, "Message": outcome.message})
        elif not quiet:
            result["Deleted"].append({**entry, **_marker_fields(outcome)})
    return Reply(result)


def _fate(ctx: Context, key: str) -> Deleted | CosServiceError | None:
    """Return the outcome for a key that may not be deleted, or that no object can have.

    The latter must not get a delete marker.
    """
    if not may_in_bucket(ctx.caller, DELETE_OBJECTS, ctx.bucket, key):
        return AccessDenied()
    if len(key.encode()) > MAX_KEY_BYTES:
        return KeyTooLong()
    return Deleted(None, is_marker=False, existed=False) if is_banned_key(key) else None


def _marker_fields(deleted: Deleted) -> dict[str, str]:
    if not deleted.is_marker or deleted.version_id is None:
        return {}
    return {"DeleteMarker": "true", "DeleteMarkerVersionId": deleted.version_id}


def find_source(ctx: Context) -> tuple[Bucket, Version]:
    """Return the object that a copy reads, with its bucket.

    Raises:
        NoSuchBucket: the source's bucket does not exist.
        NoSuchKey: the source does not exist.
        InvalidRequest: the version that was named is a delete marker.
        AccessDenied: the caller may not read it.
        PreconditionFailed: a condition on the source does not hold.
    """
    place = ctx.params["CopySource"]
    bucket = ctx.store.bucket(place["Bucket"])
    key, version_id = place["Key"], place.get("VersionId")
    require(ctx.caller, GET_OBJECT, ctx.store, bucket, key, version_id)
    version = find(ctx.store, bucket, key, version_id)
    if version.is_marker:
        raise InvalidRequest("The source is a delete marker")
    refuse_archived(ctx, version)
    met = check_conditions(ctx.headers, version.etag, version.modified, "x-cos-copy-source-")
    if met != "met":
        raise PreconditionFailed("A condition on the copy source does not hold")
    return bucket, version


def source_version_header(ctx: Context, source: Version) -> dict[str, str]:
    """Return the header that tells the source's version, if one was named."""
    if "VersionId" not in ctx.params["CopySource"]:
        return {}
    return {"x-cos-copy-source-version-id": source.version_id}


def described(ctx: Context, version: Version) -> dict[str, Any]:
    """Return the headers that describe a version, its stored ones among them."""
    headers: dict[str, Any] = {
        "Content-Type": "application/octet-stream",
        **version.headers,
        "ETag": quote_etag(version.etag),
        "Last-Modified": http_date(version.modified),
        "x-cos-hash-crc64ecma": str(version.crc64),
        "x-cos-object-type": "appendable" if version.appendable else "normal",
    }
    if version.storage_class != "STANDARD":
        headers["x-cos-storage-class"] = version.storage_class
    if tier := storage_tier(version.storage_class):
        headers["x-cos-storage-tier"] = tier
    if version.restore:
        headers |= restore_headers(version.storage_class, load_job(version.restore), ctx.now)
    if ctx.bucket.versioning:
        headers["x-cos-version-id"] = version.version_id
    return headers


def _new_version_header(version: Version) -> dict[str, str]:
    return {} if version.version_id == "null" else {"x-cos-version-id": version.version_id}
