"""How fast a body may travel: `x-cos-traffic-limit`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import Any

from coskit.protocol.errors import InvalidArgument
from coskit.server.handlers.context import Context, OutgoingBody

SLOWEST, FASTEST = 819_200, 838_860_800  # bits per second
_INTERVAL = 0.1  # seconds that one piece takes


def requested_rate(ctx: Context) -> int | None:
    """Return the bytes per second that a request allows, or None if it does not say.

    Raises:
        InvalidArgument: it is no number, or outside of what the vendor allows.
    """
    text: Any = ctx.params.get("TrafficLimit", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise InvalidArgument("x-cos-traffic-limit is a number of bits per second")
    if not SLOWEST <= int(text) <= FASTEST:
        raise InvalidArgument(f"x-cos-traffic-limit is {SLOWEST} to {FASTEST} bits per second")
    return int(text) // 8


async def throttled(chunks: AsyncIterable[bytes], rate: int) -> AsyncGenerator[bytes, None]:
    """Yield what comes in pieces, none earlier than `rate` bytes per second allow.

    Time that is lost elsewhere is not made up for by a burst.
    """
    clock = asyncio.get_running_loop().time
    step = max(1, int(rate * _INTERVAL))
    due = clock()
    async for chunk in chunks:
        for start in range(0, len(chunk), step):
            piece = chunk[start : start + step]
            due = max(due, clock() - _INTERVAL) + len(piece) / rate
            await asyncio.sleep(due - clock())
            yield piece


class ThrottledBody:
    """A body on its way out at no more than `rate` bytes per second."""

    def __init__(self, body: bytes | OutgoingBody, rate: int) -> None:
        self._body = body
        self._pieces = throttled(_one_chunk(body) if isinstance(body, bytes) else body, rate)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield pieces of a tenth of a second."""
        return self._pieces

    async def aclose(self) -> None:
        """Let go of what is being read."""
        await self._pieces.aclose()
        if not isinstance(self._body, bytes):
            await self._body.aclose()


async def _one_chunk(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
