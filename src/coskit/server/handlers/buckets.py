"""Buckets: create, describe, delete, list, versioning."""

import operator
from typing import Any

from coskit.protocol.dates import plain_date
from coskit.protocol.endpoint import is_bucket_name
from coskit.protocol.errors import InvalidArgument, InvalidBucketName, NotImplementedOperation
from coskit.server.handlers.access import dump_grants, requested_acl
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.listing import owner_fields
from coskit.server.handlers.tagging import bucket_tags, new_bucket_tags
from coskit.server.store.model import Bucket

MAX_BUCKETS = 200
MAX_NAME = 50
BUCKET_PAGE = 2000
_COMPARISONS = {
    "lt": operator.lt,
    "gt": operator.gt,
    "lte": operator.le,
    "gte": operator.ge,
}


def check_name(name: str) -> None:
    """Raise InvalidBucketName for what cannot name a new bucket."""
    if not is_bucket_name(name) or name != name.lower() or len(name) > MAX_NAME:
        raise InvalidBucketName(f"A bucket name is 1 to {MAX_NAME} of a-z, 0-9 and inner hyphens")


async def create_bucket(ctx: Context) -> Reply:
    """Create a bucket; it is private unless the request says otherwise."""
    name = ctx.params["Bucket"]
    check_name(name)
    if "BucketAZConfig" in ctx.params:
        raise NotImplementedOperation("A bucket in several zones is not implemented")
    owner = ctx.caller.account or ""
    acl = requested_acl(ctx.params, bucket_owner=owner, on_bucket=True) or dump_grants(())
    await ctx.store.create_bucket(name, owner, acl, limit=MAX_BUCKETS, config=new_bucket_tags(ctx))
    return Reply()


async def head_bucket(ctx: Context) -> Reply:
    """Tell that a bucket exists and where."""
    return Reply({"x-cos-bucket-region": ctx.region})


async def delete_bucket(ctx: Context) -> Reply:
    """Delete an empty bucket."""
    await ctx.store.delete_bucket(ctx.bucket.name)
    return Reply()


async def list_buckets(ctx: Context) -> Reply:
    """List the caller's buckets by name."""
    limit = min(ctx.params.get("MaxKeys", BUCKET_PAGE), BUCKET_PAGE)
    if limit < 1:
        raise InvalidArgument("max-keys is 1 to 2000")
    chosen = [bucket for bucket in ctx.store.buckets() if _is_chosen(ctx, bucket)]
    page = chosen[:limit]
    owner = ctx.caller.account or ""
    result: dict[str, Any] = {
        "Owner": owner_fields(owner),
        "Buckets": {"Bucket": [_listed(ctx, bucket) for bucket in page]} if page else None,
        "IsTruncated": "true" if len(chosen) > limit else "false",
    }
    if len(chosen) > limit:
        result["NextMarker"] = page[-1].name
    return Reply(result)


def _is_chosen(ctx: Context, bucket: Bucket) -> bool:
    params = ctx.params
    compare = _COMPARISONS[params.get("Range", "gte")]
    created = str(params.get("CreateTime", "0"))
    if not (created.isascii() and created.isdigit()):
        raise InvalidArgument("create-time is a Unix second")
    return (
        ctx.caller.owns(bucket.owner)
        and bucket.name > params.get("Marker", "")
        and params.get("Region", ctx.region) == ctx.region
        and _has_tag(bucket, params.get("TagKey"), params.get("TagValue"))
        and ("CreateTime" not in params or compare(bucket.created // 1000, int(created[:18])))
    )


def _has_tag(bucket: Bucket, key: str | None, value: str | None) -> bool:
    """Return whether a bucket has a tag of this key and this value, each if it is asked for."""
    if key is None and value is None:
        return True
    return any(
        key in (None, found_key) and value in (None, found_value)
        for found_key, found_value in bucket_tags(bucket)
    )


def _listed(ctx: Context, bucket: Bucket) -> dict[str, str]:
    return {
        "Name": bucket.name,
        "Location": ctx.region,
        "CreationDate": plain_date(bucket.created),
        "BucketType": "cos",
    }


async def get_bucket_location(ctx: Context) -> Reply:
    """Tell a bucket's region."""
    return Reply({"LocationConstraint": ctx.region})


async def put_bucket_versioning(ctx: Context) -> Reply:
    """Enable or suspend versioning."""
    await ctx.store.update_bucket(ctx.bucket.name, versioning=ctx.params["Status"])
    return Reply()


async def get_bucket_versioning(ctx: Context) -> Reply:
    """Tell a bucket's versioning state; there is none before it was first enabled."""
    return Reply({"Status": ctx.bucket.versioning} if ctx.bucket.versioning else {})
