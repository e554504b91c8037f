"""Read HTTP/1.1 messages from a socket without changing a byte of them."""

import asyncio
import socket
import struct
from dataclasses import dataclass, replace
from typing import Self

from coskit.protocol.messages import decode_text, encode_text

CHUNK_SIZE = 256 << 10  # bytes moved at once
_LARGEST_HEAD = 2 << 20
_ABORT = struct.pack("ii", 1, 0)


class ConnectionEnded(ConnectionError):
    """The other side closed the connection in the middle of a message."""


class NotHttp(ConnectionError):
    """The other side does not speak HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class Head:
    """A request or status line and the fields after it.

    Attributes:
        line: the first line, without its line end.
        fields: the lines `name: value` as they were sent.
    """

    line: str
    fields: tuple[str, ...]

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a head up to and including its empty line."""
        line, *fields = decode_text(raw).removesuffix("\r\n\r\n").split("\r\n")
        return cls(line, tuple(fields))

    @property
    def raw(self) -> bytes:
        """The head as bytes, identical to the received ones unless it was changed."""
        return encode_text("".join(f"{line}\r\n" for line in (self.line, *self.fields, "")))

    @property
    def status(self) -> int:
        """The status of a response."""
        return int(self.line.split(" ")[1])

    @property
    def headers(self) -> dict[str, str]:
        """The fields by lower-case name."""
        pairs = (field.partition(":") for field in self.fields)
        return {name.lower(): value.strip(" \t") for name, _, value in pairs}

    def with_field(self, name: str, value: str) -> Self:
        """Return a copy of the head with another value of an existing field."""
        start = f"{name.lower()}:"
        changed = (f"{name}: {value}" if f.lower().startswith(start) else f for f in self.fields)
        return replace(self, fields=tuple(changed))


@dataclass(frozen=True, slots=True)
class BodyChunk:
    """Some bytes of a body: content, or the chunk sizes and line ends around it."""

    raw: bytes
    is_content: bool = True


class Stream:
    """A socket for coroutines, which buffers at most one chunk."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._held = bytearray()

    async def head(self) -> Head | None:
        """Return the next message's head, or None at the end of the connection."""
        while (end := self._held.find(b"\r\n\r\n")) < 0:
            if len(self._held) > _LARGEST_HEAD:
                raise NotHttp("a head without end")
            if not await self._fill():
                if self._held:
                    raise ConnectionEnded("in a head")
                return None
        try:
            head = Head.parse(self._take(end + 4))
            kind, _, rest = head.line.partition(" ")
            if kind.startswith("HTTP/1."):
                int(rest.partition(" ")[0])
            elif len(rest.split(" ")) != 2:
                raise NotHttp(f"no request line: {head.line!r}")
        except ValueError as cause:
            raise NotHttp("no HTTP head") from cause
        return head

    async def line(self) -> bytes:
        """Return the next line with its end."""
        while (end := self._held.find(b"\r\n")) < 0:
            if len(self._held) > _LARGEST_HEAD or not await self._fill():
                raise ConnectionEnded("in a line")
        return self._take(end + 2)

    async def receive(self, most: int = CHUNK_SIZE) -> bytes:
        """Return up to `most` bytes as soon as there are any; `b""` is the end."""
        if self._held:
            return self._take(min(most, len(self._held)))
        return await asyncio.get_running_loop().sock_recv(self._socket, min(most, CHUNK_SIZE))

    async def send(self, data: bytes) -> None:
        """Send bytes; return once the kernel has them."""
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def drain(self) -> None:
        """Read and drop everything until the other side closes."""
        try:
            while await self.receive():
                pass
        except OSError:
            return

    def is_open(self) -> bool:
        """Return whether the idle connection is still open."""
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def finish(self) -> None:
        """Close the sending side."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def abort(self) -> None:
        """Reset the connection; the other side may lose bytes that were sent before."""
        if self._socket.fileno() >= 0:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        self._socket.close()

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        self.finish()  # works even if a forked child holds a copy of the socket
        self._socket.close()

    async def _fill(self) -> int:
        data = await asyncio.get_running_loop().sock_recv(self._socket, CHUNK_SIZE)
        self._held += data
        return len(data)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken


class Body:
    """A message's body, chunk by chunk as it arrives.

    Attributes:
        length: its Content-Length, or None.
        is_over: whether all of it was returned.
        until_close: whether it ends with its connection.
    """

    def __init__(
        self,
        stream: Stream,
        length: int | None = 0,
        *,
        chunked: bool = False,
    ) -> None:
        self._stream = stream
        self._chunked = chunked
        self.length = None if chunked else length
        self.until_close = not chunked and length is None
        self._left = 0 if chunked else length
        self._in_chunk = False
        self.is_over = self.length == 0

    @classmethod
    def of_request(cls, stream: Stream, head: Head) -> Self:
        """Return the body that follows a request's head."""
        headers = head.headers
        length = _number(headers.get("content-length", "0"))
        return cls(stream, length, chunked=_is_chunked(headers))

    @classmethod
    def of_response(cls, stream: Stream, head: Head, method: str) -> Self:
        """Return the body that follows a response's head."""
        headers = head.headers
        if method == "HEAD" or head.status in (204, 304):
            return cls(stream)
        length = headers.get("content-length")
        chunked = _is_chunked(headers)
        return cls(stream, None if length is None else _number(length), chunked=chunked)

    async def next_chunk(self) -> BodyChunk | None:
        """Return the next chunk, or None after the last.

        Raises:
            ConnectionEnded: the connection ended first.
        """
        if self.is_over:
            return None
        if self._chunked and not self._left:
            return await self._next_chunk_size()
        data = await self._stream.receive(
            CHUNK_SIZE if self._left is None else min(self._left, CHUNK_SIZE)
        )
        if not data:
            if not self.until_close:
                raise ConnectionEnded("in a body")
            self.is_over = True
            return None
        if self._left is not None:
            self._left -= len(data)
            self.is_over = not self._left and not self._chunked
        return BodyChunk(data)

    async def _next_chunk_size(self) -> BodyChunk:
        raw = await self._stream.line() if self._in_chunk else b""
        line = await self._stream.line()
        raw += line
        self._left = _number(line.partition(b";")[0].decode("latin-1").strip(), 16)
        self._in_chunk = True
        if not self._left:
            while line != b"\r\n":  # the trailer's fields, and the empty line after them
                line = await self._stream.line()
                raw += line
            self.is_over = True
        return BodyChunk(raw, is_content=False)


def _is_chunked(headers: dict[str, str]) -> bool:
    return headers.get("transfer-encoding", "").lower().endswith("chunked")


def _number(text: str, base: int = 10) -> int:
    try:
        return int(text, base)
    except ValueError as cause:
        raise NotHttp(f"no length: {text!r}") from cause
