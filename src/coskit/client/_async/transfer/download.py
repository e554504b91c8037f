"""Downloads of whole objects: in parallel ranges, verified before the target appears."""

from collections.abc import Mapping
from typing import Any

from coskit.client._async.body.streaming_body import AsyncBody
from coskit.client._async.concurrency import async_blocking, async_deadline
from coskit.client._async.operations import AsyncOperations
from coskit.client._async.transfer.context import AsyncTransferContext, in_part
from coskit.client._async.transfer.download_stream import BLOCK
from coskit.client._async.transfer.object_reader import (
    GONE,
    AsyncObjectReader,
    AsyncOpenedObject,
    DownloadRequest,
    download_request,
)
from coskit.client.settings.argument_checks import check_known
from coskit.client.settings.transfers import MIB
from coskit.client.transfer.options import TransferOptions
from coskit.client.transfer.parts import PartRange
from coskit.client.transfer.progress import PartProgress, Progress
from coskit.client.transfer.ranges import plan_ranges, refuse_range
from coskit.client.transfer.state.download_state import (
    DownloadState,
    PartDone,
    SavedDownload,
    saved_download,
)
from coskit.client.transfer.state.journal import Journal
from coskit.client.transfer.targets.download_target import DownloadTarget, Section, write_whole
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import CosException, CosServiceError, IntegrityError, ObjectChanged

# The bytes that a part in flight holds: a block being written and what libcurl has read ahead.
_IN_FLIGHT = 2 * BLOCK


def check_download_options(options: Mapping[str, Any]) -> None:
    """Refuse request options that a download does not have.

    Raises:
        ParameterError: an option is unknown, or is a range.
    """
    refuse_range(options)
    check_known("download_file", options, "DownloadOptions")


class _SavedPartsDamagedError(IntegrityError):
    """The object is damaged; the damage may be in the parts of an earlier, resumed download."""


class AsyncDownloader:
    """Downloads objects into targets, such as files."""

    def __init__(self, operations: AsyncOperations, context: AsyncTransferContext) -> None:
        self._operations = operations
        self._context = context

    async def download(
        self,
        target: DownloadTarget,
        bucket: str,
        key: str,
        version: str,
        options: TransferOptions,
        *,
        size: int | None = None,
    ) -> dict[str, Any]:
        """Download an object into a target and return the object's headers.

        An object that is replaced during the download is downloaded again, once.

        Args:
            target: the target.
            bucket: the bucket of the object.
            key: the key of the object.
            version: the version of the object, "" for the latest one.
            options: the options of the transfer.
            size: the bytes of the object, if a listing has returned them.

        Raises:
            CosServiceError: the service refused a request.
            ObjectChanged: the object was replaced repeatedly, or deleted.
            IntegrityError: other bytes arrived than are stored.
            TransferTimeout: the deadline passed.
            CosClientError: a request failed.
            OSError: the target cannot be written.
        """
        check_download_options(options.request)
        step = options.part_size * MIB
        at_once = size is not None and 0 <= size <= BLOCK
        request = download_request(bucket, key, version, options, step, at_once=at_once)
        identity: dict[str, str] | None = None
        if options.resume:
            identity = {"kind": "download", "bucket": bucket, "key": key, "version": version}
            identity.update(target.identity)
        download = _Download(self._operations, self._context, request, target, identity)
        async with async_deadline(options.deadline):
            try:
                return await download.run()
            except _SavedPartsDamagedError:
                return await download.run()
            except ObjectChanged as change:
                try:
                    return await download.run()
                except CosServiceError as error:
                    if error.status == 404:
                        raise change from error
                    raise


