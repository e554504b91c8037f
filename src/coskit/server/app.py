"""The composition root: settings -> store -> ASGI app -> a running server."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from coskit.protocol.errors import BucketAlreadyOwnedByYou
from coskit.server.connection import Connection
from coskit.server.handlers.access import dump_grants
from coskit.server.handlers.buckets import check_name
from coskit.server.http import Gateway, Message, Receive, Send
from coskit.server.jobs import Lifecycle
from coskit.server.settings import ACCOUNT, Settings
from coskit.server.store.store import Store


class App:
    """The ASGI application; the store opens with its lifespan and closes with it.

    Attributes:
        failure: why it could not start or end as it should, or "".
    """

    def __init__(self, settings: Settings, on_ready: Callable[[], None] | None = None) -> None:
        self.failure = ""
        self._settings = settings
        self._on_ready = on_ready
        self._gateway: Gateway | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection scope, as ASGI calls it."""
        if scope["type"] == "http":
            assert self._gateway is not None, "requests come after the lifespan has started"
            await self._gateway.answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._open_store() as store, self._working(store):
                self._gateway = Gateway(store, self._settings)
                await send({"type": "lifespan.startup.complete"})
                if self._on_ready:
                    self._on_ready()
                await receive()
        except Exception as cause:
            busy = isinstance(cause, BlockingIOError)
            self.failure = "another server has the directory open" if busy else str(cause)
            kind = "startup" if self._gateway is None else "shutdown"
            await send({"type": f"lifespan.{kind}.failed"})
            raise
        await send({"type": "lifespan.shutdown.complete"})

    @asynccontextmanager
    async def _working(self, store: Store) -> AsyncIterator[None]:
        """Let the jobs run meanwhile."""
        interval, day = self._settings.lifecycle_interval, self._settings.day_length
        lifecycle = asyncio.create_task(Lifecycle(store, interval / 1000, day).run())
        try:
            yield
        finally:
            lifecycle.cancel()
            await asyncio.wait((lifecycle,))

    @asynccontextmanager
    async def _open_store(self) -> AsyncIterator[Store]:
        store = await Store.open(self._settings.directory)
        try:
            for name in self._settings.buckets:
                check_name(name)
                try:
                    await store.create_bucket(name, ACCOUNT, dump_grants(()))
                except BucketAlreadyOwnedByYou:
                    continue
            yield store
        finally:
            await store.close()


class _Server(uvicorn.Server):
    """Returns when SIGTERM has ended it, where uvicorn would kill the process after all."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals = [n for n in self._captured_signals if n != signal.SIGTERM]


def make_server(app: App, **options: Any) -> uvicorn.Server:
    """Return a server for the app that has not been started.

    Args:
        app: what it serves.
        **options: of uvicorn's Config, such as `host`, `port` or `fd`.
    """
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        loop="auto",
        lifespan="on",
        # The app writes both headers itself, in the vendor's spelling.
        server_header=False,
        date_header=False,
        # Anybody can write X-Forwarded-For, and policies ask for the address.
        proxy_headers=False,
        access_log=False,
        log_level="error",  # a warning is what any stranger's bad bytes would cause
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
        **options,
    )
    return _Server(config)


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; port 0 takes a free one.

    Raises:
        OSError: the address is taken or not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener
