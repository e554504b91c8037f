"""Authorization of the ACL, tags and locks that a writing request sets by headers."""

from collections.abc import Mapping

from coskit.protocol.bucket.acl import Grant, canned_grants, header_grants
from coskit.protocol.errors import AccessDenied, InvalidArgument
from coskit.protocol.model import Operation
from coskit.server.handlers.access.acl import load_grants
from coskit.server.handlers.access.authorization import (
    bucket_acl_allows,
    is_denied_by_policy,
    policy_decision,
)
from coskit.server.handlers.access.header_rights import (
    ACL_HEADERS,
    SET_ACL,
    SET_BUCKET_ACL,
    SET_TAGS,
    header_rights,
)
from coskit.server.handlers.access.ownership import future_owner
from coskit.server.handlers.context import Principal
from coskit.server.store.model import Bucket
from coskit.server.store.store import Store

_CANNED, *_GRANTS = ACL_HEADERS
# The future owner of an object may set these. Locks need the bucket owner's consent.
_OWNER_RIGHTS = (SET_ACL, SET_TAGS)


def require_header_rights(
    principal: Principal, operation: Operation, store: Store, bucket: Bucket, key: str | None
) -> None:
    """Refuse a request whose headers set what the principal may not set.

    Args:
        principal: the sender of the request, whose headers have the names of COS.
        operation: the row, which the principal may do.
        store: the store with the object's tags.
        bucket: the bucket.
        key: the object's key, or None.

    Raises:
        AccessDenied: the principal lacks a right.
    """
    if principal.request_context is None:
        return
    headers = principal.request_context.request.headers
    for right in header_rights(operation, headers):
        if right in (SET_ACL, SET_BUCKET_ACL) and grants_nothing_new(headers, bucket):
            refused = is_denied_by_policy(principal, right, store, bucket, key)
        else:
            refused = not has_header_right(principal, operation, right, store, bucket, key)
        if refused:
            raise AccessDenied(f"The request's headers need the right {right.name} too")


def has_header_right(
    principal: Principal,
    operation: Operation,
    right: Operation,
    store: Store,
    bucket: Bucket,
    key: str | None,
) -> bool:
    """Return whether a principal has a right besides the right to write.

    Args:
        principal: the sender of the request.
        operation: the row that writes, which the principal may do.
        right: the row that stands for the right.
        store: the store with the object's tags.
        bucket: the bucket.
        key: the object's key, or None.
    """
    settled = policy_decision(principal, right, store, bucket, key)
    if settled is not None:
        return settled
    if bucket_acl_allows(principal, right, bucket):
        return True
    # A principal that may write by a policy needs the other rights by policies too.
    by_acl = policy_decision(principal, operation, store, bucket, key) is None
    canned = (
        principal.request_context.request.headers.get(_CANNED, "")
        if principal.request_context
        else ""
    )
    return (
        by_acl
        and right in _OWNER_RIGHTS
        and principal.owns(future_owner(bucket, principal.root_account, canned))
    )


def grants_nothing_new(headers: Mapping[str, str], bucket: Bucket) -> bool:
    """Return whether an ACL gives no other account more than the bucket's ACL does."""
    try:
        grants = _requested_grants(headers, bucket)
    except InvalidArgument:
        return False
    given = load_grants(bucket.acl)
    return all(
        grant.grantee == bucket.owner
        or grant in given
        or Grant(grant.grantee, "FULL_CONTROL") in given
        for grant in grants
    )


def _requested_grants(headers: Mapping[str, str], bucket: Bucket) -> list[Grant]:
    grants: list[Grant] = []
    canned = headers.get(_CANNED, "")
    if canned and canned != "default":
        grants += canned_grants(canned, on_bucket=False, bucket_owner=bucket.owner, anywhere=True)
    for name in _GRANTS:
        if text := headers.get(name):
            permission = name.removeprefix("x-cos-grant-").replace("-", "_").upper()
            grants += header_grants(permission, text)
    return grants
