"""The interface of the index: buckets, objects, versions and uploads, and the blobs they use."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from coskit.protocol.errors import CosServiceError, NoSuchKey
from coskit.server.store.interfaces.blob_records import BlobRecords
from coskit.server.store.interfaces.conditions import (
    BucketCondition,
    Released,
    Revision,
    State,
    WriteCondition,
)
from coskit.server.store.interfaces.upload_records import PAGE, UploadRecords
from coskit.server.store.model import (
    Bucket,
    CommitStatistics,
    DeletionResult,
    NewVersion,
    ObjectPage,
    StoredBody,
    StoreTotals,
    Version,
    VersionPage,
)


class Index(UploadRecords, BlobRecords, Protocol):
    """The record of buckets, objects, versions and uploads, and of the blobs that they refer to.

    Plain reads return a value. They block for as long as a look-up takes, and may be called from
    any thread. Listings and the census are called on the event loop and return a future. Each read
    sees one snapshot, which includes every write whose future was done before the read began.

    Writes are called on the event loop and return a future. After it is done, the change is whole,
    durable, and seen by every later read: after `put_version`, `latest` returns that version. If it
    raises, nothing has changed; only after `CommitError` the change may appear after a crash.
    Cancelling the future does not undo the write. Writes to one key happen one after the other;
    conditions, versioning and the existence of uploads are decided in that order. Of two writes
    whose conditions exclude each other, one succeeds. Conditions run in another thread.

    Every write to a bucket that has been deleted raises `NoSuchBucket`.
    """

    def subscribe(self, released: Released) -> None:
        """Have `released` called for new garbage; earlier garbage waits for the next start."""
        ...

    # Buckets.

    def bucket(self, name: str) -> Bucket:
        """Return the bucket of this name.

        Raises:
            NoSuchBucket: there is no such bucket.
        """
        ...

    def buckets(self) -> list[Bucket]:
        """Return all buckets by name."""
        ...

    def create_bucket(
        self,
        name: str,
        owner: str,
        acl: str,
        *,
        limit: int = 200,
        config: Mapping[str, str] | None = None,
        versioning: str = "",
    ) -> asyncio.Future[Bucket]:
        """Create a bucket.

        Args:
            name: the bucket's name.
            owner: the account that the bucket belongs to.
            acl: the bucket's ACL.
            limit: the number of buckets that the owner may have.
            config: settings by name.
            versioning: "" or "Enabled".

        Raises:
            BucketAlreadyOwnedByYou: the owner has a bucket of this name.
            BucketAlreadyExists: another owner has a bucket of this name.
            TooManyBuckets: the owner has `limit` buckets.
        """
        ...

    def delete_bucket(self, name: str) -> asyncio.Future[None]:
        """Delete an empty bucket; its id is never used again.

        Raises:
            NoSuchBucket: there is no such bucket.
            BucketNotEmpty: the bucket has an object, version, marker or unfinished upload.
        """
        ...

    def update_bucket(
        self,
        name: str,
        *,
        versioning: str | None = None,
        acl: str | None = None,
        config: Mapping[str, str | None] | None = None,
        condition: BucketCondition | None = None,
    ) -> asyncio.Future[Bucket]:
        """Change the given properties of a bucket.

        Args:
            name: the bucket's name.
            versioning: "Enabled" or "Suspended".
            acl: the new ACL.
            config: settings to replace, or with None to remove; the others stay.
            condition: receives the bucket in the commit, and raises to refuse.

        Raises:
            NoSuchBucket: there is no such bucket.
        """
        ...

    # Objects.

    def find(self, bucket_id: int, key: str) -> Version | None:
        """Return the live object, or None if there is none."""
        ...

    def latest(self, bucket_id: int, key: str) -> Version:
        """Return the live object.

        Raises:
            NoSuchKey: there is no live object.
        """
        version = self.find(bucket_id, key)
        if version is None:
            raise NoSuchKey
        return version

    def version(self, bucket_id: int, key: str, version_id: str) -> Version:
        """Return one version of an object, or a delete marker.

        Raises:
            NoSuchVersion: there is no version with this id.
        """
        ...

    def get(
        self, bucket_id: int, key: str, version_id: str | None = None
    ) -> tuple[Version, bytes | None]:
        """Return the live object or one version, with its body if the index holds it.

        A delete marker that is named by its id is returned as well.

        Raises:
            NoSuchKey: no version was named, and there is no live object.
            NoSuchVersion: there is no version with this id.
        """
        ...

    def put_version(
        self,
        bucket_id: int,
        key: str,
        stored: StoredBody,
        new: NewVersion,
        condition: WriteCondition | None = None,
    ) -> asyncio.Future[Version]:
        """Publish a received body as the key's newest version, as the bucket's versioning says.

        Args:
            bucket_id: the bucket's id.
            key: the object's key.
            stored: the received body.
            new: the other properties of the object.
            condition: receives the live object, or None, in the commit, and raises to refuse.
        """
        ...

    def copy_version(
        self,
        bucket_id: int,
        key: str,
        source: Version,
        new: NewVersion,
        condition: WriteCondition | None = None,
    ) -> asyncio.Future[Version]:
        """Publish a version that shares the source's blobs.

        It has the ETag, CRC64, sealing and layout of the source, and its `checksums` unless `new`
        has others. The lock is not copied.

        Raises:
            VersionReplaced: the source was deleted or replaced after it was looked up.
        """
        ...

    def append_version(
        self,
        bucket_id: int,
        key: str,
        stored: StoredBody,
        new: NewVersion,
        position: int,
        *,
        limit: int,
        condition: WriteCondition | None = None,
    ) -> asyncio.Future[Version]:
        """Add a received body to the end of the live object, or make one from it at position 0.

        A grown object has no `checksums`. A new object is the null version, also if versioning is
        enabled.

        Args:
            bucket_id: the bucket's id.
            key: the object's key.
            stored: the received body.
            new: the properties of a new object; ignored if there is a live object.
            position: the object's size, checked in the commit: of two appends one succeeds.
            limit: the largest size of the object in bytes.
            condition: as for `put_version`; it is checked first.

        The errors are listed in the order of the checks.

        Raises:
            InvalidBucketState: there is no live object, but an older null version.
            ObjectNotAppendable: the live object was not made by appending.
            AppendPositionErr: the live object does not end at `position`.
            EntityTooLarge: the object would be larger than `limit`.
        """
        ...

    def delete_version(
        self,
        bucket_id: int,
        key: str,
        version_id: str | None = None,
        *,
        condition: WriteCondition | None = None,
        may_delete: WriteCondition | None = None,
    ) -> asyncio.Future[DeletionResult]:
        """Delete the live object as the bucket's versioning says, or one version for good.

        Args:
            bucket_id: the bucket's id.
            key: the object's key.
            version_id: the version's id, None for the live object.
            condition: receives the live object or the version that would be deleted, or None, in
                the commit, and raises to refuse. A version is the latest only if it is live.
            may_delete: receives, after `condition`, a version that would be gone for good: one that
                is named, or a null version that nothing keeps. It is not called if a marker only
                covers the live object.
        """
        ...

    def delete_versions(
        self,
        bucket_id: int,
        targets: Sequence[tuple[str, str | None]],
        condition: WriteCondition | None = None,
        may_delete: WriteCondition | None = None,
    ) -> asyncio.Future[list[DeletionResult | CosServiceError]]:
        """Delete each (key, version id or None) in turn, in one commit, as `delete_version` does.

        The result has the error of each target that was refused; the other targets are deleted.
        """
        ...

    def update_version(
        self, bucket_id: int, key: str, version_id: str | None, revise: Revision | State
    ) -> asyncio.Future[Version]:
        """Change the state of the live object or of one version.

        Args:
            bucket_id: the bucket's id.
            key: the object's key.
            version_id: the version's id, None for the live object.
            revise: the values to set, or a function that returns them in the commit.

        Raises:
            NoSuchKey: no version was named, and there is no live object.
            NoSuchVersion: there is no version with this id, or it is a marker.
        """
        ...

    # Listings are in byte order. `limit` counts entries and prefixes. The cost of a page follows
    # from what it returns, not from what is stored. A marker inside a common prefix, or equal to
    # it, skips that prefix: names greater than the marker are listed, as S3 defines `start-after`.

    def list_objects(
        self,
        bucket_id: int,
        prefix: str = "",
        delimiter: str = "",
        marker: str = "",
        limit: int = PAGE,
    ) -> asyncio.Future[ObjectPage]:
        """Return live objects and common prefixes after `marker`."""
        ...

    def list_versions(
        self,
        bucket_id: int,
        prefix: str = "",
        delimiter: str = "",
        key_marker: str = "",
        version_id_marker: str = "",
        limit: int = PAGE,
    ) -> asyncio.Future[VersionPage]:
        """Return versions and markers after the marked key, or after the marked version of it.

        Raises:
            InvalidArgument: `version_id_marker` cannot be a version id.
        """
        ...

    # The index itself.

    def backlog(self) -> int:
        """Return how many changes wait for their commit."""
        ...

    def activity(self) -> CommitStatistics:
        """Return statistics of the commits since the index was opened."""
        ...

    def census(self) -> asyncio.Future[StoreTotals]:
        """Count the stored blobs; this takes time that grows with their number."""
        ...

    def close(self) -> None:
        """Finish the accepted writes and running reads, then release everything; blocks."""
        ...
