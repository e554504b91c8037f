"""Prefetch of a body's first chunk, so that early damage becomes an error response."""

from collections.abc import AsyncIterator
from typing import Self

from coskit.server.handlers.context import OutgoingBody


class PrefetchedBody:
    """A body whose first chunk has been read."""

    def __init__(self, first: bytes, rest: AsyncIterator[bytes], body: OutgoingBody) -> None:
        self._first = first
        self._rest = rest
        self._body = body

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk."""
        if self._first:
            first, self._first = self._first, b""
            return first
        return await anext(self._rest)

    async def aclose(self) -> None:
        """Stop reading and release the files."""
        await self._body.aclose()


async def prefetch_first_chunk(body: OutgoingBody) -> PrefetchedBody:
    """Read the first chunk of a body.

    Raises:
        InternalError: the chunk is damaged; the body is closed.
    """
    chunks = aiter(body)
    try:
        first = await anext(chunks, b"")
    except BaseException:
        await body.aclose()
        raise
    return PrefetchedBody(first, chunks, body)
