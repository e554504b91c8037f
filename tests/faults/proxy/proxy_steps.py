"""One request on its way through the proxy: each step that it can take."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from tests.faults.proxy.exchange import Exchange, tick
from tests.faults.proxy.framing import Body, Ended, Head, Piece, Stream

# Gives the content that goes on for the content at an offset; of the same length.
Change = Callable[[int, bytes], bytes]
_PATIENCE = 10.0  # seconds for the other side to notice an end


@dataclass(frozen=True)
class Answer:
    """What the server answers: its head has come, its body is on the way."""

    head: Head
    body: Body


class Link:
    """The connection to the server that belongs to a client's; opened when it is needed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stream: Stream | None = None

    async def open(self) -> Stream:
        """Return a connection on which nothing is under way."""
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
        """End the connection, if there is one."""
        stream, self._stream = self._stream, None
        if stream:
            if reset:
                stream.abort()
            stream.close()


class Passage:
    """The steps that a request can take; a fault calls those that make it what it is."""

    def __init__(self, exchange: Exchange, head: Head, client: Stream, link: Link) -> None:
        self.exchange = exchange
        self.head = head
        self.client = client
        self._link = link
        self._server: Stream
        self._body = Body.of_request(client, head)
        self._sending: asyncio.Task[None] | None = None
        self._keeps = head.headers.get("connection", "").lower() != "close"
        self._is_last = False
        self._hung_up = False
        exchange.is_whole = self._body.is_over

    @property
    def length(self) -> int | None:
        """Length of the request's body, if its head tells."""
        return self._body.length

    async def ask(self, *, until: int | None = None, change: Change | None = None) -> None:
        """Begin to send the request to the server, which may answer before it has all of it.

        Args:
            until: bytes of the body after which nothing more is sent.
            change: what becomes of the body on its way.
        """
        await self._begin()
        self._sending = asyncio.create_task(self._send(until, change))

    async def sent(self) -> None:
        """Return when the request is sent as far as it was to be, or the server wants no more."""
        if self._sending and self._is_last:
            await self.stop()
        elif self._sending:
            await self._sending

    async def invite(self) -> None:
        """Ask for the body if the client waits for that, where the server's word comes too late."""
        if "expect" in self.head.headers:
            await self.client.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def _begin(self) -> None:
        self._server = await self._link.open()
        self.exchange.asked += 1
        self.exchange.forwarded = 0
        await _tell(self._server, self.head.raw)

    async def _send(self, until: int | None, change: Change | None) -> None:
        exchange = self.exchange
        try:
            while until is None or exchange.forwarded < until:
                piece = await self._next()
                if piece is None:
                    return
                raw = piece.raw
                if piece.is_content:
                    raw = change(exchange.forwarded, raw) if change else raw
                    raw = raw if until is None else raw[: until - exchange.forwarded]
                    exchange.forwarded += len(raw)
                if not await _tell(self._server, raw):
                    return
        except OSError:
            # The client has gone: the server sees the same.
            self._server.finish()
            raise

    async def ask_with(self, pieces: list[Piece]) -> None:
        """Send the request with a body that was read before."""
        await self._begin()
        for piece in pieces:
            self.exchange.forwarded += len(piece.raw) if piece.is_content else 0
            if not await _tell(self._server, piece.raw):
                return

    async def read(self) -> list[Piece]:
        """Read the request's body and return it."""
        pieces = []
        while piece := await self._next():
            pieces.append(piece)
        return pieces

    async def read_over(self) -> None:
        """Read the request's body, if the client sends it without being asked, and forget it."""
        if "expect" in self.head.headers and not self.exchange.received:
            self._keeps = False
            return
        while await self._next():
            pass

    async def _next(self) -> Piece | None:
        piece = await self._body.piece()
        if piece and piece.is_content:
            self.exchange.received += len(piece.raw)
            self.exchange.crc64 = crc64(piece.raw, self.exchange.crc64)
        self.exchange.is_whole = self._body.is_over
        return piece

    async def answer(self) -> Answer:
        """Return the server's answer as soon as its head is there; hand on interim ones."""
        while True:
            head = await self._server.head()
            if head is None:
                raise Ended("instead of an answer")
            if head.status >= 200:
                break
            await self.client.send(head.raw)
        self.exchange.answers.append(head.status)
        self.exchange.answered = self.exchange.answered or tick()
        body = Body.of_answer(self._server, head, self.exchange.method)
        closes = head.headers.get("connection", "").lower() == "close"
        self._is_last = closes or body.until_close or head.line.startswith("HTTP/1.0")
        self._keeps = self._keeps and not self._is_last
        return Answer(head, body)

    async def deliver(
        self, answer: Answer, *, until: int | None = None, change: Change | None = None
    ) -> None:
        """Give the client an answer.

        Args:
            answer: of the server.
            until: bytes of the body after which nothing more is given.
            change: what becomes of the body on its way.
        """
        exchange = self.exchange
        exchange.status = answer.head.status
        await self.client.send(answer.head.raw)
        while until is None or exchange.delivered < until:
            piece = await answer.body.piece()
            if piece is None:
                return
            raw = piece.raw
            if piece.is_content:
                raw = change(exchange.delivered, raw) if change else raw
                raw = raw if until is None else raw[: until - exchange.delivered]
                exchange.delivered += len(raw)
            await self.client.send(raw)

    async def swallow(self, answer: Answer) -> None:
        """Read what is left of an answer and forget it."""
        while await answer.body.piece():
            pass

    async def reply(
        self, status: int, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Give the client an answer of the proxy's own."""
        fields = [("Content-Length", str(len(body))), *headers]
        if not self._keeps:
            fields.append(("Connection", "close"))
        head = Head(f"HTTP/1.1 {status} Fault", tuple(f"{name}: {text}" for name, text in fields))
        body = b"" if self.exchange.method == "HEAD" else body
        self.exchange.status = status
        self.exchange.delivered = len(body)
        await self.client.send(head.raw + body)

    async def hang_up(self, *, reset: bool) -> None:
        """End the connection to the client and the one to the server.

        Args:
            reset: abort them at once; otherwise the client may read to the end of what was sent.
        """
        await self.stop()
        self._hung_up = True
        self._link.close(reset=reset)
        await leave(self.client, reset=reset)

    async def finish(self) -> bool:
        """Bring the request to its end; return whether the connections can carry another."""
        if self._hung_up:
            return False
        if not self._keeps:
            await self.hang_up(reset=False)
            return False
        await self.sent()
        await self.read_over()
        return True

    async def stop(self) -> None:
        """Send no more of the request."""
        if self._sending:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)


async def leave(stream: Stream, *, reset: bool) -> None:
    """Close a connection, after a while in which the other side can read to the end."""
    if reset:
        stream.abort()
        return
    stream.finish()
    # To close while bytes wait unread would reset the connection and lose what was sent.
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stream.drain(), _PATIENCE)
    stream.close()


async def _tell(server: Stream, data: bytes) -> bool:
    """Send to the server; return False if it listens no more, though it may have answered."""
    try:
        await server.send(data)
    except OSError:
        return False
    return True
