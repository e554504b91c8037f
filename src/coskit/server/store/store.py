"""The order of writes: bytes first, then one commit that publishes them, then the answer."""

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, Self, TypeVar

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import (
    CosServiceError,
    InternalError,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    NoSuchVersion,
)
from coskit.server.store.blobs import orphan_sweep
from coskit.server.store.blobs.backup_lock import Held
from coskit.server.store.blobs.blob_lifetime import Custody
from coskit.server.store.blobs.files import FileBlobs, lock_directory
from coskit.server.store.blobs.shared_pins import Company, NoOthers, Pins
from coskit.server.store.disk.disk_reserve import PERIOD, Spare
from coskit.server.store.disk.durability import Durability
from coskit.server.store.index.database import FILE
from coskit.server.store.index.sqlite import SqliteIndex
from coskit.server.store.index.transaction import Clock
from coskit.server.store.interfaces import (
    Activity,
    Blobs,
    BucketCondition,
    Census,
    CommitError,
    Condition,
    Damage,
    Damaged,
    Finish,
    Index,
    Replaced,
    Revision,
)
from coskit.server.store.io import read
from coskit.server.store.io.memory_share import Room
from coskit.server.store.io.read import Reading
from coskit.server.store.io.receive import Sink
from coskit.server.store.io.thread_pools import Workers
from coskit.server.store.maintenance.scrub import Scrub
from coskit.server.store.model import (
    Bucket,
    Deleted,
    Extent,
    NewVersion,
    ObjectPage,
    Part,
    PartPage,
    Stored,
    Upload,
    UploadPage,
    Version,
    VersionPage,
)

T = TypeVar("T")

_log = logging.getLogger("coskit.server.store")


class Unchanged:
    """The type of `UNCHANGED`."""


UNCHANGED: Final = Unchanged()

INLINE_LIMIT = 1 << 16
MEMORY = 256 << 20
SMALLEST_PART = 1 << 20


