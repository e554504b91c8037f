"""A connection of a thread that libcurl makes and on which plain requests travel without it.

Each callback of libcurl takes the interpreter's lock and gives it up again. An answer of ten
header lines is a dozen of them, and where sixteen threads want that lock, each is a change of
threads. On a connection that libcurl only opens (names, addresses, TLS), a request is one `send`,
one wait and one `recv`.
"""

import os
import select
import time
from collections.abc import Mapping

import pycurl

from coskit.client.cancellation import POLL_INTERVAL, current
from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.curl_connection import LONGEST_WAIT, Line
from coskit.client.transport.curl_easy import set_timeouts, user_agent
from coskit.client.transport.exchange import Exchange
from coskit.client.transport.http11 import Answer, write_request
from coskit.client.transport.http_request import HTTPRequest
from coskit.client.transport.libc import SHORT
from coskit.client.transport.send_buffer import Outbox
from coskit.client.transport.socket_stream import Channel, open_channel

# Bytes that are read at once, at least and at most, once a body turns out to be long.
_LEAST = 256 * 1024
_MOST = 1024 * 1024
# Bytes of a body from which on large pieces pay: memory for them is taken from the system anew.
_LARGE = 16 * 1024 * 1024
# Seconds after which an idle connection is rather replaced: firewalls forget, without a word.
_LONGEST_IDLE = 100.0
_TLS_ALERT = b"\x15\x03"
_PROXIES = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


class Outdated(Exception):
    """A kept connection is of no use any more; the request may be sent on a new one."""


