"""Public access block: a bucket's switches against public ACLs and policies."""

from collections.abc import Mapping, Sequence
from typing import Any

from coskit.protocol.bucket.acl import ALL_USERS, AUTHENTICATED_USERS, Grant
from coskit.protocol.errors import AccessDenied, MalformedXML, NoSuchPublicAccessBlockConfiguration
from coskit.server.handlers.context import Context, Reply
from coskit.server.store.model import Bucket

SETTING = "public-access-block"
BLOCK_ACLS = "BlockPublicAcls"
IGNORE_ACLS = "IgnorePublicAcls"
BLOCK_POLICY = "BlockPublicPolicy"
RESTRICT = "RestrictPublicBuckets"
_SWITCHES = (BLOCK_ACLS, IGNORE_ACLS, BLOCK_POLICY, RESTRICT)
_PUBLIC = (ALL_USERS, AUTHENTICATED_USERS)


async def put_public_access_block(ctx: Context) -> Reply:
    """Replace a bucket's setting; a switch that is not named is off."""
    document = ctx.params["PublicAccessBlockConfiguration"]
    if not document:
        raise MalformedXML("Must specify at least one configuration")
    on = " ".join(name for name in _SWITCHES if _is_on(document, name))
    await ctx.store.index.update_bucket(ctx.bucket.name, config={SETTING: on})
    return Reply()


async def get_public_access_block(ctx: Context) -> Reply:
    """Return a bucket's setting."""
    if SETTING not in ctx.bucket.config:
        raise NoSuchPublicAccessBlockConfiguration
    return Reply({name: str(is_switched_on(ctx.bucket, name)).lower() for name in _SWITCHES})


async def delete_public_access_block(ctx: Context) -> Reply:
    """Remove a bucket's setting; no error if there is none."""
    await ctx.store.index.update_bucket(ctx.bucket.name, config={SETTING: None})
    return Reply()


def is_switched_on(bucket: Bucket, switch: str) -> bool:
    """Return whether one of a bucket's four switches is on."""
    return switch in bucket.config.get(SETTING, "").split()


def are_public(grants: Sequence[Grant]) -> bool:
    """Return whether grants are for everyone, or for every account."""
    return any(grant.grantee in _PUBLIC for grant in grants)


def refuse_public_grants(bucket: Bucket, grants: Sequence[Grant]) -> None:
    """Refuse a public ACL in a bucket that blocks public ACLs.

    Raises:
        AccessDenied: the ACL is public, and the bucket blocks public ACLs.
    """
    if are_public(grants) and is_switched_on(bucket, BLOCK_ACLS):
        raise AccessDenied("Public ACLs are blocked by the bucket's public access block")


def without_ignored_grants(bucket: Bucket, grants: Sequence[Grant]) -> Sequence[Grant]:
    """Return the grants that have an effect: not the public ones, if the bucket ignores them."""
    if not is_switched_on(bucket, IGNORE_ACLS):
        return grants
    return [grant for grant in grants if grant.grantee not in _PUBLIC]


def _is_on(document: Mapping[str, Any], name: str) -> bool:
    text = str(document.get(name, "false")).strip().lower()
    if text not in ("true", "false"):
        raise MalformedXML(f"{name} must be true or false")
    return text == "true"
