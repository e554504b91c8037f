"""ACLs: as requests ask for them, as the store keeps them, as they are told."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from coskit.protocol.acl import (
    MAX_GRANTS,
    Grant,
    canned_grants,
    document_grants,
    header_grants,
    policy_document,
)
from coskit.protocol.errors import InvalidArgument, InvalidRequest
from coskit.protocol.xml import writable
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.versions import find_object

_GRANT_PARAMS = {
    "GrantRead": "READ",
    "GrantWrite": "WRITE",
    "GrantReadAcp": "READ_ACP",
    "GrantWriteAcp": "WRITE_ACP",
    "GrantFullControl": "FULL_CONTROL",
}


def dump_grants(grants: Sequence[Grant]) -> str:
    """Return grants as the store keeps them."""
    return json.dumps([[grant.grantee, grant.permission] for grant in grants])


def load_grants(text: str) -> tuple[Grant, ...]:
    """Read what `dump_grants` wrote."""
    return tuple(Grant(*pair) for pair in json.loads(text)) if text else ()


def requested_acl(params: Mapping[str, Any], *, bucket_owner: str, on_bucket: bool) -> str | None:
    """Return the ACL that a request's headers ask for, or None if they ask for the default.

    Raises:
        InvalidArgument: a header is malformed or the canned ACL is unknown.
    """
    grants: list[Grant] = []
    canned = params.get("ACL")
    asked = [name for name in _GRANT_PARAMS if name in params]
    if canned and canned != "default":
        grants += canned_grants(canned, on_bucket=on_bucket, bucket_owner=bucket_owner)
    elif not asked:
        return None
    for name in asked:
        grants += header_grants(_GRANT_PARAMS[name], params[name])
    if len(grants) > MAX_GRANTS:
        raise InvalidArgument(f"An ACL holds at most {MAX_GRANTS} grants")
    if not all(grant.grantee and grant.grantee == writable(grant.grantee) for grant in grants):
        raise InvalidArgument("A grantee is an account's id")
    return dump_grants(grants)


def replaced_acl(ctx: Context, *, on_bucket: bool) -> str | None:
    """Return the ACL that PUT acl asks for, by its document or by headers; None is the default.

    Raises:
        InvalidRequest: it has both.
    """
    document = ctx.params.get("AccessControlPolicy")
    by_header = any(name in ctx.params for name in (*_GRANT_PARAMS, "ACL"))
    if document is not None and by_header:
        raise InvalidRequest("An ACL comes in headers or in the body, not in both")
    if document is not None:
        return dump_grants(document_grants(document))
    return requested_acl(ctx.params, bucket_owner=ctx.bucket.owner, on_bucket=on_bucket)


async def put_bucket_acl(ctx: Context) -> Reply:
    """Replace a bucket's ACL; the default is private."""
    acl = replaced_acl(ctx, on_bucket=True)
    await ctx.store.update_bucket(ctx.bucket.name, acl=acl or dump_grants(()))
    return Reply()


async def get_bucket_acl(ctx: Context) -> Reply:
    """Return a bucket's ACL, the owner's full control first."""
    return Reply(_listed(ctx.bucket.owner, load_grants(ctx.bucket.acl)))


async def put_object_acl(ctx: Context) -> Reply:
    """Replace an object's ACL; the default inherits the bucket's."""
    acl = replaced_acl(ctx, on_bucket=False)
    await ctx.store.update_version(ctx.bucket, ctx.key, ctx.params.get("VersionId"), acl=acl)
    return Reply()


async def get_object_acl(ctx: Context) -> Reply:
    """Return an object's ACL; one that inherits has no grants of its own."""
    version = find_object(ctx)
    if version.acl is None:
        return Reply({**policy_document(version.owner, ()), "x-cos-acl": "default"})
    return Reply(_listed(version.owner, load_grants(version.acl)))


def _listed(owner: str, grants: Sequence[Grant]) -> dict[str, Any]:
    return policy_document(owner, (Grant(owner, "FULL_CONTROL"), *grants))
