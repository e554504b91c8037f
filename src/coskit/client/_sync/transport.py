"""HTTP for threads: lines of one connection each, driven by the thread that waits."""

import select
import threading
import time
from collections.abc import Callable
from typing import Any, Self, cast

import pycurl

from coskit.client.curl import (
    CAPACITY,
    UNBOUNDED,
    Exchange,
    HandleOwner,
    Outgoing,
    Source,
    TransportSettings,
    new_easy,
    origin,
    source_of,
)
from coskit.client.stop import GLANCE, here
from coskit.protocol.messages import Response

_INTEREST = {
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}

# Seconds; poll takes no number of any size.
_LONGEST_WAIT = 3600.0


class _Line(HandleOwner):
    """A connection to one origin: an easy handle in a multi handle of its own.

    The multi handle lets a transfer pause, and waiting in Python's `poll` lets Ctrl-C through.
    """

    def __init__(self, settings: TransportSettings, origin: str) -> None:
        super().__init__()
        self._attached = False
        self._moved = 0.0
        self._poll = select.poll()
        self._multi: Any = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, 1)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, _watcher(self._poll))
        self.origin = origin
        self._easy = new_easy(settings, secure=origin.startswith("https:"))

    def begin(self, out: Outgoing, limits: TransportSettings, capacity: int) -> None:
        """Start an exchange; `run` carries it on."""
        source = cast("Source | None", source_of(out))
        read = source.read if source else None
        self.exchange = Exchange(self._easy, out, limits, capacity, read)
        self._multi.add_handle(self._easy)
        self._attached = True
        self._act(pycurl.SOCKET_TIMEOUT, 0)

    def run(self) -> None:
        """Return when the exchange has finished, or is ready and body bytes wait in its inbox.

        Raises:
            BaseException: what a callback raised, such as the source of the request's body.
        """
        exchange = self.exchange
        self._moved = time.monotonic()
        if exchange.paused and not exchange.inbox.held:
            exchange.resume()
        while not exchange.is_settled:
            self._step()
        if exchange.raised is not None:
            raise exchange.raised

    def _step(self) -> None:
        stall = self._moved + self.exchange.limits.read_timeout - time.monotonic()
        longest = _LONGEST_WAIT
        if here.stop is not None:
            here.stop.check()
            longest = GLANCE
        wait = round(min(max(stall, 0), longest) * 1000)
        due = self._multi.timeout()
        events = self._poll.poll(wait if due < 0 else min(wait, due))
        for socket, flags in events or ((pycurl.SOCKET_TIMEOUT, 0),):
            self._act(socket, _mask(flags))
        if events or not self.exchange.is_connected:
            self._moved = time.monotonic()
        elif stall <= 0 and not self.exchange.finished:
            self._detach()
            self.exchange.fail(self.exchange.stall())

    def _act(self, socket: int, mask: int) -> None:
        _, running = self._multi.socket_action(socket, mask)
        if not running and self._attached:
            _, done, failed = self._multi.info_read()
            if done or failed:
                self._detach()
                self.exchange.end(*failed[0][1:] if failed else ())

    def _detach(self) -> None:
        self._attached = False
        try:
            self._multi.remove_handle(self._easy)
        except SystemError as error:
            # What pycurl makes of a Ctrl-C that strikes while libcurl calls back.
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


