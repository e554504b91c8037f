"""Authorization of an operation on a bucket or an object."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial

from coskit.protocol.bucket.acl import allows
from coskit.protocol.bucket.policy import AccessRequest
from coskit.protocol.errors import AccessDenied, NoSuchKey, NoSuchVersion
from coskit.protocol.model import Operation
from coskit.protocol.operations import DELETE_OBJECT, DELETE_OBJECTS, LIST_OBJECTS
from coskit.protocol.s3.policy.policy import parse_bucket_policy
from coskit.server.handlers.access.acl import load_grants
from coskit.server.handlers.access.ownership import effective_grants, object_owner
from coskit.server.handlers.access.policy import SETTING as POLICY
from coskit.server.handlers.access.policy import bucket_location
from coskit.server.handlers.access.public_access import RESTRICT, is_switched_on
from coskit.server.handlers.context import Principal
from coskit.server.handlers.object_state.tagging import load_tags
from coskit.server.handlers.object_state.versions import find_version
from coskit.server.store.model import Bucket, Version
from coskit.server.store.store import Store

_DELETIONS = frozenset((DELETE_OBJECT.name, DELETE_OBJECTS.name))
# A busy bucket needs its policy for every request.
cached_policy = lru_cache(maxsize=256)(parse_bucket_policy)


def require_permission(
    principal: Principal,
    operation: Operation,
    store: Store,
    bucket: Bucket,
    key: str | None = None,
    version_id: str | None = None,
) -> None:
    """Refuse an operation that the principal may not do.

    Args:
        principal: the sender of the request.
        operation: the row, which is about a bucket or an object.
        store: the store with the object and its folders.
        bucket: the bucket.
        key: the object's key, or None for the bucket itself.
        version_id: the version's id, or None for the current object.

    Raises:
        AccessDenied: the principal may not do the operation. Also if the object does not exist and
            the principal may not list the bucket.
        NoSuchKey: the object does not exist, and the principal may list the bucket.
        NoSuchVersion: the version does not exist, and the principal may list the bucket.
    """
    if operation.name == DELETE_OBJECTS.name and (
        POLICY in bucket.config or principal.session_policy
    ):
        return  # the handler checks each key
    if not is_allowed(principal, operation, store, bucket, key, version_id):
        raise AccessDenied


def is_allowed(
    principal: Principal,
    operation: Operation,
    store: Store,
    bucket: Bucket,
    key: str | None = None,
    version_id: str | None = None,
) -> bool:
    """Return whether a principal may do an operation; see `require_permission`.

    Raises:
        AccessDenied: the object does not exist, and the principal may not list the bucket.
        NoSuchKey: the object does not exist, and the principal may list the bucket.
        NoSuchVersion: the version does not exist, and the principal may list the bucket.
    """
    settled = policy_decision(principal, operation, store, bucket, key, version_id)
    if settled is None and _removes_version(operation, version_id):
        return False
    if settled is None and operation.on == "object" and key is not None:
        settled = _object_acl_allows(principal, operation, store, bucket, key, version_id)
    return bucket_acl_allows(principal, operation, bucket) if settled is None else settled


def _removes_version(operation: Operation, version_id: str | None) -> bool:
    """Return whether a request deletes a version for good, a right that no ACL grants.

    Source: AWS, "Mapping of ACL permissions and access policy permissions": WRITE on a bucket gives
    `s3:DeleteObjectVersion` to the bucket's owner only.
    """
    return version_id is not None and operation.name in _DELETIONS


def require_owner(bucket: Bucket | None, expected: str | None) -> None:
    """Enforce `x-amz-expected-bucket-owner`.

    Args:
        bucket: the bucket, or None if the request has none.
        expected: the expected account, or None if the request does not name one.

    Raises:
        AccessDenied: another account owns the bucket.
    """
    if expected and bucket is not None and bucket.owner != expected:
        raise AccessDenied("Another account than the expected one owns the bucket")


def is_allowed_in_bucket(
    principal: Principal,
    operation: Operation,
    store: Store,
    bucket: Bucket,
    key: str | None = None,
    version_id: str | None = None,
) -> bool:
    """Return whether a principal may do an operation to any object of that key."""
    settled = policy_decision(principal, operation, store, bucket, key, version_id)
    if settled is None and _removes_version(operation, version_id):
        return False
    return bucket_acl_allows(principal, operation, bucket) if settled is None else settled


def policy_decision(
    principal: Principal,
    operation: Operation,
    store: Store,
    bucket: Bucket,
    key: str | None = None,
    version_id: str | None = None,
) -> bool | None:
    """Return the decision of ownership and policies, or None if ACLs decide.

    A temporary key's own policy has to allow the operation. Then a deny of the bucket's policy
    overrides everything except the owner's right to change that policy.
    """
    owns = principal.owns(bucket.owner)
    text = bucket.config.get(POLICY)
    if text is None and principal.session_policy is None:
        return owns or None
    ask = _access_request(principal, operation, store, bucket, key, version_id)
    if principal.session_policy is not None and principal.session_policy.verdict(ask) != "allow":
        return False
    policy = None if text is None else cached_policy(text)
    verdict = policy.verdict(ask) if policy else None
    if verdict == "deny":
        return owns and operation.flag == POLICY
    if (
        policy
        and is_switched_on(bucket, RESTRICT)
        and principal.root_account != bucket.owner
        and policy.is_public
    ):
        verdict = None
    return owns or verdict == "allow" or None


def is_denied_by_policy(
    principal: Principal, operation: Operation, store: Store, bucket: Bucket, key: str | None
) -> bool:
    """Return whether a policy denies a right; a right that no policy gives is not denied."""
    text = bucket.config.get(POLICY)
    policies = [
        policy for policy in (principal.session_policy, text and cached_policy(text)) if policy
    ]
    if not policies:
        return False
    ask = _access_request(principal, operation, store, bucket, key, None)
    return any(policy.verdict(ask) == "deny" for policy in policies)


def _access_request(
    principal: Principal,
    operation: Operation,
    store: Store,
    bucket: Bucket,
    key: str | None,
    version_id: str | None,
) -> AccessRequest:
    assert principal.request_context is not None, "the gateway sets the context of each request"
    place = bucket_location(bucket, principal.request_context.region)
    tags = partial(_object_tags, store, bucket, key, version_id)
    return AccessRequest(
        principal.account,
        operation,
        place,
        key or "",
        principal.request_context,
        version_id or None,
        tags,
    )


def _object_tags(
    store: Store, bucket: Bucket, key: str | None, version_id: str | None
) -> Mapping[str, str]:
    """Return the current tags of an object; none if the object does not exist."""
    try:
        return dict(load_tags(find_version(store, bucket, key, version_id).tags)) if key else {}
    except (NoSuchKey, NoSuchVersion):
        return {}


def bucket_acl_allows(principal: Principal, operation: Operation, bucket: Bucket) -> bool:
    """Return whether the bucket's ACL grants the permission of a row; "OWNER" is in no ACL."""
    if operation.permission == "OWNER":
        return False
    return allows(
        effective_grants(bucket, load_grants(bucket.acl)), principal.account, operation.permission
    )


