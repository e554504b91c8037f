"""The part of the index that records multipart uploads."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from coskit.server.store.interfaces.conditions import Finish, WriteCondition
from coskit.server.store.model import (
    NewVersion,
    Part,
    PartPage,
    StoredBody,
    Upload,
    UploadPage,
    Version,
)

PAGE = 1000  # entries and prefixes of a listing, by default
SMALLEST_PART = 1 << 20  # bytes


class UploadRecords(Protocol):
    """The index's records of multipart uploads; see `Index` for reads, writes and listings.

    Where an upload is named, it has to be open and of the given key.
    """

    def begin_upload(self, bucket_id: int, key: str, new: NewVersion) -> asyncio.Future[Upload]:
        """Open a multipart upload of an object with these properties."""
        ...

    def upload(self, bucket_id: int, key: str, upload_id: str) -> Upload:
        """Return an open upload.

        Raises:
            NoSuchUpload: the upload is of another key, was completed, aborted or never begun.
        """
        ...

    def put_part(
        self,
        bucket_id: int,
        key: str,
        upload_id: str,
        number: int,
        stored: StoredBody,
        checksums: str | None = None,
    ) -> asyncio.Future[Part]:
        """Add a received part, in place of an earlier part of the same number.

        Raises:
            NoSuchUpload: as `upload`.
        """
        ...

    def copy_part(
        self, bucket_id: int, key: str, upload_id: str, part: Part
    ) -> asyncio.Future[Part]:
        """Add a part that shares the blobs of `part.extents`; `modified` is set to now.

        Raises:
            NoSuchUpload: as `upload`.
            VersionReplaced: a blob has lost its last reference.
        """
        ...

    def complete_upload(
        self,
        bucket_id: int,
        key: str,
        upload_id: str,
        listed: Sequence[tuple[int, str]],
        minimum_part: int = SMALLEST_PART,
        condition: WriteCondition | None = None,
        *,
        gaps: bool = False,
        finish: Finish | None = None,
    ) -> asyncio.Future[Version]:
        """Publish the listed (number, ETag) as one object and end the upload; no byte is copied.

        Unlisted parts are dropped. The object keeps the layout of its parts. A refusal leaves the
        upload open.

        Args:
            bucket_id: the bucket's id.
            key: the upload's key.
            upload_id: the upload's id.
            listed: the parts, with ascending numbers.
            minimum_part: the smallest size in bytes of a part before the last.
            condition: as for `put_version`; it is checked after `finish`.
            gaps: whether numbers may be left out.
            finish: returns the object's `checksums`; it is called after these checks.

        The errors are listed in the order of the checks.

        Raises:
            NoSuchUpload: as `upload`.
            MalformedXML: no part is listed.
            InvalidPartOrder: the numbers do not ascend.
            InvalidPart: a part was not uploaded, has another ETag, or its number leaves a gap
                though `gaps` is false.
            EntityTooSmall: a part before the last has fewer than `minimum_part` bytes.
        """
        ...

    def abort_upload(self, bucket_id: int, key: str, upload_id: str) -> asyncio.Future[None]:
        """End an upload and drop its parts.

        Raises:
            NoSuchUpload: as `upload`.
        """
        ...

    def list_uploads(
        self,
        bucket_id: int,
        prefix: str = "",
        delimiter: str = "",
        key_marker: str = "",
        upload_id_marker: str = "",
        limit: int = PAGE,
    ) -> asyncio.Future[UploadPage]:
        """Return open uploads after the marked key, or after the marked upload of it."""
        ...

    def list_parts(
        self, bucket_id: int, key: str, upload_id: str, marker: int = 0, limit: int = PAGE
    ) -> asyncio.Future[PartPage]:
        """Return the parts of an upload with numbers above `marker`.

        Raises:
            NoSuchUpload: as `upload`.
        """
        ...
