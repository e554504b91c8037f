"""Downloading whole objects: in parallel ranges, checked before the file appears."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack, cast

from coskit.client._async.body.streaming_body import AsyncBody
from coskit.client._async.concurrency import async_blocking, async_deadline
from coskit.client._async.transfer.context import in_part
from coskit.client._async.transfer.download_stream import BLOCK, AsyncOutflow
from coskit.client._async.transfer.object_reader import (
    AsyncOpenedObject,
    DownloadRequest,
    download_request,
)
from coskit.client.settings.argument_checks import check, check_known, path_of
from coskit.client.settings.progress import Callback
from coskit.client.settings.transfers import MIB
from coskit.client.transfer.download_target import (
    DownloadTarget,
    FileTarget,
    Section,
    is_special,
    write_whole,
)
from coskit.client.transfer.parts import PartRange
from coskit.client.transfer.progress import PartProgress, Progress
from coskit.client.transfer.ranges import FoundObject, plan_ranges, refuse_range
from coskit.client.transfer.state.download_state import DownloadState, PartDone, SavedDownload
from coskit.client.transfer.state.journal import Journal
from coskit.protocol import types
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import CosException, CosServiceError, IntegrityError, ObjectChanged

if TYPE_CHECKING:
    from coskit.client.settings.transfer_options import DownloadOptions

# Bytes that a part in flight holds: a block that is written, and what libcurl has read ahead.
_IN_FLIGHT = 2 * BLOCK


class _KeptDamageError(IntegrityError):
    """Bytes were damaged, maybe on the way to an earlier download, which this one went on with."""


class AsyncDownloads(AsyncOutflow):
    """Downloads of objects of any size."""

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
        """Download an object into a file, which appears under its name when it is whole and right.

        Up to `PartSize` it takes one request; above that parts travel side by side. All of them
        are of one object: one that is replaced meanwhile is downloaded anew, once. An interrupted
        download leaves the parts that it has beside the file, in a hidden file that its journal
        names; the next one of the same object to the same place goes on with them, and if the
        whole turns out to be damaged, begins anew. A pipe or a device is written to in order, and
        nothing of it is resumed.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            DestFilePath: the file; one that exists is replaced at once, at the end.
            PartSize: of a part, in MB.
            MAXThread: parts that are on their way at a time at most.
            EnableCRC: compare the CRC64 of the bytes with the object's.
            progress_callback: called with the bytes that have arrived, those of an earlier
                download included, and those there are.
            Resume: False leaves nothing behind if the download fails, and looks for nothing.
            Deadline: seconds that all of it may take.
            VersionId: the version meant, if not the latest.
            **options: as for `get_object`, such as `TrafficLimit` or a key of one's own.

        Returns:
            The object's headers, as `head_object` returns them.

        Raises:
            CosServiceError: the service refused a request.
            ObjectChanged: the object was replaced again and again, or deleted.
            IntegrityError: other bytes arrived than are stored; they are thrown away.
            TransferTimeout: the deadline has passed.
            CosClientError: a request failed.
            OSError: the file cannot be written.
        """
        path = path_of("DestFilePath", DestFilePath)
        check(PartSize=PartSize, Resume=Resume)
        if is_special(path):
            _check_options(options)
            with await async_blocking(open, path, "wb", 0) as file:
                return await self.download_fileobj(
                    Bucket,
                    Key,
                    file,
                    MAXThread=MAXThread,
                    EnableCRC=EnableCRC,
                    progress_callback=progress_callback,
                    Deadline=Deadline,
                    VersionId=VersionId,
                    **options,
                )
        return await self._download_to(
            FileTarget(path),
            Bucket,
            Key,
            PartSize=PartSize,
            MAXThread=MAXThread,
            EnableCRC=EnableCRC,
            progress_callback=progress_callback,
            Resume=Resume,
            Deadline=Deadline,
            VersionId=VersionId,
            **options,
        )

    async def _download_to(
        self,
        target: DownloadTarget,
        Bucket: str,
        Key: str,
        *,
        PartSize: int = 20,
        MAXThread: int = 5,
        EnableCRC: bool = True,
        progress_callback: Callback | None = None,
        Resume: bool = True,
        Deadline: float | None = None,
        VersionId: str = "",
        **options: "Unpack[DownloadOptions]",
    ) -> types.HeadObjectResult:
        """Download an object into a target; otherwise as `download_file`."""
        check(
            PartSize=PartSize,
            MAXThread=MAXThread,
            EnableCRC=EnableCRC,
            progress_callback=progress_callback,
            Resume=Resume,
            Deadline=Deadline,
        )
        _check_options(options)
        order = download_request(
            Bucket, Key, VersionId, PartSize * MIB, MAXThread, EnableCRC, options
        )
        identity = {"kind": "download", "bucket": Bucket, "key": Key, "version": VersionId}
        bound = {**identity, **target.identity} if Resume else None
        progress = Progress(progress_callback, None)
        async with async_deadline(Deadline):
            try:
                headers = await self._download(order, target, bound, progress)
            except _KeptDamageError:
                headers = await self._download(order, target, bound, progress)
            except ObjectChanged as change:
                try:
                    headers = await self._download(order, target, bound, progress)
                except CosServiceError as answer:
                    if answer.status == 404:
                        raise change from answer
                    raise
        return cast(types.HeadObjectResult, headers)

    async def _download(
        self,
        order: DownloadRequest,
        target: DownloadTarget,
        identity: Mapping[str, str] | None,
        progress: Progress,
    ) -> dict[str, Any]:
        """Download one object, or what is missing of it."""
        if self._is_journaled(identity):
            async with self._journal(identity) as journal:
                left = await self._left(journal, target)
                opened, left = await self._find_again(order, target, left)
                return await self._take(order, target, opened, journal, left, progress)
        opened = await self._find_object(order)
        if opened.is_whole and opened.found.size <= BLOCK:
            return await self._take_small(target, opened, progress)
        try:
            async with self._journal(identity) as journal:
                left = await self._left(journal, target)
                if left is not None:  # another process has just left it
                    await async_blocking(target.forget, left.target)
                return await self._take(order, target, opened, journal, None, progress)
        finally:
            await opened.close()

    async def _take_small(
        self, target: DownloadTarget, opened: AsyncOpenedObject, progress: Progress
    ) -> dict[str, Any]:
        """Write an object that has arrived as a whole; its body has checked it."""
        progress.start(opened.found.size)
        assert opened.body is not None
        async with self._memory(opened.found.size):
            try:
                content = await opened.body.read()
                await async_blocking(write_whole, target, opened.headers, content)
            except BaseException:
                target.discard()
                raise
            finally:
                await opened.close()
        progress.finish(opened.found.size)
        return opened.headers

    async def _take(
        self,
        order: DownloadRequest,
        target: DownloadTarget,
        opened: AsyncOpenedObject,
        journal: Journal | None,
        left: SavedDownload | None,
        progress: Progress,
    ) -> dict[str, Any]:
        """Bring what is missing of an object, check the whole, let it be seen."""
        found = opened.found
        arrivals = DownloadState(
            journal, left or SavedDownload(found, order.step, target.state, {})
        )
        progress.start(found.size)
        try:
            parts = await self._prepare(order, target, opened, arrivals, left, progress)
            await self._bring(order, target, opened, parts, arrivals, progress)
            await self._confirm(order, found, parts, arrivals, left)
            await async_blocking(target.finish)
        except BaseException as error:
            if isinstance(error, ObjectChanged):
                arrivals.drop()
            if arrivals.keep():
                target.suspend()
            else:
                target.discard()
            raise
        finally:
            await opened.close()
        arrivals.drop()
        progress.finish(found.size)
        return opened.headers

    async def _confirm(
        self,
        order: DownloadRequest,
        found: FoundObject,
        parts: tuple[PartRange, ...],
        arrivals: DownloadState,
        left: SavedDownload | None,
    ) -> None:
        try:
            order.confirm(found, await async_blocking(arrivals.crc64, parts))
        except IntegrityError as error:
            arrivals.drop()  # nobody knows which of the parts is damaged
            if left is not None:
                raise _KeptDamageError(str(error)) from error
            raise

    async def _prepare(
        self,
        order: DownloadRequest,
        target: DownloadTarget,
        opened: AsyncOpenedObject,
        arrivals: DownloadState,
        left: SavedDownload | None,
        progress: Progress,
    ) -> tuple[PartRange, ...]:
        """Make the target ready and return the parts that the object has."""
        found, headers = opened.found, opened.headers
        if left is not None and await async_blocking(
            target.resume, found.size, headers, left.target
        ):
            parts = plan_ranges(found.size, left.step)
            await self._look_over(order, target, parts, arrivals, left, progress)
            return parts
        await async_blocking(arrivals.begin, target.state)
        alignment = await async_blocking(target.begin, found.size, headers)
        # A service that does not know ranges sends everything at once.
        step = found.size if opened.is_whole else order.step
        parts = plan_ranges(found.size, max(step, 1), alignment)
        arrivals.cut(parts[0].length if parts else 1, target.state)
        return parts

    async def _look_over(
        self,
        order: DownloadRequest,
        target: DownloadTarget,
        parts: tuple[PartRange, ...],
        arrivals: DownloadState,
        left: SavedDownload,
        progress: Progress,
    ) -> None:
        """Take no part of an earlier download for granted: what is damaged is lost."""

        async def look(part: PartRange, arrived: PartDone) -> None:
            if await async_blocking(target.holds, part.offset, part.length, arrived.mark):
                progress.resume(part.length)
            else:
                arrivals.lose(part)

        async with self._workers(order.threads) as workers:
            for part in parts:
                if part.number in left.parts:
                    await workers.submit(look, part, left.parts[part.number])

    async def _bring(
        self,
        order: DownloadRequest,
        target: DownloadTarget,
        opened: AsyncOpenedObject,
        parts: tuple[PartRange, ...],
        arrivals: DownloadState,
        progress: Progress,
    ) -> None:
        """Fetch the parts that are missing, several at a time if there are several."""
        missing = [part for part in parts if part not in arrivals]

        async def fetch(part: PartRange) -> None:
            async with self._memory(_IN_FLIGHT):
                body = opened.body_of(part) or await self._open_part(order, opened.found, part)
                try:
                    section = target.section(part.offset, part.length)
                    try:
                        arrived = await _write_to(section, body, part, progress.part())
                    finally:
                        section.close()
                finally:
                    await body.aclose()
            await async_blocking(arrivals.add, part, arrived)

        async def fetch_beside(part: PartRange) -> None:
            await fetch(part)
            self._adaptive_limit.moved(part.length, workers.busy)

        if len(missing) == 1:
            await fetch(missing[0])
            return
        if not any(opened.body_of(part) for part in missing):
            await opened.close()
        async with self._workers(order.threads) as workers:
            for part in missing:
                await workers.submit(fetch_beside, part)


def _check_options(options: "DownloadOptions") -> None:
    refuse_range(options)
    check_known("download_file", options, "DownloadOptions")


async def _write_to(
    section: Section, body: AsyncBody, part: PartRange, seen: PartProgress
) -> PartDone:
    """Write a part's bytes where they belong, a block at a time."""
    sum_, received = 0, 0
    pieces, held = list[bytes](), 0
    try:
        while chunk := await body.read1(BLOCK):
            sum_ = crc64(chunk, sum_)
            received += len(chunk)
            pieces.append(chunk)
            held += len(chunk)
            if held >= BLOCK:
                await async_blocking(section.write, pieces)
                seen.at(received)
                pieces, held = [], 0
        if received != part.length:
            raise IntegrityError(f"{received} bytes arrived of {part.length}")
        await async_blocking(section.write, pieces)
        seen.at(received)
    except CosException as error:
        in_part(error, part.number)
        raise
    return PartDone(sum_, await async_blocking(section.seal, sum_))
