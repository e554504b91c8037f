"""Let an upload's initiator, the bucket's owner and whom a policy lets go on with it."""

from coskit.protocol.errors import AccessDenied, NoSuchUpload
from coskit.protocol.model import Operation
from coskit.protocol.operations import ABORT_MULTIPART_UPLOAD, LIST_PARTS
from coskit.server.handlers.access.authorization import decided, granted_on_bucket
from coskit.server.handlers.context import Caller
from coskit.server.store.model import Bucket, Upload
from coskit.server.store.store import Store

_MARKER = "uploadId"
# An initiator may still do these when the right to write is gone.
_ALWAYS = (ABORT_MULTIPART_UPLOAD.name, LIST_PARTS.name)


def names_upload(operation: Operation) -> bool:
    """Return whether a row is about an upload that has begun."""
    return _MARKER in operation.query_markers


def require_upload(
    caller: Caller,
    operation: Operation,
    store: Store,
    bucket: Bucket,
    key: str,
    upload_id: str,
) -> None:
    """Let a caller pass who may go on with an upload.

    Args:
        caller: who asks.
        operation: the row.
        store: where the upload is found.
        bucket: that the upload is in.
        key: the object's.
        upload_id: of the upload, which may not exist.

    Raises:
        AccessDenied: they may not.
    """
    settled = decided(caller, operation, store, bucket, key)
    if settled is None:
        settled = _granted(caller, operation, store, bucket, key, upload_id)
    if not settled:
        raise AccessDenied


def refuse_anonymous_upload(
    caller: Caller, operation: Operation, store: Store, bucket: Bucket, key: str | None
) -> None:
    """Refuse to begin an upload that nobody could be told to go on with.

    Raises:
        AccessDenied: nobody signed the request, and no policy lets everybody do this.
    """
    if caller.account is None and decided(caller, operation, store, bucket, key) is None:
        raise AccessDenied("Anonymous users cannot initiate multipart uploads; sign the request")


def _granted(
    caller: Caller,
    operation: Operation,
    store: Store,
    bucket: Bucket,
    key: str,
    upload_id: str,
) -> bool:
    """Return what the bucket's ACL gives, and to an initiator the upload itself."""
    may_write = granted_on_bucket(caller, operation, bucket)
    try:
        upload = store.upload(bucket, key, upload_id)
    except NoSuchUpload:
        return may_write
    return _began(caller, upload) and (may_write or operation.name in _ALWAYS)


def _began(caller: Caller, upload: Upload) -> bool:
    """Return whether an upload is a caller's, or that of a sub-account of theirs."""
    initiator = upload.initiator or upload.owner
    return caller.owns(initiator) or caller.owns(initiator.partition("/")[0])
