"""A body on its way out: any kind of content as one stream that is summed as it is read."""

import io
from base64 import b64encode
from collections.abc import AsyncIterable, Callable, Iterable
from hashlib import md5, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coskit.client._async.workers import async_blocking, async_chunks
from coskit.protocol.checksums import content_md5, crc64
from coskit.protocol.errors import ParameterError
from coskit.protocol.messages import AsyncContent

if TYPE_CHECKING:
    from hashlib import _Hash as HASH

_BLOCK = 1 << 20
_QUICK = 1 << 16  # bytes that are hashed sooner than a thread would begin to


class AsyncUpload:
    """Content to be sent, once or, if it can be rewound, several times.

    Attributes:
        data: all of it, if it is in memory.
        length: bytes it has, or None if only reading tells.
        replayable: whether `rewind` brings back the same bytes.
        started: whether any of it has been read to be sent.
        crc64: CRC64 of what has been read since the last rewind.
    """

    def __init__(
        self, content: AsyncContent, length: int | None = None, *, with_md5: bool = False
    ) -> None:
        if isinstance(content, str):
            content = content.encode()
        self.crc64 = 0
        self._with_md5 = with_md5
        self._md5 = md5() if with_md5 else None
        self.replayable = True
        self.started = False
        self.data: bytes | None = None
        self._read: Any = None
        self._start = 0
        self._rest = b""
        if isinstance(content, bytes | bytearray | memoryview):
            self.data = bytes(content)
            self.length: int | None = _agreed(len(self.data), length)
        elif isinstance(content, Path):
            raise ParameterError("Body is content, not a path: open the file or use upload_file")
        elif callable(getattr(content, "read", None)):
            self._open_file(content, length)
        elif isinstance(content, AsyncIterable | Iterable):
            self.length = length
            self.replayable = False
            stream: Any = content
            self._chunks = async_chunks(stream)
        else:
            raise ParameterError(
                f"Body is bytes, text, a binary file or chunks, not {type(content).__name__}"
            )

    def _open_file(self, file: Any, length: int | None) -> None:
        if isinstance(file, io.TextIOBase):
            raise ParameterError("Body is a text file: open it in binary mode")
        self._file = file
        self._read = file.read
        self.length = length
        try:
            # The vendor's SDK sends a file from its present position; so do we.
            self._start = file.tell()
            end = file.seek(0, io.SEEK_END)
            file.seek(self._start)
        except (AttributeError, OSError, ValueError):
            self.replayable = False
        else:
            self.length = end - self._start if length is None else length
            if self.length > end - self._start:
                raise ParameterError(f"ContentLength is {length}, but Body has {end - self._start}")

    async def load(self) -> None:
        """Take a small file into memory: one read is cheaper than a stream."""
        if self._read is not None and self.replayable and (self.length or 0) <= _BLOCK:
            self.data = b""
            while left := (self.length or 0) - len(self.data):
                chunk = _as_bytes(await async_blocking(self._read, left))
                if not chunk:
                    raise ParameterError(f"Body ended {left} bytes before its {self.length}")
                self.data += chunk

    async def read(self, size: int) -> bytes:
        """Return up to `size` bytes, b"" at the end."""
        self.started = True
        if self._read is not None:
            chunk = _as_bytes(await async_blocking(self._read, size))
        else:
            chunk = self._rest or await self._next_chunk()
            self._rest = chunk[size:]
            chunk = chunk[:size]
        self.crc64 = crc64(chunk, self.crc64)
        if self._md5 is not None:
            await async_blocking(self._md5.update, chunk)
        return chunk

    async def _next_chunk(self) -> bytes:
        # An empty chunk is not the end of an iterator, though it would be that of a file.
        while (chunk := await anext(self._chunks, None)) is not None:
            if chunk:
                return _as_bytes(chunk)
        return b""

    def sum(self) -> int:
        """Return the CRC64 of what was sent."""
        return self.crc64 if self.data is None else crc64(self.data)

    async def md5(self) -> str:
        """Return the hex MD5 of what was sent, which was to be summed too."""
        if self.data is None:
            assert self._md5 is not None, "only what is to be summed is"
            return self._md5.hexdigest()
        return (await self._hashed(md5, self.data)).hexdigest()

    async def sha256(self) -> str:
        """Return the hex SHA-256 of content that is in memory."""
        assert self.data is not None, "only what is in memory is hashed before it is sent"
        return (await self._hashed(sha256, self.data)).hexdigest()

    async def _hashed(self, algorithm: Callable[[bytes], "HASH"], data: bytes) -> "HASH":
        if len(data) <= _QUICK:
            return algorithm(data)
        return await async_blocking(algorithm, data)

    def rewind(self) -> None:
        """Go back to the beginning for another try."""
        self.crc64 = 0
        self._md5 = md5() if self._with_md5 else None
        if self.data is None and self._read is not None and self.replayable:
            self._file.seek(self._start)

    async def content_md5(self) -> str:
        """Return the Content-MD5 of everything, then rewind.

        Raises:
            ParameterError: the content can be read only once.
        """
        if self.data is not None:
            return content_md5(self.data)
        if not self.replayable:
            raise ParameterError("EnableMD5 needs a Body that can be read twice")
        digest, left = md5(), self.length or 0
        while left and (chunk := await async_blocking(self._read, min(_BLOCK, left))):
            await async_blocking(digest.update, chunk)
            left -= len(chunk)
        self.rewind()
        return b64encode(digest.digest()).decode()


def _as_bytes(chunk: Any) -> bytes:
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, bytearray | memoryview):
        return bytes(chunk)
    if isinstance(chunk, str):
        return chunk.encode()
    raise ParameterError(f"Body gives {type(chunk).__name__}, not bytes")


def _agreed(actual: int, claimed: int | None) -> int:
    if claimed is not None and claimed != actual:
        raise ParameterError(f"ContentLength is {claimed}, but Body has {actual} bytes")
    return actual
