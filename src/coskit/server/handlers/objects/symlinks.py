"""Symbolic links: objects without content, read as the current object of another key.

A link is stored as the two headers that made it. No other request can store such headers.
"""

from collections.abc import Iterable
from dataclasses import replace
from hashlib import md5
from typing import Any
from urllib.parse import quote, unquote

from coskit.protocol.codec.checksums.md5_crc64 import quote_etag
from coskit.protocol.codec.dates import http_date
from coskit.protocol.endpoint import check_key, is_bucket_name
from coskit.protocol.errors import (
    InvalidArgument,
    InvalidTargetType,
    NoSuchBucket,
    NoSuchKey,
    NotImplementedOperation,
    NotSymlink,
    SymlinkTargetNotExist,
)
from coskit.protocol.operations import GET_OBJECT
from coskit.server.handlers.access.authorization import require_permission
from coskit.server.handlers.access.referer import require_referer
from coskit.server.handlers.body.request_body import new_version
from coskit.server.handlers.context import Context, Principal, Reply
from coskit.server.handlers.object_state.versions import find_object
from coskit.server.handlers.object_state.write_conditions import overwrite_condition
from coskit.server.store.model import Bucket, Version
from coskit.server.store.store import Store

_TARGET, _BUCKET = "x-cos-symlink-target", "x-cos-symlink-bucket"
_CONTENT_HEADERS = ("x-cos-meta-", "x-cos-storage-class", "x-cos-tagging")


async def put_symlink(ctx: Context) -> Reply:
    """Make a key a link; the target need not exist."""
    _refuse_content(ctx.body.length, ctx.headers)
    new = replace(new_version(ctx), headers=_link_headers(ctx))
    condition = overwrite_condition(ctx)
    async with ctx.store.receive(0) as sink:
        # Links with different targets get different ETags, so that conditions notice a change.
        digest = md5("\n".join(new.headers.values()).encode(), usedforsecurity=False).hexdigest()
        stored = replace(await sink.finish(), md5=digest)
        version = await ctx.store.put(ctx.bucket, ctx.key, stored, new, condition)
    named = {} if version.version_id == "null" else {"x-cos-version-id": version.version_id}
    return Reply({"ETag": quote_etag(version.etag), **named})


async def get_symlink(ctx: Context) -> Reply:
    """Return the target of a link."""
    link = find_object(ctx)
    if not is_link(link):
        raise NotSymlink
    result: dict[str, Any] = {
        **link.headers,
        _TARGET: unquote(link.headers[_TARGET]),
        "ETag": quote_etag(link.etag),
        "Last-Modified": http_date(link.modified),
        **_version_header(ctx.bucket, link),
    }
    return Reply(result)


def is_link(version: Version) -> bool:
    """Return whether a version is a symbolic link."""
    return _TARGET in version.headers


def link_target(
    principal: Principal, store: Store, bucket: Bucket, link: Version
) -> tuple[Bucket, str]:
    """Return the bucket and key that a link points to, if its reader may read them too.

    Args:
        principal: the reader of the link.
        store: the store with link and target.
        bucket: the link's bucket.
        link: the link.

    Raises:
        SymlinkTargetNotExist: the target does not exist.
        AccessDenied: the principal may not read the target, even if the target does not exist.
    """
    key = unquote(link.headers[_TARGET])
    try:
        if name := link.headers.get(_BUCKET):
            bucket = store.index.bucket(name)
        require_referer(principal, bucket)
        require_permission(principal, GET_OBJECT, store, bucket, key)
    except (NoSuchKey, NoSuchBucket) as error:
        raise SymlinkTargetNotExist from error
    return bucket, key


def follow_link(ctx: Context, link: Version) -> tuple[Context, Version, bytes | None]:
    """Return the request for a link's target, with the target's version and inline bytes.

    Raises:
        SymlinkTargetNotExist: the target does not exist.
        InvalidTargetType: the target is a link too.
        AccessDenied: the principal may not read the target, even if the target does not exist.
    """
    bucket, key = link_target(ctx.principal, ctx.store, ctx.bucket, link)
    params = {name: value for name, value in ctx.params.items() if name != "VersionId"}
    try:
        version, inline = ctx.store.get(bucket, key)
    except NoSuchKey as error:
        raise SymlinkTargetNotExist from error
    if is_link(version):
        raise InvalidTargetType
    # A link that got another target has changed, even if the target is older.
    version = replace(version, modified=max(version.modified, link.modified))
    return replace(ctx, target=bucket, params={**params, "Key": key}), version, inline


def link_headers(bucket: Bucket, link: Version) -> dict[str, str]:
    """Return the headers of a response to a read through a link."""
    return {"x-cos-object-type": "symlink", **_version_header(bucket, link)}


def _version_header(bucket: Bucket, link: Version) -> dict[str, str]:
    return {"x-cos-version-id": link.version_id} if bucket.versioning else {}


def _link_headers(ctx: Context) -> dict[str, str]:
    """Return the headers that a link is stored as.

    Raises:
        InvalidArgument: the target is not a key, or its bucket's name is not valid.
        KeyTooLong: the key is too long.
    """
    key, name = ctx.params["SymlinkTarget"], ctx.params.get("SymlinkBucket", "")
    check_key(key)
    pointer = {_TARGET: quote(key, safe="/-_.~")}
    if name in ("", ctx.bucket.name):
        return pointer
    if not is_bucket_name(name):
        raise InvalidArgument(f"{_BUCKET} must be a bucket name")
    return {**pointer, _BUCKET: name}


def _refuse_content(length: int | None, headers: Iterable[str]) -> None:
    """Refuse what a link cannot store.

    Raises:
        InvalidArgument: the request has content.
        NotImplementedOperation: the request has metadata, tags or a storage class.
    """
    if length:
        raise InvalidArgument("A symbolic link must not have content")
    for name in headers:
        if name.startswith(_CONTENT_HEADERS):
            raise NotImplementedOperation(f"The header {name} is not implemented for links")
