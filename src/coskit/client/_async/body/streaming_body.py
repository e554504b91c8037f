"""The body of a response, read from the connection on demand and checked at its end."""

import io
import os
import sys
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from coskit.client._async.body.pacer import AsyncPacer
from coskit.client._async.body.save_body import save_chunks
from coskit.client._async.concurrency import AsyncRaw, async_blocking
from coskit.client._async.transport import AsyncStreamedResponse
from coskit.client.request.checksums import BodyChecksum
from coskit.client.settings.argument_checks import path_of, whole
from coskit.client.transport.receive_buffer import reserved
from coskit.protocol.errors import IntegrityError, TransportError

_CHUNK = 1 << 20
_QUICK = 1 << 16  # bytes that are summed faster than a thread starts


class AsyncResume(Protocol):
    """Requests the remaining bytes of a body whose connection was cut."""

    async def __call__(self, received: int, cut: TransportError) -> AsyncStreamedResponse:
        """Return the response that continues after the received bytes, or raise an error."""
        ...


class AsyncBody(AsyncRaw):
    """The bytes of an object, received as they are read and checked at their end.

    Reading to the end checks the length and, for a whole object, its CRC64. If the connection is
    cut, the remaining bytes of the same object are requested. A body that is dropped or closed
    unread releases its connection.
    """

    # Bytes that `readline` read beyond the line, from the position `_at` on.
    _held = b""
    _at = 0
    _failure: BaseException | None = None

    def __init__(
        self,
        incoming: AsyncStreamedResponse,
        headers: Mapping[str, str],
        proof: BodyChecksum | None,
        reopen: AsyncResume | None = None,
        pacer: AsyncPacer | None = None,
    ) -> None:
        self._incoming = incoming
        self._reopen = reopen
        self._pacer = pacer
        self._length = int(headers.get("Content-Length") or 0)
        self._received = 0
        self._proof = proof
        self._done = False

    def __len__(self) -> int:
        return self._length

    async def read(self, size: int | None = -1, /) -> bytes:
        """Return `size` bytes, fewer only at the end; None or a negative size reads everything.

        The call waits until all of them have arrived; see `read1`.

        Raises:
            ValueError: the body is closed, or an earlier read failed.
            TransportError: the connection failed before the last byte, and so did all retries.
            ObjectChanged: the object was replaced before all of it was read.
            IntegrityError: the bytes are not those that the service stored.
            MemoryError: the memory does not suffice; nothing more can be read then.
        """
        wanted = -1 if size is None or size < 0 else size
        held = self._from_held(wanted)
        if not held:
            return await self._taken(wanted)
        if len(held) == wanted:
            return held
        return held + await self._taken(wanted if wanted < 0 else wanted - len(held))

    async def read1(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes as soon as there are any, b"" at the end.

        A negative size leaves the number open. Raises what `read` raises.
        """
        size = _CHUNK if size < 0 else size
        return self._from_held(size) or await self._taken(size, full=False)

    def _from_held(self, size: int) -> bytes:
        """Return up to `size` of the bytes that `readline` left, all of them if negative."""
        if self.closed:
            raise ValueError("read of a closed body")
        if self._failure is not None:
            raise ValueError("read of a body after it failed") from self._failure
        if self._at >= len(self._held):
            return b""
        held = self._held[self._at : self._at + size if size >= 0 else None]
        self._at += len(held)
        return held

    async def _taken(self, size: int, *, full: bool = True) -> bytes:
        try:
            return await self._take(size, full=full)
        except BaseException as failure:
            self._failure = failure
            raise

    async def _take(self, size: int, *, full: bool = True) -> bytes:
        """Return the next bytes: `size`, or all if negative; without `full` those at hand."""
        if self._done or not size:
            return b""
        chunk = await self._pull(size if size > 0 else _CHUNK)
        if full and len(chunk) != size and self._received != self._length:
            chunk = await self._with_rest(chunk, size)
        if chunk and self._proof is not None:
            if len(chunk) > (_QUICK if self._proof.heavy else _CHUNK):
                await async_blocking(self._proof.add, chunk)
            else:
                self._proof.add(chunk)
        # The last byte is returned only after the whole body has been checked.
        ended = full and len(chunk) != size
        if not chunk or ended or self._received == self._length:
            await self._finish()
        return chunk

    async def _pull(self, size: int) -> bytes:
        if self._pacer is not None:
            size = min(size, self._pacer.piece)
        try:
            chunk = await self._incoming.read(size)
        except TransportError as cut:
            chunk = await self._read_on(size, cut)
        self._received += len(chunk)
        if self._pacer is not None:
            await self._pacer.take(len(chunk))
        return chunk

    async def _with_rest(self, first: bytes, size: int) -> bytes:
        if self._received >= self._length:
            return first if self._length else await self._with_chunks(first, size)
        whole = len(first) + self._length - self._received
        try:
            return await self._gathered(first, whole if size < 0 else min(size, whole))
        except BaseException:
            # The bytes received so far are lost: reading on would leave a gap.
            await self._incoming.aclose()
            raise

    async def _gathered(self, first: bytes, size: int) -> bytes:
        whole = reserved(size)
        whole.write(first)
        while (at := whole.tell()) < size and await self._fill(whole, size - at):
            pass
        whole.truncate()
        return whole.getvalue()

    async def _with_chunks(self, first: bytes, size: int) -> bytes:
        # The length is unknown. Joining a list of chunks at the end would take twice the memory.
        whole, left = io.BytesIO(), size - len(first)
        whole.write(first)
        while left and (chunk := await self._pull(min(left, _CHUNK) if size > 0 else _CHUNK)):
            whole.write(chunk)
            left -= len(chunk)
        return whole.getvalue()

    async def _fill(self, whole: io.BytesIO, missing: int) -> int:
        """Write up to `missing` of the next bytes to `whole` and return their number."""
        start = whole.tell()
        if self._pacer is not None:
            missing = min(missing, self._pacer.piece)
        try:
            await self._incoming.read_into(whole, missing)
        except TransportError as cut:
            arrived = whole.tell() - start
            self._received += arrived
            chunk = await self._read_on(missing - arrived, cut)
            self._received += len(chunk)
            whole.write(chunk)
        else:
            self._received += whole.tell() - start
        if self._pacer is not None:
            await self._pacer.take(whole.tell() - start)
        return whole.tell() - start

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
        await self._incoming.aclose()
        if self._proof is not None:
            self._proof.check(self._received)

    async def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer and return the number of bytes, which is smaller only at the end."""
        at = 0
        with memoryview(buffer).cast("B") as view:
            while at < len(view) and (chunk := await self.read1(len(view) - at)):
                view[at : at + len(chunk)] = chunk
                at += len(chunk)
            if not view:
                await self.read1(0)  # raises for a closed body
        return at

    async def readinto1(self, buffer: Any, /) -> int:
        """Write the next bytes to a buffer and return their number, 0 at the end."""
        with memoryview(buffer).cast("B") as view:
            chunk = await self.read1(len(view))
            view[: len(chunk)] = chunk
        return len(chunk)

    async def readall(self) -> bytes:
        """Return all remaining bytes."""
        return await self.read()

    async def readline(self, size: int | None = -1, /) -> bytes:
        """Return the next line with its end, at most `size` bytes of it; b"" at the end."""
        most = sys.maxsize if size is None or size < 0 else size
        pieces, room = list[bytes](), most
        while room:
            if self._at >= len(self._held):
                self._held, self._at = b"", 0
                self._held = await self.read1(_CHUNK)
            start = self._at
            stop = min(start + room, len(self._held))
            self._at = self._held.find(b"\n", start, stop) + 1 or stop
            pieces.append(self._held[start : self._at])
            room -= self._at - start
            if not self._held or pieces[-1].endswith(b"\n"):
                break
        return b"".join(pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while line := await self.readline():
            yield line

    async def iter_lines(self) -> AsyncIterator[bytes]:
        """Yield the lines without their ends."""
        async for line in self:
            yield line.removesuffix(b"\n").removesuffix(b"\r")

    def readable(self) -> bool:
        """Return True; raise ValueError if the body is closed."""
        self._checkClosed()
        return True

    def seekable(self) -> bool:
        """Return False, as bytes that were read are gone; raise ValueError if it is closed."""
        self._checkClosed()
        return False

    def writable(self) -> bool:
        """Return False; raise ValueError if the body is closed."""
        self._checkClosed()
        return False

    def get_raw_stream(self) -> Self:
        """Return the body, which is a file to read from."""
        return self

    async def get_stream(self, chunk_size: int = _CHUNK) -> AsyncIterator[bytes]:
        """Yield the content in chunks of at most `chunk_size` bytes.

        Raises:
            ParameterError: `chunk_size` is no positive number.
        """
        whole("chunk_size", chunk_size)
        while chunk := await self.read1(chunk_size):
            yield chunk

    async def get_stream_to_file(self, path: str | os.PathLike[str]) -> None:
        """Write the content to a file, which appears under its name only when it is whole.

        A pipe, a device and an open file such as `/dev/stdout` are written in place. A link is
        followed, and a file that is replaced keeps its owner and permissions.

        Raises:
            OSError: the file cannot be written.
            TransportError: the connection failed; a file of that name is as it was before.
            IntegrityError: the bytes are not those that the service stored; a file of that name is
                as it was before.
        """
        try:
            await save_chunks(path_of("path", path), self.get_stream())
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Release the connection; bytes that were not read are not downloaded."""
        self._done = True
        self._held = b""
        await self._incoming.aclose()
        await super().aclose()

    async def __aenter__(self) -> Self:
        self._checkClosed()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