class _Download:
    """One object's download into one target."""

    def __init__(
        self,
        operations: AsyncOperations,
        context: AsyncTransferContext,
        request: DownloadRequest,
        target: DownloadTarget,
        identity: Mapping[str, str] | None,
    ) -> None:
        self._context = context
        self._request = request
        self._reader = AsyncObjectReader(operations, request)
        self._target = target
        self._identity = identity
        self._progress = Progress(request.options.progress, None)

    async def run(self) -> dict[str, Any]:
        """Download the object, or the parts that an earlier download did not bring."""
        if self._context.is_journaled(self._identity):
            async with self._context.journal(self._identity) as journal:
                saved = await self._load_state(journal)
                opened, saved = await self._find_again(saved)
                return await self._fetch(opened, journal, saved)
        opened = await self._reader.find()
        if opened.is_whole and opened.found.size <= BLOCK:
            return await self._write_small(opened)
        try:
            async with self._context.journal(self._identity) as journal:
                saved = await self._load_state(journal)
                if saved is not None:  # left by another process since `is_journaled`
                    await async_blocking(self._target.forget, saved.target)
                return await self._fetch(opened, journal, None)
        finally:
            await opened.close()

    async def _load_state(self, journal: Journal | None) -> SavedDownload | None:
        """Return the state in the journal, after removing the parts of another download."""
        if journal is not None and journal.stale:
            await async_blocking(self._target.forget, journal.stale.get("target", {}))
        return saved_download(journal)

    async def _find_again(
        self, saved: SavedDownload | None
    ) -> tuple[AsyncOpenedObject, SavedDownload | None]:
        """Return the object and the state of its interrupted download.

        If the object was replaced, the parts of the old object are removed.
        """
        if saved is not None and saved.parts:
            try:
                opened = await self._reader.find_same(saved.found.etag, saved.first_missing())
                if (opened.found.etag, opened.found.size) == (saved.found.etag, saved.found.size):
                    return opened, saved
                await opened.close()
            except CosServiceError as error:
                if error.status not in GONE:
                    raise
        if saved is not None:
            await async_blocking(self._target.forget, saved.target)
        return await self._reader.find(), None

    async def _write_small(self, opened: AsyncOpenedObject) -> dict[str, Any]:
        """Write an object that one response carried; its body has verified the CRC64."""
        target, size = self._target, opened.found.size
        self._progress.start(size)
        assert opened.body is not None
        async with self._context.memory(size):
            try:
                content = await opened.body.read()
                await async_blocking(write_whole, target, opened.headers, content)
            except BaseException:
                target.discard()
                raise
            finally:
                await opened.close()
        self._progress.finish(size)
        return opened.headers

    async def _fetch(
        self, opened: AsyncOpenedObject, journal: Journal | None, saved: SavedDownload | None
    ) -> dict[str, Any]:
        """Fetch the missing parts of an object, verify the whole and finish the target."""
        new = SavedDownload(opened.found, self._request.step, self._target.state, {})
        state = DownloadState(journal, saved or new)
        parts = _PartsDownload(
            self._context, self._request, self._reader, self._target, opened, state, self._progress
        )
        self._progress.start(opened.found.size)
        try:
            await parts.run(saved)
            await async_blocking(self._target.finish)
        except BaseException as error:
            if isinstance(error, ObjectChanged):
                state.drop()
            if state.keep():
                self._target.suspend()
            else:
                self._target.discard()
            raise
        finally:
            await opened.close()
        state.drop()
        self._progress.finish(opened.found.size)
        return opened.headers


