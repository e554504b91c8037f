"""Uploading what has no known length: pipes, sockets, generators, files from where they are."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack, cast

from coskit.client._async.concurrency import async_deadline, async_next_of, async_read, async_sleep
from coskit.client._async.transfer.context import in_part
from coskit.client._async.transfer.multipart_upload import AsyncMultipartUpload
from coskit.client._async.transfer.upload import AsyncUploads, etag_of
from coskit.client.settings.argument_checks import check, check_known
from coskit.client.settings.progress import Callback
from coskit.client.settings.transfers import MIB
from coskit.client.transfer.body_source import (
    END,
    as_bytes,
    in_memory,
    iterated,
    refuse_body_options,
)
from coskit.client.transfer.parts import stream_part_size
from coskit.client.transfer.progress import Progress
from coskit.protocol import types
from coskit.protocol.codec.checksums.md5_crc64 import crc64, crc64_combine
from coskit.protocol.errors import CosException, ParameterError

if TYPE_CHECKING:
    from coskit.client.settings.transfer_options import UploadOptions

_BLOCK = MIB
_LOOK_AHEAD = 64 * 1024


class AsyncStreams(AsyncUploads):
    """Uploads of streams of any length."""

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
        """Upload everything that a stream gives until it ends, however little at a time.

        What is on its way is held in memory, within `TransferSettings.memory`, so that each part
        can be sent again. What fits one part is sent in one request. If anything fails, the stream
        itself included, nothing is stored and nothing is left behind. A read that blocks is waited
        for, also past the deadline; the asynchronous client leaves it to its thread.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            Stream: a binary file, a pipe, a socket's file, or an iterator of bytes.
            PartSize: of the first parts, in MB; it doubles after every 1,000 parts.
            MAXThread: parts that are on their way at a time, at most.
            EnableMD5: send the MD5 of every body with it.
            progress_callback: called with the bytes that are through and None, since nobody knows
                how many there will be; at the end with the same number twice.
            Deadline: seconds that the whole may take.
            **options: as for `put_object`, such as `StorageClass` or `Metadata`.

        Returns:
            What `put_object` or `complete_multipart_upload` returned.

        Raises:
            CosServiceError: the service refused a request.
            ParameterError: the stream gives something else than bytes, or more than fits.
            TransferTimeout: the deadline passed.
            CosClientError: a request failed.
            Exception: what the stream raised.
        """
        check(
            PartSize=PartSize,
            MAXThread=MAXThread,
            EnableMD5=EnableMD5,
            progress_callback=progress_callback,
            Deadline=Deadline,
        )
        refuse_body_options(options)
        check_known("upload_stream", options, "UploadOptions")
        upload = AsyncMultipartUpload(self, self._config, Bucket, Key, options)
        put = partial(self.put_object, Bucket, Key=Key, **options)
        least = self._least_part(PartSize)
        feed = _Feed(AsyncReader(Stream), least, MAXThread, EnableMD5, {})
        progress = Progress(progress_callback, None)
        try:
            async with async_deadline(Deadline):
                result, size = await self._send_stream(feed, put, upload, progress)
        except BaseException as error:
            await upload.end_badly(error)
            raise
        finally:
            for taken in feed.memory.values():
                self._budget.give(taken)
        await upload.end_well(result.get("Date", ""))
        progress.finish(size)
        return cast("types.PutObjectResult | types.CompleteMultipartUploadResult", result)

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
        """Upload a binary file from its present position to its end; it stays open.

        Arguments, result and errors are those of `upload_stream`.
        """
        if not callable(getattr(Fileobj, "read", None)):
            raise ParameterError(f"Fileobj is a binary file, not {type(Fileobj).__name__}")
        refuse_body_options(options)
        check_known("upload_fileobj", options, "UploadOptions")
        return await self.upload_stream(
            Bucket,
            Key,
            Fileobj,
            PartSize=PartSize,
            MAXThread=MAXThread,
            EnableMD5=EnableMD5,
            progress_callback=progress_callback,
            Deadline=Deadline,
            **options,
        )

    async def _next_part(self, feed: "_Feed", number: int) -> tuple[bytes, bool]:
        """Return the next part once there is memory for it, and whether it is the last one."""
        size = stream_part_size(number, feed.part_size, self._config.transfers.memory)
        feed.memory[number] = await self._budget.take(size)
        return await feed.reader.fill(size), feed.reader.ended

    async def _send_stream(
        self,
        feed: "_Feed",
        put: Callable[..., Any],
        upload: AsyncMultipartUpload,
        progress: Progress,
    ) -> tuple[Any, int]:
        """Send everything; return the result and how many bytes it was."""
        content, last = await self._next_part(feed, 1)
        if last:
            result = await put(Body=content, EnableMD5=feed.enable_md5)
            etag_of(result)
            return result, len(content)
        await upload.begin({}, {})
        place, options = upload.place, upload.part_options
        sent: dict[int, tuple[str, int, int]] = {}

        async def send(number: int, content: bytes) -> None:
            try:
                result = await self.upload_part(
                    **place,
                    Body=content,
                    PartNumber=number,
                    EnableMD5=feed.enable_md5,
                    **options,
                )
                sent[number] = etag_of(result), crc64(content), len(content)
            except CosException as error:
                in_part(error, number)
                raise
            finally:
                self._budget.give(feed.memory.pop(number))
            progress.part().at(len(content))
            self._adaptive_limit.moved(len(content), workers.busy)

        number = 1
        async with self._workers(feed.limit) as workers:
            await workers.submit(send, number, content)
            while not last:
                content = b""  # it is the worker's now
                number += 1
                content, last = await self._next_part(feed, number)
                await workers.submit(send, number, content)
        size = whole = 0
        for _, (_, sum_, length) in sorted(sent.items()):
            size, whole = size + length, crc64_combine(whole, sum_, length)
        return await upload.complete([sent[n][0] for n in sorted(sent)], size, whole), size


class AsyncReader:
    """Whole blocks of a stream, which may itself give less than it is asked for.

    Attributes:
        ended: whether the stream has given its last byte.
    """

    def __init__(self, stream: Any) -> None:
        if isinstance(stream, str):
            raise ParameterError("Stream is a binary file or an iterator of bytes, not str")
        data = in_memory(stream, "Stream")
        if data is not None:
            stream = io.BytesIO(data)
        self.ended = False
        self._rest = memoryview(b"")
        self._read: Any = getattr(stream, "read", None)
        self._iterator: Any = None
        if not callable(self._read):
            asynchronous = hasattr(stream, "__aiter__")
            self._iterator = stream.__aiter__() if asynchronous else iterated(stream, "Stream")

    async def fill(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only if the stream ends.

        Raises:
            ParameterError: the stream gives something else than bytes.
            Exception: what the stream raised.
        """
        block = io.BytesIO()
        while left := size - block.tell():
            if not self._rest:
                await self._more(min(left, _BLOCK))
                if self.ended:
                    break
            block.write(self._rest[:left])
            self._rest = self._rest[left:]
        if not self._rest and not self.ended:
            await self._more(_LOOK_AHEAD)
        return block.getvalue()

    async def _more(self, size: int) -> None:
        """Get some of what comes next, or note that nothing does."""
        await async_sleep(0)  # where a transfer that has ended is left
        if self._iterator is None:
            chunk = await async_read(self._read, size)
            self._rest = memoryview(as_bytes(chunk, "Stream"))
            self.ended = not self._rest
            return
        # An empty chunk is not the end of an iterator, though it would be that of a file.
        while not self._rest and not self.ended:
            chunk = await async_next_of(self._iterator)
            self.ended = chunk is END
            self._rest = memoryview(b"" if self.ended else as_bytes(chunk, "Stream"))


@dataclass(frozen=True, slots=True)
class _Feed:
    """A stream and how it is sent; `memory` has what was taken for each part and not given back."""

    reader: AsyncReader
    part_size: int
    limit: int
    enable_md5: bool
    memory: dict[int, int]
