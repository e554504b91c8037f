"""Copies of objects of any size within the service: in one request or in parallel parts."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

from coskit.client._async.concurrency import async_deadline
from coskit.client._async.operations import AsyncOperations
from coskit.client._async.paginators import AsyncPaginators
from coskit.client._async.transfer.context import AsyncTransferContext, etag_of, in_part
from coskit.client._async.transfer.multipart_upload import AsyncMultipartUpload
from coskit.client.settings.argument_checks import check, check_known
from coskit.client.transfer.copy_options import (
    SINGLE_COPY,
    elsewhere,
    for_head,
    for_parts,
    for_upload,
    place_of,
    tagging_header,
)
from coskit.client.transfer.options import TransferOptions
from coskit.client.transfer.parts import PartRange, plan_parts
from coskit.client.transfer.progress import Progress
from coskit.client.transfer.ranges import FoundObject, range_header, read_response
from coskit.protocol import types
from coskit.protocol.errors import (
    CosException,
    CosServiceError,
    IntegrityError,
    NoSuchTagSet,
    NoSuchUpload,
    ObjectChanged,
)

# The statuses of responses about a source that was replaced or deleted.
_GONE = frozenset((404, 412))


@dataclass(frozen=True, slots=True)
class _SourceObject:
    """The object that is copied.

    Attributes:
        named: the CopySource of the call, bound to the version that was found.
        found: the object's state.
        head: the object's headers.
    """

    named: types.CopySource
    found: FoundObject
    head: Mapping[str, Any]

    @property
    def condition(self) -> dict[str, str]:
        """The parameters that bind a copy to the object that was found."""
        return {"CopySourceIfMatch": self.found.etag} if self.found.etag else {}

    def confirm(self, result: Mapping[str, Any]) -> None:
        """Compare the CRC64 of the copy with the source's, if both are known.

        Raises:
            IntegrityError: the two differ.
        """
        made = str(result.get("CRC64") or result.get("x-cos-hash-crc64ecma") or "")
        if made.isdecimal() and self.found.crc64 not in (None, int(made)):
            raise IntegrityError(
                f"The copy is there, but wrong: its CRC64 is {made}, that of its source is "
                f"{self.found.crc64}"
            )


class AsyncCopier:
    """Copies objects of any size."""

    def __init__(self, operations: AsyncPaginators, context: AsyncTransferContext) -> None:
        self._operations = operations
        self._context = context

    async def copy(
        self,
        bucket: str,
        key: str,
        source: types.CopySource,
        status: types.Directive,
        options: TransferOptions,
        single: int | None = None,
    ) -> Any:
        """Copy an object; return the result of `copy_object` or `complete_multipart_upload`.

        Args:
            bucket: the bucket of the copy.
            key: the key of the copy.
            source: the object that is copied.
            status: `Copy` or `Replaced`.
            options: the options of the transfer.
            single: the largest number of bytes that is copied in one request; None for 5 GB.

        Raises:
            CosServiceError: the service refused a request.
            ObjectChanged: the source was replaced or deleted during the copy.
            IntegrityError: the copy's CRC64 differs from the source's.
            TransferTimeout: the deadline passed.
            CosClientError: a request failed.
        """
        check(CopyStatus=status)
        check_known("copy", options.request, "CopyOptions")
        copy = _Copy(self._operations, self._context, bucket, key, status, options)
        return await copy.run(source, SINGLE_COPY if single is None else single)


class _Copy:
    """One copy."""

    def __init__(
        self,
        operations: AsyncPaginators,
        context: AsyncTransferContext,
        bucket: str,
        key: str,
        status: types.Directive,
        options: TransferOptions,
    ) -> None:
        self._operations = operations
        self._context = context
        self._place: dict[str, Any] = {"Bucket": bucket, "Key": key}
        self._status: types.Directive = status
        self._options = options
        self._request = options.request
        self._progress = Progress(options.progress, None)
        self._upload: AsyncMultipartUpload | None = None

    async def run(self, named: types.CopySource, single: int) -> Any:
        """Copy the object; leave nothing behind if the copy fails."""
        try:
            async with async_deadline(self._options.deadline):
                source = await self._find_source(named)
                self._progress.start(source.found.size)
                if source.found.size <= single:
                    result: Mapping[str, Any] = await self._copy_at_once(source)
                else:
                    result = await self._copy_in_parts(source)
                source.confirm(result)
        except BaseException as error:
            if self._upload is not None:
                await self._upload.end_badly(error)
            raise
        if self._upload is not None:
            await self._upload.end_well(result.get("Date", ""))
        self._progress.finish(source.found.size)
        return result

    @asynccontextmanager
    async def _at_source(self, source: Mapping[str, Any]) -> AsyncIterator[AsyncOperations]:
        """Yield the operations of the service that has the source."""
        config = self._context.config
        there = elsewhere(source, config.endpoint, config.region)
        if there is None:
            yield self._operations
            return
        region = str(source.get("Region") or "")
        async with self._context.connect(replace(config, endpoint=there, region=region)) as other:
            yield other

    async def _find_source(self, named: types.CopySource) -> _SourceObject:
        asked: dict[str, Any] = {**place_of(named), **for_head(self._request)}
        async with self._at_source(named) as operations:
            head: Mapping[str, Any] = await operations.head_object(**asked)
        found, _ = read_response(head)
        bound = cast(types.CopySource, dict(named))
        if found.version:
            bound["VersionId"] = found.version
        return _SourceObject(bound, found, head)

    async def _copy_at_once(self, source: _SourceObject) -> types.CopyObjectResult:
        bound: dict[str, Any] = {**self._place, **self._request, **source.condition}
        # The HEAD has met it already, and the service ignores it beside an ETag.
        bound.pop("CopySourceIfUnmodifiedSince", None)
        try:
            return await self._operations.copy_object(
                CopySource=source.named, CopyStatus=self._status, **bound
            )
        except CosServiceError as error:
            await self._raise_if_source_changed(error, source, self._request)
            raise

    async def _copy_in_parts(self, source: _SourceObject) -> dict[str, Any]:
        part_size = self._context.part_bytes(self._options.part_size)
        parts = plan_parts(source.found.size, part_size)
        bucket, key = self._place["Bucket"], self._place["Key"]
        kept = await self._kept(source)
        upload = AsyncMultipartUpload(self._operations, self._context, bucket, key, kept)
        self._upload = upload
        await upload.begin({}, {})
        etags: dict[int, str] = {}
        options = for_parts(self._request)
        bound = {**upload.part_options, **options, **source.condition}

        async def copy(part: PartRange) -> None:
            try:
                made = await self._operations.upload_part_copy(
                    **upload.place,
                    PartNumber=part.number,
                    CopySource=source.named,
                    CopySourceRange=range_header(part),
                    **bound,
                )
                etags[part.number] = etag_of(made)
            except CosException as error:
                in_part(error, part.number)
                if isinstance(error, CosServiceError):
                    await self._raise_if_source_changed(error, source, options)
                raise
            self._progress.advance(part.length)
            self._context.adaptive_limit.moved(part.length, workers.busy)

        async with self._context.workers(self._options.threads) as workers:
            for part in parts:
                await workers.submit(copy, part)
        in_order = [etags[part.number] for part in parts]
        return await upload.complete(in_order, source.found.size, source.found.crc64)

    async def _kept(self, source: _SourceObject) -> dict[str, Any]:
        """Return the options of the upload: from the call and from the source."""
        request = self._request
        kept = for_upload(request, source.head, self._status)
        if request.get("TaggingDirective") == "Replaced":
            return {**kept, "Tagging": request["Tagging"]} if request.get("Tagging") else kept
        place: dict[str, Any] = {**place_of(source.named)}
        async with self._at_source(source.named) as operations:
            try:
                tagging: Mapping[str, Any] = await operations.get_object_tagging(**place)
            except NoSuchTagSet:
                return kept
        tags = tagging_header(tagging)
        return {**kept, "Tagging": tags} if tags else kept

    async def _raise_if_source_changed(
        self, error: CosServiceError, source: _SourceObject, options: Mapping[str, Any]
    ) -> None:
        """Request the source again, because one status stands for every unmet condition.

        Raises:
            ObjectChanged: the source was replaced or deleted.
        """
        if error.status not in _GONE or isinstance(error, NoSuchUpload):
            return
        asked: dict[str, Any] = {**place_of(source.named), **for_head(options)}
        try:
            async with self._at_source(source.named) as operations:
                await operations.head_object(**{**asked, **source.found.conditions()})
        except CosServiceError as response:
            if response.status in _GONE:
                changed = ObjectChanged("The source was replaced or deleted while it was copied")
                changed.part_number = error.part_number
                raise changed from error
