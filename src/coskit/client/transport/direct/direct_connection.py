"""A connection of one thread on which plain requests are sent without libcurl's HTTP.

libcurl opens the connection (names, addresses, TLS). A request is then one `send`, one wait and one
`recv`; libcurl would call Python for each header line and copy a large body once more. Measured
against `CurlConnection` in alternation, the whole client, 2026-11-29: a GET or PUT of 1 KiB takes
libcurl 1.10 to 1.20 times as long and 1.12 to 1.22 times the CPU, with 1, 4 and 16 threads
(docs/performance.md has the table). Requests that are not plain go to libcurl.
"""

import io
import os
import select
import time
from collections.abc import Callable, Mapping
from typing import Any

import pycurl

from coskit.client.cancellation import POLL_INTERVAL, current
from coskit.client.settings.transport import TransportSettings
from coskit.client.transport import failures
from coskit.client.transport.curl.curl_easy import HandleOwner, user_agent
from coskit.client.transport.direct.http11 import ResponseParser, write_request
from coskit.client.transport.direct.send_buffer import SendBuffer
from coskit.client.transport.direct.short_calls import SHORT
from coskit.client.transport.direct.socket_stream import SocketStream
from coskit.client.transport.exchange import Exchange
from coskit.client.transport.http_request import HTTPRequest
from coskit.protocol.errors import CosClientError

# Bytes that are received at once before the head is here, and then.
_HEAD_READ_SIZE = SHORT
_BODY_READ_SIZE = 256 * 1024
# Seconds; poll takes no number of any size.
_LONGEST_WAIT = 3600.0
# Seconds after which an idle connection is replaced: firewalls forget connections silently.
_LONGEST_IDLE = 100.0
_TLS_ALERT = b"\x15\x03"
_PROXIES = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


class StaleConnection(Exception):
    """A kept connection is of no use any more; the request may be sent on a new one."""


