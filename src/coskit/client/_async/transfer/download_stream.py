"""Downloads into an open file: fetched in parallel ranges, written in order."""

from typing import Any

from coskit.client._async.body.streaming_body import AsyncBody
from coskit.client._async.concurrency import async_blocking, async_deadline
from coskit.client._async.operations import AsyncOperations
from coskit.client._async.transfer.context import AsyncTransferContext, in_part
from coskit.client._async.transfer.object_reader import (
    AsyncObjectReader,
    AsyncOpenedObject,
    download_request,
)
from coskit.client.settings.argument_checks import check_known
from coskit.client.settings.transfers import MIB
from coskit.client.transfer.options import TransferOptions
from coskit.client.transfer.ordered_writer import OrderedWriter, check_writable, write_fully
from coskit.client.transfer.parts import PartRange
from coskit.client.transfer.progress import PartProgress, Progress
from coskit.client.transfer.ranges import plan_ranges, refuse_range
from coskit.protocol.codec.checksums.md5_crc64 import crc64, crc64_combine
from coskit.protocol.errors import CosException

BLOCK = 1 << 20


class AsyncStreamDownloader:
    """Downloads objects of any size into files that are open for writing."""

    def __init__(self, operations: AsyncOperations, context: AsyncTransferContext) -> None:
        self._operations = operations
        self._context = context

    async def download(
        self, file: Any, bucket: str, key: str, version: str, options: TransferOptions
    ) -> dict[str, Any]:
        """Write an object to an open file and return the object's headers.

        Raises:
            CosServiceError: the service refused a request.
            ObjectChanged: the object was replaced during the download.
            IntegrityError: other bytes arrived than are stored.
            TransferTimeout: the deadline passed.
            CosClientError: a request failed.
            Exception: the file raised it.
        """
        check_writable(file)
        refuse_range(options.request)
        check_known("download_fileobj", options.request, "DownloadOptions")
        # Whole parts are held in memory; a quarter of the budget leaves room for other transfers.
        most = max(self._context.config.transfers.memory // 4, 1)
        step = min(options.part_size * MIB, most)
        request = download_request(bucket, key, version, options, step)
        reader = AsyncObjectReader(self._operations, request)
        async with async_deadline(options.deadline):
            opened = await reader.find()
            try:
                progress = Progress(options.progress, opened.found.size)
                if opened.is_whole and opened.body is not None:
                    arrived = await _write_body(opened.body, file, progress.part())
                else:
                    window = max(min(most // step, options.threads), 1)
                    parts = plan_ranges(opened.found.size, step)
                    writer = _PartWriter(self._context, reader, opened, file, progress)
                    arrived = await writer.run(parts, window)
            finally:
                await opened.close()
            request.confirm(opened.found, arrived)
        progress.finish(opened.found.size)
        return opened.headers


class _PartWriter:
    """Fetches the parts of one object side by side and writes them to a file in order."""

    def __init__(
        self,
        context: AsyncTransferContext,
        reader: AsyncObjectReader,
        opened: AsyncOpenedObject,
        file: Any,
        progress: Progress,
    ) -> None:
        self._context = context
        self._reader = reader
        self._opened = opened
        self._file = file
        self._progress = progress

    async def run(self, parts: tuple[PartRange, ...], window: int) -> int:
        """Write all parts; return the CRC64 of the object.

        Args:
            parts: the parts of the object.
            window: the number of parts that may be fetched ahead.
        """
        turn, sums = OrderedWriter(), dict[int, int]()

        async def fetch(part: PartRange) -> None:
            chunks = await self._fetch(part)
            sums[part.number] = _crc64_of(chunks)
            self._context.adaptive_limit.moved(part.length, workers.busy)
            turn.offer(part.number, chunks)
            while (ready := turn.claim()) is not None:
                await async_blocking(write_fully, self._file, ready)
                turn.done()

        held = self._context.memory(min(window * parts[0].length, self._opened.found.size))
        async with held, self._context.workers(window) as workers:
            for part in parts:
                while part.number > turn.written + window:
                    await workers.wait_for_one()
                await workers.submit(fetch, part)
        whole = 0
        for part in parts:
            whole = crc64_combine(whole, sums[part.number], part.length)
        return whole

    async def _fetch(self, part: PartRange) -> list[bytes]:
        opened = self._opened
        body = opened.body_of(part) or await self._reader.open_part(opened.found, part)
        try:
            chunks, progress = list[bytes](), self._progress.part()
            async for chunk in body.get_stream():
                chunks.append(chunk)
                progress.moved(len(chunk))
        except CosException as error:
            in_part(error, part.number)
            raise
        finally:
            await body.aclose()
        return chunks


async def _write_body(body: AsyncBody, file: Any, progress: PartProgress) -> int:
    """Write a body to a file as it arrives; return its CRC64."""
    sum_ = 0
    while chunk := await body.read(BLOCK):
        sum_ = crc64(chunk, sum_)
        await async_blocking(write_fully, file, [chunk])
        progress.moved(len(chunk))
    return sum_


def _crc64_of(chunks: list[bytes]) -> int:
    """Return the CRC64 of consecutive chunks."""
    sum_ = 0
    for chunk in chunks:
        sum_ = crc64(chunk, sum_)
    return sum_
