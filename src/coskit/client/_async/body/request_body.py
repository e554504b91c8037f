"""The body of a request: content of any kind as one stream, summed as it is read."""

import io
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from hashlib import md5, sha256
from typing import TYPE_CHECKING, Any

from coskit.client._async.body.pacer import AsyncPacedContent, AsyncPacer
from coskit.client._async.concurrency import async_blocking, async_chunks, async_read
from coskit.client.request.dialects.dialect import ClientDialect
from coskit.client.transfer.body_source import (
    END,
    FileWatch,
    as_bytes,
    checked_length,
    in_memory,
    stretch_of,
)
from coskit.client.transfer.upload_source import CheckedReader
from coskit.protocol.codec.checksums.md5_crc64 import content_md5, crc64
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.errors import ParameterError, SourceChanged, TransportError
from coskit.protocol.messages import AsyncContent
from coskit.protocol.operations import APPEND_OBJECT

if TYPE_CHECKING:
    from hashlib import _Hash as HASH

_BLOCK = 1 << 20
_SMALL_BODY = 1 << 16  # bytes that are hashed faster than a thread starts


class AsyncRequestBody:
    """Content to be sent, once or, if it can be rewound, several times.

    The last byte is held back until the content is known to have the announced length and a file
    to be unchanged, so that no request with other content completes.

    Attributes:
        data: the content, if it is in memory.
        length: the bytes of the content, or None if the length is unknown.
        start: the position in a file at which the content begins.
        replayable: whether `rewind` brings back the same bytes.
        started: whether any byte has been read to be sent.
    """

    def __init__(
        self,
        content: AsyncContent,
        length: int | None = None,
        *,
        name: str = "Body",
        with_md5: bool = False,
        pacer: AsyncPacer | None = None,
    ) -> None:
        """Examine the content; `load` must follow.

        Args:
            content: the content as the program gave it.
            length: the announced number of bytes, if any.
            name: the name of the parameter.
            with_md5: whether `md5` may be called.
            pacer: limits the rate at which the content is read to be sent, if there is a limit.

        Raises:
            ParameterError: the content is of a wrong type, or has another length than was
                announced.
        """
        self._crc64 = 0
        self._count_read = 0
        self._name = name
        self._pacer = pacer
        self._with_md5 = with_md5
        self._md5 = md5() if with_md5 else None
        self.replayable = True
        self.started = False
        self.length = self._announced = length
        self.start = 0
        self._read: Any = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._rest = memoryview(b"")
        self._watch: FileWatch | None = None
        self._reader: CheckedReader | None = None
        self.data = in_memory(content, name)
        stream: Any = content
        if self.data is not None:
            self._hold(self.data)
        elif callable(getattr(stream, "read", None)):
            self._open_file(stream)
        else:
            self.replayable = False
            self._chunks = async_chunks(stream)
        self._left = self.length

    def _hold(self, data: bytes) -> None:
        if self._announced not in (None, len(data)):
            raise self._contradicted(len(data))
        self.data, self.length = data, len(data)

    def _contradicted(self, length: int) -> ParameterError:
        words = f"ContentLength is {self._announced}, but {self._name} has {length} bytes"
        return ParameterError(words)

    def _open_file(self, file: Any) -> None:
        self._file = file
        self._read = file.read
        self._reader = file if isinstance(file, CheckedReader) else None
        # The vendor's SDK sends a file from its present position; so do we.
        if type(file) is io.BytesIO:  # mostly small, and needs no further look
            start = file.tell()
            place: tuple[int, int] | None = start, max(file.seek(0, io.SEEK_END) - start, 0)
            file.seek(start)
        else:
            place = stretch_of(file)
        if place is None:
            self.replayable = False
            return
        self.start, found = place
        if self._reader is None and type(file) is not io.BytesIO:
            self._watch = FileWatch(file)
        if self._announced is None:
            self.length = found
        elif found and found != self._announced:
            raise self._contradicted(found)

    async def load(self) -> None:
        """Read a small file into memory; content that can be read once stays untouched.

        Raises:
            ParameterError: the file returns no bytes, or not as many as were announced.
            SourceChanged: the file changed while it was read.
        """
        if self.data is not None:
            return
        if self.replayable and (self.length or 0) <= _BLOCK:
            if type(self._file) is io.BytesIO:
                self._hold(self._file.read())
            else:
                await self._load_file()
        elif self.length == 0:
            await self._end_here()

    async def _load_file(self) -> None:
        """Read a file to its end, unless the end is far beyond its size."""
        expected, ended = self.length or 0, False
        data = b""
        while not ended and len(data) <= _BLOCK:
            size = expected + 1 - len(data) if expected >= len(data) and expected else _BLOCK
            chunk = as_bytes(await async_read(self._read, size), self._name)
            data = data + chunk if data else chunk
            # A short read is the end of a buffered file, but not always of another one.
            short = len(chunk) < size and isinstance(self._file, io.BufferedIOBase)
            ended = not chunk or short or (self._reader is not None and len(data) == expected)
        if ended:
            self._hold(data)
            self.check()
            return
        # A file of the kernel, whose length is only known by reading it.
        self.length = self._left = self._announced
        self._rest = memoryview(data)

    async def read(self, size: int) -> bytes:
        """Return up to `size` bytes, b"" at the end.

        Raises:
            ParameterError: there are fewer bytes than were announced, or more.
            SourceChanged: a file has fewer bytes than its size, or more, or it has changed.
        """
        self.started = True
        if self._pacer is not None:
            size = min(size, self._pacer.piece)
        chunk = await self._some(size)
        if self._pacer is not None:
            await self._pacer.take(len(chunk))
        if self._left is not None:
            await self._count(len(chunk))
        elif not chunk:
            self.check()
        if self._reader is None:  # a reader that checks the source has summed it already
            self._crc64 = crc64(chunk, self._crc64)
        self._count_read += len(chunk)
        if self._md5 is not None:
            await async_blocking(self._md5.update, chunk)
        return chunk

    def content(self) -> Any:
        """Return the content as the transport takes it: bytes, or a source to read."""
        if self.data is None:
            return self
        if self._pacer is not None and len(self.data) > self._pacer.piece:
            return AsyncPacedContent(self.data, self._pacer)
        return self.data

    async def _some(self, size: int) -> bytes:
        """Return up to `size` bytes without counting them."""
        if not self._rest:
            if self._chunks is None:
                chunk = as_bytes(await async_read(self._read, size), self._name)
            else:
                chunk = await self._next_chunk()
            if len(chunk) <= size:
                return chunk
            self._rest = memoryview(chunk)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)

    async def _next_chunk(self) -> bytes:
        assert self._chunks is not None
        # An empty chunk is not the end of an iterator, though it would be that of a file.
        while (chunk := await anext(self._chunks, END)) is not END:
            if data := as_bytes(chunk, self._name):
                return data
        return b""

    async def _count(self, size: int) -> None:
        left = self._left or 0
        if size > left:
            raise self._wrong("has more than")
        if not size and left:
            raise self._wrong(f"ended {left} bytes before")
        self._left = left - size
        if size and not self._left:
            await self._end_here()

    async def _end_here(self) -> None:
        """Make sure that the content ends here."""
        if self._reader is not None:
            return
        if await self._some(1):
            raise self._wrong("has more than")
        self.check()

    def check(self) -> None:
        """Make sure that a file is unchanged.

        Raises:
            SourceChanged: the file has changed.
        """
        if self._watch is not None:
            self._watch.check()

    def _wrong(self, words: str) -> ParameterError | SourceChanged:
        if self._announced is None:
            return SourceChanged(f"{self._name} {words} the {self.length} bytes it had")
        return ParameterError(f"{self._name} {words} its ContentLength of {self._announced}")

    @property
    def sent_bytes(self) -> int:
        """The number of bytes that were sent, once all of them were."""
        return self._count_read if self.data is None else len(self.data)

    def sent_crc64(self) -> int:
        """Return the CRC64 of the bytes that were sent, once all of them were."""
        if self._reader is not None:
            return self._reader.crc64
        return self._crc64 if self.data is None else crc64(self.data)

    async def md5(self) -> str:
        """Return the hex MD5 of the bytes that were sent; needs `with_md5`."""
        if self.data is None:
            assert self._md5 is not None, "only what is to be summed is"
            return self._md5.hexdigest()
        return (await self._hashed(md5, self.data)).hexdigest()

    async def sha256(self) -> str:
        """Return the hex SHA-256 of content that is in memory."""
        assert self.data is not None, "only what is in memory is hashed before it is sent"
        return (await self._hashed(sha256, self.data)).hexdigest()

    async def _hashed(self, algorithm: Callable[[bytes], "HASH"], data: bytes) -> "HASH":
        if len(data) <= _SMALL_BODY:
            return algorithm(data)
        return await async_blocking(algorithm, data)

    def can_be_repeated(self, error: Exception) -> bool:
        """Return whether the content can be sent again after a failure.

        Content that can be read once is only sent again if none of it was read.
        """
        if self.replayable:
            return True
        return isinstance(error, TransportError) and not error.sent and not self.started

    def rewind(self) -> None:
        """Go back to the beginning for another attempt."""
        self._crc64 = 0
        self._count_read = 0
        self._md5 = md5() if self._with_md5 else None
        if self.data is None and self.replayable:
            self._file.seek(self.start)
            self._rest, self._left = memoryview(b""), self.length

    async def content_md5(self) -> str:
        """Return the Content-MD5 of the content, then rewind.

        Raises:
            ParameterError: the content can be read only once.
        """
        if self.data is not None:
            return content_md5(self.data)
        if not self.replayable:
            raise ParameterError("EnableMD5 needs a Body that can be read twice")
        self.rewind()
        digest, left = md5(), self.length
        while left != 0:
            chunk = await async_blocking(self._read, _BLOCK if left is None else min(_BLOCK, left))
            if not chunk:
                break
            await async_blocking(digest.update, chunk)
            left = None if left is None else left - len(chunk)
        self.rewind()
        return b64encode(digest.digest()).decode()


async def open_body(
    call: Call, dialect: ClientDialect, pacer: AsyncPacer | None = None
) -> AsyncRequestBody | None:
    """Return the content of a call's request, or None; the call's headers get its hashes.

    Raises:
        ParameterError: the content is of a wrong type, or has another length than was announced.
        SourceChanged: a file changed while it was read.
    """
    if call.content is None:
        return None
    length = checked_length(call.local.get("ContentLength"))
    name = "Data" if call.operation is APPEND_OBJECT else "Body"
    body = AsyncRequestBody(
        call.content, length, name=name, with_md5=dialect.needs_md5, pacer=pacer
    )
    await body.load()
    if dialect.payload_hash_header and body.data is not None:
        call.headers[dialect.payload_hash_header] = await body.sha256()
    if dialect.needs_length and body.length is None:
        raise ParameterError("S3 needs a Body's length: give ContentLength, or use upload_stream")
    if call.local.get("EnableMD5"):
        call.headers["content-md5"] = await body.content_md5()
    return body
