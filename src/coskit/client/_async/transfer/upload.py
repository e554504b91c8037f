"""Uploading whole files: in one request if they are small, in parallel parts if they are not."""

import os
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5
from typing import TYPE_CHECKING, Any, BinaryIO, Unpack, cast

from coskit.client._async.concurrency import async_blocking, async_deadline, async_sleep
from coskit.client._async.transfer.context import AsyncEngine, in_part
from coskit.client._async.transfer.multipart_upload import AsyncMultipartUpload
from coskit.client.settings.argument_checks import check, check_known, path_of
from coskit.client.settings.progress import Callback
from coskit.client.settings.transfers import MIB
from coskit.client.transfer.body_source import refuse_body_options
from coskit.client.transfer.parts import (
    SINGLE_UPLOAD,
    PartRange,
    comfortable_part_size,
    plan_parts,
)
from coskit.client.transfer.progress import Progress
from coskit.client.transfer.state.upload_state import fingerprint, is_md5, matching
from coskit.client.transfer.upload_source import CheckedReader, FileSource, UploadSource
from coskit.protocol import types
from coskit.protocol.codec.checksums.md5_crc64 import crc64, crc64_combine
from coskit.protocol.errors import CosException, IntegrityError

if TYPE_CHECKING:
    from coskit.client.settings.transfer_options import UploadOptions

# What one part on its way holds in memory at most: a chunk that is sent and one that is read.
_IN_FLIGHT = 2 * MIB
_BLOCK = MIB
_STREAMED = 8  # MB of a part where the file's size says nothing


@dataclass(frozen=True, slots=True)
class _Sent:
    """What is known of a part that the service has."""

    etag: str
    crc64: int


