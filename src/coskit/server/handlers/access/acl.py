"""ACLs: parse them from requests, store them, return them as documents."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from coskit.protocol.bucket.acl import (
    MAX_GRANTS,
    Grant,
    account_id,
    canned_grants,
    document_grants,
    header_grants,
    policy_document,
)
from coskit.protocol.codec.xml.document import writable
from coskit.protocol.errors import (
    AccessDenied,
    InvalidArgument,
    InvalidRequest,
    MissingRequestBodyError,
    MissingSecurityHeader,
)
from coskit.server.handlers.access.ownership import has_acls, object_owner, refuse_acl
from coskit.server.handlers.access.public_access import refuse_public_grants
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.dialect_rules import DialectRules
from coskit.server.handlers.object_state.versions import find_object

_GRANT_PARAMS = {
    "GrantRead": "READ",
    "GrantWrite": "WRITE",
    "GrantReadAcp": "READ_ACP",
    "GrantWriteAcp": "WRITE_ACP",
    "GrantFullControl": "FULL_CONTROL",
}


def dump_grants(grants: Sequence[Grant]) -> str:
    """Return grants as the text that the store keeps."""
    return json.dumps([[grant.grantee, grant.permission] for grant in grants])


def load_grants(text: str) -> tuple[Grant, ...]:
    """Read what `dump_grants` wrote."""
    return tuple(Grant(*pair) for pair in json.loads(text)) if text else ()


def requested_acl(
    params: Mapping[str, Any], rules: DialectRules, *, bucket_owner: str, on_bucket: bool
) -> str | None:
    """Return the ACL that a request's headers ask for, or None for the default.

    Args:
        params: the request's parameters.
        rules: the rules of the request's dialect.
        bucket_owner: the account that owns the bucket.
        on_bucket: whether the ACL is for a bucket; otherwise it is for an object.

    Raises:
        InvalidArgument: a header is malformed, or the canned ACL does not exist.
        InvalidRequest: the request has a canned ACL and grants, and the dialect allows one of them.
    """
    grants: list[Grant] = []
    canned = params.get("ACL")
    asked = [name for name in _GRANT_PARAMS if name in params]
    if canned and asked and not rules.allows_canned_acl_with_grants:
        raise InvalidRequest("Specifying both Canned ACLs and Header Grants is not allowed")
    if canned and not (canned == "default" and rules.allows_canned_acl_with_grants):
        grants += canned_grants(
            canned,
            on_bucket=on_bucket,
            bucket_owner=bucket_owner,
            anywhere=rules.shares_canned_acls,
        )
    elif not asked:
        return None
    for name in asked:
        grants += header_grants(_GRANT_PARAMS[name], params[name])
    if len(grants) > MAX_GRANTS:
        raise InvalidArgument(f"An ACL holds at most {MAX_GRANTS} grants")
    if not all(grant.grantee and grant.grantee == writable(grant.grantee) for grant in grants):
        raise InvalidArgument("A grantee must be an account id")
    return dump_grants(grants)


def requested_acl_of_put_acl(ctx: Context, *, on_bucket: bool) -> str | None:
    """Return the ACL that PUT acl asks for, by its document or by headers; None is the default.

    Raises:
        InvalidRequest: the request has a document and headers.
        MissingSecurityHeader: the request has neither, in the S3 dialect.
        MissingRequestBodyError: the request has neither, in the COS dialect.
        AccessControlListNotSupported: ACLs are disabled in the bucket.
        AccessDenied: the bucket blocks public ACLs, or the document names another owner.
    """
    refuse_acl(ctx.bucket, ctx.params)
    document = ctx.params.get("AccessControlPolicy")
    by_header = any(name in ctx.params for name in (*_GRANT_PARAMS, "ACL"))
    if document is not None and by_header:
        raise InvalidRequest("Send the ACL in headers or in the body, not in both")
    if document is None and not by_header:
        _refuse_missing_acl(ctx)
    if document is not None:
        _refuse_other_owner(ctx, document, on_bucket=on_bucket)
        acl: str | None = dump_grants(document_grants(document))
    else:
        owner = ctx.bucket.owner
        acl = requested_acl(ctx.params, ctx.rules, bucket_owner=owner, on_bucket=on_bucket)
    if acl is None:
        return None if ctx.rules.inherits_bucket_acl else dump_grants(())
    refuse_unusable_grants(ctx, acl)
    return acl


def _refuse_other_owner(ctx: Context, document: Mapping[str, Any], *, on_bucket: bool) -> None:
    """Refuse an ACL document that names another owner: PUT acl does not change the owner.

    Raises:
        AccessDenied: the document's Owner is not the owner of the bucket or object.
    """
    named = account_id((document.get("Owner") or {}).get("ID") or "")
    if not named:
        return
    bucket = ctx.bucket
    owner = bucket.owner if on_bucket else object_owner(bucket, find_object(ctx).owner)
    if named != owner:
        raise AccessDenied("The Owner in the ACL document is not the owner of the resource")


def _refuse_missing_acl(ctx: Context) -> None:
    """Refuse a request without an ACL, because it would reset the ACL.

    In COS an empty header asks for the default.
    """
    if not ctx.rules.allows_canned_acl_with_grants:
        raise MissingSecurityHeader
    if "x-cos-acl" not in ctx.headers:
        raise MissingRequestBodyError("Send the ACL in headers or in the body")


def refuse_unusable_grants(ctx: Context, acl: str) -> None:
    """Refuse an ACL that does not fit the bucket.

    Raises:
        InvalidArgument: a grantee does not exist, and the dialect requires known grantees.
        AccessDenied: the ACL is public, and the bucket blocks public ACLs.
    """
    grants = load_grants(acl)
    if ctx.rules.requires_known_grantees:
        for grant in grants:
            if not grant.grantee.startswith("http") and not ctx.account_exists(grant.grantee):
                raise InvalidArgument("Invalid id")
    if ctx.target is not None:
        refuse_public_grants(ctx.bucket, grants)


async def put_bucket_acl(ctx: Context) -> Reply:
    """Replace a bucket's ACL; the default is private."""
    acl = requested_acl_of_put_acl(ctx, on_bucket=True)
    await ctx.store.index.update_bucket(ctx.bucket.name, acl=acl or dump_grants(()))
    return Reply()


async def get_bucket_acl(ctx: Context) -> Reply:
    """Return a bucket's ACL, with the owner's full control first unless the ACL names the owner."""
    return Reply(_acl_document(ctx.bucket.owner, load_grants(ctx.bucket.acl)))


async def put_object_acl(ctx: Context) -> Reply:
    """Replace an object's ACL; the default inherits the bucket's ACL."""
    acl = requested_acl_of_put_acl(ctx, on_bucket=False)
    await ctx.store.index.update_version(
        ctx.bucket.id, ctx.key, ctx.params.get("VersionId"), {"acl": acl}
    )
    return Reply()


async def get_object_acl(ctx: Context) -> Reply:
    """Return an object's ACL; an object that inherits has no grants of its own."""
    version = find_object(ctx)
    owner = object_owner(ctx.bucket, version.owner)
    if version.acl is None or not has_acls(ctx.bucket):
        return Reply({**policy_document(owner, ()), "x-cos-acl": "default"})
    return Reply(_acl_document(owner, load_grants(version.acl)))


def _acl_document(owner: str, grants: Sequence[Grant]) -> dict[str, Any]:
    named = any(grant.grantee == owner for grant in grants)
    return policy_document(owner, grants if named else (Grant(owner, "FULL_CONTROL"), *grants))
