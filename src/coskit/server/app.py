"""The composition root: settings -> store -> ASGI app -> a running server."""

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
from coskit.server.trusted_proxies import Proxies
from coskit.server.workers.error_text import plain
from coskit.server.workers.lifecycle_job import Lifecycle
from coskit.server.workers.worker_group import Member

_BEAT = 1.0  # seconds from one look at the certificate's files to the next

_log = logging.getLogger("coskit.server")


class App:
    """The ASGI application; the store opens with its lifespan and closes with it.

    Args:
        settings: of the server.
        on_ready: is called when requests can come.
        member: what this process has to do with others, if it is not the only one.
        certificates: what it shows its clients, if they come by TLS.

    Attributes:
        connections: those that are open, as its server keeps them.
        limits: what it bears.
        certificates: as above.
        failure: why it could not start or end as it should, or "".
    """

    def __init__(
        self,
        settings: Settings,
        on_ready: Callable[[], None] | None = None,
        member: Member | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        self.connections: Collection[TimedConnection] = ()
        self.limits = settings.limits
        self.certificates = certificates
        self._member = member
        self.failure = ""
        self._settings = settings
        self._on_ready = on_ready
        self._gateway: Gateway | None = None
        self._proxies = Proxies(settings.trusted_proxies) if settings.trusted_proxies else None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection scope, as ASGI calls it."""
        if scope["type"] == "http":
            assert self._gateway is not None, "requests come after the lifespan has started"
            if self._proxies is not None:
                scope = self._proxies.seen_through(scope)
            await self._gateway.serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    def drain(self) -> None:
        """Note that the server is about to end."""
        if self._gateway is not None:
            self._gateway.health.is_draining = True

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        is_started = False
        try:
            lines = self._member.lines if self._member else None
            with _access_log(self._settings.access_log, lines) as access_log:
                async with open_store(self._settings, self._member) as store:
                    self._gateway = Gateway(
                        store,
                        self._settings,
                        connections=self.connections,
                        access_log=access_log,
                        board=self._member.board if self._member else None,
                    )
                    async with self._working(store, self._gateway, access_log):
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
    async def _working(
        self, store: Store, gateway: Gateway, access_log: AccessLog | None
    ) -> AsyncIterator[None]:
        """Let the jobs run meanwhile."""
        work = [TimeoutMonitor(self.connections, self.limits).run()]
        on_hangup = [access_log.reopen] if access_log else []
        if self.certificates is not None:
            asked = asyncio.Event()
            on_hangup.append(asked.set)
            work.append(_renew(self.certificates, asked))
        if self._member:
            work.append(gateway.health.publish())
        if self._member is None or self._member.has_jobs:
            work += self._jobs(store)
        tasks = [asyncio.create_task(job) for job in work]
        try:
            with _watched(self._member), _hangups(on_hangup):
                yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _jobs(self, store: Store) -> Iterator[Coroutine[Any, Any, None]]:
        """Give what is to be done once for the whole server."""
        interval, day = self._settings.lifecycle_interval, self._settings.day_length
        yield Lifecycle(store, interval / 1000, day, may_delete=lifecycle_lock_condition()).run()
        yield store.orphans.run()
        yield store.keep_reserve()
        if self._settings.scrub_rate:
            yield store.scrub.run(self._settings.scrub_rate, self._settings.scrub_period / 1000)


@asynccontextmanager
async def open_store(settings: Settings, member: Member | None = None) -> AsyncIterator[Store]:
    """Open the store of a server, and make the buckets that are to be there.

    Args:
        settings: of the server.
        member: what this process has to do with others, once one has opened the store alone.
    """
    store = await recovery.open_store(
        settings.directory,
        memory=settings.limits.memory,
        durability=settings.durability,
        shared_state=member.shared_state if member else None,
        reserve=min(SIZE, settings.limits.reserve // 8),
    )
    try:
        for name in () if member else settings.buckets:
            check_bucket_name(name)
            try:
                await store.index.create_bucket(name, ACCOUNT, dump_grants(()))
            except BucketAlreadyOwnedByYou:
                continue
            except DamagedIndex:
                _log.exception("the bucket %s could not be looked for", name)
        yield store
    finally:
        await store.close()


async def prepare(settings: Settings) -> None:
    """Make in a directory, alone, what several workers then find there."""
    async with open_store(settings):
        find_master_key(settings.directory)


@contextmanager
def _watched(member: Member | None) -> Iterator[None]:
    """Die with the supervisor, if there is one: the next one would find the directory in use."""
    if member is None:
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_reader(member.alive, os.kill, os.getpid(), signal.SIGKILL)
    try:
        yield
    finally:
        loop.remove_reader(member.alive)


@contextmanager
def _access_log(
    path: str, lines: AbstractContextManager[None] | None
) -> Iterator[AccessLog | None]:
    """Open an access log, if there is to be one."""
    if not path:
        yield None
        return
    with AccessLog(path, lines) as access_log:
        yield access_log


@contextmanager
def _hangups(actions: Sequence[Callable[[], None]]) -> Iterator[None]:
    """Have SIGHUP do something, if there is anything to do, rather than end the process."""
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


async def _renew(certificates: Certificates, asked: asyncio.Event) -> None:
    """Look for new certificates now and then, and when asked, until cancelled."""
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), _BEAT)
        is_asked = asked.is_set()
        asked.clear()
        await asyncio.to_thread(certificates.reload_if_changed, asked=is_asked)
