"""How a body goes out: chunk by chunk from its blobs, one read ahead, checked on the way."""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import Self

from coskit.protocol.checksums import crc64
from coskit.protocol.errors import InternalError
from coskit.server.store.interface import BlobReader, BlobRow, Blobs
from coskit.server.store.model import Extent

# Part of a body, and what the index knows of the blob it lies in.
Piece = tuple[Extent, BlobRow]
Submit = Callable[..., asyncio.Future[bytes | None]]

CHUNK = 1 << 19  # bytes read at a time


def cut(extents: Sequence[Extent], first: int, length: int) -> tuple[Extent, ...]:
    """Return where `length` bytes from `first` on of a body lie."""
    found = []
    for extent in extents:
        taken = min(extent.length - first, length)
        if taken > 0:
            found.append(Extent(extent.blob_id, extent.offset + first, taken))
            length -= taken
        first = max(0, first - extent.length)
    return tuple(found)


def chunks(blobs: Blobs, pieces: Sequence[Piece]) -> Generator[bytes, None, None]:
    """Give the bytes of the pieces; blocks.

    The last chunk of a piece that is a whole blob is given only if the blob's CRC64 is right.

    Raises:
        InternalError: a blob is missing, shorter than the index says, or damaged.
    """
    for extent, row in pieces:
        end = extent.offset + extent.length
        if row.data is not None:
            if crc64(row.data) != row.crc64:
                raise InternalError("Stored bytes are damaged.")
            yield row.data[extent.offset : end]
            continue
        crc, chunk = 0, b""
        try:
            with closing(blobs.open(extent.blob_id)) as reader:
                for offset in range(extent.offset, end, CHUNK):
                    chunk = _read(reader, offset, min(CHUNK, end - offset))
                    crc = crc64(chunk, crc)
                    if offset + CHUNK < end:
                        yield chunk
        except OSError as error:
            raise InternalError("Stored bytes cannot be read.") from error
        if extent.length == row.size and crc != row.crc64:
            raise InternalError("Stored bytes are damaged.")
        yield chunk


def _read(reader: BlobReader, offset: int, length: int) -> bytes:
    data = reader.read(offset, length)
    if len(data) < length:
        raise InternalError("Stored bytes are missing.")
    return data


class Reading:
    """A running read: an async iterator of chunks, whose blobs stay until its end or `aclose`.

    Args:
        source: gives the chunks; blocks.
        length: how many bytes it gives.
        submit: runs a blocking call in a worker thread.
        release: is called once, when the blobs are needed no more.
    """

    def __init__(
        self,
        source: Generator[bytes, None, None],
        length: int,
        submit: Submit,
        release: Callable[[], None],
    ) -> None:
        self._source = source
        self._left = length
        self._submit = submit
        self._release = release
        self._ahead: asyncio.Future[bytes | None] | None = None
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk.

        Raises:
            InternalError: a blob is missing, shorter than the index says, or damaged.
        """
        if not self._left:
            await self.aclose()
        if self._closed:
            raise StopAsyncIteration
        ahead = self._ahead or self._submit(next, self._source, None)
        self._ahead = ahead
        chunk = await asyncio.shield(ahead)
        assert chunk is not None
        self._left -= len(chunk)
        self._ahead = self._submit(next, self._source, None) if self._left else None
        if not self._left:
            self._end()
        return chunk

    async def aclose(self) -> None:
        """Stop reading; the blobs are let go as soon as no thread is reading them."""
        if self._closed:
            return
        self._closed = True
        if self._ahead is None or self._ahead.done():
            self._end()
        else:  # not awaited here, so that cancelling this call changes nothing
            self._ahead.add_done_callback(self._end)

    def _end(self, _: object = None) -> None:
        self._closed = True
        if self._ahead is not None:
            self._ahead.exception()  # nobody asks for that chunk any more
        self._source.close()
        self._release()
