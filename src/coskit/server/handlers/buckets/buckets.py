"""Buckets: create, describe, delete, list, versioning."""

import operator
import re
from contextlib import suppress
from typing import Any

from coskit.protocol.codec.dates import plain_date
from coskit.protocol.endpoint import is_bucket_name
from coskit.protocol.errors import (
    AccessDenied,
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    InvalidArgument,
    InvalidBucketName,
    NoSuchBucket,
    NoSuchUpload,
    NotImplementedOperation,
)
from coskit.server.handlers.access.acl import dump_grants, refuse_unusable_grants, requested_acl
from coskit.server.handlers.access.object_lock import new_bucket_lock, refuse_suspension_under_lock
from coskit.server.handlers.access.ownership import new_bucket_ownership
from coskit.server.handlers.buckets.listing import owner_fields
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.dialect_rules import COS_RULES, DialectRules
from coskit.server.handlers.object_state.tagging import bucket_tags, new_bucket_tags
from coskit.server.store.model import Bucket

MAX_BUCKETS = 200
BUCKET_PAGE = 2000
_ADDRESS = re.compile(r"[0-9]+(\.[0-9]+){3}")
# Parameter, response header, and the only value.
_KINDS = (
    ("BucketAZConfig", "x-cos-bucket-az-type", "MAZ"),
    ("BucketArchConfig", "x-cos-bucket-arch", "OFS"),
)
_COMPARISONS = {
    "lt": operator.lt,
    "gt": operator.gt,
    "lte": operator.le,
    "gte": operator.ge,
}


def check_bucket_name(name: str, rules: DialectRules = COS_RULES) -> None:
    """Refuse an invalid name for a new bucket.

    Args:
        name: the bucket's name.
        rules: the rules of the request's dialect.

    Raises:
        InvalidBucketName: the name has a wrong length or character.
    """
    shortest, longest = rules.min_bucket_name_length, rules.max_bucket_name_length
    labels = name.split(".") if rules.allows_dots_in_bucket_name else [name]
    is_one = all(is_bucket_name(label) for label in labels) and not _ADDRESS.fullmatch(name)
    if not is_one or name != name.lower() or not shortest <= len(name) <= longest:
        raise InvalidBucketName(
            f"A bucket name must have {shortest} to {longest} characters of a-z, 0-9 and "
            "inner hyphens"
        )


async def create_bucket(ctx: Context) -> Reply:
    """Create a bucket; it is private unless the request names an ACL."""
    name = ctx.params["Bucket"]
    check_bucket_name(name, ctx.rules)
    _refuse_foreign_appid(ctx, name)
    owner = ctx.principal.account or ""
    asked = requested_acl(ctx.params, ctx.rules, bucket_owner=owner, on_bucket=True)
    lock = new_bucket_lock(ctx)
    acl = asked or dump_grants(())
    refuse_unusable_grants(ctx, acl)
    config = new_bucket_tags(ctx) | lock | new_bucket_ownership(ctx, acl) | _requested_kind(ctx)
    versioning = "Enabled" if lock else ""
    try:
        await ctx.store.index.create_bucket(
            name, owner, acl, limit=MAX_BUCKETS, config=config, versioning=versioning
        )
    except BucketAlreadyOwnedByYou:
        if not ctx.rules.allows_repeated_creation or ctx.params.get("LocationConstraint"):
            raise
        found = ctx.store.index.bucket(name)
        if found.acl != acl or not lock.keys() <= found.config.keys():
            raise BucketAlreadyExists from None
    return Reply({"Location": f"/{name}"} if ctx.rules.allows_dots_in_bucket_name else {})


def _refuse_foreign_appid(ctx: Context, name: str) -> None:
    """Refuse a name that ends in the APPID of another account, which could expect to own it.

    Raises:
        AccessDenied: the APPID's account exists on this server and is not the principal's.
    """
    appid = name.rpartition("-")[2]
    if not appid.isdigit() or appid == ctx.principal.root_account or not ctx.account_exists(appid):
        return
    with suppress(NoSuchBucket):
        ctx.store.index.bucket(name)
        return  # creation fails anyway: the bucket exists
    raise AccessDenied("A bucket name that ends in an APPID belongs to the account of that APPID")


async def head_bucket(ctx: Context) -> Reply:
    """Return the region of a bucket and the kind that it was created as."""
    config = ctx.bucket.config
    kinds = {header: config[name] for name, header, _ in _KINDS if name in config}
    return Reply({"x-cos-bucket-region": ctx.region, **kinds})


