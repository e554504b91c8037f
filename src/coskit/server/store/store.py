"""The order of writes: bytes first, then one commit that publishes them, then the response."""

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.server.store.blobs.blob_lifetime import BlobLifetime
from coskit.server.store.blobs.orphan_sweep import OrphanSweep
from coskit.server.store.blobs.shared_pins import BlobPins, UnsharedPins
from coskit.server.store.disk.disk_reserve import PERIOD, DiskReserve
from coskit.server.store.index.transaction import Clock
from coskit.server.store.interfaces.blobs import Blobs
from coskit.server.store.interfaces.conditions import WriteCondition
from coskit.server.store.interfaces.errors import CommitError, DamagedBlob, VersionReplaced
from coskit.server.store.interfaces.index import Index
from coskit.server.store.io import read
from coskit.server.store.io.memory_share import MemoryShare
from coskit.server.store.io.read import BodyReader
from coskit.server.store.io.receive import BodyReceiver
from coskit.server.store.io.thread_pools import ThreadPools
from coskit.server.store.maintenance.scrub import Scrub
from coskit.server.store.model import Bucket, Extent, NewVersion, Part, StoredBody, Version

T = TypeVar("T")

_log = logging.getLogger("coskit.server.store")

INLINE_LIMIT = 1 << 16
MEMORY = 256 << 20


