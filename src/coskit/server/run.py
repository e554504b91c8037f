"""Run a server in this process alone, or in several that a supervisor keeps running."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial

from coskit.server.app import App, prepare
from coskit.server.http.connections.certificates import Certificates
from coskit.server.http.connections.listeners import share_address
from coskit.server.http.http_server import make_server
from coskit.server.settings import Settings
from coskit.server.store.blobs.files import lock_directory
from coskit.server.workers.error_text import plain
from coskit.server.workers.supervisor import READY, CannotServe, Supervisor, run_in_child
from coskit.server.workers.worker_group import WorkerGroup

_DIRECTORY_IN_USE = "another server has the directory open"


def serve_alone(
    settings: Settings,
    listener: socket.socket,
    on_ready: Callable[[], None],
    certificates: Certificates | None = None,
) -> bool:
    """Serve in this process until a signal ends it; return whether all requests were finished.

    Args:
        settings: the server's settings.
        listener: the listening socket.
        on_ready: called when the server can serve requests.
        certificates: the certificates for TLS, or None for plain HTTP.

    Raises:
        CannotServe: the directory cannot be served.
    """
    return _serve(App(settings, on_ready, certificates=certificates), listener)


def serve_with_workers(
    settings: Settings,
    listener: socket.socket,
    on_ready: Callable[[], None],
    certificates: Certificates | None = None,
) -> bool:
    """Serve in several processes, with the parameters, result and errors of `serve_alone`.

    The workers share the limits that count, and the lock of the directory, which ends with the
    last of them. Each reloads certificates by itself. The supervisor reloads them too, for the
    successors of workers, and is the one that logs failures.
    """
    run_in_child(partial(_prepare, settings))
    try:
        lock = lock_directory(settings.directory)
    except BlockingIOError as cause:
        raise CannotServe(_DIRECTORY_IN_USE) from cause
    group = WorkerGroup(settings.workers, settings.directory)
    try:
        listeners = share_address(listener, settings.workers)
    except OSError as cause:
        raise CannotServe(str(cause)) from cause
    share = replace(settings, limits=settings.limits.shared(settings.workers))

    def work(number: int, pipe: int) -> int:
        for other in set(listeners) - {listeners[number]}:
            other.close()
        if certificates is not None:
            certificates.logs_failures = False
        app = App(share, lambda: _report(pipe, READY), group.worker(number), certificates)
        try:
            return 0 if _serve(app, listeners[number]) else 1
        except CannotServe as cause:
            _report(pipe, str(cause).encode())
            return 1

    forward = (signal.SIGHUP,) if settings.access_log or certificates else ()
    renew = certificates.reload_if_changed if certificates else None
    with ExitStack() as held:
        held.callback(os.close, lock)
        # Closed at the first signal; until then connections wait for the successor of a worker.
        taking = held.enter_context(ExitStack())
        for one in listeners:
            taking.callback(one.close)
        return Supervisor(settings.workers, work, on_ready, forward, renew).serve(taking.close)


def _serve(app: App, listener: socket.socket) -> bool:
    server = make_server(app)
    with suppress(SystemExit):  # uvicorn exits so after a failed start
        server.run(sockets=[listener])
    if app.failure or not server.started:
        raise CannotServe(app.failure or "it was stopped")
    return not server.force_exit


def _prepare(settings: Settings) -> None:
    try:
        asyncio.run(prepare(settings))
    except BlockingIOError as cause:
        raise CannotServe(_DIRECTORY_IN_USE) from cause
    except Exception as cause:
        raise CannotServe(plain(cause)) from cause


def _report(pipe: int, text: bytes) -> None:
    os.write(pipe, text[:4096])
