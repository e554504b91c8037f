"""What the store asks of an index and of a place for blobs, and what they promise it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from coskit.protocol.errors import CosServiceError, InternalError, NoSuchKey
from coskit.server.store.model import (
    Bucket,
    Deleted,
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

# Sees the live object that a write would replace, or None; raises to refuse the write.
Condition = Callable[[Version | None], None]

# Sees a bucket as it is in the commit; raises to refuse a change of it.
BucketCondition = Callable[[Bucket], None]

# Sees a version as it is in the commit and returns which of its `acl`, `tags`, `restore`, `lock`
# and `storage_class` to set; raises to refuse.
Revision = Callable[[Version], Mapping[str, str | None]]

# Sees an upload and the parts that are to be its object, in the commit, and returns the object's
# `checksums`; raises to refuse.
Finish = Callable[[Upload, Sequence[Part]], str | None]

# Is told which blobs have lost their last reference; called on the event loop after the commit.
Released = Callable[[Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class BlobRow:
    """What the index knows of a blob; `data` holds the bytes of one that lies in the index.

    `damage` says what was found wrong with it, "" if nothing was.
    """

    size: int
    crc64: int
    data: bytes | None
    damage: str = ""


@dataclass(frozen=True, slots=True)
class Damage:
    """A blob that was found damaged.

    Attributes:
        blob_id: which.
        since: milliseconds since 1970.
        what: a few words on what is wrong.
    """

    blob_id: str
    since: int
    what: str


# Upper bounds of the classes in which `Activity` counts commits by the number of their changes.
GROUPS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True)
class Activity:
    """What an index has written since it was opened.

    Attributes:
        waiting: changes that wait for their commit.
        changes: that were committed, or refused in a commit.
        groups: how many commits there were in each class of `GROUPS`, and above the last.
        failed: commits that failed.
        seconds: spent in commits.
    """

    waiting: int
    changes: int
    groups: tuple[int, ...]
    failed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Census:
    """What a store holds.

    Attributes:
        blobs: bodies and parts; those that copies share count once.
        bytes: of them.
        index: bytes of the index, with the bodies that lie in it.
        free: bytes that are left to it.
    """

    blobs: int
    bytes: int
    index: int
    free: int


class Replaced(NoSuchKey):
    """A version that was found is gone by the time that its bytes are wanted; look again."""

    wire_code = "NoSuchKey"


class Damaged(InternalError):
    """The bytes of a blob are missing or not what was written.

    Attributes:
        blob_id: of which blob.
        what: a few words on what is wrong.
    """

    wire_code = "InternalError"

    def __init__(self, blob_id: str, what: str) -> None:
        super().__init__("Stored bytes are damaged.")
        self.blob_id = blob_id
        self.what = what


class CommitError(InternalError):
    """The commit failed, and what it wrote may yet turn up after a crash."""

    wire_code = "InternalError"


class Index(Protocol):
    """Which buckets, objects, versions and uploads exist, and which blobs they refer to.

    Reads block for as long as a look-up takes and may be called from any thread. Each sees one
    snapshot, with every write in it whose future was done before the read began.

    Writes are called on the event loop and return a future that is completed there, also when
    nobody waits for it. A done future means: the change is durable, whole, and seen by every later
    read. A failed one means: nothing has changed. Writes to one key happen one after the other;
    conditions, versioning state and the existence of uploads are decided inside that order.

    Blobs are counted: one reference for each extent of a version or part. A blob without
    references leaves the index in the same commit; if it is a file, its id joins the garbage,
    durably, and `Released` is told.
    """

    def subscribe(self, released: Released) -> None:
        """Have `released` called; before that, garbage waits for the next start."""
        ...

    def bucket(self, name: str) -> Bucket | None:
        """Return the bucket of this name."""
        ...

    def buckets(self) -> list[Bucket]:
        """Return all buckets by name."""
        ...

    def create_bucket(
        self,
        name: str,
        owner: str,
        acl: str,
        limit: int,
        config: Mapping[str, str],
        versioning: str,
    ) -> asyncio.Future[Bucket]:
        """Create a bucket.

        Raises:
            BucketAlreadyOwnedByYou: the owner has it.
            BucketAlreadyExists: another owner has it.
            TooManyBuckets: the owner has `limit` buckets.
        """
        ...

    def delete_bucket(self, name: str) -> asyncio.Future[None]:
        """Delete a bucket that holds nothing; its id is never given again.

        Raises:
            NoSuchBucket: there is none.
            BucketNotEmpty: it has an object, version, marker or upload.
        """
        ...

    def update_bucket(
        self,
        name: str,
        versioning: str | None,
        acl: str | None,
        config: Mapping[str, str | None],
        condition: BucketCondition | None,
    ) -> asyncio.Future[Bucket]:
        """Change what is not None; of `config` only the named settings, None removing one.

        Raises:
            NoSuchBucket: there is none.
        """
        ...

    def look_up(self, bucket_id: int, key: str, version_id: str | None) -> Version | None:
        """Return the live object of the key, or that version of it, which may be a marker."""
        ...

    def get(
        self, bucket_id: int, key: str, version_id: str | None
    ) -> tuple[Version, bytes | None] | None:
        """Look up, and return the body with it if the index holds it."""
        ...

    def blobs(self, blob_ids: Sequence[str]) -> Mapping[str, BlobRow]:
        """Return those of the blobs that are referred to."""
        ...

    def put_version(
        self,
        bucket_id: int,
        key: str,
        stored: Stored,
        new: NewVersion,
        condition: Condition | None,
    ) -> asyncio.Future[Version]:
        """Publish a received body as the key's newest version, as the bucket's versioning says.

        Raises:
            NoSuchBucket: the bucket is gone.
        """
        ...

    def copy_version(
        self,
        bucket_id: int,
        key: str,
        source: Version,
        new: NewVersion,
        condition: Condition | None,
    ) -> asyncio.Future[Version]:
        """Publish a version that shares the source's blobs, ETag, checksum, sealing and layout.

        It has the source's `checksums` too, unless `new` says others.

        Raises:
            NoSuchBucket: the bucket is gone.
            Replaced: a blob of the source is gone.
        """
        ...

    def append_version(
        self,
        bucket_id: int,
        key: str,
        stored: Stored,
        new: NewVersion,
        position: int,
        limit: int,
        condition: Condition | None,
    ) -> asyncio.Future[Version]:
        """Add a received body to the end of the live object, or make one from it at position 0.

        An object that has grown has no `checksums` any more. In order of checking, after the
        condition:

        Raises:
            NoSuchBucket: the bucket is gone.
            InvalidBucketState: there is none, but an older version null.
            ObjectNotAppendable: the live object was not made by appending.
            AppendPositionErr: the live object does not end at `position`.
            EntityTooLarge: it would have more than `limit` bytes.
        """
        ...

    def delete_versions(
        self,
        bucket_id: int,
        targets: Sequence[tuple[str, str | None]],
        condition: Condition | None,
        may_delete: Condition | None,
    ) -> asyncio.Future[list[Deleted | CosServiceError]]:
        """Delete each (key, version id or None) in turn, in one commit; one may fail alone.

        The condition sees what each would delete: the live object, or the version, which is the
        latest only if it is live. `may_delete` sees after it what would be gone for good, and is
        not asked where a marker only covers it.

        Raises:
            NoSuchBucket: the bucket is gone.
        """
        ...

    def update_version(
        self, bucket_id: int, key: str, version_id: str | None, revise: Revision
    ) -> asyncio.Future[Version]:
        """Set what `revise` returns of a version, or of the live one.

        Raises:
            NoSuchKey: no version was named and the key has no live object.
            NoSuchVersion: the named version is unknown or a marker.
        """
        ...

    def begin_upload(self, bucket_id: int, key: str, new: NewVersion) -> asyncio.Future[Upload]:
        """Open a multipart upload.

        Raises:
            NoSuchBucket: the bucket is gone.
        """
        ...

    def upload(self, bucket_id: int, key: str, upload_id: str) -> Upload | None:
        """Return the open upload of this id if it is for this key."""
        ...

    def put_part(
        self,
        bucket_id: int,
        key: str,
        upload_id: str,
        number: int,
        stored: Stored,
        checksums: str | None,
    ) -> asyncio.Future[Part]:
        """Add a part; an earlier one of the same number is replaced.

        Raises:
            NoSuchUpload: it was completed, aborted or never begun.
        """
        ...

    def copy_part(
        self, bucket_id: int, key: str, upload_id: str, part: Part
    ) -> asyncio.Future[Part]:
        """Add a part that shares the blobs named by `part.extents`; `modified` is set anew.

        Raises:
            NoSuchUpload: it was completed, aborted or never begun.
            Replaced: one of the blobs is gone.
        """
        ...

    def complete_upload(
        self,
        bucket_id: int,
        key: str,
        upload_id: str,
        listed: Sequence[tuple[int, str]],
        minimum_part: int,
        gaps: bool,
        finish: Finish | None,
        condition: Condition | None,
    ) -> asyncio.Future[Version]:
        """Publish the listed (number, ETag) as one object, drop the other parts, end the upload.

        Its layout is that of the parts, its `checksums` are what `finish` returns. A refusal leaves
        the upload open. In order of checking, before `finish` and then `condition`:

        Raises:
            NoSuchUpload: it was completed, aborted or never begun.
            MalformedXML: no part is listed.
            InvalidPartOrder: the numbers do not ascend.
            InvalidPart: a number was not uploaded, has another ETag, or is missing from 1..n
                unless there may be gaps.
            EntityTooSmall: a part before the last has fewer than `minimum_part` bytes.
        """
        ...

    def abort_upload(self, bucket_id: int, key: str, upload_id: str) -> asyncio.Future[None]:
        """End an upload and drop its parts.

        Raises:
            NoSuchUpload: it was completed, aborted or never begun.
        """
        ...

    def list_objects(
        self, bucket_id: int, prefix: str, delimiter: str, marker: str, limit: int
    ) -> ObjectPage:
        """Return live objects and common prefixes after `marker`, in byte order.

        The cost of this and the next two follows from what is returned, not from what is stored.
        A marker inside a common prefix, or equal to it, skips that prefix: shown are the names that
        are greater than the marker, which is also what S3 says of `start-after`.
        """
        ...

    def list_versions(
        self,
        bucket_id: int,
        prefix: str,
        delimiter: str,
        key_marker: str,
        version_id_marker: str,
        limit: int,
    ) -> VersionPage:
        """Return versions and markers after the marked key, or after the marked version of it.

        Raises:
            InvalidArgument: `version_id_marker` cannot be a version id.
        """
        ...

    def list_uploads(
        self,
        bucket_id: int,
        prefix: str,
        delimiter: str,
        key_marker: str,
        upload_id_marker: str,
        limit: int,
    ) -> UploadPage:
        """Return open uploads after the marked key, or after the marked upload of it."""
        ...

    def list_parts(
        self, bucket_id: int, key: str, upload_id: str, marker: int, limit: int
    ) -> PartPage | None:
        """Return parts with numbers above `marker`; None if the upload is not open."""
        ...

    def garbage(self) -> list[str]:
        """Return the files that no version and no part refers to any more."""
        ...

    def forget_garbage(self, blob_ids: Sequence[str]) -> asyncio.Future[None]:
        """Drop ids from the garbage, after their files are gone."""
        ...

    def blobs_after(self, blob_id: str, limit: int) -> list[tuple[str, BlobRow]]:
        """Return the blobs whose ids follow this one in order, with the bytes of those inside."""
        ...

    def mark_damage(self, blob_id: str, what: str) -> asyncio.Future[None]:
        """Note that a blob is damaged, unless nothing refers to it; `blobs` tells of it then.

        The mark goes with the blob, or by `clear_damage`.
        """
        ...

    def clear_damage(self, blob_ids: Sequence[str]) -> asyncio.Future[None]:
        """Take marks back: the bytes are right again."""
        ...

    def damage(self) -> list[Damage]:
        """Return all marks."""
        ...

    def progress(self, job: str) -> str:
        """Return where a job has got to, "" if it has not begun."""
        ...

    def set_progress(self, job: str, state: str) -> asyncio.Future[None]:
        """Keep where a job has got to."""
        ...

    def check_pages(self, first: int, count: int) -> int:
        """Read pages of the index itself, past every cache; return how many are there in all.

        Raises:
            InternalError: one of them is damaged.
        """
        ...

    def flush(self) -> None:
        """Return when no power cut can undo what was committed before, as far as the mode goes."""
        ...

    def backlog(self) -> int:
        """Return how many changes wait for their commit."""
        ...

    def activity(self) -> Activity:
        """Return what has been written."""
        ...

    def census(self) -> Census:
        """Count what is stored; takes time that grows with it."""
        ...

    def close(self) -> None:
        """Finish the writes that were accepted, then release everything; blocks."""
        ...


class BlobWriter(Protocol):
    """One blob on its way in; its methods block and are called one at a time."""

    @property
    def blob_id(self) -> str:
        """The id that no other blob has or had."""
        ...

    def write(self, block: bytes) -> None:
        """Append a block."""
        ...

    def finish(self) -> None:
        """Return when the blob can be opened by its id, also after a power cut."""
        ...

    def close(self) -> None:
        """Let go of the blob, finished or not; what is unfinished remains for `discard`."""
        ...


class BlobReader(Protocol):
    """One blob being read; its methods block and are called one at a time."""

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes, as they were written; fewer only at the end of the blob.

        What is checked together is 64 KiB: reads that begin and end at multiples of that cost
        least.

        Raises:
            Damaged: they are not what was written.
            OSError: they cannot be read.
        """
        ...

    def close(self) -> None:
        """Let go of the blob."""
        ...


class Blobs(Protocol):
    """Immutable bytes by id. Its methods block: they are called in worker threads.

    A new blob is unsettled until `settle` says that the index refers to it, so that what a crash
    leaves between the two can be told from what the index holds.
    """

    def create(self) -> BlobWriter:
        """Start a blob under a fresh id."""
        ...

    def open(self, blob_id: str, size: int, crc: int) -> BlobReader:
        """Open a finished blob of this size and CRC64.

        Raises:
            Damaged: it does not exist, or is another or a damaged one.
            OSError: it cannot be opened.
        """
        ...

    def fans(self) -> list[str]:
        """Return the names of the groups that the blobs lie in."""
        ...

    def settled(self, fan: str) -> list[tuple[str, float]]:
        """Return the settled blobs of a group, each with the time of its last write in seconds."""
        ...

    def settle(self, blob_ids: Sequence[str]) -> None:
        """Note that the index refers to these blobs."""
        ...

    def unsettled(self) -> list[str]:
        """Return the blobs that were started and neither settled nor discarded."""
        ...

    def discard(self, blob_ids: Sequence[str]) -> None:
        """Remove blobs, finished or not; those that are gone already do not matter.

        Raises:
            Held: somebody is copying the blobs; try again later.
        """
        ...
