"""Uploads of sources of known size: in one request if they are small, in parallel parts if not."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5
from typing import Any, BinaryIO, cast

from coskit.client._async.concurrency import async_blocking, async_deadline, async_sleep
from coskit.client._async.operations import AsyncOperations
from coskit.client._async.paginators import AsyncPaginators
from coskit.client._async.transfer.context import AsyncTransferContext, etag_of, in_part
from coskit.client._async.transfer.multipart_upload import AsyncMultipartUpload
from coskit.client.settings.argument_checks import check_known
from coskit.client.settings.transfers import MIB
from coskit.client.transfer.body_source import refuse_body_options
from coskit.client.transfer.options import TransferOptions
from coskit.client.transfer.parts import (
    SINGLE_UPLOAD,
    PartRange,
    comfortable_part_size,
    plan_parts,
)
from coskit.client.transfer.progress import Progress
from coskit.client.transfer.state.upload_state import fingerprint, is_md5, matching
from coskit.client.transfer.upload_source import CheckedReader, UploadSource
from coskit.protocol import types
from coskit.protocol.codec.checksums.md5_crc64 import crc64, crc64_combine
from coskit.protocol.errors import CosException

# The most memory that a part in flight needs: the chunk being sent and the chunk being read.
_IN_FLIGHT = 2 * MIB
_BLOCK = MIB


def check_upload_options(options: Mapping[str, Any]) -> None:
    """Refuse request options that an upload does not have.

    Raises:
        ParameterError: an option is unknown, or describes a single body.
    """
    refuse_body_options(options)
    check_known("upload_file", options, "UploadOptions")


class AsyncUploader:
    """Uploads sources of known size."""

    def __init__(self, operations: AsyncPaginators, context: AsyncTransferContext) -> None:
        self._operations = operations
        self._context = context

    async def upload(
        self, source: UploadSource, bucket: str, key: str, options: TransferOptions
    ) -> Any:
        """Upload a source and return the result of `put_object` or `complete_multipart_upload`.

        Raises:
            CosServiceError: the service refused a request.
            SourceChanged: the source changed during the upload; nothing was stored.
            TransferTimeout: the deadline passed.
            CosClientError: a request failed.
        """
        check_upload_options(options.request)
        part_size = comfortable_part_size(source.size, self._context.part_bytes(options.part_size))
        parts = plan_parts(source.size, part_size)
        progress = Progress(options.progress, source.size)
        result: Any
        if source.size <= SINGLE_UPLOAD:
            async with async_deadline(options.deadline):
                result = await self._upload_at_once(source, bucket, key, options, progress)
        else:
            upload = _UploadInParts(self._operations, self._context, source, options, progress)
            result = await upload.run(bucket, key, parts, part_size)
        progress.finish(source.size)
        return result

    async def _upload_at_once(
        self,
        source: UploadSource,
        bucket: str,
        key: str,
        options: TransferOptions,
        progress: Progress,
    ) -> types.PutObjectResult:
        request = _request_at_once(options, source.metadata)
        if not source.size:  # a source that is not empty is checked at its last byte
            await async_blocking(source.check)
        async with self._context.memory(min(_IN_FLIGHT, source.size)):
            chunk = source.section(0, source.size)
            with CheckedReader(chunk, source.size, progress.part(), source.check) as body:
                content = cast(BinaryIO, body)
                result = await self._operations.put_object(bucket, content, key, **request)
        etag_of(result)
        return result

    async def upload_content(
        self, content: bytes, bucket: str, key: str, options: TransferOptions
    ) -> types.PutObjectResult:
        """Upload a small content that is in memory; see `upload`."""
        progress = Progress(options.progress, len(content))
        request = _request_at_once(options, {})
        async with async_deadline(options.deadline):
            result = await self._operations.put_object(bucket, content, key, **request)
        etag_of(result)
        progress.finish(len(content))
        return result


def _request_at_once(options: TransferOptions, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of the one request of an upload.

    Args:
        options: the options of the transfer.
        metadata: metadata that is added to that of the options.
    """
    request: dict[str, Any] = {**options.request, "EnableMD5": options.enable_md5}
    both = {**(request.get("Metadata") or {}), **metadata}
    return {**request, "Metadata": both} if both else request


@dataclass(frozen=True, slots=True)
class _UploadedPart:
    """A part that the service has."""

    etag: str
    crc64: int