def needs_libcurl(settings: TransportSettings, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether libcurl may have to talk to a proxy, or in another version of HTTP."""
    if settings.http != "1.1":
        return True
    if settings.proxy is not None:
        return bool(settings.proxy)
    return any(environ.get(name) for name in _PROXIES)


class DirectLine(Line):
    """A connection to one origin on which requests are written and answers are read here."""

    def __init__(self, settings: TransportSettings, origin: str) -> None:
        super().__init__(settings, origin)
        self._agent = user_agent(settings)
        self._used = False
        self._idle_since = 0.0
        self._deadline: float | None = None
        self._drained = True
        self._connected = False
        self._channel: Channel

    def begin(self, out: HTTPRequest, limits: TransportSettings, capacity: int) -> None:
        """Start an exchange; `run` carries it on.

        Raises:
            Outdated: the connection has been idle for too long.
            ParameterError: a header holds a line break.
        """
        if self._used and (
            time.monotonic() - self._idle_since > _LONGEST_IDLE
            # What can be read but once is not sent to a peer that has gone already.
            or (hasattr(out.body, "read") and self._poll.poll(0))
        ):
            raise Outdated
        self.exchange = Exchange(self._easy, out, limits, capacity)
        self._answer = Answer(out.method)
        self._outbox = Outbox(write_request(out, self.origin, self._agent), out)
        self._drained = True
        total = limits.total_timeout
        self._deadline = None if total is None else time.monotonic() + total
        if not self._connected:
            self._connect(limits)

    def _connect(self, limits: TransportSettings) -> None:
        self._easy.setopt(pycurl.URL, f"{self.origin}/")
        self._easy.setopt(pycurl.CONNECT_ONLY, 1)
        set_timeouts(self._easy, limits)
        self._multi.add_handle(self._easy)
        self._attached = True
        self._moved = time.monotonic()
        self._act(pycurl.SOCKET_TIMEOUT, 0)
        while not self._connected and not self.exchange.finished:
            self._step()

    def _conclude(self, code: int = 0, text: str = "") -> None:
        if code:
            self.exchange.fail(self.exchange.explained(code, text))
            return
        # The handle stays attached: that is what keeps the connection.
        self._channel = open_channel(self._easy, secure=self.origin.startswith("https:"))
        self._poll.register(self._channel.descriptor, select.POLLIN)
        self._connected = True

    @property
    def is_reusable(self) -> bool:
        """Whether another exchange may begin."""
        return self._answer.finished and self._answer.keeps

    def run(self) -> None:
        """Return when the exchange has finished, or is ready and body bytes wait in its inbox.

        Raises:
            Outdated: the connection had been closed before the request came.
            IntegrityError: the source of the request's body ended before its length.
            Exception: what reading that source raised.
        """
        exchange = self.exchange
        while self._outbox.piece and not exchange.finished:
            self._send()
        while not exchange.is_settled:
            self._receive()
        if exchange.finished:
            self._rest()

    def _rest(self) -> None:
        self._outbox.clear()  # an idle connection holds no body
        self._used = True
        self._idle_since = time.monotonic()

    def _send(self) -> None:
        try:
            sent = self._channel.send(self._outbox.piece)
        except BlockingIOError:
            self._poll.modify(self._channel.descriptor, select.POLLIN | select.POLLOUT)
            events = self._wait()
            self._poll.modify(self._channel.descriptor, select.POLLIN)
            if events & ~select.POLLOUT:
                self._read_early()
        except pycurl.error:
            # The peer has gone; it may have said why.
            self._give_up_sending()
        else:
            self._outbox.sent(sent)

    def _read_early(self) -> None:
        """Read what comes before the request is out: an answer that does not wait for the rest."""
        self._drained = False
        self._receive()
        if self._answer.head is not None:
            self._give_up_sending()

    def _give_up_sending(self) -> None:
        self._outbox.clear()
        self._answer.keeps = False

    def _receive(self) -> None:
        if self._drained and not self._wait():
            return
        try:
            data = self._channel.receive(self._room())
        except BlockingIOError:
            self._drained = True
            return
        except pycurl.error as error:
            self._end(error.args[1])
            return
        self._drained = False
        if not data:
            self._end("")
            return
        exchange, answer = self.exchange, self._answer
        try:
            body = answer.feed(data)
        except ValueError as error:
            early = data.startswith(_TLS_ALERT) and exchange.head is None
            self._fail("the answer is not HTTP/1" if early else str(error))
            return
        if body:
            exchange.inbox.put(body)
        if exchange.head is None and answer.head is not None:
            exchange.begin_body(answer.head)
        if exchange.inbox.arrived > exchange.longest and exchange.is_too_long():
            answer.keeps = False
        elif answer.finished:
            exchange.finish()

    def fill(self, memory: memoryview) -> int:
        """Receive body bytes into a view; return how many, 0 if the exchange has finished.

        The inbox is empty when this is called, and bytes are `awaited`.
        """
        exchange, answer = self.exchange, self._answer
        while not exchange.finished:
            if self._drained and not self._wait():
                break
            try:
                with memory[: min(answer.left, _LEAST)] as piece:
                    size = self._channel.receive_into(piece)
            except BlockingIOError:
                self._drained = True
                continue
            except pycurl.error as error:
                self._end(error.args[1])
                break
            if not size:
                self._end("")
                break
            self._drained = False
            answer.took(size)
            exchange.inbox.arrived += size
            if answer.finished:
                exchange.finish()
                self._rest()
            return size
        return 0

    @property
    def awaited(self) -> int:
        """Bytes of the body of which it is known that they come next."""
        return self._answer.left

    def _room(self) -> int:
        if self._answer.head is None:
            return SHORT
        most = _MOST if self._answer.left >= _LARGE else _LEAST
        return min(max(self.exchange.wanted, _LEAST), most)

    def _end(self, words: str) -> None:
        """Take note that the connection has ended, with libcurl's words if it was no goodbye."""
        exchange, answer = self.exchange, self._answer
        again = exchange.out.method != "POST" and not self._outbox.started
        if self._used and again and answer.is_untouched:
            raise Outdated
        try:
            answer.end()
        except ValueError as error:
            self._fail(words or str(error))
            return
        if words:
            self._fail(words)
        else:
            exchange.finish()

    def _fail(self, words: str) -> None:
        self._answer.keeps = False
        self.exchange.fail(self.exchange.cut(words))

    def _wait(self) -> int:
        """Wait for the socket and return its events; 0 if the exchange was given up."""
        limits = self.exchange.limits
        longest, deadline = limits.read_timeout, self._deadline
        if current.token is None and deadline is None and longest < LONGEST_WAIT:
            events = self._poll.poll(longest * 1000)
            if events:
                return events[0][1]
            self.exchange.fail(self.exchange.stall())
            return 0
        return self._wait_in_steps(time.monotonic() + longest)

    def _wait_in_steps(self, stall: float) -> int:
        """Do what `_wait` does, under a deadline or for a transfer that may be ended."""
        while not self.exchange.finished:
            now = time.monotonic()
            pause = min(stall - now, LONGEST_WAIT)
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
                self.exchange.fail(self.exchange.overdue())
            elif now >= stall:
                self.exchange.fail(self.exchange.stall())
        return 0