def _watcher(poll: "select.poll") -> Callable[[int, int, object, object], None]:
    def watch(what: int, socket: int, _multi: object, _data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            poll.unregister(socket)
        else:
            poll.register(socket, _INTEREST.get(what, 0))

    return watch


def _mask(flags: int) -> int:
    readable = pycurl.CSELECT_IN if flags & ~select.POLLOUT else 0
    return int(readable | (pycurl.CSELECT_OUT if flags & select.POLLOUT else 0))


class Incoming:
    """A response whose body is read as it arrives.

    Attributes:
        status: the HTTP status.
        headers: by name as the vendor spells it.
    """

    def __init__(self, transport: "Transport", line: _Line) -> None:
        self._transport = transport
        self._exchange = line.exchange
        self._closed = False
        self._line: _Line | None = line
        self._settle(line)
        self.status, self.headers = self._exchange.opened()

    def _settle(self, line: _Line) -> None:
        if self._exchange.finished:
            self._line = None
            self._transport.give(line)

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes as soon as there are any, or the whole rest if negative.

        `b""` is the end, and means that the whole body has come.

        Raises:
            TransportError: the body was cut short, after all of it that arrived was returned.
            ValueError: the response is closed, or came to another process.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(CAPACITY), b""))
        if self._closed:
            raise ValueError("read of a closed response")
        inbox = self._exchange.inbox
        if not inbox.held and self._line is not None:
            self._await_data(self._line)
        if not inbox.held and self._exchange.failure is not None:
            raise self._exchange.failure
        return inbox.take(size)

    def _await_data(self, line: _Line) -> None:
        if line.inherited:
            raise ValueError("read of a response that came to another process")
        try:
            line.run()
        except BaseException:
            self.close()
            raise
        self._settle(line)

    def close(self) -> None:
        """Drop what was not read, and the connection if more of the body is to come."""
        self._closed = True
        self._exchange.inbox.take()
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class Transport(HandleOwner):
    """Sends requests over connections that are kept; any number of threads may share one.

    A forked process gets connections of its own and leaves those of its parent alone.

    Args:
        settings: how connections are made, and the timeouts of each request.
    """

    def __init__(self, settings: TransportSettings | None = None) -> None:
        super().__init__()
        self._settings = settings or TransportSettings()
        self._closed = False
        self._start_afresh()

    def _start_afresh(self) -> None:
        self.inherited = False
        self._lock = threading.Lock()
        self._idle: list[_Line] = []  # the one used last stands last

    def send(self, out: Outgoing, settings: TransportSettings | None = None) -> Response:
        """Return the whole response, its body in memory.

        Args:
            out: the request.
            settings: whose timeouts hold for this request instead of the transport's.

        Raises:
            TransportError: no whole response arrived; `sent` tells whether the request may have
                been acted on.
            TransferTimeout: a timeout passed.
            ParameterError: the URL or a header cannot be sent.
            IntegrityError: the body's source ended before `length`.
            Exception: what the body's source raised, as it is.
        """
        line = self._exchange(out, settings, UNBOUNDED)
        try:
            return line.exchange.response()
        finally:
            self.give(line)

    def stream(self, out: Outgoing, settings: TransportSettings | None = None) -> Incoming:
        """Return the response when its head and the first bytes of its body are in.

        A body of up to 256 KiB has then arrived whole. A longer one arrives as it is read. Raises
        what `send` raises; a body that is cut short raises when it is read.
        """
        return Incoming(self, self._exchange(out, settings, CAPACITY))

    def _exchange(self, out: Outgoing, settings: TransportSettings | None, capacity: int) -> _Line:
        line = self._take(origin(out.url))
        try:
            line.begin(out, settings or self._settings, capacity)
            line.run()
        except BaseException:
            line.close()
            raise
        return line

    def _take(self, origin: str) -> _Line:
        if self.inherited:
            self._start_afresh()
        with self._lock:
            if self._closed:
                raise ValueError("use of a closed transport")
            for place in reversed(range(len(self._idle))):
                if self._idle[place].origin == origin:
                    return self._idle.pop(place)
        return _Line(self._settings, origin)

    def give(self, line: _Line) -> None:
        """Take a line back whose exchange has finished."""
        with self._lock:
            self._idle.append(line)
            full = self._closed or len(self._idle) > self._settings.connections
            surplus = self._idle.pop(0) if full else None
        if surplus is not None:
            surplus.close()

    def close(self) -> None:
        """Close idle connections now and those in use after their response."""
        if self.inherited:
            self._start_afresh()
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for line in idle:
            line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
