"""Blocking calls in threads, cancelled when the coroutine that waits for them is."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from coskit.client.cancellation import Cancelled, CancelToken, current

_T = TypeVar("_T")


async def in_thread(function: Callable[[], _T], token: CancelToken | None = None) -> _T:
    """Call a function of the client in a thread and return what it returns.

    Args:
        function: the function.
        token: cancels the call.

    Raises:
        Cancelled: the token was cancelled.
    """
    token = token or CancelToken()
    try:
        return await asyncio.to_thread(_run, function, token)
    except asyncio.CancelledError:
        token.cancel()
        raise


def _run(function: Callable[[], _T], token: CancelToken) -> _T:
    current.token = token
    try:
        token.check()
        return function()
    finally:
        current.token = None


__all__ = ["CancelToken", "Cancelled", "in_thread"]
