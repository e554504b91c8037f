"""One HTTP connection: uvicorn's, with limited heads, half-closing clients and a clean end."""

import asyncio
import fcntl
import secrets
import socket
import struct
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import httptools

from coskit.protocol.codec.xml.error_document import encode_error
from coskit.protocol.errors import CosServiceError, IncompleteBody, InvalidRequest, RequestTimeout
from coskit.server.http.connections.asgi import CONNECTION, SEND_WHOLE
from coskit.server.http.connections.request_cycle import RequestCycle
from coskit.server.http.connections.timeouts import BODY_PHASES, ConnectionState
from coskit.server.http.connections.uvicorn_api import STATUS_LINE, HttpToolsProtocol

MAX_HEAD = 64 << 10
_WRITE_BUFFER = 1 << 14  # bytes that may wait for a client before the application waits
_DISCARDED = 16 << 20  # bytes that are read and discarded after the last response
_TLS_FAREWELL = 0.5  # seconds in which a client has to end TLS when the server ends
_VERSIONS = ("1.0", "1.1")
_UNACKNOWLEDGED = 0x5411  # SIOCOUTQ: returns the number of bytes that the peer has not acknowledged


class Connection(HttpToolsProtocol):
    """Speak HTTP/1.x with one client; malformed bytes get the response 400 and end the connection.

    A request line with its headers may have `MAX_HEAD` bytes. So may the framing of a body
    (extensions of chunks, trailers) between two pieces of the body. The application finds the
    connection in the scope, as the extension `CONNECTION`.

    Attributes:
        is_receiving: whether the application waits for more of a body.
        is_anonymous: whether the request has no known sender.
        fault: the error to raise because no more of the body will come, or None.
    """

    is_receiving = False
    is_anonymous = False
    fault: type[CosServiceError] | None = None
    _in_head = True
    _in_body = False
    _heads = 0
    _bodies = 0  # the number of parsed pieces of bodies
    _idle_bytes = 0  # bytes since a request began, its head ended, or a piece of its body came
    _fields_size = 0  # bytes of the parsed part of a head
    _received = 0
    _ended = False
    _lingering = False
    _leaving = False
    _left = _DISCARDED

    def connection_made(self, transport: Any) -> None:
        """Set up the connection."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(_WRITE_BUFFER)
        self._response_transport: Any = _ResponseTransport(transport, self)

    def data_received(self, data: bytes) -> None:
        """Parse received bytes; refuse a head or trailers that do not end."""
        self._received += len(data)
        if self._lingering:
            self._left -= len(data)
            if self._left < 0:
                self.transport.abort()
            return
        before = self._in_head, self._heads, self._bodies
        super().data_received(data)
        # The parser keeps the part of a header that came, and copies it for each further piece.
        is_idle = before == (self._in_head, self._heads, self._bodies)
        self._idle_bytes = self._idle_bytes + len(data) if is_idle else 0
        if self._idle_bytes > MAX_HEAD:
            what = "The head of the request" if self._in_head else "The framing of the body"
            self.send_400_response(f"{what} is too large")

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Note that the client sends no more; requests that have come still get a response."""
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
        """Start a request."""
        self._in_head = True
        self._heads += 1
        self._fields_size = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; ignore a trailer, which comes after the signature was checked."""
        if self._in_head:
            self._count(len(name) + len(value) + len(": \r\n"))
            super().on_header(name, value)

    def on_url(self, url: bytes) -> None:
        """Take a piece of the address."""
        self._count(len(url))
        if b"#" in url:  # RFC 9112 3.2: the rest would be lost instead of being a part of the key
            raise ValueError("an address has no fragment")
        super().on_url(url)

    def _count(self, size: int) -> None:
        self._fields_size += size
        if self._fields_size > MAX_HEAD:
            raise ValueError("the head is too large")  # ends the parser, and gets the response 400

    def on_headers_complete(self) -> None:
        """Start the application for the request; its body may come later."""
        self._in_head, self._in_body = False, True
        scope: Any = self.scope
        parsed = httptools.parse_url(self.url)
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["http_version"] = version = self.parser.get_http_version()
        if version not in _VERSIONS:
            self._refuse(_unsupported_version(version))
            raise ValueError("the version of HTTP is not supported")  # ends the parser
        scope["raw_path"] = parsed.path
        scope["path"] = unquote(parsed.path.decode("ascii"))
        scope["query_string"] = parsed.query or b""
        if parsed.host:
            scope["headers"] = _with_host_of_url(scope["headers"], parsed)
        before: Any = self.cycle  # None before the first request
        self.cycle = cycle = RequestCycle(
            scope,
            self._response_transport,
            self.flow,
            self.logger,
            self.access_logger,
            self.access_log,
            self.server_state.default_headers,
            asyncio.Event(),
            self.expect_100_continue,
            version != "1.0" and self.parser.should_keep_alive(),
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
        """Note that the next byte belongs to another request."""
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Start the next request; the timeout monitor ends a connection without one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def shutdown(self) -> None:
        """Finish a running request and close the connection, because the server ends."""
        self._leaving = True
        super().shutdown()
        self._end_tls_soon()

    def send_400_response(self, msg: str) -> None:
        """Respond to malformed HTTP with an error document, and close the connection."""
        self._refuse(InvalidRequest(msg))

    async def drain(self) -> None:
        """Wait until the client has taken most of the bytes sent."""
        if self.flow.write_paused:
            await self.flow.drain()

    def drop(self) -> None:
        """Abort the connection."""
        self._drop_requests()
        self.transport.abort()

    @property
    def has_ended(self) -> bool:
        """True after the last byte was sent; received bytes are discarded then."""
        return self._lingering

    # For the timeout monitor.

    def state(self) -> ConnectionState:
        """Return the phase of the connection and its progress."""
        unsent = self.transport.get_write_buffer_size()
        if unsent:
            return ConnectionState("response", unsent, self._unacknowledged())
        if self._lingering:
            return ConnectionState("last", 0, 0)
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete:
            return ConnectionState(
                "head" if self._in_head and self._heads else "idle", self._heads, 0
            )
        if self.is_receiving:
            phase = "anonymous" if self.is_anonymous else "body"
            return ConnectionState(phase, self._heads, self._received)
        return ConnectionState("work", self._heads, 0)

    def time_out(self, phase: str) -> None:
        """Give up waiting in a phase."""
        if phase == "head":
            self._refuse(RequestTimeout("The head of the request did not arrive in time"))
        elif phase in BODY_PHASES:
            self._interrupt(RequestTimeout)
        elif phase == "idle":
            self.transport.close()
        else:
            with suppress(OSError, AttributeError):  # otherwise the kernel would send for hours
                reset = struct.pack("ii", 1, 0)
                peer = self.transport.get_extra_info("socket")
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            self.transport.abort()

    def _unacknowledged(self) -> int:
        # The kernel accepts more bytes only after much of its buffer is free, which the client's
        # reading shows late.
        with suppress(OSError, AttributeError):
            fd = self.transport.get_extra_info("socket").fileno()
            return int.from_bytes(fcntl.ioctl(fd, _UNACKNOWLEDGED, bytes(4)), "little")
        return 0

    def _interrupt(self, fault: type[CosServiceError]) -> None:
        """Make the application's read of the body raise an error."""
        self.fault = fault
        self.cycle.message_event.set()

    def _refuse(self, error: CosServiceError) -> None:
        """Send an error without the application, unless it has begun a response, and close."""
        if self._lingering or self.transport.is_closing():
            return  # one piece of bytes can be malformed in two ways
        cycle: Any = self.cycle
        was_answered = cycle is not None and cycle.response_started
        if not was_answered or (cycle.response_complete and not self._in_body):
            error.request_id = secrets.token_hex(14)
            body = encode_error(error)
            head = (
                "Content-Type: application/xml\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\nServer: tencent-cos\r\n"
                f"x-cos-request-id: {error.request_id}\r\nx-cos-trace-id: {error.request_id}\r\n"
                "\r\n"
            )
            self.transport.write(STATUS_LINE[error.status] + head.encode() + body)
        self._linger()

    def close(self) -> None:
        """Close after a response, so that the client gets it even while it sends."""
        if self.cycle.more_body and not self._ended:
            self._linger()
        else:
            self.transport.close()
            if self._leaving:
                self._end_tls_soon()

    def _end_tls_soon(self) -> None:
        """Do not wait for long until a client has ended TLS, because the server ends."""
        if self.scheme == "https" and self.transport.is_closing():
            self.loop.call_later(_TLS_FAREWELL, self._end_tls)

    def _end_tls(self) -> None:
        if self._unacknowledged():
            self._end_tls_soon()  # a response is still on its way
        else:
            self.transport.abort()

    def _linger(self) -> None:
        """Send no more and discard received bytes: closing at once would take the response back."""
        if self._lingering or self.transport.is_closing():
            return
        self._lingering = True
        self._drop_requests()
        if self.scheme != "https":  # TLS cannot be closed in one direction only
            with suppress(OSError, RuntimeError):  # the client has disconnected
                self.transport.write_eof()
        self.flow.resume_reading()

    def _drop_requests(self) -> None:
        """Cancel the running request and those that wait behind it."""
        self.pipeline.clear()
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.flow.resume_writing()


def _with_host_of_url(headers: list[tuple[bytes, bytes]], url: Any) -> list[tuple[bytes, bytes]]:
    """Return headers with the host of an absolute request target, which counts (RFC 9112 3.2.2)."""
    user = url.userinfo + b"@" if url.userinfo else b""
    host = b"[%s]" % url.host if b":" in url.host else url.host
    port = b":%d" % url.port if url.port else b""
    named = user + host + port
    return [(name, named if name == b"host" else value) for name, value in headers]


def _unsupported_version(version: str) -> CosServiceError:
    """Return the error for a request of another major version of HTTP (RFC 9110 15.6.6)."""
    message = f"This server speaks HTTP/1.0 and HTTP/1.1, not HTTP/{version}"
    return CosServiceError(message, code="HTTPVersionNotSupported", status=505)


class _ResponseTransport:
    """The transport of a request's response: closing it keeps the end of the response."""

    __slots__ = ("_connection", "_transport", "close")

    def __init__(self, transport: Any, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection
        self.close = connection.close

    def write(self, data: bytes) -> None:
        """Send bytes, unless the last byte was sent."""
        if not self._connection.has_ended:
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Return whether no more bytes can be sent."""
        return self._connection.has_ended or bool(self._transport.is_closing())
