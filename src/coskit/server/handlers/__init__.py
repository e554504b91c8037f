"""What each operation does: one function per operation, named as its row."""

from collections.abc import Awaitable, Callable

from coskit.protocol.operations import OPERATIONS
from coskit.protocol.s3.operations import S3_OPERATIONS
from coskit.server.handlers import (
    access,
    append,
    attributes,
    buckets,
    bucketsettings,
    cors,
    defaultencryption,
    deleting,
    lifecycle,
    listing,
    lock,
    multipart,
    objects,
    ownership,
    policy,
    publicaccess,
    referer,
    restore,
    s3settings,
    symlinks,
    tagging,
)
from coskit.server.handlers.context import Context, Reply

Handler = Callable[[Context], Awaitable[Reply]]

_MODULES = (
    access,
    append,
    attributes,
    buckets,
    cors,
    deleting,
    defaultencryption,
    lifecycle,
    listing,
    lock,
    multipart,
    objects,
    ownership,
    policy,
    publicaccess,
    referer,
    restore,
    s3settings,
    symlinks,
    bucketsettings,  # after the one that it takes the place of
    tagging,
)

# A row without a function is answered 501.
HANDLERS: dict[str, Handler] = {
    operation.name: getattr(module, operation.function)
    for operation in (*OPERATIONS, *S3_OPERATIONS)
    for module in _MODULES
    if hasattr(module, operation.function)
}
