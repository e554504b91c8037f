"""Response headers that describe a stored object."""

from collections.abc import Mapping
from typing import Any

from coskit.protocol.bucket.restore import load_job, restore_headers
from coskit.protocol.codec.checksums.md5_crc64 import quote_etag
from coskit.protocol.codec.dates import http_date
from coskit.protocol.errors import AccessDenied, NoSuchKey, NoSuchVersion
from coskit.protocol.messages import is_header_name, unsendable
from coskit.protocol.model import Operation
from coskit.protocol.operations import GET_OBJECT_TAGGING
from coskit.protocol.s3.extra_operations import GET_OBJECT_LEGAL_HOLD, GET_OBJECT_RETENTION
from coskit.server.handlers.access.authorization import is_allowed
from coskit.server.handlers.access.object_lock import HOLD_HEADER, lock_headers
from coskit.server.handlers.context import Context
from coskit.server.handlers.object_state.expiration import expiration_header
from coskit.server.handlers.object_state.storage_class import storage_tier
from coskit.server.handlers.object_state.tagging import load_tags
from coskit.server.store.model import Version


def object_headers(ctx: Context, version: Version) -> dict[str, Any]:
    """Return the headers that describe a version, with its stored headers."""
    headers: dict[str, Any] = {
        "Content-Type": "application/octet-stream",
        **sendable_headers(version.headers),
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
    if version.lock:
        headers |= _readable_lock_headers(ctx, version)
    headers |= expiration_header(ctx, version)
    if version.tags and ctx.rules.returns_tag_count and _may_read(ctx, GET_OBJECT_TAGGING, version):
        headers["x-amz-tagging-count"] = str(len(load_tags(version.tags)))
    return headers


def sendable_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return stored headers without what a response cannot carry; earlier versions stored such."""
    plain = "".join((*headers, *headers.values()))
    if plain.isascii() and plain.isprintable():
        return headers
    return {
        name: "".join(" " if unsendable(sign) else sign for sign in text)
        for name, text in headers.items()
        if is_header_name(name)
    }


def _readable_lock_headers(ctx: Context, version: Version) -> dict[str, str]:
    """Return the lock headers of a version that the principal has the rights to read."""
    headers = lock_headers(version)
    if not _may_read(ctx, GET_OBJECT_RETENTION, version):
        headers = {name: text for name, text in headers.items() if name == HOLD_HEADER}
    if HOLD_HEADER in headers and not _may_read(ctx, GET_OBJECT_LEGAL_HOLD, version):
        del headers[HOLD_HEADER]
    return headers


def _may_read(ctx: Context, right: Operation, version: Version) -> bool:
    """Return whether a reader of an object has another right to read, such as its tags."""
    named = ctx.params.get("VersionId")
    try:
        return is_allowed(ctx.principal, right, ctx.store, ctx.bucket, version.key, named)
    except (AccessDenied, NoSuchKey, NoSuchVersion):  # deleted since it was found
        return False