class _UploadInParts:
    """One upload in parallel parts."""

    def __init__(
        self,
        operations: AsyncPaginators,
        context: AsyncTransferContext,
        source: UploadSource,
        options: TransferOptions,
        progress: Progress,
    ) -> None:
        self._operations = operations
        self._context = context
        self._source = source
        self._options = options
        self._progress = progress

    async def run(
        self, bucket: str, key: str, parts: tuple[PartRange, ...], part_size: int
    ) -> dict[str, Any]:
        """Upload the parts that are missing and complete the upload."""
        options = self._options
        identity = {
            **self._source.identity,
            "kind": "upload",
            "bucket": bucket,
            "key": key,
            "part_size": part_size,
            "options": fingerprint(options.request),
        }
        async with self._context.journal(identity if options.resume else None) as journal:
            upload = AsyncMultipartUpload(
                self._operations, self._context, bucket, key, options.request, journal
            )
            try:
                async with async_deadline(options.deadline):
                    result = await self._upload(upload, parts)
            except BaseException as error:
                await upload.end_badly(error)
                raise
            await upload.end_well(result.get("Date", ""))
        return result

    async def _upload(
        self, upload: AsyncMultipartUpload, parts: tuple[PartRange, ...]
    ) -> dict[str, Any]:
        source = self._source
        await upload.clear()
        uploaded: dict[int, _UploadedPart] = {}
        if upload.state.upload_id:
            await async_blocking(source.restore, upload.state.source)
            listed = await upload.listed()
            if listed is not None:
                uploaded = await self._verify_listed_parts(parts, listed)
            elif (done := await upload.completed(source.size)) is not None:
                return done
            else:
                await upload.forget()
        if not upload.state.upload_id:
            await upload.begin(source.metadata, source.state)
        await self._upload_missing_parts(upload, parts, uploaded)
        await async_blocking(source.check)
        in_order = [uploaded[part.number] for part in parts]
        whole = 0
        for part, known in zip(parts, in_order, strict=True):
            whole = crc64_combine(whole, known.crc64, part.length)
        return await upload.complete([known.etag for known in in_order], source.size, whole)

    async def _verify_listed_parts(
        self, parts: tuple[PartRange, ...], listed: list[types.ListedPart]
    ) -> dict[int, _UploadedPart]:
        """Return the listed parts whose MD5 is that of the source's bytes."""
        found: dict[int, _UploadedPart] = {}

        async def verify(part: PartRange, etag: str) -> None:
            async with self._context.memory(_IN_FLIGHT):
                hexdigest, sum_ = await _checksums(self._source, part)
            if is_md5(etag, hexdigest):
                found[part.number] = _UploadedPart(etag, sum_)
                self._progress.resume(part.length)

        async with self._context.workers(self._options.threads) as workers:
            for part, etag in matching(parts, listed):
                await workers.submit(verify, part, etag)
        return found

    async def _upload_missing_parts(
        self,
        upload: AsyncMultipartUpload,
        parts: tuple[PartRange, ...],
        uploaded: dict[int, _UploadedPart],
    ) -> None:
        """Upload the parts that are missing in `uploaded`, and add them to it."""
        request: dict[str, Any] = {
            **upload.place,
            "EnableMD5": self._options.enable_md5,
            **upload.part_options,
        }
        operations: AsyncOperations = self._operations

        async def send(part: PartRange) -> None:
            try:
                async with self._context.memory(_IN_FLIGHT):
                    chunk = self._source.section(part.offset, part.length)
                    progress = self._progress.part()
                    with CheckedReader(chunk, part.length, progress, self._source.check) as body:
                        result = await operations.upload_part(
                            Body=cast(BinaryIO, body), PartNumber=part.number, **request
                        )
                        uploaded[part.number] = _UploadedPart(etag_of(result), body.crc64)
            except CosException as error:
                in_part(error, part.number)
                raise
            self._context.adaptive_limit.moved(part.length, workers.busy)

        async with self._context.workers(self._options.threads) as workers:
            for part in parts:
                if part.number not in uploaded:
                    await workers.submit(send, part)


async def _checksums(source: UploadSource, part: PartRange) -> tuple[str, int]:
    """Return the MD5 and the CRC64 of a part, which is read once."""
    digest, sum_ = md5(), 0
    with source.section(part.offset, part.length) as chunk:

        def add() -> bytes:
            nonlocal sum_
            block = chunk.read(_BLOCK)
            digest.update(block)
            sum_ = crc64(block, sum_)
            return block

        while await async_blocking(add):
            await async_sleep(0)  # a cancelled transfer stops here
    return digest.hexdigest(), sum_