class Store:
    """Buckets and objects, durable: all that a handler sees.

    Everything is called on one event loop. What returns has happened: it is on disk, and every
    later call sees it. What raises, save by cancellation or `CommitError`, has not happened.
    Errors are those of `coskit.protocol.errors`; any write raises `InternalError` when the disk
    refuses it. `NoSuchBucket` is raised by writes to a bucket that was deleted meanwhile. No byte
    is handed out that is not what was written; a blob that fails its check is marked.

    Args:
        index: what exists.
        blobs: where larger bodies are.
        inline_limit: bytes up to which a body is kept in the index.
        memory: bytes that bodies on their way in and out share.
        clock: seconds since 1970.
        pins: shows other processes which blobs are in use.

    Attributes:
        scrub: what reads everything that is stored.
    """

    def __init__(
        self,
        index: Index,
        blobs: Blobs,
        *,
        inline_limit: int = INLINE_LIMIT,
        memory: int = MEMORY,
        clock: Clock = time.time,
        pins: Pins | None = None,
    ) -> None:
        self._index = index
        self._blobs = blobs
        self._inline_limit = inline_limit
        self._room = Room(memory)
        self._workers = Workers()
        pins = pins or NoOthers()
        self._custody = Custody(blobs, self._workers.file, index.forget_garbage, index.flush, pins)
        self._clock = clock
        self._marked: set[str] = set()
        self.scrub = Scrub(index, blobs, self._workers.listing, clock)
        self._lock: int | None = None
        self._spare: Spare | None = None
        index.subscribe(self._custody.released)

    @classmethod
    async def open(
        cls,
        directory: str | os.PathLike[str],
        *,
        inline_limit: int = INLINE_LIMIT,
        memory: int = MEMORY,
        clock: Clock = time.time,
        durability: Durability = "strict",
        company: Company | None = None,
        spare: int = 0,
    ) -> Self:
        """Open the store in a directory, made if missing, and clear up what a crash has left.

        Args:
            directory: holds all of it; one process at a time, or one company.
            inline_limit: bytes up to which a body is kept in the index.
            memory: bytes that bodies on their way in and out share.
            clock: seconds since 1970.
            durability: what a power cut may undo, see `durability.MEANINGS`.
            company: what this process shares with others that serve the directory. Whoever has
                brought them together has opened it alone before, and keeps its lock since.

            spare: bytes of the disk that it holds to start and to delete where others leave none.

        Raises:
            BlockingIOError: another process has the directory open.
            OSError: the directory cannot be used.
        """
        root = Path(directory)
        lock = None if company else await asyncio.to_thread(lock_directory, root)
        pins, turns = (company.pins, company.turns) if company else (None, None)
        room = Spare(root, spare)
        try:
            room.release_if_short()
            blobs = await asyncio.to_thread(FileBlobs, root, durability, pins)
            index = await asyncio.to_thread(
                SqliteIndex, root / FILE, clock, durability, turns, room
            )
        except BaseException:
            if lock is not None:
                os.close(lock)
            raise
        store = cls(index, blobs, inline_limit=inline_limit, memory=memory, clock=clock, pins=pins)
        store._lock = lock
        store._spare = room
        try:
            await store._clear_up(store.adopt if company else store.sweep)
        except BaseException:
            await store.close()
            raise
        return store

    async def _clear_up(self, sweep: Callable[[], Awaitable[None]]) -> None:
        """Sweep, unless it cannot be done now: what is stored is to be served all the same."""
        try:
            await sweep()
            await self.scrub.load()
        except Held:
            _log.warning("the blobs are being copied: what a crash has left stays for now")
        except OSError as error:
            _log.error("what a crash has left stays for now: %s", error)
        except InternalError:
            _log.exception("what a crash has left stays: the index is damaged; see admin fsck")

    async def sweep(self) -> None:
        """Remove the files of commits that did not happen, and of blobs that are garbage.

        Only for a store that nobody else uses yet.
        """
        unsettled = await self._workers.file(self._blobs.unsettled)
        known = self._index.blobs(unsettled)
        garbage = self._index.garbage()
        await self._workers.file(self._blobs.settle, [name for name in unsettled if name in known])
        await self._workers.file(
            self._blobs.discard, [*garbage, *(name for name in unsettled if name not in known)]
        )
        if garbage:
            await self._index.forget_garbage(garbage)

    async def adopt(self) -> None:
        """Take charge of the files that a dead process of the company has left, as `sweep` does."""
        # Writes over what a commit that has failed may have left in the log: from here on nothing
        # but a new commit can make the index name a draft.
        await self._index.set_progress("adoption", str(int(self._clock() * 1000)))
        drafts = await self._workers.file(self._blobs.unsettled)
        # The drafts of the living are pinned from before they exist until they are published.
        left = [name for name in drafts if not self._custody.knows(name)]
        known = await self._workers.listing(self._index.blobs, left)
        await self._workers.file(self._blobs.settle, [name for name in left if name in known])
        self._custody.adopt(name for name in left if name not in known)
        self._custody.released(await self._workers.listing(self._index.garbage))

    async def close(self) -> None:
        """Finish accepted writes and let go of the directory. Call it after the last request."""
        # A read that was closed early lets its files go when its thread is done with them.
        await self._workers.drain()
        await self._custody.close()
        await asyncio.to_thread(self._index.close)
        await asyncio.to_thread(self._workers.close)
        if self._spare is not None:  # what the index's log had is free now
            self._spare.fill(at_end=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # What is going on.

    def backlog(self) -> int:
        """Return how many changes wait for the index."""
        return self._index.backlog()

    def activity(self) -> Activity:
        """Return what the index has written since the start."""
        return self._index.activity()

    def removals(self) -> tuple[int, int]:
        """Return how many files wait to be removed, and how often a removal has failed."""
        return self._custody.waiting, self._custody.failed

    async def census(self) -> Census:
        """Count what is stored; takes time that grows with it."""
        return await self._workers.listing(self._index.census)

    # Damage.

    def damage(self) -> list[Damage]:
        """Return the blobs that were found damaged and are still referred to."""
        return self._index.damage()

    async def collect_orphans(self) -> int:
        """Remove files that nothing refers to any more; return how many there were."""
        return await orphan_sweep.collect(
            self._index, self._blobs, self._custody, self._workers.listing, self._clock
        )

    async def watch_orphans(self) -> None:
        """Look for orphans now and then, until cancelled."""
        await orphan_sweep.run(
            self._index, self._blobs, self._custody, self._workers.listing, self._clock
        )

    async def keep_spare(self) -> None:
        """Hold room for starts and deletions whenever the disk has plenty, until cancelled."""
        while self._spare is not None:
            await self._workers.file(self._spare.fill)
            await asyncio.sleep(PERIOD)

    # Buckets.

    def bucket(self, name: str) -> Bucket:
        """Return the bucket of this name.

        Raises:
            NoSuchBucket: there is none.
        """
        bucket = self._index.bucket(name)
        if bucket is None:
            raise NoSuchBucket
        return bucket

    def buckets(self) -> list[Bucket]:
        """Return all buckets by name."""
        return self._index.buckets()

    async def create_bucket(
        self,
        name: str,
        owner: str,
        acl: str,
        *,
        limit: int = 200,
        config: Mapping[str, str] | None = None,
        versioning: str = "",
    ) -> Bucket:
        """Create a bucket, with settings if there are any.

        Args:
            name: the bucket's.
            owner: the account that it belongs to.
            acl: the bucket's.
            limit: how many buckets the owner may have.
            config: settings by name.
            versioning: "" or "Enabled".

        Raises:
            BucketAlreadyOwnedByYou: the owner has it.
            BucketAlreadyExists: another owner has it.
            TooManyBuckets: the owner has `limit` buckets.
        """
        return await asyncio.shield(
            self._index.create_bucket(name, owner, acl, limit, config or {}, versioning)
        )

    async def delete_bucket(self, name: str) -> None:
        """Delete a bucket that holds nothing.

        Raises:
            NoSuchBucket: there is none.
            BucketNotEmpty: it has an object, version, marker or unfinished upload.
        """
        await asyncio.shield(self._index.delete_bucket(name))

    async def update_bucket(
        self,
        name: str,
        *,
        versioning: str | None = None,
        acl: str | None = None,
        config: Mapping[str, str | None] | None = None,
        condition: BucketCondition | None = None,
    ) -> Bucket:
        """Change what is given.

        Args:
            name: the bucket's.
            versioning: "Enabled" or "Suspended".
            acl: replaces the ACL.
            config: settings to replace, or with None to remove; the others stay.
            condition: sees the bucket at the moment of the commit and raises to refuse; runs in
                another thread.

        Raises:
            NoSuchBucket: there is none.
        """
        future = self._index.update_bucket(name, versioning, acl, config or {}, condition)
        return await asyncio.shield(future)

    # Objects.

    def receive(self, size_hint: int | None = None, *, inline: bool = True) -> Sink:
        """Return what takes a body in: `async with store.receive(n) as sink`.

        What is made of the result must be made inside the context.

        Args:
            size_hint: how many bytes will come, if that is known.
            inline: False for a part: it becomes a file however small it is.
        """
        inline = inline and (size_hint or 0) <= self._inline_limit
        in_memory = self._inline_limit if inline else -1
        stays_small = inline and size_hint is not None
        room = None if stays_small else self._room
        return Sink(self._blobs, self._custody, self._workers.file, in_memory, room)

    async def put(
        self,
        bucket: Bucket,
        key: str,
        stored: Stored,
        new: NewVersion,
        condition: Condition | None = None,
    ) -> Version:
        """Publish a received body as the key's newest version, as the bucket's versioning says.

        Args:
            bucket: where.
            key: under which key.
            stored: what the sink returned.
            new: all but the body.
            condition: sees the live object, or None, at the moment of the commit and raises to
                refuse; runs in another thread. Of two writers whose conditions exclude each other
                one succeeds.
        """
        publish = partial(self._index.put_version, bucket.id, key, stored, new, condition)
        return await self._publish(stored, publish)

    async def copy(
        self,
        bucket: Bucket,
        key: str,
        source: Version,
        new: NewVersion,
        condition: Condition | None = None,
    ) -> Version:
        """Publish a version that shares the source's bytes and what follows from them; as `put`.

        These are ETag, CRC64, sealing, layout and, unless `new` says others, `checksums`; not the
        lock.

        Raises:
            Replaced: the source has been deleted or replaced meanwhile.
        """
        future = self._index.copy_version(bucket.id, key, source, new, condition)
        return await asyncio.shield(future)

    async def append(
        self,
        bucket: Bucket,
        key: str,
        stored: Stored,
        new: NewVersion,
        position: int,
        *,
        limit: int,
        condition: Condition | None = None,
    ) -> Version:
        """Add a received body to the end of the live object; no byte of it is copied.

        What has grown has no `checksums` any more.

        Args:
            bucket: where; a new object is the version null also if versioning is enabled.
            key: under which key.
            stored: what the sink returned.
            new: of the object that an append at position 0 makes; ignored where there is one.
            position: the object's size, checked in the commit: of two writers one succeeds.
            limit: bytes that the object may have.
            condition: as for `put`.

        Raises:
            InvalidBucketState: there is none, but an older version null.
            ObjectNotAppendable: the live object was not made by appending.
            AppendPositionErr: the live object does not end at `position`.
            EntityTooLarge: it would grow beyond the limit.
        """
        publish = partial(
            self._index.append_version, bucket.id, key, stored, new, position, limit, condition
        )
        return await self._publish(stored, publish)

    def find(self, bucket: Bucket, key: str) -> Version | None:
        """Return the live object, or None if there is none."""
        return self._index.look_up(bucket.id, key, None)

    def latest(self, bucket: Bucket, key: str) -> Version:
        """Return the live object.

        Raises:
            NoSuchKey: there is none.
        """
        version = self.find(bucket, key)
        if version is None:
            raise NoSuchKey
        return version

    def version(self, bucket: Bucket, key: str, version_id: str) -> Version:
        """Return one version of an object, or a delete marker.

        Raises:
            NoSuchVersion: there is none of this id.
        """
        version = self._index.look_up(bucket.id, key, version_id)
        if version is None:
            raise NoSuchVersion
        return version

    def get(
        self, bucket: Bucket, key: str, version_id: str | None = None
    ) -> tuple[Version, bytes | None]:
        """Return the live object or one version, with its body if that lies in the index.

        A delete marker asked for by its id is returned as well.

        Raises:
            NoSuchKey: there is no live object.
            NoSuchVersion: there is none of this id.
            Damaged: the body is damaged.
            InternalError: the index is.
        """
        found = self._index.get(bucket.id, key, version_id)
        if found is None:
            raise NoSuchKey if version_id is None else NoSuchVersion
        version, body = found
        if body is not None and crc64(body) != version.crc64:
            error = Damaged(version.extents[0].blob_id, "wrong checksum in the index")
            self._mark(error)
            raise error
        return found

    def reading(self, version: Version, first: int = 0, length: int | None = None) -> Reading:
        """Return an iterator of chunks of a body; the bytes stay until it ends or is closed.

        Args:
            version: whose body.
            first: where to begin.
            length: how many bytes; None for all that follow.

        Raises:
            Replaced: the version has been deleted or replaced meanwhile.
        """
        return self.fetching(read.cut(version.extents, first, _length(version, first, length)))

    def fetching(self, extents: Sequence[Extent]) -> Reading:
        """Return an iterator of the bytes as they lie in extents; otherwise as `reading`.

        Raises:
            Replaced: their version has been deleted or replaced meanwhile.
        """
        blob_ids = tuple({extent.blob_id for extent in extents})
        # Pinned before the look-up: whatever drops a blob after it will see the pin.
        self._custody.pin(blob_ids)
        try:
            known = self._index.blobs(blob_ids)
            if len(known) < len(blob_ids):
                raise Replaced
        except BaseException:
            self._custody.unpin(blob_ids)
            raise
        source = read.chunks(self._blobs, [(e, known[e.blob_id]) for e in extents], self._room)
        length = sum(extent.length for extent in extents)
        self._room.enter()
        leave = partial(self._leave, blob_ids)
        return Reading(source, length, self._workers.file, leave, self._note)

    async def delete(
        self,
        bucket: Bucket,
        key: str,
        version_id: str | None = None,
        *,
        condition: Condition | None = None,
        may_delete: Condition | None = None,
    ) -> Deleted:
        """Delete the live object, as the bucket's versioning says, or one version for good.

        The conditions are those of `delete_many`.
        """
        targets = [(key, version_id)]
        (deleted,) = await self.delete_many(bucket, targets, condition, may_delete)
        if isinstance(deleted, CosServiceError):
            raise deleted
        return deleted

    async def delete_many(
        self,
        bucket: Bucket,
        targets: Sequence[tuple[str, str | None]],
        condition: Condition | None = None,
        may_delete: Condition | None = None,
    ) -> list[Deleted | CosServiceError]:
        """Delete each (key, version id or None) in turn, in one commit; one may fail alone.

        Args:
            bucket: where.
            targets: what.
            condition: sees the live object or the version that each would delete, or None, at the
                moment of the commit and raises to refuse; runs in another thread.
            may_delete: sees, in the same way, each version that would be gone for good: one that is
                named, or a null version that nothing keeps. It is not asked where a marker only
                covers the live object.
        """
        future = self._index.delete_versions(bucket.id, targets, condition, may_delete)
        return await asyncio.shield(future)

    async def update_version(
        self,
        bucket: Bucket,
        key: str,
        version_id: str | None = None,
        *,
        acl: str | Unchanged | None = UNCHANGED,
        tags: str | Unchanged | None = UNCHANGED,
        restore: str | Unchanged | None = UNCHANGED,
        lock: str | Unchanged | None = UNCHANGED,
    ) -> Version:
        """Change what is given of the live object or of one version.

        Raises:
            NoSuchKey: there is no live object.
            NoSuchVersion: there is none of this id, or it is a marker.
        """
        given = {"acl": acl, "tags": tags, "restore": restore, "lock": lock}
        values = {name: value for name, value in given.items() if not isinstance(value, Unchanged)}
        return await self.revise_version(bucket, key, version_id, lambda _: values)

    async def revise_version(
        self, bucket: Bucket, key: str, version_id: str | None, revise: Revision
    ) -> Version:
        """Change the live object or one version as decided in the commit.

        Args:
            bucket: where.
            key: whose.
            version_id: which, or None for the live one.
            revise: sees it at the moment of the commit and returns what to set of `acl`, `tags`,
                `restore`, `lock` and `storage_class`, or raises to refuse; runs in another thread.

        Raises:
            NoSuchKey: there is no live object.
            NoSuchVersion: there is none of this id, or it is a marker.
        """
        future = self._index.update_version(bucket.id, key, version_id, revise)
        return await asyncio.shield(future)

    # Multipart uploads.

    async def begin_upload(self, bucket: Bucket, key: str, new: NewVersion) -> Upload:
        """Open a multipart upload, which will publish what `new` says."""
        return await asyncio.shield(self._index.begin_upload(bucket.id, key, new))

    def upload(self, bucket: Bucket, key: str, upload_id: str) -> Upload:
        """Return an open upload.

        Raises:
            NoSuchUpload: it is of another key, was completed, aborted or never begun.
        """
        upload = self._index.upload(bucket.id, key, upload_id)
        if upload is None:
            raise NoSuchUpload
        return upload

    async def put_part(
        self,
        bucket: Bucket,
        key: str,
        upload_id: str,
        number: int,
        stored: Stored,
        checksums: str | None = None,
    ) -> Part:
        """Add a part received with `inline=False`; an earlier one of the same number is replaced.

        Args:
            bucket: of the upload.
            key: of the upload.
            upload_id: which upload.
            number: of the part.
            stored: what the sink returned.
            checksums: what is said of the part, kept as it is.

        Raises:
            NoSuchUpload: as `upload`, decided in the commit.
        """
        publish = partial(
            self._index.put_part, bucket.id, key, upload_id, number, stored, checksums
        )
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
        """Add a part that shares `length` bytes from `first` on of a version.

        Of these bytes `checksums` are kept as they are given.

        Raises:
            NoSuchUpload: as `upload`, decided in the commit.
            Replaced: the source has been deleted or replaced meanwhile.
        """
        self.upload(bucket, key, upload_id)
        length = _length(source, first, length)
        extents = read.cut(source.extents, first, length)
        known = self._index.blobs([extent.blob_id for extent in extents])
        if any(row.data is not None for row in known.values()):
            async with self.receive(length, inline=False) as sink:
                async for chunk in self.reading(source, first, length):
                    await sink.write(chunk)
                stored = await sink.finish()
                return await self.put_part(bucket, key, upload_id, number, stored, checksums)
        part = Part(number, source.etag, source.crc64, length, 0, extents, checksums)
        whole = len(source.extents) <= 1 and not source.parts and not source.appendable
        if length < source.size or not whole:
            part = await self._measured(part, self.reading(source, first, length))
        future = self._index.copy_part(bucket.id, key, upload_id, part)
        return await asyncio.shield(future)

    async def complete(
        self,
        bucket: Bucket,
        key: str,
        upload_id: str,
        listed: Sequence[tuple[int, str]],
        minimum_part: int = SMALLEST_PART,
        condition: Condition | None = None,
        *,
        gaps: bool = False,
        finish: Finish | None = None,
    ) -> Version:
        """Publish the listed (number, ETag) as one object; no byte is copied.

        Unlisted parts are dropped. The object keeps the layout of its parts. A refusal leaves the
        upload open.

        Args:
            bucket: of the upload.
            key: of the upload.
            upload_id: which upload.
            listed: the parts, with ascending numbers.
            minimum_part: bytes that a part before the last must have.
            condition: as for `put`; asked last.
            gaps: whether numbers may be left out.
            finish: sees the upload and the listed parts at the moment of the commit and returns the
                object's `checksums`, or raises to refuse; runs in another thread.

        In order of checking, before `finish`:

        Raises:
            NoSuchUpload: as `upload`.
            MalformedXML: no part is listed.
            InvalidPartOrder: the numbers do not ascend.
            InvalidPart: a number was not uploaded, has another ETag, or is missing from 1..n
                unless there may be gaps.
            EntityTooSmall: a part before the last has fewer than `minimum_part` bytes.
        """
        future = self._index.complete_upload(
            bucket.id, key, upload_id, listed, minimum_part, gaps, finish, condition
        )
        return await asyncio.shield(future)

    async def abort(self, bucket: Bucket, key: str, upload_id: str) -> None:
        """End an upload and drop its parts.

        Raises:
            NoSuchUpload: as `upload`.
        """
        await asyncio.shield(self._index.abort_upload(bucket.id, key, upload_id))

    # Listings: byte order; `limit` counts entries and prefixes; a page is one snapshot.

    async def list_objects(
        self,
        bucket: Bucket,
        prefix: str = "",
        delimiter: str = "",
        marker: str = "",
        limit: int = 1000,
    ) -> ObjectPage:
        """Return live objects and common prefixes after `marker`."""
        return await self._workers.listing(
            self._index.list_objects, bucket.id, prefix, delimiter, marker, limit
        )

    async def list_versions(
        self,
        bucket: Bucket,
        prefix: str = "",
        delimiter: str = "",
        key_marker: str = "",
        version_id_marker: str = "",
        limit: int = 1000,
    ) -> VersionPage:
        """Return versions and markers after the marked key, or the marked version of it.

        Raises:
            InvalidArgument: `version_id_marker` cannot be a version id.
        """
        return await self._workers.listing(
            partial(self._index.list_versions, bucket.id, prefix, delimiter),
            *(key_marker, version_id_marker, limit),
        )

    async def list_uploads(
        self,
        bucket: Bucket,
        prefix: str = "",
        delimiter: str = "",
        key_marker: str = "",
        upload_id_marker: str = "",
        limit: int = 1000,
    ) -> UploadPage:
        """Return open uploads after the marked key, or the marked upload of it."""
        return await self._workers.listing(
            partial(self._index.list_uploads, bucket.id, prefix, delimiter),
            *(key_marker, upload_id_marker, limit),
        )

    async def parts(
        self, bucket: Bucket, key: str, upload_id: str, marker: int = 0, limit: int = 1000
    ) -> PartPage:
        """Return the parts of an upload with numbers above `marker`.

        Raises:
            NoSuchUpload: as `upload`.
        """
        page = await self._workers.listing(
            self._index.list_parts, bucket.id, key, upload_id, marker, limit
        )
        if page is None:
            raise NoSuchUpload
        return page

    def _leave(self, blob_ids: Sequence[str]) -> None:
        """Let go of what a read had."""
        self._room.leave()
        self._custody.unpin(blob_ids)

    async def _publish(self, stored: Stored, publish: Callable[[], asyncio.Future[T]]) -> T:
        """Commit what refers to a received body; its file stays until the outcome is known."""
        if stored.inline is None:
            if not self._custody.holds(stored.blob_id):
                raise ValueError("a body is published inside the context that received it, once")
            future = publish()
            self._custody.pin((stored.blob_id,))
            future.add_done_callback(partial(self._published, stored.blob_id))
        else:
            future = publish()
        return await asyncio.shield(future)

    def _published(self, blob_id: str, future: asyncio.Future[T]) -> None:
        error = future.exception()
        if error is None:
            self._custody.published(blob_id)
        elif isinstance(error, CommitError):
            self._custody.disputed(blob_id)
        self._custody.unpin((blob_id,))

    async def _note(self, error: Damaged) -> None:
        """Mark a blob as damaged, before its reader learns of it."""
        marking = self._mark(error)
        if marking:
            await asyncio.wait((marking,))

    def _mark(self, error: Damaged) -> asyncio.Future[None] | None:
        if error.blob_id in self._marked:
            return None
        self._marked.add(error.blob_id)
        _log.error("blob %s is damaged: %s", error.blob_id, error.what)
        marking = self._index.mark_damage(error.blob_id, error.what)
        marking.add_done_callback(_forgive)
        return marking

    async def _measured(self, part: Part, body: Reading) -> Part:
        md5, crc = hashlib.md5(), 0
        try:
            async for chunk in body:
                await self._workers.file(md5.update, chunk)
                crc = crc64(chunk, crc)
        finally:
            await body.aclose()
        return replace(part, etag=md5.hexdigest(), crc64=crc)


def _forgive(marking: asyncio.Future[None]) -> None:
    """Let a mark fail: the next read finds the damage again."""
    if not marking.cancelled() and marking.exception():
        _log.error("damage could not be marked", exc_info=marking.exception())


def _length(version: Version, first: int, length: int | None) -> int:
    rest = max(0, version.size - first)
    return rest if length is None else min(length, rest)
