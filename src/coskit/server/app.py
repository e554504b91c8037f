"""The ASGI application: the store, the gateway and the jobs of a server process."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from typing import Any

from coskit.protocol.errors import BucketAlreadyOwnedByYou
from coskit.server.handlers.access.acl import dump_grants
from coskit.server.handlers.access.object_lock import lifecycle_lock_condition
from coskit.server.handlers.buckets.buckets import check_bucket_name
from coskit.server.http.access_log import AccessLog
from coskit.server.http.connections.asgi import Message, Receive, Send
from coskit.server.http.connections.certificates import Certificates
from coskit.server.http.connections.timeouts import TimedConnection, TimeoutMonitor
from coskit.server.http.gateway import Gateway
from coskit.server.settings import ACCOUNT, Settings, find_master_key
from coskit.server.store import recovery
from coskit.server.store.disk.disk_reserve import SIZE
from coskit.server.store.index.database import DamagedIndex
from coskit.server.store.store import Store
from coskit.server.trusted_proxies import TrustedProxies
from coskit.server.workers.error_text import plain
from coskit.server.workers.lifecycle_job import LifecycleJob
from coskit.server.workers.worker_group import Worker

_CERTIFICATE_CHECK = 1.0  # seconds from one check of the certificate's files to the next

_log = logging.getLogger("coskit.server")


class App:
    """The ASGI application; the store opens with its lifespan and closes with it.

    Args:
        settings: the server's settings.
        on_ready: called when the application can serve requests.
        worker: the process's part in a group of workers, if there are several.
        certificates: the certificates for TLS, or None for plain HTTP.

    Attributes:
        connections: the open connections; the server sets it.
        limits: the limits of this process.
        certificates: the certificates for TLS, or None for plain HTTP.
        failure: the reason of a failed start or end, or "".
    """

    def __init__(
        self,
        settings: Settings,
        on_ready: Callable[[], None] | None = None,
        worker: Worker | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        self.connections: Collection[TimedConnection] = ()
        self.limits = settings.limits
        self.certificates = certificates
        self._worker = worker
        self.failure = ""
        self._settings = settings
        self._on_ready = on_ready
        self._gateway: Gateway | None = None
        self._proxies = (
            TrustedProxies(settings.trusted_proxies) if settings.trusted_proxies else None
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "http":
            assert self._gateway is not None, "requests come after the lifespan has started"
            if self._proxies is not None:
                scope = self._proxies.without_proxy(scope)
            await self._gateway.serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)

    def drain(self) -> None:
        """Note that the server is about to end."""
        if self._gateway is not None:
            self._gateway.health.is_draining = True

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        is_started = False
        try:
            lines = self._worker.log_lock if self._worker else None
            with _access_log(self._settings.access_log, lines) as access_log:
                async with open_store(self._settings, self._worker) as store:
                    self._gateway = Gateway(
                        store,
                        self._settings,
                        connections=self.connections,
                        access_log=access_log,
                        shared_metrics=self._worker.shared_metrics if self._worker else None,
                    )
                    async with self._background_tasks(store, self._gateway, access_log):
                        if self._on_ready:  # first, since a failed start must end the server
                            self._on_ready()
                        await send({"type": "lifespan.startup.complete"})
                        is_started = True
                        await receive()
        except Exception as cause:
            busy = isinstance(cause, BlockingIOError)
            self.failure = "another server has the directory open" if busy else plain(cause)
            kind = "shutdown" if is_started else "startup"
            await send({"type": f"lifespan.{kind}.failed"})
            raise
        await send({"type": "lifespan.shutdown.complete"})

    @asynccontextmanager
    async def _background_tasks(
        self, store: Store, gateway: Gateway, access_log: AccessLog | None
    ) -> AsyncIterator[None]:
        """Run the background tasks of the process while the context is open."""
        work = [TimeoutMonitor(self.connections, self.limits).run()]
        on_hangup = [access_log.reopen] if access_log else []
        if self.certificates is not None:
            asked = asyncio.Event()
            on_hangup.append(asked.set)
            work.append(_reload_certificates(self.certificates, asked))
        if self._worker:
            work.append(gateway.health.publish())
        if self._worker is None or self._worker.has_jobs:
            work += self._jobs(store)
        tasks = [asyncio.create_task(job) for job in work]
        try:
            with _killed_with_supervisor(self._worker), _hangups(on_hangup):
                yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _jobs(self, store: Store) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield the jobs of the whole server, which one process runs."""
        interval, day = self._settings.lifecycle_interval, self._settings.day_length
        yield LifecycleJob(store, interval / 1000, day, may_delete=lifecycle_lock_condition()).run()
        yield store.orphans.run()
        yield store.keep_reserve()
        if self._settings.scrub_rate:
            yield store.scrub.run(self._settings.scrub_rate, self._settings.scrub_period / 1000)


@asynccontextmanager
async def open_store(settings: Settings, worker: Worker | None = None) -> AsyncIterator[Store]:
    """Open the store of a server, and create the buckets of its settings.

    Args:
        settings: the server's settings.
        worker: the process's part in a group of workers, after one process has prepared the store.
    """
    store = await recovery.open_store(
        settings.directory,
        memory=settings.limits.memory,
        durability=settings.durability,
        shared_state=worker.shared_state if worker else None,
        reserve=min(SIZE, settings.limits.reserve // 8),
    )
    try:
        for name in () if worker else settings.buckets:
            check_bucket_name(name)
            try:
                await store.index.create_bucket(name, ACCOUNT, dump_grants(()))
            except BucketAlreadyOwnedByYou:
                continue
            except DamagedIndex:
                _log.exception("the bucket %s could not be looked up", name)
        yield store
    finally:
        await store.close()


async def prepare(settings: Settings) -> None:
    """Create the files of a directory before several workers open it."""
    async with open_store(settings):
        find_master_key(settings.directory)


@contextmanager
def _killed_with_supervisor(worker: Worker | None) -> Iterator[None]:
    """End with the supervisor, if there is one; the next one would find the directory in use."""
    if worker is None:
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_reader(worker.alive, os.kill, os.getpid(), signal.SIGKILL)
    try:
        yield
    finally:
        loop.remove_reader(worker.alive)


@contextmanager
def _access_log(
    path: str, lines: AbstractContextManager[None] | None
) -> Iterator[AccessLog | None]:
    """Open the access log, if the settings ask for one."""
    if not path:
        yield None
        return
    with AccessLog(path, lines) as access_log:
        yield access_log


@contextmanager
def _hangups(actions: Sequence[Callable[[], None]]) -> Iterator[None]:
    """Call actions at SIGHUP instead of ending the process, if there are any."""
    if not actions:
        yield
        return

    def act() -> None:
        for action in actions:
            action()

    loop = asyncio.get_running_loop()
    with suppress(ValueError, RuntimeError, NotImplementedError):  # not the main thread
        loop.add_signal_handler(signal.SIGHUP, act)
    try:
        yield
    finally:
        with suppress(ValueError, RuntimeError, NotImplementedError):
            loop.remove_signal_handler(signal.SIGHUP)


async def _reload_certificates(certificates: Certificates, asked: asyncio.Event) -> None:
    """Reload changed certificates periodically, and when asked, until cancelled."""
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), _CERTIFICATE_CHECK)
        is_asked = asked.is_set()
        asked.clear()
        await asyncio.to_thread(certificates.reload_if_changed, asked=is_asked)