def _requested_kind(ctx: Context) -> dict[str, str]:
    """Return the kind of a new bucket, which is stored and returned without effect.

    Raises:
        InvalidArgument: the kind does not exist.
    """
    asked = {name: ctx.params[name] for name, _, _ in _KINDS if name in ctx.params}
    for name, _, known in _KINDS:
        if asked.get(name, known) != known:
            raise InvalidArgument(f"{name} must be {known}")
    return asked


async def delete_bucket(ctx: Context) -> Reply:
    """Delete an empty bucket."""
    if ctx.rules.aborts_uploads_with_bucket:
        await _abort_uploads(ctx)
    await ctx.store.index.delete_bucket(ctx.bucket.name)
    return Reply()


async def _abort_uploads(ctx: Context) -> None:
    """Abort the unfinished uploads of a bucket without objects.

    Raises:
        BucketNotEmpty: the bucket holds objects.
    """
    page = await ctx.store.index.list_versions(ctx.bucket.id, limit=1)
    if page.entries:
        raise BucketNotEmpty
    while uploads := (await ctx.store.index.list_uploads(ctx.bucket.id)).entries:
        for upload in uploads:
            with suppress(NoSuchUpload):
                await ctx.store.index.abort_upload(ctx.bucket.id, upload.key, upload.upload_id)


async def list_buckets(ctx: Context) -> Reply:
    """List the principal's buckets by name."""
    if "Range" in ctx.params and "CreateTime" not in ctx.params:
        raise InvalidArgument("range needs create-time")
    created = str(ctx.params.get("CreateTime", "0"))
    if not (created.isascii() and created.isdigit()):
        raise InvalidArgument("create-time must be a Unix second")
    limit = min(ctx.params.get("MaxKeys", BUCKET_PAGE), BUCKET_PAGE)
    if limit < 1:
        name = next(param.wire for param in ctx.operation.params if param.name == "MaxKeys")
        raise InvalidArgument(f"{name} must be 1 to {BUCKET_PAGE}")
    chosen = [bucket for bucket in ctx.store.index.buckets() if _is_selected(ctx, bucket)]
    page = chosen[:limit]
    owner = ctx.principal.account or ""
    result: dict[str, Any] = {
        "Owner": owner_fields(owner),
        "Buckets": {"Bucket": [_bucket_fields(ctx, bucket) for bucket in page]} if page else None,
        "IsTruncated": "true" if len(chosen) > limit else "false",
        "Marker": ctx.params.get("Marker") or None,
    }
    if len(chosen) > limit:
        result["NextMarker"] = page[-1].name
    return Reply(result)


def _is_selected(ctx: Context, bucket: Bucket) -> bool:
    params = ctx.params
    compare = _COMPARISONS[params.get("Range", "gte")]
    created = str(params.get("CreateTime", "0"))
    return (
        ctx.principal.owns(bucket.owner)
        and bucket.name > params.get("Marker", "")
        and bucket.name.startswith(params.get("Prefix", ""))
        and params.get("Region", ctx.region) == ctx.region
        and _has_tag(bucket, params.get("TagKey"), params.get("TagValue"))
        and ("CreateTime" not in params or compare(bucket.created // 1000, int(created[:18])))
    )


def _has_tag(bucket: Bucket, key: str | None, value: str | None) -> bool:
    """Return whether a bucket has a tag with this key and this value, where None matches any."""
    if key is None and value is None:
        return True
    return any(
        key in (None, found_key) and value in (None, found_value)
        for found_key, found_value in bucket_tags(bucket)
    )


def _bucket_fields(ctx: Context, bucket: Bucket) -> dict[str, str]:
    return {
        "Name": bucket.name,
        "Location": ctx.region,
        "CreationDate": plain_date(bucket.created),
        "BucketType": "cos",
    }


async def get_bucket_location(ctx: Context) -> Reply:
    """Return a bucket's region."""
    return Reply({"LocationConstraint": ctx.region})


async def put_bucket_versioning(ctx: Context) -> Reply:
    """Enable or suspend versioning."""
    status = ctx.params["Status"]
    if ctx.params.get("MfaDelete") == "Enabled":
        raise NotImplementedOperation("Deletion by multi-factor authentication is not implemented")
    condition = refuse_suspension_under_lock if status == "Suspended" else None
    await ctx.store.index.update_bucket(ctx.bucket.name, versioning=status, condition=condition)
    return Reply()


async def get_bucket_versioning(ctx: Context) -> Reply:
    """Return a bucket's versioning state; there is none before versioning was first enabled."""
    return Reply({"Status": ctx.bucket.versioning} if ctx.bucket.versioning else {})
