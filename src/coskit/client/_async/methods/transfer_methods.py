"""The methods of a client that transfer files, streams and objects."""

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Unpack

from coskit.client._async.transfer.transfers import AsyncTransfers
from coskit.client.settings.progress import Callback
from coskit.client.transfer.options import TransferOptions
from coskit.protocol import types

if TYPE_CHECKING:
    from coskit.client.settings.transfer_options import (
        CopyOptions,
        DownloadOptions,
        UploadOptions,
    )


class AsyncTransferMethods(ABC):
    """Uploads, downloads and copies of objects of any size."""

    @property
    @abstractmethod
    def transfers(self) -> AsyncTransfers:
        """The transfers of the client."""

    async def upload_file(
        self,
        Bucket: str,
        Key: str,
        LocalFilePath: str | os.PathLike[str],
        PartSize: int = 1,
        MAXThread: int = 5,
        EnableMD5: bool = False,
        progress_callback: Callback | None = None,
        Resume: bool = True,
        Deadline: float | None = None,
        **options: "Unpack[UploadOptions]",
    ) -> types.PutObjectResult | types.CompleteMultipartUploadResult:
        """Upload a file: up to 20 MB in one request, a larger file in parallel parts.

        An interrupted upload in parts is resumed by the next call with the same file, destination
        and options. A file that changes during the upload is never stored. A file of unknown size,
        as in `/proc`, is read to its end, and its upload is not resumed.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            LocalFilePath: the path of the file.
            PartSize: the least megabytes of a part; parts of large files are larger.
            MAXThread: the largest number of parts in flight.
            EnableMD5: send the MD5 of every body.
            progress_callback: called with the bytes sent, as a `Consumed`, and the size of the
                file; from any thread, but from one at a time.
            Resume: keep the parts of an upload that fails, and resume an earlier one; False aborts
                an upload that fails.
            Deadline: the seconds that the upload may take.
            **options: the options of `put_object`, such as `StorageClass` or `Metadata`.

        Returns:
            The result of `put_object` or `complete_multipart_upload`.

        Raises:
            CosServiceError: the service refused a request.
            SourceChanged: the file changed during the upload; nothing was stored.
            TransferTimeout: the deadline passed.
            CosClientError: a request failed.
            OSError: the file cannot be read.
        """
        transfer = TransferOptions(
            part_size=PartSize,
            threads=MAXThread,
            enable_md5=EnableMD5,
            progress=progress_callback,
            resume=Resume,
            deadline=Deadline,
            request=options,
        )
        return await self.transfers.upload_file(LocalFilePath, Bucket, Key, transfer)

    async def upload_stream(
        self,
        Bucket: str,
        Key: str,
        Stream: Any,
        PartSize: int = 8,
        MAXThread: int = 5,
        EnableMD5: bool = False,
        progress_callback: Callback | None = None,
        Deadline: float | None = None,
        **options: "Unpack[UploadOptions]",
    ) -> types.PutObjectResult | types.CompleteMultipartUploadResult:
        """Upload a stream to its end, however few bytes it yields at a time.

        Parts in flight are held in memory, within `TransferSettings.memory`, so that each can be
        sent again. A stream that fits one part is sent in one request. If anything fails, the
        stream included, nothing is stored and nothing is left behind. A read that blocks is waited
        for, even past the deadline; the asynchronous client leaves it to its thread.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            Stream: a binary file, a pipe, a socket's file, or an iterator of bytes.
            PartSize: the megabytes of the first parts; it doubles after every 1,000 parts.
            MAXThread: the largest number of parts in flight.
            EnableMD5: send the MD5 of every body.
            progress_callback: called with the bytes sent and None, because the size is unknown; at
                the end with the same number twice.
            Deadline: the seconds that the upload may take.
            **options: the options of `put_object`, such as `StorageClass` or `Metadata`.

        Returns:
            The result of `put_object` or `complete_multipart_upload`.

        Raises:
            CosServiceError: the service refused a request.
            ParameterError: the stream yields something other than bytes, or too many of them.
            TransferTimeout: the deadline passed.
            CosClientError: a request failed.
            Exception: the stream raised it.
        """
        transfer = TransferOptions(
            part_size=PartSize,
            threads=MAXThread,
            enable_md5=EnableMD5,
            progress=progress_callback,
            deadline=Deadline,
            request=options,
        )
        return await self.transfers.upload_stream(Stream, Bucket, Key, transfer)

    async def upload_fileobj(
        self,
        Bucket: str,
        Key: str,
        Fileobj: Any,
        PartSize: int = 8,
        MAXThread: int = 5,
        EnableMD5: bool = False,
        progress_callback: Callback | None = None,
        Deadline: float | None = None,
        **options: "Unpack[UploadOptions]",
    ) -> types.PutObjectResult | types.CompleteMultipartUploadResult:
        """Upload a binary file from its position to its end; it stays open.

        Arguments, result and errors are the same as for `upload_stream`.
        """
        transfer = TransferOptions(
            part_size=PartSize,
            threads=MAXThread,
            enable_md5=EnableMD5,
            progress=progress_callback,
            deadline=Deadline,
            request=options,
        )
        return await self.transfers.upload_fileobj(Fileobj, Bucket, Key, transfer)

    async def download_file(
        self,
        Bucket: str,
        Key: str,
        DestFilePath: str | os.PathLike[str],
        PartSize: int = 20,
        MAXThread: int = 5,
        EnableCRC: bool = True,
        progress_callback: Callback | None = None,
        Resume: bool = True,
        Deadline: float | None = None,
        VersionId: str = "",
        **options: "Unpack[DownloadOptions]",
    ) -> types.HeadObjectResult:
        """Download an object into a file, which appears when it is complete and verified.

        An object of up to `PartSize` takes one request; a larger one is fetched in parallel parts,
        all of the same object. An object that is replaced during the download is downloaded again,
        once. An interrupted download keeps its parts in a hidden file beside the destination, which
        the journal names. The next download of the same object to the same file resumes it, and
        starts again if the object turns out to be damaged. A pipe or a device is written in order,
        and its download is not resumed.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            DestFilePath: the path of the file; an existing file is replaced at the end.
            PartSize: the megabytes of a part.
            MAXThread: the largest number of parts in flight.
            EnableCRC: compare the CRC64 of the bytes with the object's.
            progress_callback: called with the bytes that have arrived, including the parts of
                an earlier download, and the size of the object.
            Resume: keep the parts of a download that fails, and resume an earlier one.
            Deadline: the seconds that the download may take.
            VersionId: the version to download, if not the latest.
            **options: the options of `get_object`, such as `TrafficLimit` or a customer's key.

        Returns:
            The object's headers, as `head_object` returns them.

        Raises:
            CosServiceError: the service refused a request.
            ObjectChanged: the object was replaced repeatedly, or deleted.
            IntegrityError: other bytes arrived than are stored; they are dropped.
            TransferTimeout: the deadline passed.
            CosClientError: a request failed.
            OSError: the file cannot be written.
        """
        transfer = TransferOptions(
            part_size=PartSize,
            threads=MAXThread,
            enable_crc=EnableCRC,
            progress=progress_callback,
            resume=Resume,
            deadline=Deadline,
            request=options,
        )
        return await self.transfers.download_file(DestFilePath, Bucket, Key, VersionId, transfer)

    async def download_fileobj(
        self,
        Bucket: str,
        Key: str,
        Fileobj: Any,
        PartSize: int = 4,
        MAXThread: int = 5,
        EnableCRC: bool = True,
        progress_callback: Callback | None = None,
        Deadline: float | None = None,
        VersionId: str = "",
        **options: "Unpack[DownloadOptions]",
    ) -> types.HeadObjectResult:
        """Write an object to an open file, from the file's position on; the file stays open.

        Parts are fetched ahead, within a quarter of the client's memory budget. Bytes that are
        written cannot be taken back: after an error the file does not hold the object.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            Fileobj: an object with a `write` for bytes; it need not be seekable.
            PartSize: the megabytes of a part.
            MAXThread: the largest number of parts in flight.
            EnableCRC: compare the CRC64 of the bytes with the object's.
            progress_callback: called with the bytes that have arrived and the size of the object.
            Deadline: the seconds that the download may take.
            VersionId: the version to download, if not the latest.
            **options: the options of `get_object`, such as `TrafficLimit` or a customer's key.

        Returns:
            The object's headers, as `head_object` returns them.

        Raises:
            CosServiceError: the service refused a request.
            ObjectChanged: the object was replaced during the download.
            IntegrityError: other bytes arrived than are stored.
            TransferTimeout: the deadline passed.
            CosClientError: a request failed.
            Exception: the file raised it.
        """
        transfer = TransferOptions(
            part_size=PartSize,
            threads=MAXThread,
            enable_crc=EnableCRC,
            progress=progress_callback,
            deadline=Deadline,
            request=options,
        )
        return await self.transfers.download_stream(Fileobj, Bucket, Key, VersionId, transfer)

    async def copy(
        self,
        Bucket: str,
        Key: str,
        CopySource: types.CopySource,
        CopyStatus: types.Directive = "Copy",
        PartSize: int = 64,
        MAXThread: int = 5,
        progress_callback: Callback | None = None,
        Deadline: float | None = None,
        **options: "Unpack[CopyOptions]",
    ) -> types.CopyObjectResult | types.CompleteMultipartUploadResult:
        """Copy an object of any size within the service; its bytes are not downloaded.

        Up to 5 GB the copy takes one request, a larger object is copied in parallel parts. In both
        cases headers, metadata and tags are kept, while storage class, access rights and encryption
        are taken from this call. If the source is replaced during the copy, the copy fails or is of
        the old version. A copy that fails leaves nothing behind.

        Args:
            Bucket: the bucket to copy to.
            Key: the key to copy to.
            CopySource: the source: `Bucket`, `Key`, `Region` and, for one version, `VersionId`.
            CopyStatus: `Copy` keeps headers and metadata, `Replaced` takes them from this call.
            PartSize: the megabytes of a part; it grows if there would be more than 10,000 parts.
            MAXThread: the largest number of parts that are copied at a time.
            progress_callback: called with the bytes copied and the size of the object.
            Deadline: the seconds that the copy may take.
            **options: the options of `copy_object`, such as `StorageClass` or `TaggingDirective`.

        Returns:
            The result of `copy_object` or `complete_multipart_upload`.

        Raises:
            CosServiceError: the service refused a request.
            ObjectChanged: the source was replaced or deleted during the copy.
            IntegrityError: the copy's CRC64 differs from the source's.
            TransferTimeout: the deadline passed.
            CosClientError: a request failed.
        """
        transfer = TransferOptions(
            part_size=PartSize,
            threads=MAXThread,
            progress=progress_callback,
            deadline=Deadline,
            request=options,
        )
        return await self.transfers.copy(Bucket, Key, CopySource, CopyStatus, transfer)