class AsyncUploads(AsyncEngine):
    """Uploads of files of any size."""

    @abstractmethod
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
        """Upload everything that a stream gives until it ends."""

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
        """Upload a file: up to 20 MB in one request, above that in parts, several at a time.

        An upload in parts that is interrupted, by whatever, goes on at the next call with the same
        file, destination and options. A file that changes while it is read is never stored. One of
        the kernel, whose size says nothing, is read to its end, and nothing of it is resumed.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            LocalFilePath: the file.
            PartSize: of a part at least, in MB; parts of large files are larger.
            MAXThread: parts that are on their way at a time, at most.
            EnableMD5: send the MD5 of every body with it.
            progress_callback: called with the bytes that are through, as a `Consumed`, and with
                all there are; from any thread, but from one at a time.
            Resume: keep what was sent of an upload that fails, and go on with one that did; False
                aborts it instead.
            Deadline: seconds that the whole may take.
            **options: as for `put_object`, such as `StorageClass` or `Metadata`.

        Returns:
            What `put_object` or `complete_multipart_upload` returned.

        Raises:
            CosServiceError: the service refused a request.
            SourceChanged: the file changed on the way; nothing was stored.
            TransferTimeout: the deadline passed.
            CosClientError: a request failed.
            OSError: the file cannot be read.
        """
        path = path_of("LocalFilePath", LocalFilePath)
        check(PartSize=PartSize, Resume=Resume)
        _check_options(options)
        source = await async_blocking(FileSource, path)
        if not source.is_measured:
            with await async_blocking(open, path, "rb", 0) as file:
                return await self.upload_stream(
                    Bucket,
                    Key,
                    file,
                    PartSize=max(PartSize, _STREAMED),
                    MAXThread=MAXThread,
                    EnableMD5=EnableMD5,
                    progress_callback=progress_callback,
                    Deadline=Deadline,
                    **options,
                )
        return await self._upload_source(
            source,
            Bucket,
            Key,
            PartSize=PartSize,
            MAXThread=MAXThread,
            EnableMD5=EnableMD5,
            progress_callback=progress_callback,
            Resume=Resume,
            Deadline=Deadline,
            **options,
        )

    async def _upload_source(
        self,
        source: UploadSource,
        Bucket: str,
        Key: str,
        *,
        PartSize: int = 1,
        MAXThread: int = 5,
        EnableMD5: bool = False,
        progress_callback: Callback | None = None,
        Resume: bool = True,
        Deadline: float | None = None,
        **options: "Unpack[UploadOptions]",
    ) -> types.PutObjectResult | types.CompleteMultipartUploadResult:
        """Upload what a source gives; arguments, result and errors are those of `upload_file`."""
        check(
            PartSize=PartSize,
            MAXThread=MAXThread,
            EnableMD5=EnableMD5,
            progress_callback=progress_callback,
            Resume=Resume,
            Deadline=Deadline,
        )
        _check_options(options)
        part_size = comfortable_part_size(source.size, self._least_part(PartSize))
        parts = plan_parts(source.size, part_size)
        progress = Progress(progress_callback, source.size)
        result: Any
        if source.size <= SINGLE_UPLOAD:
            async with async_deadline(Deadline):
                result = await self._upload_at_once(
                    source, progress, {"Bucket": Bucket, "Key": Key}, EnableMD5, options
                )
            progress.finish(source.size)
            return result  # type: ignore[no-any-return]
        identity = {
            **source.identity,
            "kind": "upload",
            "bucket": Bucket,
            "key": Key,
            "part_size": part_size,
            "options": fingerprint(options),
        }
        async with self._journal(identity if Resume else None) as journal:
            upload = AsyncMultipartUpload(self, self._config, Bucket, Key, options, journal)
            transfer = _Transfer(source, parts, upload, progress, MAXThread, EnableMD5)
            try:
                async with async_deadline(Deadline):
                    result = await self._upload_in_parts(transfer)
            except BaseException as error:
                await upload.end_badly(error)
                raise
            await upload.end_well(result.get("Date", ""))
        progress.finish(source.size)
        return result  # type: ignore[no-any-return]

    async def _upload_at_once(
        self,
        source: UploadSource,
        progress: Progress,
        place: dict[str, Any],
        enable_md5: bool,
        options: Mapping[str, Any],
    ) -> types.PutObjectResult:
        metadata = {**(options.get("Metadata") or {}), **source.metadata}
        changes: dict[str, Any] = {"Metadata": metadata} if metadata else {}
        if not source.size:  # of others, reading the last byte checks them
            await async_blocking(source.check)
        async with self._memory(min(_IN_FLIGHT, source.size)):
            section = source.section(0, source.size)
            with CheckedReader(section, source.size, progress.part(), source.check) as body:
                result = await self.put_object(
                    **place,
                    Body=cast(BinaryIO, body),
                    EnableMD5=enable_md5,
                    **{**options, **changes},
                )
        etag_of(result)
        return result

    async def _upload_in_parts(self, transfer: "_Transfer") -> dict[str, Any]:
        source, upload = transfer.source, transfer.upload
        await upload.clear()
        sent: dict[int, _Sent] = {}
        if upload.trace.upload_id:
            await async_blocking(source.restore, upload.trace.source)
            listed = await upload.listed()
            if listed is not None:
                sent = await self._verify(transfer, listed)
            elif (done := await upload.completed(source.size)) is not None:
                return done
            else:
                await upload.forget()
        if not upload.trace.upload_id:
            await upload.begin(source.metadata, source.state)
        await self._send(transfer, sent)
        await async_blocking(source.check)
        in_order = [sent[part.number] for part in transfer.parts]
        whole = 0
        for part, known in zip(transfer.parts, in_order, strict=True):
            whole = crc64_combine(whole, known.crc64, part.length)
        return await upload.complete([known.etag for known in in_order], source.size, whole)

    async def _verify(
        self, transfer: "_Transfer", listed: list[types.ListedPart]
    ) -> dict[int, _Sent]:
        """Return those listed parts that are what the source has there."""
        found: dict[int, _Sent] = {}

        async def verify(part: PartRange, etag: str) -> None:
            async with self._memory(_IN_FLIGHT):
                hexdigest, sum_ = await _sums(transfer.source, part)
            if is_md5(etag, hexdigest):
                found[part.number] = _Sent(etag, sum_)
                transfer.progress.resume(part.length)

        async with self._workers(transfer.limit) as workers:
            for part, etag in matching(transfer.parts, listed):
                await workers.submit(verify, part, etag)
        return found

    async def _send(self, transfer: "_Transfer", sent: dict[int, _Sent]) -> None:
        """Send the parts that are not among `sent`, and add them."""
        source, upload = transfer.source, transfer.upload
        place, options = upload.place, upload.part_options

        async def send(part: PartRange) -> None:
            try:
                async with self._memory(_IN_FLIGHT):
                    section = source.section(part.offset, part.length)
                    progress = transfer.progress.part()
                    with CheckedReader(section, part.length, progress, source.check) as body:
                        result = await self.upload_part(
                            **place,
                            Body=cast(BinaryIO, body),
                            PartNumber=part.number,
                            EnableMD5=transfer.enable_md5,
                            **options,
                        )
                        sent[part.number] = _Sent(etag_of(result), body.crc64)
            except CosException as error:
                in_part(error, part.number)
                raise
            self._adaptive_limit.moved(part.length, workers.busy)

        async with self._workers(transfer.limit) as workers:
            for part in transfer.parts:
                if part.number not in sent:
                    await workers.submit(send, part)


@dataclass(frozen=True, slots=True)
class _Transfer:
    """One upload in parts: what is sent, to where, and how."""

    source: UploadSource
    parts: tuple[PartRange, ...]
    upload: AsyncMultipartUpload
    progress: Progress
    limit: int
    enable_md5: bool


def _check_options(options: "UploadOptions") -> None:
    refuse_body_options(options)
    check_known("upload_file", options, "UploadOptions")


def etag_of(result: Mapping[str, Any]) -> str:
    """Return the ETag of what was sent.

    Raises:
        IntegrityError: the service did not tell it, so it cannot be said what was stored.
    """
    etag = str(result.get("ETag") or "")
    if not etag:
        raise IntegrityError("The service reported success, but not which ETag it stored")
    return etag


async def _sums(source: UploadSource, part: PartRange) -> tuple[str, int]:
    """Return MD5 and CRC64 of a part, from one reading."""
    digest, sum_ = md5(), 0
    with source.section(part.offset, part.length) as section:

        def add() -> bytes:
            nonlocal sum_
            chunk = section.read(_BLOCK)
            digest.update(chunk)
            sum_ = crc64(chunk, sum_)
            return chunk

        while await async_blocking(add):
            await async_sleep(0)  # where a transfer that has ended is left
    return digest.hexdigest(), sum_
