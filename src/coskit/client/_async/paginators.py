"""Iterators over listings of any length, with one page in memory at a time."""

from collections.abc import AsyncIterator

from coskit.client._async.operations import AsyncOperations
from coskit.client.request.pagination import (
    field_of,
    next_key,
    next_mark,
    next_part,
    next_upload,
    next_version,
)
from coskit.client.settings.argument_checks import check
from coskit.protocol import types


class AsyncPaginators(AsyncOperations):
    """Operations with iterators over the buckets of an account and the listings of a bucket."""

    async def iter_buckets(
        self, Region: str = "", TagKey: str = "", TagValue: str = "", PageSize: int = 2000
    ) -> AsyncIterator[types.ListedBucket]:
        """Yield every bucket of the account, in byte order of the names.

        Args:
            Region: the region of the buckets; empty for all regions.
            TagKey: the key of a tag that the buckets have.
            TagValue: the value of a tag that the buckets have.
            PageSize: the number of entries per request, 1 to 2000.

        Raises:
            CosServiceError: the service refused a page.
            CosClientError: a page did not arrive complete, or the listing does not advance.
        """
        check(PageSize=PageSize)
        marker: str | None = ""
        while marker is not None:
            page = await self.list_buckets(
                Region=Region, TagKey=TagKey, TagValue=TagValue, Marker=marker, MaxKeys=PageSize
            )
            listed = (page["Buckets"] or {}).get("Bucket", ())
            for bucket in listed:
                yield bucket
            # Some services list all buckets in one page and leave out `IsTruncated`.
            complete = {"IsTruncated": "false", **page}
            last = page.get("NextMarker") or (field_of(listed[-1], "Name") if listed else "")
            marker = next_mark(complete, marker, last)

    async def iter_objects(
        self, Bucket: str, Prefix: str = "", Marker: str = "", PageSize: int = 1000
    ) -> AsyncIterator[types.ListedObject]:
        """Yield every object whose key starts with `Prefix`, in byte order of the keys.

        Args:
            Bucket: the bucket's name.
            Prefix: the beginning of the keys.
            Marker: the key after which the listing begins.
            PageSize: the number of entries per request, 1 to 1000.

        Raises:
            CosServiceError: the service refused a page.
            CosClientError: a page did not arrive complete, or the listing does not advance.
        """
        check(PageSize=PageSize)
        marker: str | None = Marker
        while marker is not None:
            page = await self.list_objects(Bucket, Prefix=Prefix, Marker=marker, MaxKeys=PageSize)
            for entry in page.get("Contents", ()):
                yield entry
            marker = next_mark(page, marker, next_key(page))

    async def iter_prefixes(
        self, Bucket: str, Prefix: str = "", Delimiter: str = "/", PageSize: int = 1000
    ) -> AsyncIterator[str]:
        """Yield the common prefixes below `Prefix`: the "folders" of that "folder".

        Args:
            Bucket: the bucket's name.
            Prefix: the beginning of the prefixes.
            Delimiter: the text that ends each prefix.
            PageSize: the number of entries per request, 1 to 1000.

        Raises:
            CosServiceError: the service refused a page.
            CosClientError: a page did not arrive complete, or the listing does not advance.
        """
        check(PageSize=PageSize)
        marker: str | None = ""
        while marker is not None:
            page = await self.list_objects(
                Bucket, Delimiter=Delimiter, Prefix=Prefix, Marker=marker, MaxKeys=PageSize
            )
            for entry in page.get("CommonPrefixes", ()):
                yield field_of(entry, "Prefix")
            marker = next_mark(page, marker, next_key(page))

    async def iter_versions(
        self, Bucket: str, Prefix: str = "", PageSize: int = 1000
    ) -> AsyncIterator[types.ListedVersion | types.ListedDeleteMarker]:
        """Yield every version and delete marker, in byte order of the keys, then newest first.

        A delete marker has no `ETag`.

        Args:
            Bucket: the bucket's name.
            Prefix: the beginning of the keys.
            PageSize: the number of entries per request, 1 to 1000.

        Raises:
            CosServiceError: the service refused a page.
            CosClientError: a page did not arrive complete, or the listing does not advance.
        """
        check(PageSize=PageSize)
        mark: tuple[str, str] | None = ("", "")
        while mark is not None:
            page = await self.list_objects_versions(
                Bucket, Prefix=Prefix, MaxKeys=PageSize, KeyMarker=mark[0], VersionIdMarker=mark[1]
            )
            versions = iter(page.get("Version", ()))
            deletions = iter(page.get("DeleteMarker", ()))
            for tag in page.get("Order", ()):
                yield next(versions if tag == "Version" else deletions)
            mark = next_mark(page, mark, next_version(page))

    async def iter_uploads(
        self, Bucket: str, Prefix: str = "", PageSize: int = 1000
    ) -> AsyncIterator[types.ListedUpload]:
        """Yield every unfinished multipart upload, by key, then oldest first.

        Args:
            Bucket: the bucket's name.
            Prefix: the beginning of the keys.
            PageSize: the number of entries per request, 1 to 1000.

        Raises:
            CosServiceError: the service refused a page.
            CosClientError: a page did not arrive complete, or the listing does not advance.
        """
        check(PageSize=PageSize)
        mark: tuple[str, str] | None = ("", "")
        while mark is not None:
            page = await self.list_multipart_uploads(
                Bucket,
                Prefix=Prefix,
                MaxUploads=PageSize,
                KeyMarker=mark[0],
                UploadIdMarker=mark[1],
            )
            for upload in page.get("Upload", ()):
                yield upload
            mark = next_mark(page, mark, next_upload(page))

    async def iter_parts(
        self, Bucket: str, Key: str, UploadId: str, PageSize: int = 1000
    ) -> AsyncIterator[types.ListedPart]:
        """Yield every part of an unfinished multipart upload, by number.

        Args:
            Bucket: the bucket's name.
            Key: the upload's key.
            UploadId: the upload's id.
            PageSize: the number of entries per request, 1 to 1000.

        Raises:
            CosServiceError: the service refused a page.
            CosClientError: a page did not arrive complete, or the listing does not advance.
        """
        check(PageSize=PageSize)
        marker: int | None = 0
        while marker is not None:
            page = await self.list_parts(
                Bucket, Key, UploadId, MaxParts=PageSize, PartNumberMarker=marker
            )
            for part in page.get("Part", ()):
                yield part
            marker = next_mark(page, marker, next_part(page))
