"""Who owns what others store in a bucket, and whether the bucket has ACLs at all.

A bucket of which nothing was said has ACLs, and whoever stores an object owns it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from coskit.protocol.bucket.acl import Grant
from coskit.protocol.codec.xml.document import items
from coskit.protocol.errors import (
    AccessControlListNotSupported,
    InvalidArgument,
    InvalidBucketAclWithObjectOwnership,
    MalformedXML,
    OwnershipControlsNotFoundError,
)
from coskit.server.handlers.access.public_access import without_ignored_grants
from coskit.server.handlers.context import Context, Reply
from coskit.server.store.model import Bucket

SETTING = "ownership"
ENFORCED = "BucketOwnerEnforced"
PREFERRED = "BucketOwnerPreferred"
_KINDS = (ENFORCED, PREFERRED, "ObjectWriter")
_TO_OWNER = "bucket-owner-full-control"
_NO_GRANTS = "[]"
_ACLS = ("ACL", "AccessControlPolicy")


async def put_bucket_ownership_controls(ctx: Context) -> Reply:
    """Replace a bucket's setting; without ACLs its own has to be private."""
    rules = items(ctx.params["OwnershipControls"], "Rule")
    kind = rules[0].get("ObjectOwnership", "") if len(rules) == 1 else ""
    if kind not in _KINDS:
        raise MalformedXML(f"OwnershipControls has one Rule with one of {', '.join(_KINDS)}")

    def condition(bucket: Bucket) -> None:
        refuse_shared_bucket_acl(kind, bucket.acl)

    await ctx.store.index.update_bucket(
        ctx.bucket.name, config={SETTING: kind}, condition=condition
    )
    return Reply()


async def get_bucket_ownership_controls(ctx: Context) -> Reply:
    """Return a bucket's setting."""
    if SETTING not in ctx.bucket.config:
        raise OwnershipControlsNotFoundError
    return Reply({"Rule": [{"ObjectOwnership": ctx.bucket.config[SETTING]}]})


async def delete_bucket_ownership_controls(ctx: Context) -> Reply:
    """Remove a bucket's setting, if it has one."""
    await ctx.store.index.update_bucket(ctx.bucket.name, config={SETTING: None})
    return Reply()


def new_bucket_ownership(ctx: Context, acl: str) -> dict[str, str]:
    """Return the setting with which a bucket is to be created, if its request names one.

    Args:
        ctx: the request.
        acl: that the bucket is to have.

    Raises:
        InvalidArgument: there is no such ownership.
        InvalidBucketAclWithObjectOwnership: the ACL is not one for it.
    """
    kind = ctx.params.get("ObjectOwnership", "")
    if not kind:
        return {}
    if kind not in _KINDS:
        raise InvalidArgument(f"x-amz-object-ownership is one of {', '.join(_KINDS)}")
    refuse_shared_bucket_acl(kind, acl)
    return {SETTING: kind}


def refuse_shared_bucket_acl(kind: str, acl: str) -> None:
    """Refuse to do without ACLs in a bucket whose ACL opens it to others.

    Raises:
        InvalidBucketAclWithObjectOwnership: it does.
    """
    if kind == ENFORCED and acl not in ("", _NO_GRANTS):
        raise InvalidBucketAclWithObjectOwnership


def has_acls(bucket: Bucket) -> bool:
    """Return whether ACLs have an effect in a bucket."""
    return bucket.config.get(SETTING) != ENFORCED


def refuse_acl(bucket: Bucket, params: Mapping[str, Any]) -> None:
    """Refuse an ACL in a bucket without them, unless it is what holds there anyway.

    Raises:
        AccessControlListNotSupported: it is another.
    """
    if has_acls(bucket):
        return
    asked = {name for name in params if name in _ACLS or name.startswith("Grant")}
    if not asked:
        return
    if asked != {"ACL"} or params["ACL"] not in (_TO_OWNER, "default"):
        raise AccessControlListNotSupported


def effective_grants(bucket: Bucket, grants: Sequence[Grant]) -> Sequence[Grant]:
    """Return those of an ACL's grants that have an effect in a bucket."""
    return without_ignored_grants(bucket, grants) if has_acls(bucket) else ()


def new_owner(ctx: Context) -> str:
    """Return the account that is to own what a request stores."""
    return future_owner(ctx.bucket, ctx.principal.root_account, ctx.params.get("ACL", ""))


def future_owner(bucket: Bucket, writer: str, canned: str) -> str:
    """Return the account that is to own a new object.

    Args:
        bucket: that it is stored in.
        writer: the account of whoever stores it, or "".
        canned: the canned ACL that it is to have, or "".
    """
    kind = bucket.config.get(SETTING)
    given = kind == PREFERRED and canned == _TO_OWNER
    return ("" if kind == ENFORCED or given else writer) or bucket.owner


def object_owner(bucket: Bucket, writer: str) -> str:
    """Return the account that owns an object, which was kept as another's if it has ACLs."""
    return writer if has_acls(bucket) else bucket.owner
