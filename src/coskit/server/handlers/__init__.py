"""What each operation does: one function per operation, named as its row."""

from collections.abc import Awaitable, Callable

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
from coskit.server.handlers.context import Context, Reply
from coskit.server.handlers.object_state import expiration, tagging
from coskit.server.handlers.objects import (
    append,
    attributes,
    delete,
    multipart,
    objects,
    restore,
    symlinks,
)

Handler = Callable[[Context], Awaitable[Reply]]

_MODULES = (
    acl,
    append,
    attributes,
    buckets,
    cors,
    delete,
    default_encryption,
    expiration,
    listing,
    object_lock,
    multipart,
    objects,
    ownership,
    policy,
    public_access,
    referer,
    restore,
    fixed_settings,
    symlinks,
    kept_settings,  # after the one that it takes the place of
    tagging,
)

# A row without a function is answered 501.
HANDLERS: dict[str, Handler] = {
    operation.name: getattr(module, operation.function)
    for operation in (*OPERATIONS, *S3_OPERATIONS)
    for module in _MODULES
    if hasattr(module, operation.function)
}
