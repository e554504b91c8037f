"""HTTP for threads: each connection is driven by the thread that waits."""

import io
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.curl.curl_connection import CurlConnection
from coskit.client.transport.curl.curl_easy import HandleOwner
from coskit.client.transport.direct.direct_connection import (
    DirectConnection,
    StaleConnection,
    needs_libcurl,
)
from coskit.client.transport.direct.http11 import is_plain
from coskit.client.transport.exchange import CAPACITY, UNBOUNDED
from coskit.client.transport.http_request import HTTPRequest, origin
from coskit.protocol.errors import ClientClosed
from coskit.protocol.messages import Response

Connection = CurlConnection | DirectConnection


class StreamedResponse:
    """A response whose body is read as it arrives.

    Attributes:
        status: the HTTP status code.
        headers: the headers, by names in the vendor's spelling.
    """

    def __init__(self, transport: "Transport", connection: Connection) -> None:
        self._transport = transport
        self._exchange = connection.exchange
        self._closed = False
        self._connection: Connection | None = connection
        self._settle(connection)
        self.headers: Mapping[str, str]
        self.status, self.headers = self._exchange.opened()

    def _settle(self, connection: Connection) -> None:
        if self._exchange.finished:
            self._connection = None
            self._transport.give(connection)

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes as soon as there are any, or the whole rest if negative.

        `b""` is the end, and means that the whole body has come.

        Raises:
            TransportError: the body was cut short, after all of it that arrived was returned.
            ValueError: the response is closed, or came to another process.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(CAPACITY), b""))
        self._arrival()
        return self._exchange.inbox.take(size)

    def read_into(self, target: io.BytesIO, most: int) -> None:
        """Write up to `most` of the next bytes to a target, none only at the end.

        If exactly `most` bytes are left, all of them are written. Raises what `read` raises, after
        all bytes that arrived were written.
        """
        connection, exchange = self._connection, self._exchange
        if connection is not None and not exchange.inbox.held:
            with self._settling(connection):
                if connection.run_into(target, most) and exchange.failure is None:
                    return
        target.write(self.read(most))

    def _arrival(self) -> None:
        """Wait until something is in the inbox, or all of the body has come."""
        if self._closed:
            raise ValueError("read of a closed response")
        exchange, connection = self._exchange, self._connection
        if not exchange.inbox.held and connection is not None:
            with self._settling(connection):
                connection.run()
        if not exchange.inbox.held and exchange.failure is not None:
            raise exchange.failure

    @contextmanager
    def _settling(self, connection: Connection) -> Iterator[None]:
        if connection.inherited:
            raise ValueError("read of a response that came to another process")
        try:
            yield
        except BaseException:
            self.close()
            raise
        self._settle(connection)

    def close(self) -> None:
        """Drop what was not read, and the connection if more of the body is to come."""
        self._closed = True
        if self._exchange.inbox.held:
            self._exchange.inbox.take()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class Transport(HandleOwner):
    """Sends requests over connections that are kept; any number of threads may share one.

    A forked process gets connections of its own and leaves its parent's connections alone.

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
        self._idle: list[Connection] = []  # the one used last stands last

    def send(self, request: HTTPRequest, settings: TransportSettings | None = None) -> Response:
        """Return the whole response, its body in memory.

        Args:
            request: the request.
            settings: the settings whose timeouts hold for this request, instead of the transport's.

        Raises:
            TransportError: no whole response arrived; `sent` says whether the request may have
                been acted on.
            TransferTimeout: a timeout passed.
            ParameterError: the URL or a header cannot be sent.
            IntegrityError: the body's source ended before `length`.
            Exception: what the body's source raised, as it is.
        """
        connection = self._exchange(request, settings, UNBOUNDED)
        try:
            return connection.exchange.response()
        finally:
            self.give(connection)

    def stream(
        self, request: HTTPRequest, settings: TransportSettings | None = None
    ) -> StreamedResponse:
        """Return the response when its head and the first bytes of its body are in.

        A body of up to 256 KiB has then arrived whole. A longer one arrives as it is read. Raises
        what `send` raises; a body that is cut short raises when it is read.
        """
        return StreamedResponse(self, self._exchange(request, settings, CAPACITY))

    def _exchange(
        self, request: HTTPRequest, settings: TransportSettings | None, capacity: int
    ) -> Connection:
        place = origin(request.url)
        connection = self._take(place, plain=is_plain(request, place))
        while True:
            try:
                connection.begin(request, settings or self._settings, capacity)
                connection.run()
            except StaleConnection:
                connection.close()
                connection = DirectConnection(self._settings, place)
            except BaseException:
                connection.close()
                raise
            else:
                return connection

    def _take(self, place: str, *, plain: bool) -> Connection:
        if self.inherited:
            self._start_afresh()
        kind: type[Connection] = DirectConnection if plain else CurlConnection
        with self._lock:
            if self._closed:
                raise ClientClosed("the transport is closed with its client; create another client")
            connection = self._idle_connection(place, kind)
            if connection is None and plain and needs_libcurl(self._settings):
                kind = CurlConnection
                connection = self._idle_connection(place, kind)
        return connection or kind(self._settings, place)

    def _idle_connection(self, place: str, kind: type[Connection]) -> Connection | None:
        idle = self._idle
        for at in range(len(idle) - 1, -1, -1):
            if idle[at].origin == place and type(idle[at]) is kind:
                return idle.pop(at)
        return None

    def give(self, connection: Connection) -> None:
        """Take a connection back whose exchange has finished."""
        if not connection.is_reusable:
            connection.close()
            return
        surplus = None
        with self._lock:
            self._idle.append(connection)
            if self._closed or len(self._idle) > self._settings.connections:
                surplus = self._idle.pop(0)
        if surplus is not None:
            surplus.close()

    def close(self) -> None:
        """Close idle connections now and those in use after their response."""
        if self.inherited:
            self._start_afresh()
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
