"""Reads of bodies: chunk by chunk from their blobs, one chunk ahead, checked on the way."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import closing
from typing import Self

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import InternalError
from coskit.server.store.blobs.block_checksums import BLOCK
from coskit.server.store.interfaces.blobs import Blobs
from coskit.server.store.interfaces.errors import DamagedBlob
from coskit.server.store.io.memory_share import MemoryShare
from coskit.server.store.model import BlobRow, Extent

# An extent of a body, and the index's record of its blob.
BlobSlice = tuple[Extent, BlobRow]
Submit = Callable[..., asyncio.Future[bytes | None]]

CHUNK = 1 << 19  # bytes read at a time, if the memory share allows


def cut(extents: Sequence[Extent], first: int, length: int) -> tuple[Extent, ...]:
    """Return the extents of `length` bytes of a body, from `first` on."""
    found = []
    for extent in extents:
        taken = min(extent.length - first, length)
        if taken > 0:
            found.append(Extent(extent.blob_id, extent.offset + first, taken))
            length -= taken
        first = max(0, first - extent.length)
    return tuple(found)


def chunks(
    blobs: Blobs, pieces: Sequence[BlobSlice], memory_share: MemoryShare
) -> Generator[bytes, None, None]:
    """Yield the bytes of the pieces, after they were checked; blocks.

    Raises:
        DamagedBlob: a blob is missing, or its bytes differ from what was written.
        InternalError: a blob cannot be read.
    """
    for extent, row in pieces:
        end = extent.offset + extent.length
        if row.damage:  # known: the disk is not read again
            raise DamagedBlob(extent.blob_id, row.damage)
        if row.data is not None:
            if crc64(row.data) != row.crc64:
                raise DamagedBlob(extent.blob_id, "wrong checksum in the index")
            yield row.data[extent.offset : end]
            continue
        try:
            with closing(blobs.open(extent.blob_id, row.size, row.crc64)) as reader:
                offset = extent.offset
                while offset < end:
                    chunk = reader.read(offset, _step(offset, memory_share.share, end))
                    if not chunk:
                        raise DamagedBlob(extent.blob_id, "shorter than an object needs it")
                    offset += len(chunk)
                    yield chunk
                    del chunk
        except OSError as error:
            raise InternalError("Stored bytes cannot be read.") from error


def _step(offset: int, share: int, end: int) -> int:
    """Return the number of bytes to read next, up to the end of a block: blocks are read whole."""
    stop = (offset + max(BLOCK, min(CHUNK, share))) // BLOCK * BLOCK
    return min(stop, end) - offset


class BodyReader:
    """An async iterator of the chunks of a body. Its blobs stay until it ends or is closed.

    Args:
        source: yields the chunks; blocks.
        length: the number of bytes that `source` yields.
        submit: runs a blocking call in a worker thread.
        release: is called once, when the blobs are no longer needed.
        found: reports damage of bytes that were requested.
    """

    def __init__(
        self,
        source: Generator[bytes, None, None],
        length: int,
        submit: Submit,
        release: Callable[[], None],
        found: Callable[[DamagedBlob], Awaitable[None]],
    ) -> None:
        self._source = source
        self._left = length
        self._submit = submit
        self._release = release
        self._report_damage = found
        self._next_chunk: asyncio.Future[bytes | None] | None = None
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk.

        Raises:
            DamagedBlob: a blob is missing, or its bytes differ from what was written.
            InternalError: a blob cannot be read.
        """
        if not self._left:
            await self.aclose()
        if self._closed:
            raise StopAsyncIteration
        next_chunk = self._next_chunk or self._submit(next, self._source, None)
        self._next_chunk = next_chunk
        try:
            chunk = await asyncio.shield(next_chunk)
        except DamagedBlob as error:
            await self._report_damage(error)
            raise
        assert chunk is not None
        self._left -= len(chunk)
        self._next_chunk = self._submit(next, self._source, None) if self._left else None
        if not self._left:
            self._end()
        return chunk

    async def aclose(self) -> None:
        """Stop reading; the blobs are released when no thread reads them any more."""
        if self._closed:
            return
        self._closed = True
        if self._next_chunk is None or self._next_chunk.done():
            self._end()
        else:  # not awaited, so that this call cannot be cancelled halfway
            self._next_chunk.add_done_callback(self._end)

    def _end(self, _: object = None) -> None:
        self._closed = True
        if self._next_chunk is not None:
            self._next_chunk.exception()  # marks the error of an unwanted chunk as seen
        self._source.close()
        self._release()
