"""`coskit serve`: start the server and say how to reach it."""

import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from coskit.protocol.signature import Credentials
from coskit.server.app import App, listening_socket, make_server
from coskit.server.settings import Settings, find_keys, key_ring, length, restore_delays


def serve(
    directory: Path,
    host: str,
    port: int,
    region: str,
    buckets: Sequence[str],
    domains: Sequence[str],
    delays: Sequence[str],
    lifecycle_interval: str,
    day_length: str,
    *,
    quiet: bool,
    fd: int | None,
) -> None:
    """Serve until a signal ends it.

    Args:
        directory: where everything is kept; it is made if it is missing.
        host: address to listen on.
        port: to listen on, 0 for a free one.
        region: the name that clients see.
        buckets: created if they are missing.
        domains: further domains under which a label names a bucket.
        delays: how long restores take, such as `Standard=2s`.
        lifecycle_interval: from one pass over the lifecycle rules to the next, such as `1h`.
        day_length: what lifecycle rules take for a day, such as `1d`.
        quiet: print nothing.
        fd: a socket that listens already, instead of host and port.
    """
    try:
        listener = socket.socket(fileno=fd) if fd is not None else listening_socket(host, port)
    except OSError as cause:
        sys.exit(f"coskit: cannot listen on {host}:{port}: {cause.strerror}")
    with listener:
        try:
            waits = restore_delays(delays)
            interval, day = length(lifecycle_interval), length(day_length)
            keys, made = find_keys(directory)
        except (OSError, ValueError) as cause:
            sys.exit(f"coskit: {cause}")
        bases = tuple(domain.lower() for domain in domains)
        settings = Settings(
            directory,
            key_ring(keys),
            region,
            tuple(buckets),
            bases,
            restore_delays=waits,
            lifecycle_interval=interval,
            day_length=day,
        )
        address = listener.getsockname()
        url = f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}"

        def announce() -> None:
            if not quiet:
                print(summary(url, settings, keys, made), flush=True)

        app = App(settings, announce)
        server = make_server(app)
        with suppress(SystemExit):  # the server's own way to say that the app failed
            server.run(sockets=[listener])
    if app.failure or not server.started:
        sys.exit(f"coskit: cannot serve {directory}: {app.failure or 'it was stopped'}")


def summary(url: str, settings: Settings, keys: Credentials, made: bool) -> str:
    """Return what a person needs to know to use the server."""
    secret = keys.secret_key if made else "(as before)"
    lines = [
        f"coskit serves {settings.directory.resolve()} at {url}",
        f"  region      {settings.region}",
        f"  secret id   {keys.secret_id}",
        f"  secret key  {secret}",
        "  durability  strict: an answer 200 means that the bytes are on the disk",
        f"  health      {url}/-/live {url}/-/ready",
    ]
    if made:
        lines.append(f"The key pair was made now; it is kept in {settings.directory}.")
    return "\n".join(lines)
