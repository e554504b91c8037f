"""`coskit serve`: reads the options, starts the server, and says how it ended."""

import json
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import typer

from coskit.cli.ready_message import Announcement
from coskit.protocol.errors import InvalidBucketName
from coskit.server.handlers.buckets.buckets import check_bucket_name
from coskit.server.http.connections.certificates import (
    BadCertificate,
    CertificateFiles,
    Certificates,
)
from coskit.server.http.connections.listeners import listening_socket
from coskit.server.run import serve_alone, serve_with_workers
from coskit.server.settings import (
    Limits,
    Settings,
    audience,
    find_keys,
    key_ring,
    length,
    restore_delays,
    size,
    timeouts,
)
from coskit.server.store.disk.durability import durability as durable
from coskit.server.trusted_proxies import networks
from coskit.server.workers.error_text import plain
from coskit.server.workers.served_directory import note_address, require_room
from coskit.server.workers.supervisor import CannotServe

_T = TypeVar("_T")
_V = TypeVar("_V")
_LABEL = re.compile("[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")  # of a host name


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of the command as they were written; see its help."""

    directory: Path
    host: str
    port: int
    certificate: Path | None
    key: Path | None
    client_ca: Path | None
    trusted_proxy: Sequence[str] | None
    allow_nonempty: bool
    region: str
    bucket: Sequence[str] | None
    domain: Sequence[str] | None
    restore_delay: Sequence[str] | None
    lifecycle_interval: str
    day_length: str
    durability: str
    scrub_rate: str
    scrub_period: str
    timeout: Sequence[str] | None
    max_requests: int
    max_strangers: int
    max_waiting: int
    max_commits: int
    slowest: str
    memory: str
    reserve: str
    grace: str
    metrics: str
    access_log: str
    workers: int
    longest_signature: str
    quiet: bool
    as_json: bool
    fd: int | None


def serve(options: Options) -> None:
    """Serve until a signal ends it.

    Raises:
        BadParameter: an option can mean nothing.
        SystemExit: with a line of why, as it could not be served, or was ended the hard way.
    """
    read = _read_settings(options)
    if options.certificate or options.access_log:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it means to read files again
    certificates = _find_certificates(options)
    _look_into(options)
    with _listen(options) as listener:
        try:
            keys, is_new = find_keys(options.directory)
        except (OSError, ValueError) as cause:
            _give_up(options.directory, plain(cause))
        settings = Settings(options.directory, key_ring(keys), **read)
        announcement = Announcement(
            settings, listener.getsockname(), keys, is_new=is_new, certificates=certificates
        )

        def announce() -> None:
            note_address(settings.directory, announcement.address)
            if not options.quiet:
                for warning in announcement.warnings():
                    print(f"coskit: {warning}", file=sys.stderr, flush=True)
                _say(announcement.report() if options.as_json else announcement.text())

        run = serve_with_workers if settings.workers > 1 else serve_alone
        try:
            is_done = run(settings, listener, announce, certificates)
        except CannotServe as cause:
            _give_up(options.directory, str(cause))
    if not is_done:
        sys.exit("coskit: a second signal has ended it before its requests were done")
    if not options.quiet:
        _say(json.dumps({"event": "stopped"}) if options.as_json else "stopped")


def _read_settings(options: Options) -> dict[str, Any]:
    """Return what the options mean, save directory and keys.

    Raises:
        BadParameter: one of them can mean nothing.
    """
    limits = Limits(
        requests=options.max_requests,
        strangers=options.max_strangers or None,
        waiting=options.max_waiting,
        commits=options.max_commits,
        slowest=_value("slowest", size, options.slowest),
        memory=_value("memory", size, options.memory),
        reserve=_value("reserve", size, options.reserve),
        grace=_value("grace", length, options.grace) / 1000,
        **_value("timeout", timeouts, options.timeout or ()),
    )
    return {
        "region": _value("region", _region, options.region),
        "buckets": _value("bucket", _bucket_names, options.bucket or ()),
        "domains": _value("domain", _domains, options.domain or ()),
        "restore_delays": _value("restore-delay", restore_delays, options.restore_delay or ()),
        "lifecycle_interval": _value("lifecycle-interval", length, options.lifecycle_interval),
        "day_length": _value("day-length", length, options.day_length),
        "durability": _value("durability", durable, options.durability),
        "scrub_rate": _value("scrub-rate", _rate, options.scrub_rate),
        "scrub_period": _value("scrub-period", length, options.scrub_period),
        "limits": limits,
        "metrics": _value("metrics", audience, options.metrics),
        "access_log": options.access_log,
        "workers": options.workers,
        "longest_signature": _value("longest-signature", length, options.longest_signature),
        "trusted_proxies": _value("trusted-proxy", networks, options.trusted_proxy or ()),
    }


def _value(name: str, read: Callable[[_T], _V], given: _T) -> _V:
    try:
        return read(given)
    except ValueError as cause:
        raise typer.BadParameter(str(cause), param_hint=f"'--{name}'") from cause


def _rate(option: str) -> int:
    return size(option) if option != "0" else 0


def _region(name: str) -> str:
    if not _LABEL.fullmatch(name):
        raise ValueError(
            f"a region is of a-z, 0-9 and inner hyphens, such as ap-local, not {name!r}"
        )
    return name


def _domains(names: Iterable[str]) -> tuple[str, ...]:
    found = tuple(name.lower() for name in names)
    for name in found:
        if not all(map(_LABEL.fullmatch, name.split("."))):
            raise ValueError(f"a domain is a host name such as files.example, not {name!r}")
    return found


def _bucket_names(names: Iterable[str]) -> tuple[str, ...]:
    found = tuple(names)
    for name in found:
        try:
            check_bucket_name(name)
        except InvalidBucketName as cause:
            raise ValueError(f"{name!r}: {cause.message}") from cause
    return found


def _find_certificates(options: Options) -> Certificates | None:
    if options.certificate is None:
        for name, given in (("key", options.key), ("client-ca", options.client_ca)):
            if given is not None:
                raise typer.BadParameter("it needs --certificate", param_hint=f"'--{name}'")
        return None
    try:
        return Certificates(CertificateFiles(options.certificate, options.key, options.client_ca))
    except BadCertificate as cause:
        sys.exit(f"coskit: {cause}")


def _look_into(options: Options) -> None:
    """Refuse a directory with other things in it; the keys of a new store are not made yet."""
    try:
        if not options.allow_nonempty:
            require_room(options.directory, "--allow-nonempty")
    except ValueError as cause:
        sys.exit(f"coskit: {cause}")
    except OSError as cause:
        _give_up(options.directory, plain(cause))


def _listen(options: Options) -> socket.socket:
    try:
        if options.fd is not None:
            return socket.socket(fileno=options.fd)
        return listening_socket(options.host, options.port)
    except (OSError, UnicodeError) as cause:
        sys.exit(f"coskit: cannot listen on {options.host}:{options.port}: {plain(cause)}")


def _give_up(directory: Path, reason: str) -> NoReturn:
    reason = " ".join(reason.split()).removeprefix(f"{directory}: ")
    sys.exit(f"coskit: cannot serve {directory}: {reason}")


def _say(text: str) -> None:
    try:
        print(text, flush=True)
    except OSError:  # nobody reads it any more, which is no reason to end
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
