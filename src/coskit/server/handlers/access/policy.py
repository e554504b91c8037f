"""Bucket policies: put, get, delete, and the bucket's location in resources."""

from coskit.protocol.bucket.policy import ResourceLocation
from coskit.protocol.errors import AccessDenied, MalformedPolicy, NoSuchBucketPolicy
from coskit.protocol.s3.policy.policy import parse_bucket_policy
from coskit.server.handlers.access.acl import load_grants
from coskit.server.handlers.access.ownership import effective_grants
from coskit.server.handlers.access.public_access import BLOCK_POLICY, are_public, is_switched_on
from coskit.server.handlers.context import Context, Reply
from coskit.server.store.model import Bucket

SETTING = "policy"


def bucket_location(bucket: Bucket, region: str) -> ResourceLocation:
    """Return a bucket's location in resources: under its owner's id or the APPID in its name."""
    return ResourceLocation(region, (bucket.owner, bucket.name.rpartition("-")[2]), bucket.name)


async def put_bucket_policy(ctx: Context) -> Reply:
    """Replace a bucket's policy; a policy about another bucket or region is refused."""
    text = ctx.params["Policy"]
    place = bucket_location(ctx.bucket, ctx.region)
    policy = parse_bucket_policy(text)
    if not all(statement.is_within(place) for statement in policy.statements):
        raise MalformedPolicy(
            f"A resource is not of {place.bucket} of {' or '.join(place.accounts)}"
            f" in region {place.region}"
        )
    condition = _refuse_public_policy if policy.is_public else None
    await ctx.store.index.update_bucket(
        ctx.bucket.name, config={SETTING: text}, condition=condition
    )
    return Reply(status=204)


async def get_bucket_policy(ctx: Context) -> Reply:
    """Return a bucket's policy as it was put."""
    text = ctx.bucket.config.get(SETTING)
    if text is None:
        raise NoSuchBucketPolicy
    return Reply({"Policy": text})


async def get_bucket_policy_status(ctx: Context) -> Reply:
    """Return whether a bucket's policy or ACL makes the bucket public."""
    text = ctx.bucket.config.get(SETTING)
    by_policy = text is not None and parse_bucket_policy(text).is_public
    by_acl = are_public(effective_grants(ctx.bucket, load_grants(ctx.bucket.acl)))
    return Reply({"IsPublic": str(by_policy or by_acl).lower()})


async def delete_bucket_policy(ctx: Context) -> Reply:
    """Remove a bucket's policy; no error if there is none."""
    await ctx.store.index.update_bucket(ctx.bucket.name, config={SETTING: None})
    return Reply()


def _refuse_public_policy(bucket: Bucket) -> None:
    if is_switched_on(bucket, BLOCK_POLICY):
        raise AccessDenied("Public policies are blocked by the bucket's public access block")
