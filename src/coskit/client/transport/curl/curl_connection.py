"""A connection of one thread on which libcurl speaks HTTP, driven by the thread that waits.

Header lines and pieces of bodies are kept by C functions, and the head is read once, at the end.
"""

import io
import select
import time
from collections.abc import Callable
from typing import Any

import pycurl

from coskit.client.cancellation import POLL_INTERVAL, current
from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.curl.curl_easy import EasyHandle, HandleOwner, wait_for_sockets
from coskit.client.transport.curl.curl_exchange import CurlExchange
from coskit.client.transport.http_request import HTTPRequest, source_of

# Seconds; poll takes no number of any size.
_LONGEST_WAIT = 3600.0
# Bytes of a request's body that a socket takes at once.
_SMALL_BODY = 64 * 1024


class CurlConnection(HandleOwner):
    """A connection to one origin: an easy handle in a multi handle of its own.

    With a multi handle the thread waits in Python's `poll`, which lets Ctrl-C through, and stops
    driving when nothing is to be read. libcurl is not asked to report its sockets, since each
    report is a call of Python: a request on a kept connection only ever waits for the response.

    Attributes:
        origin: scheme, host and port.
        exchange: the one under way, or the last one.
    """

    exchange: CurlExchange

    def __init__(self, settings: TransportSettings, origin: str) -> None:
        super().__init__()
        self.origin = origin
        self._attached = False
        self._is_secure = origin.startswith("https:")
        self._is_http11 = settings.http == "1.1"
        self._may_wait_to_send = False
        self._socket = -1  # of the kept connection
        self._poll = select.poll()
        self._moved, self._moved_at = 0, 0.0
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, 1)
        self._handle = EasyHandle(settings, secure=self._is_secure)
        self._easy = self._handle.easy

    @property
    def is_reusable(self) -> bool:
        """True: libcurl opens another connection where the kept one has ended."""
        return True

    def begin(self, request: HTTPRequest, limits: TransportSettings, capacity: int) -> None:
        """Start an exchange; `run` carries it on."""
        read: Callable[[int], bytes | int] | None = None
        body: Any = request.body
        has_ended = False
        if body is None:
            self._may_wait_to_send = False
        else:
            source: Any = source_of(request)
            read = None if source is None else source.read
            self._may_wait_to_send = source is not None or len(body) > _SMALL_BODY
            # A source can be read but once: it is not begun on a connection that has ended.
            has_ended = read is not None and self._socket >= 0 and bool(self._poll.poll(0))
        self.exchange = CurlExchange(self._handle, request, limits, capacity, read, anew=has_ended)
        self._multi.add_handle(self._easy)
        self._attached = True
        self._perform()

    def run(self) -> None:
        """Return when the exchange has finished, or is ready and body bytes wait in its inbox.

        Raises:
            BaseException: what a callback raised, such as the source of the request's body.
        """
        exchange = self.exchange
        if not exchange.is_settled:
            self._moved_at = time.monotonic()
            while not exchange.is_settled:
                self._step()
        if exchange.raised is not None:
            raise exchange.raised

    def run_into(self, target: io.BytesIO, most: int) -> bool:
        """Write the rest of the body to a target; return whether that was possible.

        It is if exactly `most` more bytes are to come; nothing is done otherwise.
        """
        exchange = self.exchange
        if not exchange.aim(target, most):
            return False
        try:
            self.run()
        finally:
            exchange.leave_target()
        return True

    def _step(self) -> None:
        limits = self.exchange.limits
        if not self._waits_for_response(limits):
            self._step_with_care()
        elif self._poll.poll(limits.read_timeout * 1000):
            self._perform()
        else:
            self._detach()
            self.exchange.fail_stalled()

    def _waits_for_response(self, limits: TransportSettings) -> bool:
        """Return whether nothing counts but bytes from the kept connection and the read timeout."""
        info = self._easy.getinfo
        return (
            self._is_http11
            and self._socket >= 0
            and current.token is None
            and not self._may_wait_to_send
            and limits.total_timeout is None
            and limits.read_timeout < _LONGEST_WAIT
            and not info(pycurl.NUM_CONNECTS)
            and info(pycurl.ACTIVESOCKET) == self._socket
            # libcurl may have read more from TLS than it has passed on.
            and (not self._is_secure or self._multi.timeout() < 0)
        )

    def _step_with_care(self) -> None:
        """Wait for any socket in any direction, for libcurl's timers and for cancellation."""
        exchange, handle = self.exchange, self._handle
        stall = self._moved_at + exchange.limits.read_timeout - time.monotonic()
        longest = _LONGEST_WAIT
        if current.token is not None:
            current.token.check()
            longest = POLL_INTERVAL
        wait = round(min(max(stall, 0), longest) * 1000)
        due = self._multi.timeout()
        wait_for_sockets(self._multi, wait if due < 0 else min(wait, due))
        self._perform()
        if exchange.finished:
            return
        moved = handle.moved
        if moved != self._moved or not handle.is_connected:
            self._moved, self._moved_at = moved, time.monotonic()
        elif stall <= 0:
            self._detach()
            exchange.fail_stalled()

    def _perform(self) -> None:
        _, running = self._multi.perform()
        exchange = self.exchange
        if running:
            exchange.collect()
            if exchange.is_too_long:
                self._detach()
                exchange.end_too_long()
            return
        _, _, failed = self._multi.info_read()
        if self._easy.getinfo(pycurl.NUM_CONNECTS):
            self._note_socket()
        self._detach()
        exchange.end(*failed[0][1:] if failed else ())

    def _note_socket(self) -> None:
        """Note the socket of a new connection, for the requests that follow on it."""
        if self._socket >= 0:
            self._poll.unregister(self._socket)
        self._socket = int(self._easy.getinfo(pycurl.ACTIVESOCKET))
        if self._socket >= 0:
            self._poll.register(self._socket, select.POLLIN)

    def _detach(self) -> None:
        self._attached = False
        try:
            self._multi.remove_handle(self._easy)
        except SystemError as error:
            # pycurl raises it for a Ctrl-C that strikes while libcurl calls back.
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise error.__cause__ from None
            raise

    def close(self) -> None:
        """Close the connection and both handles, unless they are the parent process's."""
        if self.inherited:
            return
        if self._attached:
            self._detach()
        self._easy.close()
        self._multi.close()

    def __del__(self) -> None:
        self.close()
