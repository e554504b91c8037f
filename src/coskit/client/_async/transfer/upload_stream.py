"""Uploads of streams of unknown length: pipes, sockets, generators, files from their position."""

import io
from typing import Any

from coskit.client._async.concurrency import async_deadline, async_next_of, async_read, async_sleep
from coskit.client._async.paginators import AsyncPaginators
from coskit.client._async.transfer.context import AsyncTransferContext, etag_of, in_part
from coskit.client._async.transfer.multipart_upload import AsyncMultipartUpload
from coskit.client.settings.argument_checks import check_known
from coskit.client.settings.transfers import MIB
from coskit.client.transfer.body_source import (
    END,
    as_bytes,
    in_memory,
    iterated,
    refuse_body_options,
)
from coskit.client.transfer.options import TransferOptions
from coskit.client.transfer.parts import stream_part_size
from coskit.client.transfer.progress import Progress
from coskit.protocol.codec.checksums.md5_crc64 import crc64, crc64_combine
from coskit.protocol.errors import CosException, ParameterError

_BLOCK = MIB
_LOOK_AHEAD = 64 * 1024


class AsyncStreamUploader:
    """Uploads streams of unknown length."""

    def __init__(self, operations: AsyncPaginators, context: AsyncTransferContext) -> None:
        self._operations = operations
        self._context = context

    async def upload(
        self, stream: Any, bucket: str, key: str, options: TransferOptions
    ) -> dict[str, Any]:
        """Upload a stream to its end and return the result of the last request.

        Raises:
            CosServiceError: the service refused a request.
            ParameterError: the stream yields something other than bytes, or too many of them.
            TransferTimeout: the deadline passed.
            CosClientError: a request failed.
            Exception: the stream raised it.
        """
        refuse_body_options(options.request)
        check_known("upload_stream", options.request, "UploadOptions")
        upload = AsyncMultipartUpload(self._operations, self._context, bucket, key, options.request)
        progress = Progress(options.progress, None)
        parts = _StreamParts(self._context, AsyncReader(stream), options.part_size)
        sender = _StreamSender(self._operations, self._context, upload, parts, options, progress)
        try:
            async with async_deadline(options.deadline):
                result, size = await sender.run(bucket, key)
        except BaseException as error:
            await upload.end_badly(error)
            raise
        finally:
            parts.release_all()
        await upload.end_well(result.get("Date", ""))
        progress.finish(size)
        return result


class _StreamParts:
    """The parts of a stream, each read once there is memory for it.

    Attributes:
        number: the number of the part that was read last.
    """

    def __init__(
        self, context: AsyncTransferContext, reader: "AsyncReader", megabytes: int
    ) -> None:
        self.number = 0
        self._context = context
        self._reader = reader
        self._first_size = context.part_bytes(megabytes)
        self._reserved: dict[int, int] = {}

    async def next(self) -> tuple[bytes, bool]:
        """Return the next part, and whether it is the last one."""
        self.number += 1
        memory = self._context.config.transfers.memory
        size = stream_part_size(self.number, self._first_size, memory)
        self._reserved[self.number] = await self._context.memory_budget.take(size)
        return await self._reader.fill(size), self._reader.ended

    def release(self, number: int) -> None:
        """Release the memory of a part."""
        self._context.memory_budget.give(self._reserved.pop(number))

    def release_all(self) -> None:
        """Release the memory of all parts that still have some."""
        for number in [*self._reserved]:
            self.release(number)


class _StreamSender:
    """Sends the parts of one stream, several at a time."""

    def __init__(
        self,
        operations: AsyncPaginators,
        context: AsyncTransferContext,
        upload: AsyncMultipartUpload,
        parts: _StreamParts,
        options: TransferOptions,
        progress: Progress,
    ) -> None:
        self._operations = operations
        self._context = context
        self._upload = upload
        self._parts = parts
        self._options = options
        self._progress = progress

    async def run(self, bucket: str, key: str) -> tuple[dict[str, Any], int]:
        """Send all parts; return the result and the number of bytes."""
        content, last = await self._parts.next()
        if last:
            return await self._send_at_once(bucket, key, content), len(content)
        await self._upload.begin({}, {})
        sent: dict[int, tuple[str, int, int]] = {}
        request: dict[str, Any] = {
            **self._upload.place,
            "EnableMD5": self._options.enable_md5,
            **self._upload.part_options,
        }

        async def send(number: int, content: bytes) -> None:
            try:
                result = await self._operations.upload_part(
                    Body=content, PartNumber=number, **request
                )
                sent[number] = etag_of(result), crc64(content), len(content)
            except CosException as error:
                in_part(error, number)
                raise
            finally:
                self._parts.release(number)
            self._progress.part().at(len(content))
            self._context.adaptive_limit.moved(len(content), workers.busy)

        async with self._context.workers(self._options.threads) as workers:
            await workers.submit(send, self._parts.number, content)
            while not last:
                content = b""  # the worker keeps the only reference
                content, last = await self._parts.next()
                await workers.submit(send, self._parts.number, content)
        size = whole = 0
        for _, (_, sum_, length) in sorted(sent.items()):
            size, whole = size + length, crc64_combine(whole, sum_, length)
        etags = [sent[number][0] for number in sorted(sent)]
        return await self._upload.complete(etags, size, whole), size

    async def _send_at_once(self, bucket: str, key: str, content: bytes) -> dict[str, Any]:
        request: dict[str, Any] = {**self._options.request, "EnableMD5": self._options.enable_md5}
        result = await self._operations.put_object(bucket, content, key, **request)
        etag_of(result)
        return {**result}


class AsyncReader:
    """A stream read in whole blocks, although the stream may return fewer bytes at a time.

    Attributes:
        ended: whether the stream has given its last byte.
    """

    def __init__(self, stream: Any) -> None:
        if isinstance(stream, str):
            raise ParameterError("Stream must be a binary file or an iterator of bytes, not str")
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
            ParameterError: the stream yields something other than bytes.
            Exception: the stream raised it.
        """
        block = io.BytesIO()
        while left := size - block.tell():
            if not self._rest:
                await self._read_more(min(left, _BLOCK))
                if self.ended:
                    break
            block.write(self._rest[:left])
            self._rest = self._rest[left:]
        if not self._rest and not self.ended:
            await self._read_more(_LOOK_AHEAD)
        return block.getvalue()

    async def _read_more(self, size: int) -> None:
        """Read some of the following bytes, or set `ended`."""
        await async_sleep(0)  # a cancelled transfer stops here
        if self._iterator is None:
            chunk = await async_read(self._read, size)
            self._rest = memoryview(as_bytes(chunk, "Stream"))
            self.ended = not self._rest
            return
        # An empty chunk ends a file, but not an iterator.
        while not self._rest and not self.ended:
            chunk = await async_next_of(self._iterator)
            self.ended = chunk is END
            self._rest = memoryview(b"" if self.ended else as_bytes(chunk, "Stream"))