def needs_libcurl(settings: TransportSettings, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether there may be a proxy, or another version of HTTP is wanted."""
    if settings.http != "1.1":
        return True
    if settings.proxy is not None:
        return bool(settings.proxy)
    return any(environ.get(name) for name in _PROXIES)


class DirectConnection(HandleOwner):
    """A connection to one origin on which requests are written and responses are parsed here.

    Args:
        settings: the settings of the connection.
        origin: the scheme, host and port of the peer.

    Attributes:
        origin: the scheme, host and port of the peer.
        exchange: the exchange under way, or the last one.
    """

    exchange: Exchange

    def __init__(self, settings: TransportSettings, origin: str) -> None:
        super().__init__()
        self.origin = origin
        self._agent = user_agent(settings)
        self._stream = SocketStream(settings, origin)
        self._poll = select.poll()
        self._used = False
        self._idle_since = 0.0
        self._deadline: float | None = None
        self._drained = True

    def begin(self, request: HTTPRequest, limits: TransportSettings, capacity: int) -> None:
        """Start an exchange; `run` carries it on.

        Raises:
            StaleConnection: the connection has been idle for too long, or was closed by the peer.
            ParameterError: a header holds a line break.
        """
        if self._used and (
            time.monotonic() - self._idle_since > _LONGEST_IDLE
            # A source can be read only once: it is not begun on a connection that has ended.
            or (hasattr(request.body, "read") and self._poll.poll(0))
        ):
            raise StaleConnection
        self.exchange = Exchange(request, limits, capacity)
        self._is_post = request.method == "POST"
        self._parser = ResponseParser(request.method)
        self._buffer = SendBuffer(write_request(request, self.origin, self._agent), request)
        self._drained = True
        total = limits.total_timeout
        self._deadline = None if total is None else time.monotonic() + total
        if self._stream.descriptor < 0:
            self._open(limits)

    def _open(self, limits: TransportSettings) -> None:
        try:
            self._stream.open(limits)
        except CosClientError as error:
            self._parser.keeps = False
            self.exchange.fail(error)
        else:
            self._poll.register(self._stream.descriptor, select.POLLIN)

    @property
    def is_reusable(self) -> bool:
        """True if another exchange may begin."""
        return self._parser.finished and self._parser.keeps

    def run(self) -> None:
        """Return when the exchange has finished, or is ready and body bytes wait in its inbox.

        Raises:
            StaleConnection: the connection was closed before the request came.
            IntegrityError: the source of the request's body ended before its length.
            Exception: reading that source failed.
        """
        exchange = self.exchange
        while self._buffer.piece and not exchange.finished:
            self._send()
        while not exchange.is_settled:
            self._receive()
        if exchange.finished:
            self._mark_idle()

    def run_into(self, target: io.BytesIO, most: int) -> bool:
        """Write the rest of the body to a target; return whether that was possible.

        It is if exactly `most` more bytes are to come; nothing is done otherwise.
        """
        exchange, parser = self.exchange, self._parser
        if exchange.is_settled or parser.left != most or parser.is_chunked:
            return False
        start = target.tell()
        if len(target.getbuffer()) < start + most:
            return False
        with target.getbuffer() as memory:
            while not exchange.finished:
                at = start + most - parser.left
                with memory[at : at + min(parser.left, _BODY_READ_SIZE)] as piece:
                    size = self._receive_into(piece)
                exchange.inbox.arrived += size
                if size:
                    parser.took(size)
                if parser.finished:
                    exchange.finish()
        target.seek(start + most - parser.left)
        self._mark_idle()
        return True

    def _mark_idle(self) -> None:
        self._buffer.clear()  # an idle connection holds no body
        self._used = True
        self._idle_since = time.monotonic()

    def _send(self) -> None:
        try:
            sent = self._stream.send(self._buffer.piece)
        except BlockingIOError:
            self._poll.modify(self._stream.descriptor, select.POLLIN | select.POLLOUT)
            events = self._wait()
            self._poll.modify(self._stream.descriptor, select.POLLIN)
            if events & ~select.POLLOUT:
                self._receive_early()
        except pycurl.error:
            # The peer has closed the connection; its response may say why.
            self._stop_sending()
        else:
            self._buffer.sent(sent)

    def _receive_early(self) -> None:
        """Receive a response that does not wait for the rest of the request."""
        self._drained = False
        self._receive()
        if self._parser.head is not None:
            self._stop_sending()

    def _stop_sending(self) -> None:
        self._buffer.clear()
        self._parser.keeps = False

    def _receive(self) -> None:
        exchange, parser = self.exchange, self._parser
        data = self._receive_piece(_HEAD_READ_SIZE if parser.head is None else _BODY_READ_SIZE)
        if not data:
            return
        try:
            body = parser.feed(data)
        except ValueError as error:
            early = data.startswith(_TLS_ALERT) and exchange.head is None
            self._fail("the response is not HTTP/1" if early else str(error))
            return
        if body:
            exchange.inbox.put(body)
        if exchange.head is None and parser.head is not None:
            exchange.begin_body(parser.head)
        if exchange.is_too_long:
            parser.keeps = False
            exchange.end_too_long()
        elif parser.finished:
            exchange.finish()

    def _receive_piece(self, most: int) -> bytes:
        """Return bytes that have arrived; none if there are none, or the exchange has ended."""
        arrived: bytes = self._received(lambda: self._stream.receive(most), b"")
        return arrived

    def _receive_into(self, piece: memoryview) -> int:
        """Write bytes that have arrived to a view; return their number, 0 as `_receive_piece`."""
        arrived: int = self._received(lambda: self._stream.receive_into(piece), 0)
        return arrived

    def _received(self, receive: Callable[[], Any], nothing: Any) -> Any:
        if self._drained and not self._wait():
            return nothing
        try:
            arrived = receive()
        except BlockingIOError:
            self._drained = True
            return nothing
        except pycurl.error as error:
            self._handle_end(error.args[1])
            return nothing
        self._drained = False
        if not arrived:
            self._handle_end("")
        return arrived

    def _handle_end(self, message: str) -> None:
        """Handle the end of the connection; `message` is empty after a clean close."""
        exchange, parser = self.exchange, self._parser
        may_repeat = not self._is_post and not self._buffer.started
        if self._used and may_repeat and parser.is_untouched:
            raise StaleConnection
        try:
            parser.end()
        except ValueError as error:
            self._fail(message or str(error))
            return
        if message:
            self._fail(message)
        else:
            exchange.finish()

    def _fail(self, message: str) -> None:
        self._parser.keeps = False
        self.exchange.fail(self.exchange.cut(pycurl.E_RECV_ERROR, message))

    def _wait(self) -> int:
        """Wait for the socket and return its events; 0 if the exchange was given up."""
        limits = self.exchange.limits
        longest = limits.read_timeout
        if current.token is None and self._deadline is None and longest < _LONGEST_WAIT:
            events = self._poll.poll(longest * 1000)
            if events:
                return events[0][1]
            self.exchange.fail_stalled()
            return 0
        return self._wait_in_steps(time.monotonic() + longest)

    def _wait_in_steps(self, stall: float) -> int:
        """Do what `_wait` does, under a deadline or for a transfer that may be cancelled."""
        exchange, limits = self.exchange, self.exchange.limits
        while not exchange.finished:
            now = time.monotonic()
            pause = min(stall - now, _LONGEST_WAIT)
            if current.token is not None:
                current.token.check()
                pause = min(pause, POLL_INTERVAL)
            if self._deadline is not None:
                pause = min(pause, self._deadline - now)
            events = self._poll.poll(max(pause, 0) * 1000)
            if events:
                return events[0][1]
            now = time.monotonic()
            if self._deadline is not None and now >= self._deadline:
                exchange.fail(failures.overdue(exchange.url, limits))
            elif now >= stall:
                exchange.fail_stalled()
        return 0

    def close(self) -> None:
        """Close the connection, unless it is the parent process's."""
        if not self.inherited:
            self._stream.close()

    def __del__(self) -> None:
        self.close()