def _object_acl_allows(
    principal: Principal,
    operation: Operation,
    store: Store,
    bucket: Bucket,
    key: str,
    version_id: str | None,
) -> bool | None:
    """Return the decision of the nearest explicit ACL of object and folders, or None."""
    try:
        version = find_version(store, bucket, key, version_id)
    except (NoSuchKey, NoSuchVersion):
        if is_allowed_in_bucket(_as_listing(principal, key), LIST_OBJECTS, store, bucket):
            raise
        raise AccessDenied from None
    if principal.owns(object_owner(bucket, version.owner)):
        return True
    if operation.permission == "OWNER":
        return False
    acl = _nearest_acl(store, bucket, version)
    if acl is None:
        return None
    return allows(
        effective_grants(bucket, load_grants(acl)), principal.account, operation.permission
    )


def _as_listing(principal: Principal, key: str) -> Principal:
    """Return a principal whose request is a listing of the keys that begin with a key."""
    if principal.request_context is None:
        return principal
    request = replace(principal.request_context.request, query=(("prefix", key),))
    return replace(principal, request_context=replace(principal.request_context, request=request))


def _nearest_acl(store: Store, bucket: Bucket, version: Version) -> str | None:
    if version.acl is not None:
        return version.acl
    end = version.key.rfind("/", 0, len(version.key) - 1)
    while end > 0:
        try:
            folder = store.index.latest(bucket.id, version.key[: end + 1])
        except NoSuchKey:
            pass
        else:
            # An account that may only write must not open the objects of others.
            if folder.acl is not None and folder.owner == bucket.owner:
                return folder.acl
        end = version.key.rfind("/", 0, end)
    return None
