"""HTTP for threads: lines of one connection each, driven by the thread that waits."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.curl_connection import Line
from coskit.client.transport.curl_easy import CAPACITY, UNBOUNDED, HandleOwner
from coskit.client.transport.direct_connection import DirectLine, Outdated, needs_libcurl
from coskit.client.transport.http11 import is_plain
from coskit.client.transport.http_request import HTTPRequest, origin
from coskit.protocol.errors import ClientClosed
from coskit.protocol.messages import Response


class Incoming:
    """A response whose body is read as it arrives.

    Attributes:
        status: the HTTP status.
        headers: by name as the vendor spells it.
    """

    def __init__(self, transport: "Transport", line: Line) -> None:
        self._transport = transport
        self._exchange = line.exchange
        self._closed = False
        self._line: Line | None = line
        self._settle(line)
        self.headers: Mapping[str, str]
        self.status, self.headers = self._exchange.opened()

    def _settle(self, line: Line) -> None:
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
        self._arrival(size)
        return self._exchange.inbox.take(size)

    def readinto(self, memory: memoryview) -> int:
        """Write what comes next to the start of a view and return its length; 0 is the end.

        Raises what `read` raises.
        """
        line, exchange = self._line, self._exchange
        if not isinstance(line, DirectLine) or exchange.inbox.held or not line.awaited:
            self._arrival(len(memory))
            return exchange.inbox.pour(memory)
        with self._settling(line):
            size = line.fill(memory)
        if not size and exchange.failure is not None:
            raise exchange.failure
        return size

    def _arrival(self, wanted: int) -> None:
        """Wait until something is in the inbox, or all of the body has come."""
        if self._closed:
            raise ValueError("read of a closed response")
        exchange, line = self._exchange, self._line
        if not exchange.inbox.held and line is not None:
            exchange.wanted = wanted
            with self._settling(line):
                line.run()
        if not exchange.inbox.held and exchange.failure is not None:
            raise exchange.failure

    @contextmanager
    def _settling(self, line: Line) -> Iterator[None]:
        if line.inherited:
            raise ValueError("read of a response that came to another process")
        try:
            yield
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
        self._idle: list[Line] = []  # the one used last stands last

    def send(self, out: HTTPRequest, settings: TransportSettings | None = None) -> Response:
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

    def stream(self, out: HTTPRequest, settings: TransportSettings | None = None) -> Incoming:
        """Return the response when its head and the first bytes of its body are in.

        A body of up to 256 KiB has then arrived whole. A longer one arrives as it is read. Raises
        what `send` raises; a body that is cut short raises when it is read.
        """
        return Incoming(self, self._exchange(out, settings, CAPACITY))

    def _exchange(
        self, out: HTTPRequest, settings: TransportSettings | None, capacity: int
    ) -> Line:
        place = origin(out.url)
        line = self._take(place, plain=is_plain(out, place))
        while True:
            try:
                line.begin(out, settings or self._settings, capacity)
                line.run()
            except Outdated:
                line.close()
                line = DirectLine(self._settings, place)
            except BaseException:
                line.close()
                raise
            else:
                return line

    def _take(self, place: str, *, plain: bool) -> Line:
        if self.inherited:
            self._start_afresh()
        kind: type[Line] = DirectLine if plain else Line
        with self._lock:
            if self._closed:
                raise ClientClosed("use of a closed transport: its client was closed, make another")
            line = self._idle_line(place, kind)
            if line is None and plain and needs_libcurl(self._settings):
                kind = Line
                line = self._idle_line(place, kind)
        return line or kind(self._settings, place)

    def _idle_line(self, place: str, kind: type[Line]) -> Line | None:
        for at in range(len(self._idle) - 1, -1, -1):
            line = self._idle[at]
            if line.origin == place and type(line) is kind:
                return self._idle.pop(at)
        return None

    def give(self, line: Line) -> None:
        """Take a line back whose exchange has finished."""
        if not line.is_reusable:
            line.close()
            return
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
