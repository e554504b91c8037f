"""Let an upload's initiator, the bucket's owner and whom a policy lets go on with it."""

from coskit.protocol.errors import AccessDenied, NoSuchUpload
from coskit.protocol.model import Operation
from coskit.protocol.operations import ABORT_MULTIPART_UPLOAD, LIST_PARTS
from coskit.server.handlers.access.authorization import bucket_acl_allows, policy_decision
from coskit.server.handlers.context import Principal
from coskit.server.store.model import Bucket, Upload
from coskit.server.store.store import Store

_UPLOAD_PARAM = "uploadId"
# An initiator may still do these when the right to write is gone.
_INITIATOR_RIGHTS = (ABORT_MULTIPART_UPLOAD.name, LIST_PARTS.name)


def is_upload_operation(operation: Operation) -> bool:
    """Return whether a row is about an upload that has begun."""
    return _UPLOAD_PARAM in operation.query_markers


def require_upload_permission(
    principal: Principal,
    operation: Operation,
    store: Store,
    bucket: Bucket,
    key: str,
    upload_id: str,
) -> None:
    """Let a caller pass who may go on with an upload.

    Args:
        principal: who asks.
        operation: the row.
        store: where the upload is found.
        bucket: that the upload is in.
        key: the object's.
        upload_id: of the upload, which may not exist.

    Raises:
        AccessDenied: they may not.
    """
    settled = policy_decision(principal, operation, store, bucket, key)
    if settled is None:
        settled = _acl_allows(principal, operation, store, bucket, key, upload_id)
    if not settled:
        raise AccessDenied


def refuse_anonymous_upload(
    principal: Principal, operation: Operation, store: Store, bucket: Bucket, key: str | None
) -> None:
    """Refuse to begin an upload that nobody could be told to go on with.

    Raises:
        AccessDenied: nobody signed the request, and no policy lets everybody do this.
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
    """Return what the bucket's ACL gives, and to an initiator the upload itself."""
    may_write = bucket_acl_allows(principal, operation, bucket)
    try:
        upload = store.index.upload(bucket.id, key, upload_id)
    except NoSuchUpload:
        return may_write
    return _is_initiator(principal, upload) and (may_write or operation.name in _INITIATOR_RIGHTS)


def _is_initiator(principal: Principal, upload: Upload) -> bool:
    """Return whether an upload is a caller's, or that of a sub-account of theirs."""
    initiator = upload.initiator or upload.owner
    return principal.owns(initiator) or principal.owns(initiator.partition("/")[0])
