"""Accept waiting connections in batches, so that a busy server accepts all of them soon.

uvloop's own servers accept one connection in each turn of the event loop. With some hundred busy
connections a turn is long, and the last of many simultaneous connections waited for seconds.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from functools import partial

_BATCH = 64  # connections accepted in one turn of the loop, so that a few more delay no request
_LARGEST_BATCH = 1024  # connections in one turn, while more are waiting
_PAUSE = 0.1  # seconds until the next attempt after descriptors or memory ran out
_DRAIN = 2.0  # seconds in which a client has to close a connection that was refused
_PLAIN_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 54\r\n"
    b"Connection: close\r\n\r\nThis port speaks TLS: send the request with https://.\n"
)

_log = logging.getLogger("coskit.server")


class Acceptor:
    """Create a protocol for each connection at a listening socket, as an `asyncio.Server` does.

    Args:
        listener: the socket, which its owner closes after `close`.
        protocol: creates the protocol of a connection.
        tls: the TLS settings, or None for plain HTTP.
        handshake: seconds in which a client has to finish the TLS handshake.
        farewell: seconds in which a client has to read the rest of a response and end TLS.
    """

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        handshake: float,
        farewell: float = 30,
    ) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._protocol = protocol
        self._tls = tls
        self._handshake = handshake
        self._farewell = farewell
        self._loop = asyncio.get_running_loop()
        self._starting: set[asyncio.Task[None]] = set()
        self._resumption: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._batch = _BATCH
        self._listen()

    def close(self) -> None:
        """Accept no more connections; those that were accepted continue."""
        self._is_closed = True
        self._loop.remove_reader(self._listener.fileno())
        if self._resumption is not None:
            self._resumption.cancel()

    async def wait_closed(self) -> None:
        """Cancel the handshakes that are not finished."""
        for task in self._starting:
            task.cancel()
        if self._starting:
            await asyncio.wait(self._starting)

    def _listen(self) -> None:
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        """Accept a batch of waiting connections; the next batch is twice as large.

        A turn of the loop serves each accepted connection, so it grows with their number: with
        batches of one size the last of a thousand connections would wait for many long turns.
        """
        for _ in range(self._batch):
            try:
                connection, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                self._batch = _BATCH
                return
            except OSError as cause:
                self._pause(cause)
                return
            connection.setblocking(False)
            task = self._loop.create_task(self._start(connection))
            self._starting.add(task)
            task.add_done_callback(partial(self._started, connection))
        self._batch = min(2 * self._batch, _LARGEST_BATCH)

    def _pause(self, cause: OSError) -> None:
        """Leave connections in the kernel's queue for a moment instead of trying in a busy loop."""
        _log.error("no connection can be accepted: %s", cause.strerror)
        self._loop.remove_reader(self._listener.fileno())
        self._resumption = self._loop.call_later(_PAUSE, self._listen)

    async def _start(self, connection: socket.socket) -> None:
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            transport, _ = await self._loop.connect_accepted_socket(self._protocol, connection)
        else:
            deadline = self._loop.time() + self._handshake
            async with asyncio.timeout_at(deadline):
                first = await self._first_byte(connection)
            if first.isalpha():  # a method of HTTP; a TLS handshake begins with 0x16
                await self._refuse_plain_http(connection)
                return
            transport, _ = await self._loop.connect_accepted_socket(
                self._protocol,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=max(deadline - self._loop.time(), _PAUSE),
                ssl_shutdown_timeout=self._farewell,
            )
        if self._is_closed:
            transport.close()

    async def _first_byte(self, connection: socket.socket) -> bytes:
        """Return the first byte that a client sends, and leave it in the socket."""
        while True:
            try:
                return connection.recv(1, socket.MSG_PEEK)
            except (BlockingIOError, InterruptedError):
                await self._wait_until_readable(connection)

    async def _wait_until_readable(self, connection: socket.socket) -> None:
        readable = self._loop.create_future()
        self._loop.add_reader(connection.fileno(), _set_done, readable)
        try:
            await readable
        finally:
            self._loop.remove_reader(connection.fileno())

    async def _refuse_plain_http(self, connection: socket.socket) -> None:
        """Respond to a client that speaks plain HTTP on a TLS port, and close the connection."""
        with connection:
            connection.send(_PLAIN_HTTP)
            connection.shutdown(socket.SHUT_WR)
            # Closing with unread bytes would reset the connection and take the response back.
            async with asyncio.timeout(_DRAIN):
                while await self._loop.sock_recv(connection, 1 << 16):
                    pass

    def _started(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        """Close a connection that failed before its first request."""
        self._starting.discard(task)
        if task.cancelled():  # perhaps before its first step
            connection.close()
        elif cause := task.exception():
            _log.debug("a connection failed before its first request: %r", cause)
            connection.close()


def _set_done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
