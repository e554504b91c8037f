"""The body of an object, pulled from the connection as it is read and checked at its end."""

import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from coskit.client._async.transport import AsyncIncoming
from coskit.client._async.workers import async_blocking
from coskit.protocol.checksums import crc64
from coskit.protocol.errors import IntegrityError

_CHUNK = 1 << 20


class AsyncBody:
    """An object's bytes: nothing travels before it is read, nothing is lost in silence.

    Reading to the end checks the length and, for a whole object, its CRC64. A body that is
    dropped or closed unread gives its connection back.
    """

    def __init__(self, incoming: AsyncIncoming, status: int, headers: Mapping[str, str]) -> None:
        self._incoming = incoming
        self._length = int(headers.get("Content-Length") or 0)
        self._received = 0
        self._crc64 = 0
        self._expected = _expected_crc64(status, headers)
        self._done = False

    def __len__(self) -> int:
        return self._length

    async def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, b"" at the end; a negative size reads everything.

        Raises:
            TransportError: the connection failed or ended before the last byte.
            IntegrityError: the bytes are not those that the service stored.
        """
        if size < 0:
            return b"".join([chunk async for chunk in self])
        if self._done or not size:
            return b""
        chunk = await self._incoming.read(size)
        if chunk:
            self._received += len(chunk)
            if self._expected is not None:
                self._crc64 = crc64(chunk, self._crc64)
        # The last byte is not handed out before the whole is known to be right.
        if not chunk or self._received == self._length:
            await self._finish()
        return chunk

    async def _finish(self) -> None:
        self._done = True
        while await self._incoming.read(_CHUNK):
            raise IntegrityError(f"More than the promised {self._length} bytes arrived")
        await self.aclose()
        if self._expected is not None and self._crc64 != self._expected:
            raise IntegrityError(
                f"The object's CRC64 is {self._expected}, but the {self._received} bytes that "
                f"arrived have {self._crc64}"
            )

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await self.read(_CHUNK):
            yield chunk

    def get_raw_stream(self) -> Self:
        """Return the body as a file to read from, which it is."""
        return self

    async def get_stream(self, chunk_size: int = _CHUNK) -> AsyncIterator[bytes]:
        """Yield the content in chunks of at most `chunk_size` bytes."""
        while chunk := await self.read(chunk_size):
            yield chunk

    async def get_stream_to_file(self, path: str | os.PathLike[str]) -> None:
        """Write the content to a file, which appears under its name only when it is whole.

        Raises:
            OSError: the file cannot be written.
            TransportError: the connection failed; a file of that name is as it was before.
            IntegrityError: the bytes are not those that the service stored; likewise.
        """
        target = Path(path)
        partial = target.with_name(f".{target.name[:200]}.{os.urandom(8).hex()}.part")
        try:
            with await async_blocking(partial.open, "xb") as file:
                async for chunk in self:
                    await async_blocking(file.write, chunk)
            await async_blocking(partial.replace, target)
        except BaseException:
            partial.unlink(missing_ok=True)
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Give the connection back; what has not been read is not downloaded."""
        self._done = True
        await self._incoming.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


def _expected_crc64(status: int, headers: Mapping[str, str]) -> int | None:
    """Return the CRC64 of what will arrive, or None if the headers do not tell it."""
    text = headers.get("x-cos-hash-crc64ecma", "")
    if not (text.isascii() and text.isdigit()):
        return None
    if status == 206:
        span, _, total = headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        if not total.isdigit() or span != f"0-{int(total) - 1}":
            return None
    return int(text)
