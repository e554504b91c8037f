"""`coskit serve`: start the server and say how to reach it."""

import json
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from coskit import __version__
from coskit.protocol.signature import Credentials
from coskit.server.app import listening_socket
from coskit.server.limits import Limits
from coskit.server.process import serve_alone, serve_with_workers
from coskit.server.settings import (
    Settings,
    audience,
    find_keys,
    key_ring,
    length,
    restore_delays,
    size,
    timeouts,
)
from coskit.server.store.durability import MEANINGS
from coskit.server.store.durability import durability as durable
from coskit.server.supervisor import CannotServe


def serve(
    directory: Path,
    *,
    host: str,
    port: int,
    region: str,
    buckets: Sequence[str],
    domains: Sequence[str],
    delays: Sequence[str],
    lifecycle_interval: str,
    day_length: str,
    durability: str,
    scrub_rate: str,
    scrub_period: str,
    timeout: Sequence[str],
    max_requests: int,
    max_strangers: int,
    max_waiting: int,
    max_commits: int,
    slowest: str,
    memory: str,
    reserve: str,
    grace: str,
    metrics: str,
    access_log: str,
    longest_signature: str,
    quiet: bool,
    as_json: bool,
    workers: int,
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
        durability: what a power cut may undo: `strict`, `relaxed` or `none`.
        scrub_rate: what the scrub reads in a second, such as `20MiB`, or `0` for no scrub.
        scrub_period: from the beginning of one scrub to that of the next, such as `30d`.
        timeout: how long the server waits for what, such as `body=30s`.
        max_requests: worked on at a time.
        max_strangers: of these, requests without a valid signature; half of them if 0.
        max_waiting: requests that may wait for their turn.
        max_commits: changes that may wait for the index.
        slowest: what has to come of a body in a second, such as `1KiB`.
        memory: for bodies on their way in and out, such as `256MiB`.
        reserve: what is left free on the disk, such as `32MiB`.
        grace: how long running requests have when it ends, such as `30s`.
        metrics: who may read them: `loopback`, `public` or `off`.
        access_log: file for a line on each request, "-" for standard output, "" for none.
        longest_signature: how long a signature may be valid, such as `366d`.
        quiet: print nothing.
        as_json: print one line of JSON instead of what a person reads.
        workers: processes that serve the directory.
        fd: a socket that listens already, instead of host and port.
    """
    try:
        listener = socket.socket(fileno=fd) if fd is not None else listening_socket(host, port)
    except OSError as cause:
        sys.exit(f"coskit: cannot listen on {host}:{port}: {cause.strerror}")
    with listener:
        try:
            limits = Limits(
                requests=max_requests,
                strangers=max_strangers or None,
                waiting=max_waiting,
                commits=max_commits,
                slowest=size(slowest),
                memory=size(memory),
                reserve=size(reserve),
                grace=length(grace) / 1000,
                **timeouts(timeout),
            )
            waits = restore_delays(delays)
            interval, day = length(lifecycle_interval), length(day_length)
            mode = durable(durability)
            rate = size(scrub_rate) if scrub_rate != "0" else 0
            scrubs = length(scrub_period)
            listeners = audience(metrics)
            validity = length(longest_signature)
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
            durability=mode,
            scrub_rate=rate,
            scrub_period=scrubs,
            limits=limits,
            metrics=listeners,
            access_log=access_log,
            workers=workers,
            longest_signature=validity,
        )
        address = listener.getsockname()
        url = f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}"

        def announce() -> None:
            if as_json:
                print(report(url, settings, keys, made), flush=True)
            elif not quiet:
                print(summary(url, settings, keys, made), flush=True)

        try:
            if workers > 1:
                is_done = serve_with_workers(settings, listener, announce)
            else:
                is_done = serve_alone(settings, listener, announce)
        except CannotServe as cause:
            sys.exit(f"coskit: cannot serve {directory}: {cause}")
    if not is_done:
        sys.exit("coskit: a second signal has ended it before its requests were done")


def summary(url: str, settings: Settings, keys: Credentials, made: bool) -> str:
    """Return what a person needs to know to use the server."""
    secret = keys.secret_key if made else "(as before)"
    lines = [
        f"coskit serves {settings.directory.resolve()} at {url}",
        f"  region      {settings.region}",
        f"  secret id   {keys.secret_id}",
        f"  secret key  {secret}",
        f"  durability  {settings.durability}: {MEANINGS[settings.durability]}",
        f"  health      {url}/-/live {url}/-/ready",
    ]
    if settings.workers > 1:
        lines.insert(1, f"  workers     {settings.workers}")
    if made:
        lines.append(f"The key pair was made now; it is kept in {settings.directory}.")
    return "\n".join(lines)


def report(url: str, settings: Settings, keys: Credentials, made: bool) -> str:
    """Return the same as one line of JSON, with the limits and without the secret key."""
    facts = {
        "event": "ready",
        "version": __version__,
        "pid": os.getpid(),
        "url": url,
        "directory": str(settings.directory.resolve()),
        "region": settings.region,
        "secret_id": keys.secret_id,
        "key_pair_is_new": made,
        "durability": settings.durability,
        "metrics": settings.metrics,
        "access_log": settings.access_log,
        "workers": settings.workers,
        "limits": asdict(settings.limits),
    }
    return json.dumps(facts)
