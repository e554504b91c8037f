"""Steps of the proxy for one request: forward, change, cut, discard, respond."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from tests.faults.proxy.exchange import RecordedRequest, tick
from tests.faults.proxy.framing import Body, BodyChunk, ConnectionEnded, Head, Stream

# Returns the content to send in place of the content at an offset, of the same length.
Change = Callable[[int, bytes], bytes]
_CLOSE_TIMEOUT = 10.0  # seconds for the other side to read to the end


@dataclass(frozen=True)
class ServerResponse:
    """A response of the server: the head has arrived, the body follows."""

    head: Head
    body: Body


class ServerConnection:
    """The connection to the server for one connection of a client, opened on first use."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stream: Stream | None = None

    async def open(self) -> Stream:
        """Return an idle connection."""
        if self._stream and not self._stream.is_open():
            self.close()
        if self._stream is None:
            sock = socket.socket()
            sock.setblocking(False)
            try:
                address = ("127.0.0.1", self._port)
                await asyncio.get_running_loop().sock_connect(sock, address)
            except BaseException:
                sock.close()
                raise
            self._stream = Stream(sock)
        return self._stream

    def close(self, *, reset: bool = False) -> None:
        """Close the connection, if there is one."""
        stream, self._stream = self._stream, None
        if stream:
            if reset:
                stream.abort()
            stream.close()


