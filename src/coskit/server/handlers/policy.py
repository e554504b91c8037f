"""The policy of a bucket: put, get, delete, and where it applies."""

from coskit.protocol.errors import MalformedPolicy, NoSuchBucketPolicy
from coskit.protocol.policy import Place, parse_policy
from coskit.server.handlers.context import Context, Reply
from coskit.server.store.model import Bucket

SETTING = "policy"


def place_of(bucket: Bucket, region: str) -> Place:
    """Return a bucket as resources name it: under its owner's id or the APPID in its name."""
    return Place(region, (bucket.owner, bucket.name.rpartition("-")[2]), bucket.name)


async def put_bucket_policy(ctx: Context) -> Reply:
    """Replace a bucket's policy; one that could not apply here is refused."""
    text = ctx.params["Policy"]
    place = place_of(ctx.bucket, ctx.region)
    for statement in parse_policy(text).statements:
        for resource in statement.resources:
            if not resource.may_hold(place):
                raise MalformedPolicy(
                    f"A resource is not of {place.bucket} of {' or '.join(place.accounts)}"
                    f" in region {place.region}"
                )
    await ctx.store.update_bucket(ctx.bucket.name, config={SETTING: text})
    return Reply(status=204)


async def get_bucket_policy(ctx: Context) -> Reply:
    """Return a bucket's policy as it was put."""
    text = ctx.bucket.config.get(SETTING)
    if text is None:
        raise NoSuchBucketPolicy
    return Reply({"Policy": text})


async def delete_bucket_policy(ctx: Context) -> Reply:
    """Remove a bucket's policy, if it has one."""
    await ctx.store.update_bucket(ctx.bucket.name, config={SETTING: None})
    return Reply()
