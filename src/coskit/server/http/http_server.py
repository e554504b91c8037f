"""uvicorn's server with our connections: start, signals and end."""

import asyncio
import logging
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, Protocol, cast

from coskit.server.http.connections.acceptor import Acceptor
from coskit.server.http.connections.asgi import Message, Receive, Send
from coskit.server.http.connections.certificates import Certificates
from coskit.server.http.connections.connection import Connection
from coskit.server.http.connections.timeouts import TimedConnection
from coskit.server.http.connections.uvicorn_api import Config, Server
from coskit.server.settings import Limits

# uvicorn's log lines for failures that the app itself reports.
_REPORTED_ELSEWHERE = ("Application startup failed", "Application shutdown failed")


class ServedApp(Protocol):
    """An ASGI application as the server sees it.

    Attributes:
        connections: the open connections; the server sets it.
        limits: the limits of the server.
        certificates: the certificates for TLS, or None for plain HTTP.
    """

    connections: Collection[TimedConnection]
    limits: Limits
    certificates: Certificates | None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        ...

    def drain(self) -> None:
        """Note that the server is about to end."""
        ...


class HTTPServer(Server):
    """A server that ends after its requests at the first signal, and at once at the second.

    It returns after a signal has ended it, where uvicorn raises the signal once more.
    """

    def __init__(self, config: Config, app: ServedApp) -> None:
        super().__init__(config)
        self._app = app
        app.connections = cast(Collection[TimedConnection], self.server_state.connections)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then accept the connections of the sockets."""
        await super().startup(sockets=[])
        state, config = self.server_state, self.config
        protocol = partial(Connection, config, state, self.lifespan.state)
        limits, certificates = self._app.limits, self._app.certificates
        context = certificates.context if certificates else None
        times = limits.head, limits.response  # a response may take that long to be read
        acceptors = [Acceptor(one, protocol, context, *times) for one in sockets or ()]
        self.servers = cast(list[asyncio.Server], acceptors)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal that ends the server."""
        self.force_exit = self.should_exit
        self._app.drain()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals in this context, and raise none of them again afterwards."""
        with super().capture_signals():
            yield
            self._captured_signals = []


def make_server(app: ServedApp, **options: Any) -> HTTPServer:
    """Return a server for an application, not yet started.

    Args:
        app: the application.
        **options: further options of uvicorn's Config, such as `host`, `port` or `fd`.
    """
    config = Config(
        cast(Any, app),
        http=Connection,
        ws="none",
        loop="auto",
        lifespan="on",
        # The application writes both headers itself, in the vendor's spelling.
        server_header=False,
        date_header=False,
        # Any client can write X-Forwarded-For, and policies read the address.
        proxy_headers=False,
        access_log=False,
        log_level="error",  # malformed bytes from any client cause warnings
        timeout_keep_alive=cast(int, app.limits.idle),  # fractions of a second work as well
        timeout_graceful_shutdown=cast(int, app.limits.grace),
        **options,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_not_reported)
    return HTTPServer(config, app)


def _is_not_reported(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_REPORTED_ELSEWHERE)
