"""Authorization of multipart uploads: the initiator, the bucket's owner, and policies."""

from coskit.protocol.errors import AccessDenied, NoSuchUpload
from coskit.protocol.model import Operation
from coskit.protocol.operations import ABORT_MULTIPART_UPLOAD, LIST_PARTS
from coskit.server.handlers.access.authorization import bucket_acl_allows, policy_decision
from coskit.server.handlers.context import Principal
from coskit.server.store.model import Bucket, Upload
from coskit.server.store.store import Store

_UPLOAD_PARAM = "uploadId"
# An initiator may do these even without the right to write.
_INITIATOR_RIGHTS = (ABORT_MULTIPART_UPLOAD.name, LIST_PARTS.name)


def is_upload_operation(operation: Operation) -> bool:
    """Return whether a row is about an existing upload."""
    return _UPLOAD_PARAM in operation.query_markers


def require_upload_permission(
    principal: Principal,
    operation: Operation,
    store: Store,
    bucket: Bucket,
    key: str,
    upload_id: str,
) -> None:
    """Refuse an operation on an upload that the principal may not do.

    Args:
        principal: the sender of the request.
        operation: the row.
        store: the store with the upload.
        bucket: the bucket of the upload.
        key: the object's key.
        upload_id: the upload's id; the upload may not exist.

    Raises:
        AccessDenied: the principal may not do the operation.
    """
    settled = policy_decision(principal, operation, store, bucket, key)
    if settled is None:
        settled = _acl_allows(principal, operation, store, bucket, key, upload_id)
    if not settled:
        raise AccessDenied


def refuse_anonymous_upload(
    principal: Principal, operation: Operation, store: Store, bucket: Bucket, key: str | None
) -> None:
    """Refuse to begin an upload for an anonymous client, because no initiator could be verified.

    Raises:
        AccessDenied: the request is unsigned, and no policy allows it.
    """
    if (
        principal.account is None
        and policy_decision(principal, operation, store, bucket, key) is None
    ):
        raise AccessDenied("Anonymous users cannot initiate multipart uploads; sign the request")


def _acl_allows(
    principal: Principal,
    operation: Operation,
    store: Store,
    bucket: Bucket,
    key: str,
    upload_id: str,
) -> bool:
    """Return the decision of the bucket's ACL; an upload itself is for its initiator only."""
    may_write = bucket_acl_allows(principal, operation, bucket)
    try:
        upload = store.index.upload(bucket.id, key, upload_id)
    except NoSuchUpload:
        return may_write
    return _is_initiator(principal, upload) and (may_write or operation.name in _INITIATOR_RIGHTS)


def _is_initiator(principal: Principal, upload: Upload) -> bool:
    """Return whether a principal, or a sub-account of it, began an upload."""
    initiator = upload.initiator or upload.owner
    return principal.owns(initiator) or principal.owns(initiator.partition("/")[0])