class Store:
    """Durable buckets and objects: an index, the blobs, and the order of writes to both.

    The store does what needs both: receive a body and publish it, read a body, remove what nothing
    refers to. All else is a method of `index`.

    Everything is called on one event loop. After a method returns, its write is on the disk and
    every later call sees it. If it raises, nothing has been written, except after cancellation or
    `CommitError`. Errors are from `coskit.protocol.errors`: any write raises `InternalError` if
    the disk refuses it, and `NoSuchBucket` if the bucket has been deleted. Every byte is checked
    before it is returned; a blob that fails its check is marked as damaged.

    Args:
        index: the records of buckets and objects.
        blobs: the storage of larger bodies.
        inline_limit: bytes up to which a body is stored in the index.
        memory: bytes that all bodies in transit share.
        clock: seconds since 1970.
        pins: the blobs in use, as shared with other processes.
        lock: the descriptor of the directory's lock, closed with the store.
        reserve: disk space reserved for starts and deletions.

    Attributes:
        lifetime: the removal of blob files.
        threads: the pools for blocking calls.
        orphans: the search for files that nothing refers to.
        scrub: the job that reads everything that is stored.
    """

    def __init__(
        self,
        index: Index,
        blobs: Blobs,
        *,
        inline_limit: int = INLINE_LIMIT,
        memory: int = MEMORY,
        clock: Clock = time.time,
        pins: BlobPins | None = None,
        lock: int | None = None,
        reserve: DiskReserve | None = None,
    ) -> None:
        self.index = index
        self.blobs = blobs
        self.threads = ThreadPools()
        self.lifetime = BlobLifetime(
            blobs, self.threads.file, index.forget_garbage, index.flush, pins or UnsharedPins()
        )
        self.orphans = OrphanSweep(index, blobs, self.lifetime, self.threads.background, clock)
        self.scrub = Scrub(index, blobs, self.threads.background, clock)
        self._inline_limit = inline_limit
        self._memory = MemoryShare(memory)
        self._marked: set[str] = set()
        self._lock = lock
        self._reserve = reserve
        index.subscribe(self.lifetime.released)

    async def close(self) -> None:
        """Finish accepted writes and release the directory. Call it after the last request."""
        # The thread of a read that was closed early unpins its files when it ends.
        await self.threads.drain()
        await self.lifetime.close()
        await asyncio.to_thread(self.index.close)
        await asyncio.to_thread(self.threads.close)
        if self._reserve is not None:  # the space of the index's log is free now
            self._reserve.fill(at_end=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def keep_reserve(self) -> None:
        """Reserve disk space for starts and deletions whenever the disk has plenty.

        This runs until it is cancelled.
        """
        while self._reserve is not None:
            await self.threads.file(self._reserve.fill)
            await asyncio.sleep(PERIOD)

    # Receive a body, then publish it.

    def receive(self, size_hint: int | None = None, *, inline: bool = True) -> BodyReceiver:
        """Return a receiver of a body: `async with store.receive(n) as receiver`.

        The received body has to be published inside the context.

        Args:
            size_hint: the number of bytes that will come, if it is known.
            inline: False for a part, which becomes a file however small it is.
        """
        inline = inline and (size_hint or 0) <= self._inline_limit
        in_memory = self._inline_limit if inline else -1
        stays_small = inline and size_hint is not None
        memory_share = None if stays_small else self._memory
        return BodyReceiver(self.blobs, self.lifetime, self.threads.file, in_memory, memory_share)

    async def put(
        self,
        bucket: Bucket,
        key: str,
        stored: StoredBody,
        new: NewVersion,
        condition: WriteCondition | None = None,
    ) -> Version:
        """Publish a received body as the key's newest version; see `Index.put_version`."""
        publish = partial(self.index.put_version, bucket.id, key, stored, new, condition)
        return await self._publish(stored, publish)

    async def append(
        self,
        bucket: Bucket,
        key: str,
        stored: StoredBody,
        new: NewVersion,
        position: int,
        *,
        limit: int,
        condition: WriteCondition | None = None,
    ) -> Version:
        """Add a received body to the end of the live object; see `Index.append_version`."""
        append = partial(self.index.append_version, limit=limit, condition=condition)
        publish = partial(append, bucket.id, key, stored, new, position)
        return await self._publish(stored, publish)

    async def put_part(
        self,
        bucket: Bucket,
        key: str,
        upload_id: str,
        number: int,
        stored: StoredBody,
        checksums: str | None = None,
    ) -> Part:
        """Add a part received with `inline=False`; see `Index.put_part`."""
        publish = partial(self.index.put_part, bucket.id, key, upload_id, number, stored, checksums)
        return await self._publish(stored, publish)

    async def copy_part(
        self,
        bucket: Bucket,
        key: str,
        upload_id: str,
        number: int,
        source: Version,
        first: int = 0,
        length: int | None = None,
        checksums: str | None = None,
    ) -> Part:
        """Add a part of `length` bytes of a version, from `first` on; bytes in files are shared.

        The given `checksums` are stored as they are.

        Raises:
            NoSuchUpload: as `Index.upload`.
            VersionReplaced: the source was deleted or replaced after it was looked up.
        """
        self.index.upload(bucket.id, key, upload_id)
        length = _length(source, first, length)
        extents = read.cut(source.extents, first, length)
        known = self.index.blobs([extent.blob_id for extent in extents])
        if any(row.data is not None for row in known.values()):
            async with self.receive(length, inline=False) as receiver:
                async for chunk in self.read(source, first, length):
                    await receiver.write(chunk)
                stored = await receiver.finish()
                return await self.put_part(bucket, key, upload_id, number, stored, checksums)
        part = Part(number, source.etag, source.crc64, length, 0, extents, checksums)
        whole = len(source.extents) <= 1 and not source.parts and not source.appendable
        if length < source.size or not whole:
            part = await self._with_measured_checksums(part, self.read(source, first, length))
        return await self.index.copy_part(bucket.id, key, upload_id, part)

    async def _publish(self, stored: StoredBody, publish: Callable[[], asyncio.Future[T]]) -> T:
        """Commit a reference to a received body; its file stays until the outcome is known."""
        if stored.inline is None:
            if not self.lifetime.is_unpublished(stored.blob_id):
                raise ValueError(
                    "a body must be published inside the context that received it, once"
                )
            future = publish()
            self.lifetime.pin((stored.blob_id,))
            future.add_done_callback(partial(self._published, stored.blob_id))
        else:
            future = publish()
        return await asyncio.shield(future)

    def _published(self, blob_id: str, future: asyncio.Future[T]) -> None:
        error = future.exception()
        if error is None:
            self.lifetime.mark_published(blob_id)
        elif isinstance(error, CommitError):
            self.lifetime.keep_unsettled(blob_id)
        self.lifetime.unpin((blob_id,))

    async def _with_measured_checksums(self, part: Part, body: BodyReader) -> Part:
        """Return a part with the ETag and CRC64 of its bytes."""
        md5, crc = hashlib.md5(), 0
        try:
            async for chunk in body:
                await self.threads.file(md5.update, chunk)
                crc = crc64(chunk, crc)
        finally:
            await body.aclose()
        return replace(part, etag=md5.hexdigest(), crc64=crc)

    # Read a body.

    def get(
        self, bucket: Bucket, key: str, version_id: str | None = None
    ) -> tuple[Version, bytes | None]:
        """Return the live object or one version, with its body if the index holds it.

        A delete marker that is named by its id is returned as well.

        Raises:
            NoSuchKey: no version was named, and there is no live object.
            NoSuchVersion: there is no version with this id.
            DamagedBlob: the body is damaged.
            InternalError: the index is damaged.
        """
        found = self.index.get(bucket.id, key, version_id)
        version, body = found
        if body is not None and crc64(body) != version.crc64:
            error = DamagedBlob(version.extents[0].blob_id, "wrong checksum in the index")
            self._mark(error)
            raise error
        return found

    def read(self, version: Version, first: int = 0, length: int | None = None) -> BodyReader:
        """Return an iterator of chunks of a body; the bytes stay until it ends or is closed.

        Args:
            version: the version whose body is read.
            first: the offset of the first byte.
            length: the number of bytes; None for all that follow.

        Raises:
            VersionReplaced: the version was deleted or replaced after it was looked up.
        """
        return self.read_extents(read.cut(version.extents, first, _length(version, first, length)))

    def read_extents(self, extents: Sequence[Extent]) -> BodyReader:
        """Return an iterator of the stored bytes of extents, as `read` does.

        Raises:
            VersionReplaced: the version of the extents was deleted or replaced.
        """
        blob_ids = tuple({extent.blob_id for extent in extents})
        # Pinned before the look-up: a change that drops a blob after the look-up sees the pin.
        self.lifetime.pin(blob_ids)
        try:
            known = self.index.blobs(blob_ids)
            if len(known) < len(blob_ids):
                raise VersionReplaced
        except BaseException:
            self.lifetime.unpin(blob_ids)
            raise
        source = read.chunks(self.blobs, [(e, known[e.blob_id]) for e in extents], self._memory)
        length = sum(extent.length for extent in extents)
        self._memory.enter()
        leave = partial(self._leave, blob_ids)
        return BodyReader(source, length, self.threads.file, leave, self._note)

    def _leave(self, blob_ids: Sequence[str]) -> None:
        """Release the memory and the pins of a read."""
        self._memory.leave()
        self.lifetime.unpin(blob_ids)

    async def _note(self, error: DamagedBlob) -> None:
        """Mark a blob as damaged before its read raises the error."""
        marking = self._mark(error)
        if marking:
            await asyncio.wait((marking,))

    def _mark(self, error: DamagedBlob) -> asyncio.Future[None] | None:
        if error.blob_id in self._marked:
            return None
        self._marked.add(error.blob_id)
        _log.error("blob %s is damaged: %s", error.blob_id, error.what)
        marking = self.index.mark_damage(error.blob_id, error.what)
        marking.add_done_callback(_log_failure)
        return marking


def _log_failure(marking: asyncio.Future[None]) -> None:
    """Log a mark that failed; the next read finds the damage again."""
    if not marking.cancelled() and marking.exception():
        _log.error("damage could not be marked", exc_info=marking.exception())


def _length(version: Version, first: int, length: int | None) -> int:
    rest = max(0, version.size - first)
    return rest if length is None else min(length, rest)
