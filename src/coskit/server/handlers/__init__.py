"""What each operation does: one function per operation, named as its row."""

from collections.abc import Awaitable, Callable

from coskit.protocol.operations import OPERATIONS
from coskit.server.handlers import (
    access,
    append,
    buckets,
    cors,
    lifecycle,
    listing,
    multipart,
    objects,
    policy,
    restore,
    tagging,
)
from coskit.server.handlers.context import Context, Reply

Handler = Callable[[Context], Awaitable[Reply]]

_MODULES = (
    access,
    append,
    buckets,
    cors,
    lifecycle,
    listing,
    multipart,
    objects,
    policy,
    restore,
    tagging,
)

# A row without a function is answered 501.
HANDLERS: dict[str, Handler] = {
    operation.name: getattr(module, operation.function)
    for operation in OPERATIONS
    for module in _MODULES
    if hasattr(module, operation.function)
}
