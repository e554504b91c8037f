"""The transfers of a client: the seam between its methods and the classes that move content."""

import os
from typing import Any, cast

from coskit.client._async.concurrency import async_blocking
from coskit.client._async.paginators import AsyncPaginators
from coskit.client._async.transfer.context import AsyncTransferContext
from coskit.client._async.transfer.copies import AsyncCopier
from coskit.client._async.transfer.download import AsyncDownloader, check_download_options
from coskit.client._async.transfer.download_stream import AsyncStreamDownloader
from coskit.client._async.transfer.upload import AsyncUploader, check_upload_options
from coskit.client._async.transfer.upload_stream import AsyncStreamUploader
from coskit.client.settings.argument_checks import check_known, path_of
from coskit.client.transfer.body_source import refuse_body_options
from coskit.client.transfer.options import TransferOptions
from coskit.client.transfer.targets.download_target import DownloadTarget, FileTarget
from coskit.client.transfer.targets.special_files import is_special, open_special
from coskit.client.transfer.upload_source import FileSource, UploadSource
from coskit.protocol import types
from coskit.protocol.errors import ParameterError

# The megabytes of a part where the part size of the call does not fit.
_UNKNOWN_SIZE = 8  # at least, of a file whose size is unknown
_IN_ORDER = 4  # of a download that is written in order
_UploadResult = types.PutObjectResult | types.CompleteMultipartUploadResult
_CopyResult = types.CopyObjectResult | types.CompleteMultipartUploadResult


class AsyncTransfers:
    """Uploads, downloads and copies of one client, from sources and to targets of any kind.

    Attributes:
        operations: the client's operations.
        context: the context of the client's transfers.
    """

    def __init__(self, operations: AsyncPaginators, context: AsyncTransferContext) -> None:
        self.operations = operations
        self.context = context

    async def upload(
        self, source: UploadSource, bucket: str, key: str, options: TransferOptions
    ) -> _UploadResult:
        """Upload a source; see `AsyncUploader.upload`."""
        uploader = AsyncUploader(self.operations, self.context)
        return cast(_UploadResult, await uploader.upload(source, bucket, key, options))

    async def upload_content(
        self, content: bytes, bucket: str, key: str, options: TransferOptions
    ) -> _UploadResult:
        """Upload a small content that is in memory; see `AsyncUploader.upload_content`."""
        check_upload_options(options.request)
        uploader = AsyncUploader(self.operations, self.context)
        return await uploader.upload_content(content, bucket, key, options)

    async def upload_file(
        self, path: str | os.PathLike[str], bucket: str, key: str, options: TransferOptions
    ) -> _UploadResult:
        """Upload a file; a file of unknown size, as in `/proc`, is read as a stream."""
        path = path_of("LocalFilePath", path)
        check_upload_options(options.request)
        source = await async_blocking(FileSource, path)
        if source.is_measured:
            return await self.upload(source, bucket, key, options)
        with await async_blocking(open, path, "rb", 0) as file:
            return await self.upload_stream(
                file, bucket, key, options.with_part_size(max(options.part_size, _UNKNOWN_SIZE))
            )

    async def upload_stream(
        self, stream: Any, bucket: str, key: str, options: TransferOptions
    ) -> _UploadResult:
        """Upload a stream; see `AsyncStreamUploader.upload`."""
        uploader = AsyncStreamUploader(self.operations, self.context)
        return cast(_UploadResult, await uploader.upload(stream, bucket, key, options))

    async def upload_fileobj(
        self, file: Any, bucket: str, key: str, options: TransferOptions
    ) -> _UploadResult:
        """Upload an open file from its position; see `AsyncStreamUploader.upload`.

        Raises:
            ParameterError: the file has no `read`.
        """
        if not callable(getattr(file, "read", None)):
            raise ParameterError(f"Fileobj must be a binary file, not {type(file).__name__}")
        refuse_body_options(options.request)
        check_known("upload_fileobj", options.request, "UploadOptions")
        return await self.upload_stream(file, bucket, key, options)

    async def download(
        self,
        target: DownloadTarget,
        bucket: str,
        key: str,
        version: str,
        options: TransferOptions,
        *,
        size: int | None = None,
    ) -> types.HeadObjectResult:
        """Download into a target; see `AsyncDownloader.download`."""
        downloader = AsyncDownloader(self.operations, self.context)
        headers = await downloader.download(target, bucket, key, version, options, size=size)
        return cast(types.HeadObjectResult, headers)

    async def download_file(
        self,
        path: str | os.PathLike[str],
        bucket: str,
        key: str,
        version: str,
        options: TransferOptions,
    ) -> types.HeadObjectResult:
        """Download into a file; a pipe or a device is written in order."""
        path = path_of("DestFilePath", path)
        if not is_special(path):
            return await self.download(FileTarget(path), bucket, key, version, options)
        check_download_options(options.request)
        with await async_blocking(open_special, path) as file:
            return await self.download_stream(
                file, bucket, key, version, options.with_part_size(_IN_ORDER)
            )

    async def download_stream(
        self, file: Any, bucket: str, key: str, version: str, options: TransferOptions
    ) -> types.HeadObjectResult:
        """Download into an open file; see `AsyncStreamDownloader.download`."""
        downloader = AsyncStreamDownloader(self.operations, self.context)
        headers = await downloader.download(file, bucket, key, version, options)
        return cast(types.HeadObjectResult, headers)

    async def copy(
        self,
        bucket: str,
        key: str,
        source: types.CopySource,
        status: types.Directive,
        options: TransferOptions,
        *,
        single: int | None = None,
    ) -> _CopyResult:
        """Copy an object; see `AsyncCopier.copy`."""
        copier = AsyncCopier(self.operations, self.context)
        result = await copier.copy(bucket, key, source, status, options, single)
        return cast(_CopyResult, result)
