"""One HTTP connection: uvicorn's, with heads of any size, half-closed ones, and a proper end."""

import asyncio
import fcntl
import secrets
import socket
import struct
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from coskit.protocol.codec.xml.error_document import encode_error
from coskit.protocol.errors import CosServiceError, IncompleteBody, InvalidRequest, RequestTimeout
from coskit.server.http.connections.asgi import CONNECTION, SEND_WHOLE
from coskit.server.http.connections.request_cycle import RequestCycle
from coskit.server.http.connections.timeouts import BODIES, State

MAX_HEAD = 64 << 10
_UNSENT = 1 << 14  # bytes that may wait for a client before the app does
_READ_OVER = 16 << 20  # bytes that are read over after the last answer
_PARTING = 0.5  # seconds that a client has to answer the end of TLS when the server ends
_UNACKNOWLEDGED = 0x5411  # SIOCOUTQ: asks the kernel what the peer has not taken yet


class Connection(HttpToolsProtocol):
    """Speaks HTTP/1.1 with one client; what it cannot read is answered 400 and ends it.

    A request line with its headers may have `MAX_HEAD` bytes, and so may what frames a body without
    bringing a byte of it (extensions of chunks, trailers), as far as the pieces in which they come
    can be told apart. The application finds the connection in the scope, as the
    extension `CONNECTION`.

    Attributes:
        is_receiving: whether the app waits for more of a body.
        is_anonymous: whether nobody is known to have sent the request.
        fault: why no more of the body will come, or None.
    """

    is_receiving = False
    is_anonymous = False
    fault: type[CosServiceError] | None = None
    _in_head = True
    _in_body = False
    _heads = 0
    _bodies = 0  # pieces of bodies that have been parsed
    _barren = 0  # bytes of the pieces that brought neither a request, its head's end nor its body
    _fields_size = 0  # of what of a head has been parsed
    _received = 0
    _ended = False
    _lingering = False
    _leaving = False
    _left = _READ_OVER

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(_UNSENT)
        self._outlet: Any = _Outlet(transport, self)

    def data_received(self, data: bytes) -> None:
        """Take what has come, and refuse a head or trailers that do not end."""
        self._received += len(data)
        if self._lingering:
            self._left -= len(data)
            if self._left < 0:
                self.transport.abort()
            return
        before = self._in_head, self._heads, self._bodies
        super().data_received(data)
        # The parser keeps what it has of a header, and copies all of it for each piece.
        is_barren = before == (self._in_head, self._heads, self._bodies)
        self._barren = self._barren + len(data) if is_barren else 0
        if self._barren > MAX_HEAD:
            what = "The head of the request" if self._in_head else "What frames the body"
            self.send_400_response(f"{what} is too large")

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Note that no more will come; what has come is still answered."""
        cycle: Any = self.cycle  # None before the first request
        # Under TLS a transport cannot be closed in one direction only.
        if self._lingering or cycle is None or cycle.response_complete or self.scheme == "https":
            return None
        self._ended = True
        cycle.keep_alive = False
        if cycle.more_body:
            self._interrupt(IncompleteBody)
        return True

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._in_head = True
        self._heads += 1
        self._fields_size = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer is dropped, for it comes after the signature was checked."""
        if self._in_head:
            self._count(len(name) + len(value) + len(": \r\n"))
            super().on_header(name, value)

    def on_url(self, url: bytes) -> None:
        """Take a piece of the address."""
        self._count(len(url))
        if b"#" in url:  # RFC 9112 3.2: what stands after it would be lost, and be no part of a key
            raise ValueError("an address has no fragment")
        super().on_url(url)

    def _count(self, size: int) -> None:
        self._fields_size += size
        if self._fields_size > MAX_HEAD:
            raise ValueError("the head is too large")  # the parser ends, which is answered 400

    def on_headers_complete(self) -> None:
        """Hand the request to the app; its body may still be on the way."""
        self._in_head, self._in_body = False, True
        scope: Any = self.scope
        parsed = httptools.parse_url(self.url)
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["http_version"] = self.parser.get_http_version()
        scope["raw_path"] = parsed.path
        scope["path"] = unquote(parsed.path.decode("ascii"))
        scope["query_string"] = parsed.query or b""
        if parsed.host:
            scope["headers"] = _addressed(scope["headers"], parsed)
        before: Any = self.cycle  # None before the first request
        self.cycle = cycle = RequestCycle(
            scope,
            self._outlet,
            self.flow,
            self.logger,
            self.access_logger,
            self.access_log,
            self.server_state.default_headers,
            asyncio.Event(),
            self.expect_100_continue,
            scope["http_version"] != "1.0" and self.parser.should_keep_alive(),
            self.on_response_complete,
        )
        scope["extensions"] = {CONNECTION: self, SEND_WHOLE: cycle.send_whole}
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._bodies += 1
        cycle: Any = self.cycle
        if not cycle.response_complete:
            cycle.take(body)

    def on_message_complete(self) -> None:
        """Note that the next byte is of another request."""
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request; the watch ends a connection that brings none."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def shutdown(self) -> None:
        """Let a running request finish, and close; called when the server ends."""
        self._leaving = True
        super().shutdown()
        self._part()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request with an error document, and close."""
        self._refuse(InvalidRequest(msg))

    async def drain(self) -> None:
        """Wait until the client has taken most of what was sent."""
        if self.flow.write_paused:
            await self.flow.drain()

    def drop(self) -> None:
        """End the connection in the middle of whatever it does."""
        self._drop_requests()
        self.transport.abort()

    @property
    def has_ended(self) -> bool:
        """Whether the last byte has been sent, and what comes is read over."""
        return self._lingering

    # For the watch.

    def state(self) -> State:
        """Return what the connection waits for."""
        unsent = self.transport.get_write_buffer_size()
        if unsent:
            return State("response", unsent, self._unacknowledged())
        if self._lingering:
            return State("last", 0, 0)
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete:
            return State("head" if self._in_head and self._heads else "idle", self._heads, 0)
        if self.is_receiving:
            phase = "stranger" if self.is_anonymous else "body"
            return State(phase, self._heads, self._received)
        return State("work", self._heads, 0)

    def end(self, phase: str) -> None:
        """Give up waiting for what the phase names."""
        if phase == "head":
            self._refuse(RequestTimeout("The head of the request did not arrive in time"))
        elif phase in BODIES:
            self._interrupt(RequestTimeout)
        elif phase == "idle":
            self.transport.close()
        else:
            with suppress(OSError, AttributeError):  # else the kernel would go on for hours
                reset = struct.pack("ii", 1, 0)
                peer = self.transport.get_extra_info("socket")
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            self.transport.abort()

    def _unacknowledged(self) -> int:
        # The kernel takes more only when much of its buffer is free, long after the client reads.
        with suppress(OSError, AttributeError):
            fd = self.transport.get_extra_info("socket").fileno()
            return int.from_bytes(fcntl.ioctl(fd, _UNACKNOWLEDGED, bytes(4)), "little")
        return 0

    def _interrupt(self, fault: type[CosServiceError]) -> None:
        """Have the app learn that no more of the body will come."""
        self.fault = fault
        self.cycle.message_event.set()

    def _refuse(self, error: CosServiceError) -> None:
        """Answer without the app, unless it has answered or begun to, and close."""
        if self._lingering or self.transport.is_closing():
            return  # one piece of a stranger's bytes can be wrong in two ways
        cycle: Any = self.cycle
        was_answered = cycle is not None and cycle.response_started
        if not was_answered or (cycle.response_complete and not self._in_body):
            error.request_id = secrets.token_hex(14)
            body = encode_error(error)
            head = (
                f"HTTP/1.1 {error.status} Bad Request\r\nContent-Type: application/xml\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\nServer: tencent-cos\r\n"
                f"x-cos-request-id: {error.request_id}\r\nx-cos-trace-id: {error.request_id}\r\n"
                "\r\n"
            )
            self.transport.write(head.encode() + body)
        self._linger()

    def close(self) -> None:
        """Close after an answer, so that the client gets it even while it sends."""
        if self.cycle.more_body and not self._ended:
            self._linger()
        else:
            self.transport.close()
            if self._leaving:
                self._part()

    def _part(self) -> None:
        """Have a server that ends not wait until a client answers the end of TLS."""
        if self.scheme == "https" and self.transport.is_closing():
            self.loop.call_later(_PARTING, self._leave)

    def _leave(self) -> None:
        if self._unacknowledged():
            self._part()  # what was answered is still on its way
        else:
            self.transport.abort()

    def _linger(self) -> None:
        """Send no more and read over what comes: closing at once would take the answer back."""
        if self._lingering or self.transport.is_closing():
            return
        self._lingering = True
        self._drop_requests()
        if self.scheme != "https":  # TLS cannot be closed in one direction only
            with suppress(OSError, RuntimeError):  # the client has gone
                self.transport.write_eof()
        self.flow.resume_reading()

    def _drop_requests(self) -> None:
        """Let what is under way learn that nobody hears it, and begin nothing more."""
        self.pipeline.clear()
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.flow.resume_writing()


def _addressed(headers: list[tuple[bytes, bytes]], url: Any) -> list[tuple[bytes, bytes]]:
    """Return headers with the host that an absolute target names: that counts (RFC 9112 3.2.2)."""
    user = url.userinfo + b"@" if url.userinfo else b""
    host = b"[%s]" % url.host if b":" in url.host else url.host
    port = b":%d" % url.port if url.port else b""
    named = user + host + port
    return [(name, named if name == b"host" else value) for name, value in headers]


class _Outlet:
    """What a request's answer takes for its transport: the same, save for its end."""

    __slots__ = ("_connection", "_transport", "close")

    def __init__(self, transport: Any, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection
        self.close = connection.close

    def write(self, data: bytes) -> None:
        """Send, unless the last byte has been sent."""
        if not self._connection.has_ended:
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Return whether nothing more is sent."""
        return self._connection.has_ended or bool(self._transport.is_closing())
