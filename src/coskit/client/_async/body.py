"""The body of an object, pulled from the connection as it is read and checked at its end."""

import io
import os
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Protocol, Self

from coskit.client._async.saving import save_chunks
from coskit.client._async.transport import AsyncIncoming
from coskit.client._async.workers import async_blocking
from coskit.client.arguments import path_of
from coskit.client.memory import reserved
from coskit.client.proof import Proof
from coskit.protocol.errors import IntegrityError, TransportError

_CHUNK = 1 << 20
_QUICK = 1 << 16  # bytes that any sum takes in sooner than a thread would begin to


class AsyncReopen(Protocol):
    """Opens the rest of a body whose connection was cut."""

    async def __call__(self, received: int, cut: TransportError) -> AsyncIncoming:
        """Return the response that goes on after so many bytes, or raise if none does."""
        ...


class AsyncBody:
    """An object's bytes: nothing travels before it is read, nothing is lost in silence.

    Reading to the end checks the length and, for a whole object, its CRC64. Where the connection
    is cut, the rest of the same object is asked for. A body that is dropped or closed unread gives
    its connection back.
    """

    def __init__(
        self,
        incoming: AsyncIncoming,
        headers: Mapping[str, str],
        proof: Proof | None,
        reopen: AsyncReopen | None = None,
    ) -> None:
        self._incoming = incoming
        self._reopen = reopen
        self._length = int(headers.get("Content-Length") or 0)
        self._received = 0
        self._proof = proof
        self._done = False

    def __len__(self) -> int:
        return self._length

    async def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, b"" at the end; a negative size reads everything.

        Raises:
            TransportError: the connection failed before the last byte, however often it was tried.
            ObjectChanged: the object was replaced before all of it was read.
            IntegrityError: the bytes are not those that the service stored.
            MemoryError: there is no room for everything; nothing more can be read then.
        """
        if self._done or not size:
            return b""
        chunk = await self._pull(size if size > 0 else _CHUNK)
        if size < 0 and self._received != self._length:
            chunk = await self._with_rest(chunk)
        if chunk and self._proof is not None:
            if len(chunk) > (_QUICK if self._proof.heavy else _CHUNK):
                await async_blocking(self._proof.add, chunk)
            else:
                self._proof.add(chunk)
        # The last byte is not handed out before the whole is known to be right.
        if not chunk or size < 0 or self._received == self._length:
            await self._finish()
        return chunk

    async def _pull(self, size: int) -> bytes:
        try:
            chunk = await self._incoming.read(size)
        except TransportError as cut:
            chunk = await self._read_on(size, cut)
        self._received += len(chunk)
        return chunk

    async def _with_rest(self, first: bytes) -> bytes:
        if self._received >= self._length:
            return first if self._length else await self._with_chunks(first)
        try:
            return await self._gathered(first)
        except BaseException:
            # What had come is lost: whoever read on would get an object with a gap.
            await self._incoming.aclose()
            raise

    async def _gathered(self, first: bytes) -> bytes:
        at, ended = len(first), False
        whole = reserved(at + self._length - self._received)
        with whole.getbuffer() as memory:
            memory[:at] = first
            while at < len(memory) and not ended:
                with memory[at:] as missing:  # an error that is kept must not keep it
                    count = await self._fill(missing)
                at, ended = at + count, not count
        whole.truncate(at)
        return whole.getvalue()

    async def _with_chunks(self, first: bytes) -> bytes:
        # Nobody knows how many there are. To hold all of them until the end takes twice the memory.
        whole = io.BytesIO()
        whole.write(first)
        while chunk := await self._pull(_CHUNK):
            whole.write(chunk)
        return whole.getvalue()

    async def _fill(self, memory: memoryview) -> int:
        try:
            size = await self._incoming.readinto(memory)
        except TransportError as cut:
            chunk = await self._read_on(len(memory), cut)
            size = len(chunk)
            memory[:size] = chunk
        self._received += size
        return size

    async def _read_on(self, size: int, cut: TransportError) -> bytes:
        while self._reopen is not None:
            self._incoming = await self._reopen(self._received, cut)
            try:
                return await self._incoming.read(size)
            except TransportError as again:
                cut = again
        raise cut

    async def _finish(self) -> None:
        self._done = True
        while await self._incoming.read(_CHUNK):
            raise IntegrityError(f"More than the promised {self._length} bytes arrived")
        await self.aclose()
        if self._proof is not None:
            self._proof.check(self._received)

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

        A pipe or a device is written to, a link is followed, and a file that is replaced hands down
        its owner and its permissions.

        Raises:
            OSError: the file cannot be written.
            TransportError: the connection failed; a file of that name is as it was before.
            IntegrityError: the bytes are not those that the service stored; likewise.
        """
        try:
            await save_chunks(path_of("path", path), self.get_stream())
        except BaseException:
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
