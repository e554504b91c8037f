"""Whether a caller may do what a row of the table says, on this bucket or object."""

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
# Reading a text always gives the same policy, and a busy bucket asks for it at every request.
cached_policy = lru_cache(maxsize=256)(parse_bucket_policy)


def require_permission(
    principal: Principal,
    operation: Operation,
    store: Store,
    bucket: Bucket,
    key: str | None = None,
    version_id: str | None = None,
) -> None:
    """Let a caller pass who may do what a row says.

    Args:
        principal: who asks.
        operation: the row, which is about a bucket or an object.
        store: where the object and its folders are found.
        bucket: that it is about.
        key: that it is about, or None.
        version_id: that it is about, or None for the live object.

    Raises:
        AccessDenied: they may not; also where a stranger asks for an object that may not exist.
        NoSuchKey: there is no such object, which whoever may list the bucket may know.
        NoSuchVersion: as NoSuchKey.
    """
    if operation.name == DELETE_OBJECTS.name and (
        POLICY in bucket.config or principal.session_policy
    ):
        return  # its handler asks for each key
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
    """Return whether a caller may do what a row says; see `require`.

    Raises:
        AccessDenied: a stranger asks for an object that may not exist.
        NoSuchKey: there is no such object.
        NoSuchVersion: as NoSuchKey.
    """
    settled = policy_decision(principal, operation, store, bucket, key, version_id)
    if settled is None and _removes_version(operation, version_id):
        return False
    if settled is None and operation.on == "object" and key is not None:
        settled = _object_acl_allows(principal, operation, store, bucket, key, version_id)
    return bucket_acl_allows(principal, operation, bucket) if settled is None else settled


def _removes_version(operation: Operation, version_id: str | None) -> bool:
    """Return whether a request removes a version for good, a right that no ACL grants.

    Source: AWS, "Mapping of ACL permissions and access policy permissions": WRITE on a bucket gives
    `s3:DeleteObjectVersion` to the bucket's owner only.
    """
    return version_id is not None and operation.name in _DELETIONS


def require_owner(bucket: Bucket | None, expected: str | None) -> None:
    """Let a request pass if the bucket belongs to whom it expects, in case it says so.

    Args:
        bucket: that it addresses, or None.
        expected: an account, or None.

    Raises:
        AccessDenied: the bucket is somebody else's.
    """
    if expected and bucket is not None and bucket.owner != expected:
        raise AccessDenied("The bucket does not belong to the account that was expected")


def is_allowed_in_bucket(
    principal: Principal,
    operation: Operation,
    store: Store,
    bucket: Bucket,
    key: str | None = None,
    version_id: str | None = None,
) -> bool:
    """Return whether a caller may do what a row says to any object of that key."""
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
    """Return what is settled before any ACL is read, or None.

    A temporary key's own policy has to allow; then a deny of the bucket's policy wins over all but
    the owner's right to change that policy.
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
    """Return whether a policy denies a right, rather than does not give it."""
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
    assert principal.request_context is not None, "whoever asks does so by a request"
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
    """Return the tags of an object as it is, none if there is no such object."""
    try:
        return dict(load_tags(find_version(store, bucket, key, version_id).tags)) if key else {}
    except (NoSuchKey, NoSuchVersion):
        return {}


def bucket_acl_allows(principal: Principal, operation: Operation, bucket: Bucket) -> bool:
    """Return whether the bucket's ACL gives what a row needs; no ACL gives what is the owner's."""
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
    """Return what the nearest explicit ACL of object and folders says; None if there is none."""
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
    """Return a caller as one who asks to list what begins with a key."""
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
            # Who may only write in the bucket does not open what others wrote there.
            if folder.acl is not None and folder.owner == bucket.owner:
                return folder.acl
        end = version.key.rfind("/", 0, end)
    return None
