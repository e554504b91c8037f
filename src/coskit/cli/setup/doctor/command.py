"""The command `coskit doctor`: checks of settings, network, clock, keys and permissions."""

import os
import platform
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coskit._version import __version__
from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import AsJsonLines
from coskit.cli.arguments.locations import CosLocation, parse_location
from coskit.cli.setup.doctor.check_result import CheckFailure, CheckResult, checked, skipped
from coskit.cli.setup.masking import masked
from coskit.cli.terminal.errors import describe
from coskit.cli.terminal.lines import print_json
from coskit.cli.terminal.request_log import show_requests
from coskit.client.credentials.resolver import config_file, home_directory
from coskit.client.credentials.setting_origins import setting_origins
from coskit.protocol.errors import CosException, CredentialsError

if TYPE_CHECKING:
    from coskit.client.config import ClientConfig

_REACHED = ("DNS", "TCP", "TLS")

EXAMPLES = """
Check the settings, the network, the clock and the keys:
  coskit doctor
Check what the keys may do in a bucket; an object is written, read and deleted:
  coskit doctor cos://photos-1250000000
The same in a folder, of a profile:
  coskit doctor --profile work cos://photos-1250000000/probes/
For a program:
  coskit doctor --json
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions(ClientOptions):
    """The options of `coskit doctor`."""

    location: Annotated[
        str,
        typer.Argument(metavar="LOCATION", help="cos://bucket or cos://bucket/folder/ to try."),
    ] = "cos://"
    as_json: AsJsonLines = False


def doctor(options: DoctorOptions) -> int:
    """Check settings, network, clock, keys and permissions, and say what is wrong.

    A line for each check says ok, FAILED or skipped, what was found and what to do about it. With a
    bucket, a small object is written, read and deleted in it.

    The exit status is 1 if a check failed.
    """
    location = parse_location(options.location, options.dialect)
    show_requests(options.verbose)
    failed = []
    for result in _results(options, location):
        print_json(result.facts()) if options.as_json else print(result.line(), flush=True)
        if result.status == "FAILED":
            failed.append(result.name)
    if not options.as_json:
        print(f"wrong: {', '.join(failed)}" if failed else "everything is in order")
    return 1 if failed else 0


def _results(options: DoctorOptions, location: CosLocation) -> Iterator[CheckResult]:
    """Yield the result of each check; those that need a failed one are skipped."""
    found: list[ClientConfig] = []
    settings = checked("settings", lambda: _settings(options, found))
    yield settings
    if found:
        signs = settings.status == "ok" and not options.no_sign
        yield from _service_results(found[0], location, signs=signs)
    yield checked("versions", _versions)


def _settings(options: DoctorOptions, found: "list[ClientConfig]") -> str:
    """Return the settings with their origins; put what a client needs into `found`."""
    try:
        found.append(_config(options, anonymous=options.no_sign))
    except CredentialsError as error:
        with suppress(CosException):  # the network can be checked without keys
            found.append(_config(options, anonymous=True))
        raise CheckFailure(describe(error) or "") from None
    except CosException as error:
        raise CheckFailure(describe(error) or "") from None
    arguments = {name: getattr(options, name) for name in ("endpoint", "region", "dialect")}
    origins = setting_origins(
        arguments,
        os.environ,
        config_file(),
        options.profile or "",
        home_directory(),
        time.time(),
    )
    shown = {
        each.name: masked(each.name, each.value)
        for each in origins
        if each.name not in ("secret_key", "token")
    }
    places = {each.name: each.origin for each in origins}
    text = ", ".join(f"{name} {value} ({places[name]})" for name, value in shown.items())
    return text + _exposed(config_file())


def _exposed(file: Path) -> str:
    """Return a warning if other users may read the configuration file, else an empty text."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return ""
    return f"; other users may read {file}: chmod 600 it" if mode & 0o077 else ""


def _config(options: DoctorOptions, *, anonymous: bool) -> "ClientConfig":
    from coskit import RetryPolicy, TransferSettings, TransportSettings
    from coskit.client.config import find_config

    return find_config(
        region=options.region,
        endpoint=options.endpoint,
        secret_id=None,
        secret_key=None,
        token=None,
        credentials=None,
        profile=options.profile,
        scheme="https",
        anonymous=anonymous,
        path_style=None,
        failover=False,
        dialect=options.dialect,
        retry=RetryPolicy(attempts=1),
        transport=TransportSettings(connect_timeout=5, read_timeout=10),
        transfers=TransferSettings(),
    )


def _service_results(
    config: "ClientConfig", location: CosLocation, *, signs: bool
) -> Iterator[CheckResult]:
    """Yield the results from the proxy to the permissions."""
    from coskit import Client
    from coskit.cli.setup.doctor.service_checks import (
        bucket_checks,
        check_clock,
        check_list_buckets,
        check_signature,
    )

    bucket = location.bucket
    host, path = config.endpoint.address(bucket or None, None)
    reached = yield from _network_results(config.endpoint.scheme, host)
    names = ["clock", "keys", "buckets", *(("list", "write", "read", "delete") if bucket else ())]
    if not reached:
        yield from (skipped(name, "the endpoint is not reached") for name in names)
        return
    yield checked("clock", lambda: check_clock(config, f"{config.endpoint.scheme}://{host}{path}"))
    with Client(config=config) as client:
        accepted = True
        if signs:
            keys = checked("keys", lambda: check_signature(client, bucket))
            yield keys
            accepted = keys.status == "ok"
        else:
            yield skipped("keys", "requests are not signed")
        if not accepted:
            yield from (skipped(name, "the keys are not accepted") for name in names[2:])
            return
        yield checked("buckets", lambda: check_list_buckets(client, bucket))
        if bucket:
            yield from bucket_checks(client, location)


def _network_results(scheme: str, host: str) -> Generator[CheckResult, None, bool]:
    """Yield the results of the network; return whether the endpoint is reached."""
    from coskit.cli.setup.doctor.network_checks import (
        check_dns,
        check_proxy,
        check_tcp,
        check_tls,
        network_target,
    )

    target = network_target(scheme, host)
    yield checked("proxy", lambda: check_proxy(target))
    reached = True
    for name, check in zip(_REACHED, (check_dns, check_tcp, check_tls), strict=True):
        if not reached:
            yield skipped(name, "the step before failed")
            continue
        result = checked(name, partial(check, target))
        reached = result.status == "ok"
        yield result
    return reached


def _versions() -> str:
    """Return the versions of the programs and libraries."""
    from coskit.client.transport.curl.library_versions import library_versions

    versions = {"coskit": __version__, "Python": platform.python_version(), **library_versions()}
    kernel = os.uname()
    system = f"{kernel.sysname} {kernel.release}"
    return ", ".join([*(f"{name} {version}" for name, version in versions.items()), system])
