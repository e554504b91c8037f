"""Listings of a bucket: objects, versions, unfinished uploads."""

import base64
from collections.abc import Callable
from typing import Any

from coskit.protocol.bucket.restore import load_job, restore_status
from coskit.protocol.codec.checksums.md5_crc64 import quote_etag
from coskit.protocol.codec.dates import listing_date
from coskit.protocol.codec.xml.document import writable
from coskit.protocol.errors import InvalidArgument, InvalidDelimiter
from coskit.server.handlers.body.checksums import upload_checksum_fields
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.object_state.storage_class import storage_tier
from coskit.server.store.model import ListingEntry, Upload

PAGE = 1000


async def list_objects(ctx: Context) -> Reply:
    """List current objects and common prefixes."""
    query = _ListingQuery(ctx, "MaxKeys")
    marker = ctx.params.get("Marker", "")
    page = await ctx.store.index.list_objects(
        ctx.bucket.id, query.prefix, query.delimiter, marker, query.limit
    )
    result = {
        "x-cos-bucket-region": ctx.region,
        "Name": ctx.bucket.name,
        **query.echoed("Marker", marker),
        **query.outcome(page.truncated, page.prefixes),
        "Contents": [_object_fields(entry, query, ctx.now) for entry in page.entries],
    }
    if page.truncated:
        result["NextMarker"] = query.text(page.next_marker)
    return Reply(result)


async def list_objects_v2(ctx: Context) -> Reply:
    """List current objects and common prefixes; a token names the next page."""
    query = _ListingQuery(ctx, "MaxKeys")
    token, after = ctx.params.get("ContinuationToken", ""), ctx.params.get("StartAfter", "")
    page = await ctx.store.index.list_objects(
        ctx.bucket.id, query.prefix, query.delimiter, _read_token(token) or after, query.limit
    )
    entries = [_object_fields(entry, query, ctx.now) for entry in page.entries]
    if ctx.params.get("FetchOwner", "").lower() != "true":
        for entry in entries:
            del entry["Owner"]
    echoed = query.echoed("StartAfter", after)
    result = {
        "x-cos-bucket-region": ctx.region,
        "Name": ctx.bucket.name,
        **(echoed if after else {name: echoed[name] for name in echoed if name != "StartAfter"}),
        **({"ContinuationToken": token} if token else {}),
        **query.outcome(page.truncated, page.prefixes),
        "KeyCount": str(len(page.entries) + len(page.prefixes)),
        "Contents": entries,
    }
    if page.truncated:
        result["NextContinuationToken"] = _token(page.next_marker)
    return Reply(result)


def _token(marker: str) -> str:
    """Return the token for a position in a listing."""
    return base64.urlsafe_b64encode(marker.encode()).decode()


def _read_token(token: str) -> str:
    """Return the position that `_token` encoded.

    Raises:
        InvalidArgument: the token is malformed.
    """
    try:
        return base64.b64decode(token, b"-_", validate=True).decode()
    except ValueError as cause:
        raise InvalidArgument("The continuation token provided is incorrect") from cause


async def list_objects_versions(ctx: Context) -> Reply:
    """List versions and delete markers, newest first for each key."""
    query = _ListingQuery(ctx, "MaxKeys")
    key_marker = ctx.params.get("KeyMarker", "")
    version_marker = ctx.params.get("VersionIdMarker", "")
    # A version marker is ignored without a key marker.
    after = version_marker if key_marker else ""
    page = await ctx.store.index.list_versions(
        ctx.bucket.id, query.prefix, query.delimiter, key_marker, after, query.limit
    )
    listed = [(entry.is_marker, _version_fields(ctx, entry, query)) for entry in page.entries]
    result = {
        "Name": ctx.bucket.name,
        **query.echoed("KeyMarker", key_marker),
        "VersionIdMarker": writable(version_marker) or None,
        **query.outcome(page.truncated, page.prefixes),
        "Version": [item for is_marker, item in listed if not is_marker],
        "DeleteMarker": [item for is_marker, item in listed if is_marker],
        "Order": ["DeleteMarker" if is_marker else "Version" for is_marker, _ in listed],
    }
    if page.truncated:
        result["NextKeyMarker"] = query.text(page.next_key_marker)
        result["NextVersionIdMarker"] = page.next_version_id_marker or None
    return Reply(result)


