"""Content that is sent and received no faster than the client's limit."""

from coskit.client._async.concurrency import async_sleep
from coskit.client.transport.rate_limit import RateLimit


class AsyncPacer:
    """Waits so that all bodies of a client together keep to its rate.

    Args:
        rate: the bytes per second.

    Attributes:
        piece: the largest number of bytes that should be passed on at a time.
    """

    def __init__(self, rate: float) -> None:
        self._limit = RateLimit(rate)
        self.piece = self._limit.piece

    async def take(self, size: int) -> None:
        """Wait until a number of bytes may be passed on."""
        delay = self._limit.delay(size)
        if delay > 0:
            await async_sleep(delay)


class AsyncPacedContent:
    """Content in memory as the source of a request, which is read at the client's rate."""

    def __init__(self, data: bytes, pacer: AsyncPacer) -> None:
        self._rest = memoryview(data)
        self._pacer = pacer

    async def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, b"" at the end."""
        piece = self._rest[: min(size, self._pacer.piece)]
        self._rest = self._rest[len(piece) :]
        await self._pacer.take(len(piece))
        return bytes(piece)
