"""Downloading objects into a caller's open file: fetched in parallel ranges, written in order."""

from typing import TYPE_CHECKING, Any, Unpack, cast

from coskit.client._async.body.streaming_body import AsyncBody
from coskit.client._async.concurrency import async_blocking, async_deadline
from coskit.client._async.transfer.context import in_part
from coskit.client._async.transfer.object_reader import (
    AsyncFinding,
    AsyncOpenedObject,
    DownloadRequest,
    download_request,
)
from coskit.client.settings.argument_checks import check, check_known
from coskit.client.settings.progress import Callback
from coskit.client.settings.transfers import MIB
from coskit.client.transfer.ordered_writer import OrderedWriter, check_writable, write_fully
from coskit.client.transfer.parts import PartRange
from coskit.client.transfer.progress import PartProgress, Progress
from coskit.client.transfer.ranges import plan_ranges, refuse_range
from coskit.protocol import types
from coskit.protocol.codec.checksums.md5_crc64 import crc64, crc64_combine
from coskit.protocol.errors import CosException

if TYPE_CHECKING:
    from coskit.client.settings.transfer_options import DownloadOptions

BLOCK = 1 << 20


class AsyncOutflow(AsyncFinding):
    """Downloads of objects of any size into files that somebody else has opened."""

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
        """Write an object to an open file, from its present position on, without closing it.

        Parts are fetched ahead, within a quarter of the client's memory budget. Bytes that are
        written cannot be taken back: if this raises, what the file was given is not the object.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            Fileobj: whatever has a `write` for bytes; it need not be able to seek.
            PartSize: of a part, in MB.
            MAXThread: parts that are on their way at a time at most.
            EnableCRC: compare the CRC64 of the bytes with the object's.
            progress_callback: called with the bytes that have arrived and those there are.
            Deadline: seconds that all of it may take.
            VersionId: the version meant, if not the latest.
            **options: as for `get_object`, such as `TrafficLimit` or a key of one's own.

        Returns:
            The object's headers, as `head_object` returns them.

        Raises:
            CosServiceError: the service refused a request.
            ObjectChanged: the object was replaced meanwhile.
            IntegrityError: other bytes arrived than are stored.
            TransferTimeout: the deadline has passed.
            CosClientError: a request failed.
            Exception: what the file raised.
        """
        check_writable(Fileobj)
        check(
            PartSize=PartSize,
            MAXThread=MAXThread,
            EnableCRC=EnableCRC,
            progress_callback=progress_callback,
            Deadline=Deadline,
        )
        refuse_range(options)
        check_known("download_fileobj", options, "DownloadOptions")
        # A stream holds whole parts in memory; a quarter lets others go on beside it.
        most = max(self._config.transfers.memory // 4, 1)
        step = min(PartSize * MIB, most)
        order = download_request(Bucket, Key, VersionId, step, MAXThread, EnableCRC, options)
        async with async_deadline(Deadline):
            opened = await self._find_object(order)
            try:
                progress = Progress(progress_callback, opened.found.size)
                if opened.is_whole and opened.body is not None:
                    arrived = await _pour(opened.body, Fileobj, progress.part())
                else:
                    window = max(min(most // step, MAXThread), 1)
                    arrived = await self._pour_parts(order, opened, Fileobj, window, progress)
            finally:
                await opened.close()
            order.confirm(opened.found, arrived)
        progress.finish(opened.found.size)
        return cast(types.HeadObjectResult, opened.headers)

    async def _pour_parts(
        self,
        order: DownloadRequest,
        opened: AsyncOpenedObject,
        file: Any,
        window: int,
        progress: Progress,
    ) -> int:
        """Write the parts of an object to a file, `window` of them ahead; return its CRC64."""
        found, parts = opened.found, plan_ranges(opened.found.size, order.step)
        turn, sums = OrderedWriter(), dict[int, int]()

        async def fetch(part: PartRange) -> None:
            body = opened.body_of(part) or await self._open_part(order, found, part)
            try:
                pieces, seen = list[bytes](), progress.part()
                async for chunk in body.get_stream():
                    pieces.append(chunk)
                    seen.moved(len(chunk))
            except CosException as error:
                in_part(error, part.number)
                raise
            finally:
                await body.aclose()
            sums[part.number] = crc64_of(pieces)
            self._adaptive_limit.moved(part.length, workers.busy)
            turn.offer(part.number, pieces)
            while (ready := turn.claim()) is not None:
                await async_blocking(write_fully, file, ready)
                turn.done()

        held = self._memory(min(window * parts[0].length, found.size))
        async with held, self._workers(window) as workers:
            for part in parts:
                while part.number > turn.written + window:
                    await workers.wait_for_one()
                await workers.submit(fetch, part)
        whole = 0
        for part in parts:
            whole = crc64_combine(whole, sums[part.number], part.length)
        return whole


async def _pour(body: AsyncBody, file: Any, seen: PartProgress) -> int:
    """Write a body to a file as it arrives; return its CRC64."""
    sum_ = 0
    while chunk := await body.read(BLOCK):
        sum_ = crc64(chunk, sum_)
        await async_blocking(write_fully, file, [chunk])
        seen.moved(len(chunk))
    return sum_


def crc64_of(pieces: list[bytes]) -> int:
    """Return the CRC64 of pieces that belong together."""
    sum_ = 0
    for piece in pieces:
        sum_ = crc64(piece, sum_)
    return sum_
