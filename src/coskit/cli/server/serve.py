"""`coskit serve`: check the options, start the server, and report its end."""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, TypeVar

import typer

from coskit.cli.server import option_values as values
from coskit.cli.server.ready_message import ReadyMessage
from coskit.cli.server.serve_options import ServeOptions
from coskit.server.http.connections.certificates import (
    BadCertificate,
    CertificateFiles,
    Certificates,
)
from coskit.server.http.connections.listeners import listening_socket
from coskit.server.run import serve_alone, serve_with_workers
from coskit.server.settings import Limits, Settings, find_keys, key_ring
from coskit.server.store.disk.durability import durability
from coskit.server.trusted_proxies import networks
from coskit.server.workers.error_text import plain
from coskit.server.workers.served_directory import note_address, require_room
from coskit.server.workers.supervisor import CannotServe

_T = TypeVar("_T")
_V = TypeVar("_V")


def serve(options: ServeOptions) -> None:
    """Serve until a signal ends the server.

    Raises:
        BadParameter: an option has an invalid value.
        SystemExit: the server could not start, or a second signal ended it; the text says why.
    """
    settings = read_settings(options)
    if options.certificate or options.access_log:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it reloads files
    certificates = _find_certificates(options)
    _check_directory(options)
    with _listen(options) as listener:
        try:
            keys, is_new = find_keys(options.directory)
        except (OSError, ValueError) as cause:
            _give_up(options.directory, plain(cause))
        settings = replace(settings, keys=key_ring(keys))
        message = ReadyMessage(
            settings, listener.getsockname(), keys, is_new=is_new, certificates=certificates
        )

        def announce() -> None:
            note_address(settings.directory, message.address)
            if not options.quiet:
                for warning in message.warnings():
                    print(f"coskit: {warning}", file=sys.stderr, flush=True)
                _say(message.report() if options.as_json else message.text())

        run = serve_with_workers if settings.workers > 1 else serve_alone
        try:
            is_done = run(settings, listener, announce, certificates)
        except CannotServe as cause:
            _give_up(options.directory, str(cause))
    if not is_done:
        sys.exit("coskit: a second signal has ended it before its requests were done")
    if not options.quiet:
        _say(json.dumps({"event": "stopped"}) if options.as_json else "stopped")


def read_settings(options: ServeOptions) -> Settings:
    """Return the settings that the options ask for, without the server's keys.

    Raises:
        BadParameter: an option has an invalid value.
    """
    limits = Limits(
        requests=options.max_requests,
        anonymous_requests=options.max_strangers or None,
        waiting=options.max_waiting,
        commits=options.max_commits,
        slowest=_value("slowest", values.byte_count, options.slowest),
        memory=_value("memory", values.byte_count, options.memory),
        reserve=_value("reserve", values.byte_count, options.reserve),
        grace=_value("grace", values.duration, options.grace) / 1000,
        **_value("timeout", values.timeouts, options.timeout or ()),
    )
    return Settings(
        directory=options.directory,
        keys={},
        region=_value("region", values.region, options.region),
        buckets=_value("bucket", values.bucket_names, options.bucket or ()),
        domains=_value("domain", values.domains, options.domain or ()),
        restore_delays=_value("restore-delay", values.restore_delays, options.restore_delay or ()),
        lifecycle_interval=_value(
            "lifecycle-interval", values.duration, options.lifecycle_interval
        ),
        day_length=_value("day-length", values.duration, options.day_length),
        durability=_value("durability", durability, options.durability),
        scrub_rate=_value("scrub-rate", values.scrub_rate, options.scrub_rate),
        scrub_period=_value("scrub-period", values.duration, options.scrub_period),
        limits=limits,
        metrics=_value("metrics", values.metrics_audience, options.metrics),
        access_log=options.access_log,
        workers=options.workers,
        longest_signature=_value("longest-signature", values.duration, options.longest_signature),
        trusted_proxies=_value("trusted-proxy", networks, options.trusted_proxy or ()),
    )


def _value(name: str, read: Callable[[_T], _V], given: _T) -> _V:
    try:
        return read(given)
    except ValueError as cause:
        raise typer.BadParameter(str(cause), param_hint=f"'--{name}'") from cause


def _find_certificates(options: ServeOptions) -> Certificates | None:
    if options.certificate is None:
        for name, given in (("key", options.key), ("client-ca", options.client_ca)):
            if given is not None:
                raise typer.BadParameter("it needs --certificate", param_hint=f"'--{name}'")
        return None
    try:
        return Certificates(CertificateFiles(options.certificate, options.key, options.client_ca))
    except BadCertificate as cause:
        sys.exit(f"coskit: {cause}")


def _check_directory(options: ServeOptions) -> None:
    """Refuse a directory with other files, before the keys of a new store are made in it."""
    try:
        if not options.allow_nonempty:
            require_room(options.directory, "--allow-nonempty")
    except ValueError as cause:
        sys.exit(f"coskit: {cause}")
    except OSError as cause:
        _give_up(options.directory, plain(cause))


def _listen(options: ServeOptions) -> socket.socket:
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
    except OSError:  # the reader has gone, which does not end the server
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
