"""Takes waiting connections several at a time, so that a busy server keeps nobody waiting for long.

uvloop's own servers take one connection in each turn of the event loop. With some hundred busy
connections a turn is long, and the last of those that came together waited for seconds.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from functools import partial

_BATCH = 64  # connections taken in one turn of the loop, so that a few more delay no request
_LARGEST = 1024  # connections in one turn, while more are waiting
_PAUSE = 0.1  # seconds until the next try where descriptors or memory have run out

_log = logging.getLogger("coskit.server")


class Acceptor:
    """Gives each connection at a listening socket a protocol; it stands for an `asyncio.Server`.

    Args:
        listener: the socket; the caller closes it after `close`.
        protocol: makes what speaks with one client.
        tls: what to speak TLS with, or None.
        handshake: seconds that a client has for the handshake of TLS.
        farewell: seconds that it has to take what was answered, and to end TLS.
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
        self._handshake = handshake if tls else None
        self._farewell = farewell if tls else None
        self._loop = asyncio.get_running_loop()
        self._beginning: set[asyncio.Task[None]] = set()
        self._resumption: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._batch = _BATCH
        self._listen()

    def close(self) -> None:
        """Take no more connections; those that were taken go on."""
        self._is_closed = True
        self._loop.remove_reader(self._listener.fileno())
        if self._resumption is not None:
            self._resumption.cancel()

    async def wait_closed(self) -> None:
        """Give up the handshakes that are not finished."""
        for task in self._beginning:
            task.cancel()
        if self._beginning:
            await asyncio.wait(self._beginning)

    def _listen(self) -> None:
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        """Take a batch of waiting connections; the next batch is twice as large.

        A turn of the loop serves each connection that was taken, so it grows with them: batches of
        one size would make the last of a thousand wait for many long turns.
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
            task = self._loop.create_task(self._begin(connection))
            self._beginning.add(task)
            task.add_done_callback(partial(self._begun, connection))
        self._batch = min(2 * self._batch, _LARGEST)

    def _pause(self, cause: OSError) -> None:
        """Leave connections in the kernel's queue for a moment: asking at once would only spin."""
        _log.error("no connection can be taken: %s", cause.strerror)
        self._loop.remove_reader(self._listener.fileno())
        self._resumption = self._loop.call_later(_PAUSE, self._listen)

    async def _begin(self, connection: socket.socket) -> None:
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport, _ = await self._loop.connect_accepted_socket(
            self._protocol,
            connection,
            ssl=self._tls,
            ssl_handshake_timeout=self._handshake,
            ssl_shutdown_timeout=self._farewell,
        )
        if self._is_closed:
            transport.close()

    def _begun(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        """Let a connection go that did not get as far as its first request."""
        self._beginning.discard(task)
        if task.cancelled():  # perhaps before its first step
            connection.close()
        elif cause := task.exception():
            _log.debug("a connection failed before its first request: %r", cause)
            connection.close()
