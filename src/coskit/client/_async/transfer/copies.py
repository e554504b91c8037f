"""Copying objects of any size within the service: in one request or in parallel parts."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Unpack, cast

from coskit.client._async.concurrency import async_deadline
from coskit.client._async.transfer.context import AsyncEngine, in_part
from coskit.client._async.transfer.download import AsyncDownloads
from coskit.client._async.transfer.multipart_upload import AsyncMultipartUpload
from coskit.client._async.transfer.upload import etag_of
from coskit.client.settings.argument_checks import check, check_known
from coskit.client.settings.progress import Callback
from coskit.client.transfer.copy_options import (
    SINGLE_COPY,
    elsewhere,
    for_head,
    for_parts,
    for_upload,
    place_of,
    tagging_header,
)
from coskit.client.transfer.parts import PartRange, plan_parts
from coskit.client.transfer.progress import Progress
from coskit.client.transfer.ranges import FoundObject, range_header, read_answer
from coskit.protocol import types
from coskit.protocol.errors import (
    CosException,
    CosServiceError,
    IntegrityError,
    NoSuchTagSet,
    NoSuchUpload,
    ObjectChanged,
)

if TYPE_CHECKING:
    from coskit.client.settings.transfer_options import CopyOptions

# The service's answers for a source that is not what it was.
_GONE = frozenset((404, 412))


@dataclass(frozen=True, slots=True)
class _Source:
    """The object that is copied.

    Attributes:
        named: as the caller named it, held to the version that was found.
        found: what it is.
        head: its headers.
    """

    named: types.CopySource
    found: FoundObject
    head: Mapping[str, Any]

    @property
    def condition(self) -> dict[str, str]:
        """What holds a copy to the object that was found."""
        return {"CopySourceIfMatch": self.found.etag} if self.found.etag else {}

    def confirm(self, result: Mapping[str, Any]) -> None:
        """Compare the CRC64 of the copy with the source's, if both are told.

        Raises:
            IntegrityError: they differ.
        """
        made = str(result.get("CRC64") or result.get("x-cos-hash-crc64ecma") or "")
        if made.isdecimal() and self.found.crc64 not in (None, int(made)):
            raise IntegrityError(
                f"The copy is there, but wrong: its CRC64 is {made}, that of its source is "
                f"{self.found.crc64}"
            )


class AsyncCopies(AsyncDownloads):
    """Copies of objects of any size."""

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
        """Copy an object of any size inside the service; its bytes do not come here.

        Up to 5 GB it takes one request, above that parts are copied side by side. Either way
        headers, metadata and tags go along, while storage class, access rights and encryption are
        those that this call asks for. The source is looked at first: one that is replaced
        meanwhile is not copied, or it is its old version that is. A copy that fails leaves nothing
        behind.

        Args:
            Bucket: the bucket to copy to.
            Key: the key to copy to.
            CopySource: the source: `Bucket`, `Key`, `Region` and, for one version, `VersionId`.
            CopyStatus: `Copy` keeps headers and metadata, `Replaced` takes this call's.
            PartSize: of a part, in MB; it grows where 10,000 parts would not be enough.
            MAXThread: parts that are copied at a time at most.
            progress_callback: called with the bytes that are copied and those there are.
            Deadline: seconds that all of it may take.
            **options: as for `copy_object`, such as `StorageClass` or `TaggingDirective`.

        Returns:
            What `copy_object` or `complete_multipart_upload` returned.

        Raises:
            CosServiceError: the service refused a request.
            ObjectChanged: the source was replaced or deleted meanwhile.
            IntegrityError: the copy's CRC64 is not its source's.
            TransferTimeout: the deadline has passed.
            CosClientError: a request failed.
        """
        return await self._copy(
            Bucket,
            Key,
            CopySource,
            CopyStatus,
            PartSize=PartSize,
            MAXThread=MAXThread,
            progress_callback=progress_callback,
            Deadline=Deadline,
            single=SINGLE_COPY,
            **options,
        )

    async def _copy(
        self,
        Bucket: str,
        Key: str,
        CopySource: types.CopySource,
        CopyStatus: types.Directive,
        *,
        PartSize: int,
        MAXThread: int,
        progress_callback: Callback | None,
        Deadline: float | None,
        single: int,
        **options: "Unpack[CopyOptions]",
    ) -> types.CopyObjectResult | types.CompleteMultipartUploadResult:
        """Copy an object, in one request if it has no more than `single` bytes."""
        check(
            CopyStatus=CopyStatus,
            PartSize=PartSize,
            MAXThread=MAXThread,
            progress_callback=progress_callback,
            Deadline=Deadline,
        )
        check_known("copy", options, "CopyOptions")
        to: dict[str, Any] = {"Bucket": Bucket, "Key": Key}
        progress, upload = Progress(progress_callback, None), None
        result: Any
        try:
            async with async_deadline(Deadline):
                source = await self._find_source(CopySource, options)
                progress.start(source.found.size)
                if source.found.size <= single:
                    result = await self._copy_at_once(to, source, CopyStatus, options)
                else:
                    parts = plan_parts(source.found.size, self._least_part(PartSize))
                    known = await self._taken_along(source, CopyStatus, options)
                    upload = AsyncMultipartUpload(self, self._config, Bucket, Key, known)
                    result = await self._copy_in_parts(
                        upload, source, parts, MAXThread, for_parts(options), progress
                    )
                source.confirm(result)
        except BaseException as error:
            if upload is not None:
                await upload.end_badly(error)
            raise
        if upload is not None:
            await upload.end_well(result.get("Date", ""))
        progress.finish(source.found.size)
        return cast(types.CopyObjectResult | types.CompleteMultipartUploadResult, result)

    @asynccontextmanager
    async def _at_source(self, source: Mapping[str, Any]) -> AsyncIterator[AsyncEngine]:
        """Give a client of the service that the source is at: this one, if it can be."""
        from coskit.client._async.client import AsyncClient  # which is built on this module

        there = elsewhere(source, self._config.endpoint, self._config.region)
        if there is None:
            yield self
            return
        region = str(source.get("Region") or "")
        async with AsyncClient(
            config=replace(self._config, endpoint=there, region=region)
        ) as client:
            yield client

    async def _find_source(self, named: types.CopySource, options: Mapping[str, Any]) -> _Source:
        place = place_of(named)
        asked: dict[str, Any] = {**place, **for_head(options)}
        async with self._at_source(named) as client:
            head: Mapping[str, Any] = await client.head_object(**asked)
        found, _ = read_answer(head)
        held = cast(types.CopySource, dict(named))
        if found.version:
            held["VersionId"] = found.version
        return _Source(held, found, head)

    async def _taken_along(
        self, source: _Source, status: str, options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the options of the upload: the caller's, and what the source hands down."""
        known = for_upload(options, source.head, status)
        if options.get("TaggingDirective") == "Replaced":
            return {**known, "Tagging": options["Tagging"]} if options.get("Tagging") else known
        place: dict[str, Any] = {**place_of(source.named)}
        async with self._at_source(source.named) as client:
            try:
                tagging: Mapping[str, Any] = await client.get_object_tagging(**place)
            except NoSuchTagSet:
                return known
        tags = tagging_header(tagging)
        return {**known, "Tagging": tags} if tags else known

    async def _copy_at_once(
        self,
        to: Mapping[str, Any],
        source: _Source,
        status: types.Directive,
        options: Mapping[str, Any],
    ) -> types.CopyObjectResult:
        held: dict[str, Any] = {**to, **options, **source.condition}
        held.pop("CopySourceIfUnmodifiedSince", None)  # met already, and void beside an ETag
        try:
            return await self.copy_object(CopySource=source.named, CopyStatus=status, **held)
        except CosServiceError as error:
            await self._explain(error, source, options)
            raise

    async def _copy_in_parts(
        self,
        upload: AsyncMultipartUpload,
        source: _Source,
        parts: tuple[PartRange, ...],
        limit: int,
        options: Mapping[str, Any],
        progress: Progress,
    ) -> dict[str, Any]:
        await upload.begin({}, {})
        etags: dict[int, str] = {}
        held = {**upload.part_options, **options, **source.condition}

        async def copy(part: PartRange) -> None:
            try:
                made = await self.upload_part_copy(
                    **upload.place,
                    PartNumber=part.number,
                    CopySource=source.named,
                    CopySourceRange=range_header(part),
                    **held,
                )
                etags[part.number] = etag_of(made)
            except CosException as error:
                in_part(error, part.number)
                if isinstance(error, CosServiceError):
                    await self._explain(error, source, options)
                raise
            progress.advance(part.length)
            self._adaptive_limit.moved(part.length, workers.busy)

        async with self._workers(limit) as workers:
            for part in parts:
                await workers.submit(copy, part)
        in_order = [etags[part.number] for part in parts]
        return await upload.complete(in_order, source.found.size, source.found.crc64)

    async def _explain(
        self, error: CosServiceError, source: _Source, options: Mapping[str, Any]
    ) -> None:
        """Find out whether a refusal is because of the source: conditions have one answer for all.

        Raises:
            ObjectChanged: the source is not what was found.
        """
        if error.status not in _GONE or isinstance(error, NoSuchUpload):
            return
        asked: dict[str, Any] = {**place_of(source.named), **for_head(options)}
        try:
            async with self._at_source(source.named) as client:
                await client.head_object(**{**asked, **source.found.conditions()})
        except CosServiceError as answer:
            if answer.status in _GONE:
                changed = ObjectChanged("The source was replaced or deleted while it was copied")
                changed.part_number = error.part_number
                raise changed from error
