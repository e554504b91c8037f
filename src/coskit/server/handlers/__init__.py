"""Handlers: one function per operation, named as its row."""

from collections.abc import Callable, Mapping
from types import ModuleType

from coskit.protocol.operations import OPERATIONS
from coskit.protocol.s3.operations import S3_OPERATIONS
from coskit.server.handlers.access import (
    acl,
    object_lock,
    ownership,
    policy,
    public_access,
    referer,
)
from coskit.server.handlers.body import default_encryption
from coskit.server.handlers.buckets import buckets, cors, fixed_settings, kept_settings, listing
from coskit.server.handlers.object_state import expiration, tagging
from coskit.server.handlers.object_state.retry_replaced import Handler, retry_if_replaced
from coskit.server.handlers.object_state.versions import report_delete_marker
from coskit.server.handlers.objects import (
    append,
    attributes,
    copy,
    delete,
    get,
    multipart,
    put,
    restore,
    symlinks,
)

_MODULES = (
    acl,
    append,
    attributes,
    buckets,
    copy,
    cors,
    delete,
    default_encryption,
    expiration,
    get,
    listing,
    object_lock,
    multipart,
    ownership,
    policy,
    public_access,
    put,
    referer,
    restore,
    fixed_settings,
    symlinks,
    kept_settings,  # after fixed_settings, whose functions it replaces
    tagging,
)

# Wrappers of these handlers, for objects that are replaced or deleted during the request.
_WRAPPERS: Mapping[str, tuple[Callable[[Handler], Handler], ...]] = {
    "get_object": (retry_if_replaced, report_delete_marker),
    "head_object": (report_delete_marker,),
    "copy_object": (retry_if_replaced,),
    "upload_part_copy": (retry_if_replaced,),
}


def _handler(module: ModuleType, name: str) -> Handler:
    """Return a module's handler of this name, wrapped for its rare outcomes."""
    handler: Handler = getattr(module, name)
    for wrap in _WRAPPERS.get(name, ()):
        handler = wrap(handler)
    return handler


# The gateway responds 501 to a row without a handler.
HANDLERS: Mapping[str, Handler] = {
    operation.name: _handler(module, operation.function)
    for operation in (*OPERATIONS, *S3_OPERATIONS)
    for module in _MODULES
    if hasattr(module, operation.function)
}
