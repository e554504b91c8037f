"""Object ownership: the owner of new objects, and whether a bucket has ACLs.

A bucket without the setting has ACLs, and an object's owner is the account that stored it.
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
    """Replace a bucket's setting; disabling ACLs needs a private bucket ACL."""
    rules = items(ctx.params["OwnershipControls"], "Rule")
    kind = rules[0].get("ObjectOwnership", "") if len(rules) == 1 else ""
    if kind not in _KINDS:
        raise MalformedXML(f"OwnershipControls must have one Rule with one of {', '.join(_KINDS)}")

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
    """Remove a bucket's setting; no error if there is none."""
    await ctx.store.index.update_bucket(ctx.bucket.name, config={SETTING: None})
    return Reply()


def new_bucket_ownership(ctx: Context, acl: str) -> dict[str, str]:
    """Return the setting of a new bucket, empty if the request names none.

    Args:
        ctx: the request.
        acl: the ACL of the new bucket.

    Raises:
        InvalidArgument: the setting does not exist.
        InvalidBucketAclWithObjectOwnership: the ACL does not fit the setting.
    """
    kind = ctx.params.get("ObjectOwnership", "")
    if not kind:
        return {}
    if kind not in _KINDS:
        raise InvalidArgument(f"x-amz-object-ownership must be one of {', '.join(_KINDS)}")
    refuse_shared_bucket_acl(kind, acl)
    return {SETTING: kind}


def refuse_shared_bucket_acl(kind: str, acl: str) -> None:
    """Refuse to disable ACLs in a bucket whose ACL grants something to others.

    Raises:
        InvalidBucketAclWithObjectOwnership: the ACL grants something to others.
    """
    if kind == ENFORCED and acl not in ("", _NO_GRANTS):
        raise InvalidBucketAclWithObjectOwnership


def has_acls(bucket: Bucket) -> bool:
    """Return whether ACLs have an effect in a bucket."""
    return bucket.config.get(SETTING) != ENFORCED


def refuse_acl(bucket: Bucket, params: Mapping[str, Any]) -> None:
    """Refuse an ACL in a bucket without ACLs, unless the ACL changes nothing there.

    Raises:
        AccessControlListNotSupported: the ACL would change something.
    """
    if has_acls(bucket):
        return
    asked = {name for name in params if name in _ACLS or name.startswith("Grant")}
    if not asked:
        return
    if asked != {"ACL"} or params["ACL"] not in (_TO_OWNER, "default"):
        raise AccessControlListNotSupported


def effective_grants(bucket: Bucket, grants: Sequence[Grant]) -> Sequence[Grant]:
    """Return the grants of an ACL that have an effect in a bucket."""
    return without_ignored_grants(bucket, grants) if has_acls(bucket) else ()


def new_owner(ctx: Context) -> str:
    """Return the account that will own the object that a request stores."""
    return future_owner(ctx.bucket, ctx.principal.root_account, ctx.params.get("ACL", ""))


def future_owner(bucket: Bucket, writer: str, canned: str) -> str:
    """Return the account that will own a new object.

    Args:
        bucket: the bucket of the object.
        writer: the account that stores the object, or "".
        canned: the object's canned ACL, or "".
    """
    kind = bucket.config.get(SETTING)
    given = kind == PREFERRED and canned == _TO_OWNER
    return ("" if kind == ENFORCED or given else writer) or bucket.owner


def object_owner(bucket: Bucket, writer: str) -> str:
    """Return the account that owns an object; the bucket's owner where ACLs are disabled."""
    return writer if has_acls(bucket) else bucket.owner
