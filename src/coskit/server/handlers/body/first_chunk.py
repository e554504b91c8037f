"""Bodies that have begun: one that cannot is an error before the head of the answer is out."""

from collections.abc import AsyncIterator
from typing import Self

from coskit.server.handlers.context import OutgoingBody


class PrefetchedBody:
    """A body whose first chunk is here."""

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
        """Stop reading."""
        await self._body.aclose()


async def prefetch_first_chunk(body: OutgoingBody) -> PrefetchedBody:
    """Read the first chunk of a body.

    Raises:
        InternalError: it is damaged; nothing has to be closed then.
    """
    chunks = aiter(body)
    try:
        first = await anext(chunks, b"")
    except BaseException:
        await body.aclose()
        raise
    return PrefetchedBody(first, chunks, body)