class _PartsDownload:
    """The parts of one object on their way to the target."""

    def __init__(
        self,
        context: AsyncTransferContext,
        request: DownloadRequest,
        reader: AsyncObjectReader,
        target: DownloadTarget,
        opened: AsyncOpenedObject,
        state: DownloadState,
        progress: Progress,
    ) -> None:
        self._context = context
        self._request = request
        self._reader = reader
        self._target = target
        self._opened = opened
        self._state = state
        self._progress = progress

    async def run(self, saved: SavedDownload | None) -> None:
        """Fetch the missing parts and verify the whole object.

        Args:
            saved: the state of the interrupted download that is resumed, if any.
        """
        parts = None if saved is None else await self._resume(saved)
        if parts is None:
            parts = await self._begin()
        await self._fetch_missing(parts)
        await self._verify(parts, resumed=saved is not None)

    async def _resume(self, saved: SavedDownload) -> tuple[PartRange, ...] | None:
        """Return the parts of a resumed download, or None if the target cannot resume it."""
        found, headers = self._opened.found, self._opened.headers
        if not await async_blocking(self._target.resume, found.size, headers, saved.target):
            return None
        parts = plan_ranges(found.size, saved.step)
        await self._verify_saved_parts(parts, saved)
        return parts

    async def _begin(self) -> tuple[PartRange, ...]:
        """Make the target ready for the whole object and return the object's parts."""
        found, headers = self._opened.found, self._opened.headers
        await async_blocking(self._state.begin, self._target.state)
        alignment = await async_blocking(self._target.begin, found.size, headers)
        # A service without ranges returns the whole object at once.
        step = found.size if self._opened.is_whole else self._request.step
        parts = plan_ranges(found.size, max(step, 1), alignment)
        self._state.cut(parts[0].length if parts else 1, self._target.state)
        return parts

    async def _verify_saved_parts(self, parts: tuple[PartRange, ...], saved: SavedDownload) -> None:
        """Read the parts of the earlier download; a damaged part is fetched again."""

        async def verify(part: PartRange, done: PartDone) -> None:
            if await async_blocking(self._target.holds, part.offset, part.length, done.mark):
                self._progress.resume(part.length)
            else:
                self._state.lose(part)

        async with self._context.workers(self._request.options.threads) as workers:
            for part in parts:
                if part.number in saved.parts:
                    await workers.submit(verify, part, saved.parts[part.number])

    async def _fetch_missing(self, parts: tuple[PartRange, ...]) -> None:
        """Fetch the missing parts, several at a time if there are several."""
        missing = [part for part in parts if part not in self._state]
        if len(missing) == 1:
            await self._fetch(missing[0])
            return

        async def fetch(part: PartRange) -> None:
            await self._fetch(part)
            self._context.adaptive_limit.moved(part.length, workers.busy)

        if not any(self._opened.body_of(part) for part in missing):
            await self._opened.close()
        async with self._context.workers(self._request.options.threads) as workers:
            for part in missing:
                await workers.submit(fetch, part)

    async def _fetch(self, part: PartRange) -> None:
        opened = self._opened
        async with self._context.memory(_IN_FLIGHT):
            body = opened.body_of(part) or await self._reader.open_part(opened.found, part)
            try:
                section = self._target.section(part.offset, part.length)
                try:
                    done = await _write_part(section, body, part, self._progress.part())
                finally:
                    section.close()
            finally:
                await body.aclose()
        await async_blocking(self._state.add, part, done)

    async def _verify(self, parts: tuple[PartRange, ...], *, resumed: bool) -> None:
        try:
            arrived = await async_blocking(self._state.crc64, parts)
            self._request.confirm(self._opened.found, arrived)
        except IntegrityError as error:
            self._state.drop()  # it is unknown which part is damaged
            if resumed:
                raise _SavedPartsDamagedError(str(error)) from error
            raise


async def _write_part(
    section: Section, body: AsyncBody, part: PartRange, progress: PartProgress
) -> PartDone:
    """Write the bytes of a part to the target, a block at a time."""
    sum_, received = 0, 0
    chunks, held = list[bytes](), 0
    try:
        while chunk := await body.read1(BLOCK):
            sum_ = crc64(chunk, sum_)
            received += len(chunk)
            chunks.append(chunk)
            held += len(chunk)
            if held >= BLOCK:
                await async_blocking(section.write, chunks)
                progress.at(received)
                chunks, held = [], 0
        if received != part.length:
            raise IntegrityError(f"{received} bytes arrived of {part.length}")
        await async_blocking(section.write, chunks)
        progress.at(received)
    except CosException as error:
        in_part(error, part.number)
        raise
    return PartDone(sum_, await async_blocking(section.seal, sum_))
