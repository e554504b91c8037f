"""Listings of any length, one page in memory at a time."""

from collections.abc import AsyncIterator
from typing import Any

from coskit.client._async.operations import AsyncOperations
from coskit.protocol import types


class AsyncPages(AsyncOperations):
    """Iterators over the four listings of a bucket."""

    async def iter_objects(
        self, Bucket: str, Prefix: str = "", Marker: str = "", PageSize: int = 1000
    ) -> AsyncIterator[types.ListedObject]:
        """Yield every object whose key starts with `Prefix`, in byte order of the keys.

        Args:
            Bucket: the bucket's name.
            Prefix: only keys that start with this.
            Marker: only keys after this one.
            PageSize: entries per request, 1 to 1000.

        Raises:
            CosServiceError: the service refused a page.
            CosClientError: a page did not arrive whole.
        """
        more = True
        while more:
            page = await self.list_objects(Bucket, Prefix=Prefix, Marker=Marker, MaxKeys=PageSize)
            for entry in page.get("Contents", ()):
                yield entry
            more = page["IsTruncated"] == "true"
            Marker = page.get("NextMarker", "")

    async def iter_prefixes(
        self, Bucket: str, Prefix: str = "", Delimiter: str = "/", PageSize: int = 1000
    ) -> AsyncIterator[str]:
        """Yield the common prefixes below `Prefix`: the "folders" of that "folder".

        Args:
            Bucket: the bucket's name.
            Prefix: what all of them start with.
            Delimiter: where each ends.
            PageSize: entries per request, 1 to 1000.

        Raises:
            CosServiceError: the service refused a page.
            CosClientError: a page did not arrive whole.
        """
        marker, more = "", True
        while more:
            page = await self.list_objects(
                Bucket, Delimiter=Delimiter, Prefix=Prefix, Marker=marker, MaxKeys=PageSize
            )
            for entry in page.get("CommonPrefixes", ()):
                yield entry["Prefix"]
            more = page["IsTruncated"] == "true"
            marker = page.get("NextMarker", "")

    async def iter_versions(
        self, Bucket: str, Prefix: str = "", PageSize: int = 1000
    ) -> AsyncIterator[types.ListedVersion | types.ListedDeleteMarker]:
        """Yield every version and delete marker, in byte order of the keys, then newest first.

        A delete marker has no `ETag`.

        Args:
            Bucket: the bucket's name.
            Prefix: only keys that start with this.
            PageSize: entries per request, 1 to 1000.

        Raises:
            CosServiceError: the service refused a page.
            CosClientError: a page did not arrive whole.
        """
        markers: dict[str, Any] = {}
        more = True
        while more:
            page = await self.list_objects_versions(
                Bucket, Prefix=Prefix, MaxKeys=PageSize, **markers
            )
            versions = iter(page.get("Version", ()))
            deletions = iter(page.get("DeleteMarker", ()))
            for tag in page.get("Order", ()):
                yield next(versions if tag == "Version" else deletions)
            more = page["IsTruncated"] == "true"
            markers = {
                "KeyMarker": page.get("NextKeyMarker", ""),
                "VersionIdMarker": page.get("NextVersionIdMarker") or "",
            }

    async def iter_uploads(
        self, Bucket: str, Prefix: str = "", PageSize: int = 1000
    ) -> AsyncIterator[types.ListedUpload]:
        """Yield every unfinished multipart upload, by key, then oldest first.

        Args:
            Bucket: the bucket's name.
            Prefix: only keys that start with this.
            PageSize: entries per request, 1 to 1000.

        Raises:
            CosServiceError: the service refused a page.
            CosClientError: a page did not arrive whole.
        """
        markers: dict[str, Any] = {}
        more = True
        while more:
            page = await self.list_multipart_uploads(
                Bucket, Prefix=Prefix, MaxUploads=PageSize, **markers
            )
            for upload in page.get("Upload", ()):
                yield upload
            more = page["IsTruncated"] == "true"
            markers = {
                "KeyMarker": page.get("NextKeyMarker", ""),
                "UploadIdMarker": page.get("NextUploadIdMarker") or "",
            }

    async def iter_parts(
        self, Bucket: str, Key: str, UploadId: str, PageSize: int = 1000
    ) -> AsyncIterator[types.ListedPart]:
        """Yield every part of an unfinished multipart upload, by number.

        Args:
            Bucket: the bucket's name.
            Key: the upload's key.
            UploadId: the upload's id.
            PageSize: entries per request, 1 to 1000.

        Raises:
            CosServiceError: the service refused a page.
            CosClientError: a page did not arrive whole.
        """
        marker, more = 0, True
        while more:
            page = await self.list_parts(
                Bucket, Key, UploadId, MaxParts=PageSize, PartNumberMarker=marker
            )
            for part in page.get("Part", ()):
                yield part
            more = page["IsTruncated"] == "true"
            marker = int(page.get("NextPartNumberMarker", 0))