class ProxiedRequest:
    """One request and its response in the proxy; faults are made of its steps."""

    def __init__(
        self, exchange: RecordedRequest, head: Head, client: Stream, connection: ServerConnection
    ) -> None:
        self.exchange = exchange
        self.head = head
        self.client = client
        self._connection = connection
        self._server: Stream
        self._body = Body.of_request(client, head)
        self._sending: asyncio.Task[None] | None = None
        self._keep_alive = head.headers.get("connection", "").lower() != "close"
        self._server_closes = False
        self._closed = False
        exchange.is_complete = self._body.is_over

    @property
    def length(self) -> int | None:
        """The Content-Length of the request's body, or None."""
        return self._body.length

    async def forward(self, *, until: int | None = None, change: Change | None = None) -> None:
        """Start to send the request to the server, which may respond before it has all of it.

        Args:
            until: the number of bytes of the body to send, all if None.
            change: the function that replaces the content of the body, if any.
        """
        await self._begin()
        self._sending = asyncio.create_task(self._send(until, change))

    async def wait_sent(self) -> None:
        """Wait until the request is sent as far as `forward` was asked to, or the server closes."""
        if self._sending and self._server_closes:
            await self.stop_sending()
        elif self._sending:
            await self._sending

    async def send_continue(self) -> None:
        """Send 100 Continue to a client that waits for it, before the server could."""
        if "expect" in self.head.headers:
            await self.client.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def _begin(self) -> None:
        self._server = await self._connection.open()
        self.exchange.forwards += 1
        self.exchange.forwarded = 0
        await _send_to(self._server, self.head.raw)

    async def _send(self, until: int | None, change: Change | None) -> None:
        exchange = self.exchange
        try:
            while until is None or exchange.forwarded < until:
                chunk = await self._next()
                if chunk is None:
                    return
                raw = chunk.raw
                if chunk.is_content:
                    raw = change(exchange.forwarded, raw) if change else raw
                    raw = raw if until is None else raw[: until - exchange.forwarded]
                    exchange.forwarded += len(raw)
                if not await _send_to(self._server, raw):
                    return
        except OSError:
            # The client is gone: let the server see that too.
            self._server.finish()
            raise

    async def forward_chunks(self, chunks: list[BodyChunk]) -> None:
        """Send the request with a body that has been read."""
        await self._begin()
        for chunk in chunks:
            self.exchange.forwarded += len(chunk.raw) if chunk.is_content else 0
            if not await _send_to(self._server, chunk.raw):
                return

    async def read_body(self) -> list[BodyChunk]:
        """Read the request's body and return it."""
        chunks = []
        while chunk := await self._next():
            chunks.append(chunk)
        return chunks

    async def discard_body(self) -> None:
        """Read and drop the request's body, unless the client waits for 100 Continue."""
        if "expect" in self.head.headers and not self.exchange.received:
            self._keep_alive = False
            return
        while await self._next():
            pass

    async def _next(self) -> BodyChunk | None:
        chunk = await self._body.next_chunk()
        if chunk and chunk.is_content:
            self.exchange.received += len(chunk.raw)
            self.exchange.crc64 = crc64(chunk.raw, self.exchange.crc64)
        self.exchange.is_complete = self._body.is_over
        return chunk

    async def response(self) -> ServerResponse:
        """Return the server's response once its head has arrived; forward interim responses."""
        while True:
            head = await self._server.head()
            if head is None:
                raise ConnectionEnded("instead of a response")
            if head.status >= 200:
                break
            await self.client.send(head.raw)
        self.exchange.statuses.append(head.status)
        self.exchange.answered_at = self.exchange.answered_at or tick()
        body = Body.of_response(self._server, head, self.exchange.method)
        closes = head.headers.get("connection", "").lower() == "close"
        self._server_closes = closes or body.until_close or head.line.startswith("HTTP/1.0")
        self._keep_alive = self._keep_alive and not self._server_closes
        return ServerResponse(head, body)

    async def deliver(
        self, response: ServerResponse, *, until: int | None = None, change: Change | None = None
    ) -> None:
        """Send a response to the client.

        Args:
            response: the server's response.
            until: the number of bytes of the body to send, all if None.
            change: the function that replaces the content of the body, if any.
        """
        exchange = self.exchange
        exchange.status = response.head.status
        await self.client.send(response.head.raw)
        while until is None or exchange.delivered < until:
            chunk = await response.body.next_chunk()
            if chunk is None:
                return
            raw = chunk.raw
            if chunk.is_content:
                raw = change(exchange.delivered, raw) if change else raw
                raw = raw if until is None else raw[: until - exchange.delivered]
                exchange.delivered += len(raw)
            await self.client.send(raw)

    async def discard(self, response: ServerResponse) -> None:
        """Read and drop the rest of a response."""
        while await response.body.next_chunk():
            pass

    async def respond(
        self, status: int, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Send a response of the proxy itself to the client."""
        fields = [("Content-Length", str(len(body))), *headers]
        if not self._keep_alive:
            fields.append(("Connection", "close"))
        head = Head(f"HTTP/1.1 {status} Fault", tuple(f"{name}: {text}" for name, text in fields))
        body = b"" if self.exchange.method == "HEAD" else body
        self.exchange.status = status
        self.exchange.delivered = len(body)
        await self.client.send(head.raw + body)

    async def close_connections(self, *, reset: bool) -> None:
        """Close the connections to the client and to the server.

        Args:
            reset: whether to reset them, or to let the client read everything that was sent.
        """
        await self.stop_sending()
        self._closed = True
        self._connection.close(reset=reset)
        await close_after_reading(self.client, reset=reset)

    async def finish(self) -> bool:
        """Finish the request; return whether the connections can be used for another."""
        if self._closed:
            return False
        if not self._keep_alive:
            await self.close_connections(reset=False)
            return False
        await self.wait_sent()
        await self.discard_body()
        return True

    async def stop_sending(self) -> None:
        """Stop sending the request."""
        if self._sending:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)


async def close_after_reading(stream: Stream, *, reset: bool) -> None:
    """Close a connection; unless it is reset, let the other side read to the end first."""
    if reset:
        stream.abort()
        return
    stream.finish()
    # Closing with unread bytes would reset the connection and lose sent bytes.
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stream.drain(), _CLOSE_TIMEOUT)
    stream.close()


async def _send_to(server: Stream, data: bytes) -> bool:
    """Send to the server; return False if it has closed. It may have responded before."""
    try:
        await server.send(data)
    except OSError:
        return False
    return True
