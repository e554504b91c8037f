"""Rate limit of one body: `x-cos-traffic-limit`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import Any

from coskit.protocol.errors import InvalidArgument
from coskit.server.handlers.context import Context, OutgoingBody

SLOWEST, FASTEST = 819_200, 838_860_800  # bits per second
_INTERVAL = 0.1  # seconds per piece


def requested_rate(ctx: Context) -> int | None:
    """Return the bytes per second that a request allows, or None if the request sets no limit.

    Raises:
        InvalidArgument: the limit is not a number, or outside of the vendor's range.
    """
    text: Any = ctx.params.get("TrafficLimit", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise InvalidArgument("x-cos-traffic-limit must be a number of bits per second")
    if not SLOWEST <= int(text) <= FASTEST:
        raise InvalidArgument(f"x-cos-traffic-limit must be {SLOWEST} to {FASTEST} bits per second")
    return int(text) // 8


async def throttled(chunks: AsyncIterable[bytes], rate: int) -> AsyncGenerator[bytes, None]:
    """Yield the chunks in pieces, at no more than `rate` bytes per second.

    Time lost elsewhere is not made up for by a burst.
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
    """A stream of an object's bytes at no more than `rate` bytes per second."""

    def __init__(self, body: bytes | OutgoingBody, rate: int) -> None:
        self._body = body
        self._pieces = throttled(_one_chunk(body) if isinstance(body, bytes) else body, rate)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield pieces that take a tenth of a second each."""
        return self._pieces

    async def aclose(self) -> None:
        """Stop reading and release the files."""
        await self._pieces.aclose()
        if not isinstance(self._body, bytes):
            await self._body.aclose()


async def _one_chunk(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