async def list_multipart_uploads(ctx: Context) -> Reply:
    """List unfinished multipart uploads."""
    query = _ListingQuery(ctx, "MaxUploads")
    key_marker = ctx.params.get("KeyMarker", "")
    upload_marker = ctx.params.get("UploadIdMarker", "")
    page = await ctx.store.index.list_uploads(
        ctx.bucket.id, query.prefix, query.delimiter, key_marker, upload_marker, query.limit
    )
    result = {
        "Bucket": ctx.bucket.name,
        **query.echoed("KeyMarker", key_marker),
        "UploadIdMarker": writable(upload_marker) or None,
        **query.outcome(page.truncated, page.prefixes),
        "Upload": [_upload_fields(upload, query) for upload in page.entries],
    }
    if page.truncated:
        result["NextKeyMarker"] = query.text(page.next_key_marker)
        result["NextUploadIdMarker"] = page.next_upload_id_marker or None
    return Reply(result)


class _ListingQuery:
    """The parameters that all listings share: prefix, delimiter, limit, encoding."""

    def __init__(self, ctx: Context, limit: str) -> None:
        self.prefix: str = ctx.params.get("Prefix", "")
        self.delimiter: str = ctx.params.get("Delimiter", "")
        if len(self.delimiter) > ctx.rules.max_delimiter_length:
            raise InvalidDelimiter
        self.limit = page_limit(ctx.params.get(limit, PAGE), limit)
        self._limit_name = limit
        encoded = ctx.params.get("EncodingType") == "url"
        self._encoding = {"EncodingType": "url"} if encoded else {}
        # Percent-encoding carries every key; plain XML carries no control characters.
        self.text: Callable[[str], str] = str if encoded else writable

    def echoed(self, marker_name: str, marker: str) -> dict[str, Any]:
        """Return the fields that repeat the request."""
        return {
            **self._encoding,
            "Prefix": self.text(self.prefix) or None,
            marker_name: self.text(marker) or None,
            self._limit_name: str(self.limit),
            **({"Delimiter": self.text(self.delimiter)} if self.delimiter else {}),
        }

    def outcome(self, truncated: bool, prefixes: tuple[str, ...]) -> dict[str, Any]:
        """Return the fields that describe the end of the page."""
        return {
            "IsTruncated": "true" if truncated else "false",
            "CommonPrefixes": [{"Prefix": self.text(prefix)} for prefix in prefixes],
        }


def page_limit(asked: int, name: str) -> int:
    """Return the number of entries that a page may have; more than 1000 is cut to 1000.

    Raises:
        InvalidArgument: the number is negative.
    """
    if asked < 0:
        raise InvalidArgument(f"{name} is negative")
    return min(asked, PAGE)


def owner_fields(account: str) -> dict[str, str]:
    """Return the Owner of an entry."""
    return {"ID": account, "DisplayName": account}


def _class_fields(entry: ListingEntry) -> dict[str, str]:
    tier = storage_tier(entry.storage_class)
    return {"StorageClass": entry.storage_class, **({"StorageTier": tier} if tier else {})}


def _object_fields(entry: ListingEntry, query: _ListingQuery, now: int) -> dict[str, Any]:
    item = {
        "Key": query.text(entry.key),
        "LastModified": listing_date(entry.modified),
        "ETag": quote_etag(entry.etag),
        "Size": str(entry.size),
        "Owner": owner_fields(entry.owner),
        "StorageClass": entry.storage_class,
    }
    if entry.storage_class == "STANDARD" and not entry.restore:  # the usual case
        return item
    if tier := storage_tier(entry.storage_class):
        item["StorageTier"] = tier
    if entry.restore:
        status = restore_status(entry.storage_class, load_job(entry.restore), now)
        if status:
            item["RestoreStatus"] = status
    return item


def _version_fields(ctx: Context, entry: ListingEntry, query: _ListingQuery) -> dict[str, Any]:
    item: dict[str, Any] = {
        "Key": query.text(entry.key),
        "VersionId": entry.version_id if ctx.bucket.versioning else None,
        "IsLatest": "true" if entry.is_latest else "false",
        "LastModified": listing_date(entry.modified),
        "Owner": owner_fields(entry.owner),
    }
    if entry.is_marker:
        return item
    return {
        **item,
        "ETag": quote_etag(entry.etag),
        "Size": str(entry.size),
        **_class_fields(entry),
    }


def _upload_fields(upload: Upload, query: _ListingQuery) -> dict[str, Any]:
    return {
        "Key": query.text(upload.key),
        "UploadId": upload.upload_id,
        "StorageClass": upload.storage_class,
        "Initiator": owner_fields(upload.initiator or upload.owner),
        "Owner": owner_fields(upload.owner),
        "Initiated": listing_date(upload.initiated),
        **upload_checksum_fields(upload),
    }
