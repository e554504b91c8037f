"""Check the rights to set what a writing request's headers set: ACL, tags, locks."""

from collections.abc import Mapping

from coskit.protocol.bucket.acl import Grant, canned_grants, header_grants
from coskit.protocol.errors import AccessDenied, InvalidArgument
from coskit.protocol.model import Operation
from coskit.server.handlers.access.acl import load_grants
from coskit.server.handlers.access.authorization import decided, granted_on_bucket, is_denied
from coskit.server.handlers.access.header_rights import (
    ACL_HEADERS,
    SET_ACL,
    SET_BUCKET_ACL,
    SET_TAGS,
    header_rights,
)
from coskit.server.handlers.access.ownership import owner_to_be
from coskit.server.handlers.context import Caller
from coskit.server.store.model import Bucket
from coskit.server.store.store import Store

_CANNED, *_GRANTS = ACL_HEADERS
# Whoever is to own an object may give it these; what locks it binds the bucket's owner.
_OF_OWNERS = (SET_ACL, SET_TAGS)


def require_settings(
    caller: Caller, operation: Operation, store: Store, bucket: Bucket, key: str | None
) -> None:
    """Let a caller pass who may set what the headers of a request set.

    Args:
        caller: who asks, by a request whose headers are in the names of COS.
        operation: its row, which they may do.
        store: where the object's tags are found.
        bucket: that it is about.
        key: that it is about, or None.

    Raises:
        AccessDenied: a right is missing.
    """
    if caller.about is None:
        return
    headers = caller.about.request.headers
    for right in header_rights(operation, headers):
        if right in (SET_ACL, SET_BUCKET_ACL) and opens_nothing(headers, bucket):
            refused = is_denied(caller, right, store, bucket, key)
        else:
            refused = not may_set(caller, operation, right, store, bucket, key)
        if refused:
            raise AccessDenied(f"This sets what needs the right {right.name} too")


def may_set(
    caller: Caller,
    operation: Operation,
    right: Operation,
    store: Store,
    bucket: Bucket,
    key: str | None,
) -> bool:
    """Return whether a caller has a right beside the one to write.

    Args:
        caller: who asks.
        operation: the row that writes, which they may do.
        right: the row that says what is set.
        store: where the object's tags are found.
        bucket: that it is about.
        key: that it is about, or None.
    """
    settled = decided(caller, right, store, bucket, key)
    if settled is not None:
        return settled
    if granted_on_bucket(caller, right, bucket):
        return True
    # Whom a policy lets write has to have all of it from policies.
    by_acl = decided(caller, operation, store, bucket, key) is None
    canned = caller.about.request.headers.get(_CANNED, "") if caller.about else ""
    return by_acl and right in _OF_OWNERS and caller.owns(owner_to_be(bucket, caller.root, canned))


def opens_nothing(headers: Mapping[str, str], bucket: Bucket) -> bool:
    """Return whether an ACL gives nobody but the bucket's owner more than the bucket's ACL does."""
    try:
        grants = _asked_grants(headers, bucket)
    except InvalidArgument:
        return False
    given = load_grants(bucket.acl)
    return all(
        grant.grantee == bucket.owner
        or grant in given
        or Grant(grant.grantee, "FULL_CONTROL") in given
        for grant in grants
    )


def _asked_grants(headers: Mapping[str, str], bucket: Bucket) -> list[Grant]:
    grants: list[Grant] = []
    canned = headers.get(_CANNED, "")
    if canned and canned != "default":
        grants += canned_grants(canned, on_bucket=False, bucket_owner=bucket.owner, anywhere=True)
    for name in _GRANTS:
        if text := headers.get(name):
            permission = name.removeprefix("x-cos-grant-").replace("-", "_").upper()
            grants += header_grants(permission, text)
    return grants
