"""Retry of a handler whose object is replaced before its bytes are read."""

from collections.abc import Awaitable, Callable
from functools import wraps

from coskit.protocol.errors import SlowDown
from coskit.server.handlers.context import Context, Reply
from coskit.server.store.interfaces.errors import VersionReplaced

Handler = Callable[[Context], Awaitable[Reply]]

# Losing to writers this often in a row means rather that the index is damaged.
MAX_ATTEMPTS = 100


def retry_if_replaced(handler: Handler) -> Handler:
    """Run a handler again if its object was replaced while it ran: an object existed all the time.

    For handlers of requests without a body, which store nothing before they succeed.

    Raises:
        SlowDown: the object was replaced at each of 100 attempts.
    """

    @wraps(handler)
    async def retrying(ctx: Context) -> Reply:
        for _ in range(MAX_ATTEMPTS):
            try:
                return await handler(ctx)
            except VersionReplaced:
                continue
        raise SlowDown("The object was replaced each time it was about to be read")

    return retrying
