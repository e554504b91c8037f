"""Receipt of bodies: small ones in memory, larger ones in a blob, hashed on the way."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import InternalError
from coskit.server.store.blobs.blob_lifetime import BlobLifetime
from coskit.server.store.interfaces.blobs import Blobs, BlobWriter
from coskit.server.store.io.memory_share import LARGEST, MemoryShare
from coskit.server.store.io.serial_executor import SerialExecutor, Submit, Work
from coskit.server.store.model import StoredBody

BLOCK = LARGEST  # bytes hashed and written at a time, if the memory share allows
_HASHED_ON_THE_LOOP = 1 << 16  # bytes; hashing fewer is cheaper than changing threads
# The size of a block, and the results of hashing and writing it.
_BlockWork = tuple[int, asyncio.Future[list[BaseException | None]]]
# Receives the blocks of a body in order.
Observer = Callable[[bytes], Any]
_BLOCKS_IN_PROGRESS = 2  # one is hashed and written; one more so that no thread has to wait


class BodyReceiver:
    """A receiver of one body. One block is being filled, one waits and one is being written.

    This is a context manager: a file that has not been committed at its exit is removed.

    Args:
        blobs: the storage of files.
        lifetime: the removal of files that are not committed.
        submit: runs a blocking call in a worker thread.
        in_memory: bytes up to which the body stays in memory; -1 to make a file of any body.
        memory_share: the memory that large bodies share; None for a body that stays small.
    """

    def __init__(
        self,
        blobs: Blobs,
        lifetime: BlobLifetime,
        submit: Submit,
        in_memory: int,
        memory_share: MemoryShare | None = None,
    ) -> None:
        self._blobs = blobs
        self._lifetime = lifetime
        self._submit = submit
        self._in_memory = in_memory
        self._memory = memory_share
        self._md5 = hashlib.md5()
        self._crc64 = 0
        self._size = 0
        self._filling: list[bytes] = []
        self._filled = 0
        self._in_progress = 0
        self._blocks: deque[_BlockWork] = deque()
        self._hashing = SerialExecutor(submit)
        self._writing = SerialExecutor(submit)
        self._observing: SerialExecutor | None = None
        self._observer: Observer | None = None
        self._is_file = False
        self._writer: BlobWriter | None = None
        self._received = False

    @property
    def bytes_in_memory(self) -> int:
        """The number of bytes that are in memory now."""
        return self._filled + self._in_progress

    def observe(self, observer: Observer) -> None:
        """Pass the whole body to an observer too, large blocks in a worker thread.

        Call this before the first byte. When `finish` returns, the observer has seen all bytes.
        """
        self._observer, self._observing = observer, SerialExecutor(self._submit)

    async def write(self, chunk: bytes) -> None:
        """Add the next bytes; wait while too many blocks are in progress.

        Raises:
            InternalError: the disk refuses the body.
        """
        self._filling.append(chunk)
        self._filled += len(chunk)
        block = self._memory.share if self._memory else BLOCK
        if self._filled >= block and (self._is_file or self._filled > self._in_memory):
            await self._wait_for_blocks(_BLOCKS_IN_PROGRESS - 1)
            self._start_block(self._take(), self._digest, self._store)

    async def finish(self) -> StoredBody:
        """Return the body, durable if it is a file.

        Raises:
            InternalError: the disk refuses the body.
        """
        block = self._take()
        if not self._is_file and (not block or len(block) <= self._in_memory):
            await self._measure(block)
            return self._stored("", block)
        self._start_block(block, self._digest, self._store_last)
        await self._wait_for_blocks()
        assert self._writer is not None
        self._lifetime.receive(self._writer.blob_id)
        self._received = True
        return self._stored(self._writer.blob_id, None)

    async def __aenter__(self) -> Self:
        if self._memory:
            self._memory.enter()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._memory:
            self._memory.leave()
        if self._is_file:
            await self._lifetime.finish_even_if_cancelled(self._leave())

    def _stored(self, blob_id: str, inline: bytes | None) -> StoredBody:
        return StoredBody(blob_id, self._size, self._md5.hexdigest(), self._crc64, inline)

    def _take(self) -> bytes:
        chunks, self._filling, self._filled = self._filling, [], 0
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _measure(self, block: bytes) -> None:
        if len(block) <= _HASHED_ON_THE_LOOP:
            self._digest(block)
            if self._observer:
                self._observer(block)
        else:
            await asyncio.gather(*self._hash(block, self._digest))

    def _start_block(self, block: bytes, digest: Work, store: Work) -> None:
        """Start to hash and to write a block, in parallel."""
        self._is_file = True
        self._in_progress += len(block)
        work = *self._hash(block, digest), self._writing.put(store, block)
        self._blocks.append((len(block), asyncio.gather(*work, return_exceptions=True)))

    def _hash(self, block: bytes, digest: Work) -> list[asyncio.Future[None]]:
        hashing = [self._hashing.put(digest, block)]
        if self._observer and self._observing:
            hashing.append(self._observing.put(self._observer, block))
        return hashing

    async def _wait_for_blocks(self, others: int = 0) -> None:
        """Wait until at most `others` blocks are not yet hashed and written."""
        while len(self._blocks) > others:
            size, work_on_block = self._blocks[0]
            errors = await asyncio.shield(work_on_block)
            self._blocks.popleft()
            self._in_progress -= size
            for error in errors:
                if isinstance(error, OSError):
                    raise InternalError("The body could not be stored.") from error
                if error is not None:
                    raise error

    # In worker threads, each one at a time.

    def _store(self, block: bytes) -> None:
        if self._writer is None:
            self._writer = self._blobs.create()
        self._writer.write(block)

    def _store_last(self, block: bytes) -> None:
        self._store(block)
        assert self._writer is not None
        self._writer.finish()

    def _digest(self, block: bytes) -> None:
        self._md5.update(block)
        self._crc64 = crc64(block, self._crc64)
        self._size += len(block)

    # On the event loop again.

    async def _leave(self) -> None:
        if self._blocks:
            await asyncio.wait([work_on_block for _, work_on_block in self._blocks])
        if self._writer is None:
            return
        if not self._received:
            await self._submit(self._writer.close)
            self._lifetime.receive(self._writer.blob_id)
        self._lifetime.unpin((self._writer.blob_id,))
