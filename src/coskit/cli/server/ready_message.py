"""The message of a ready `coskit serve`: its address, its keys, and lines to paste."""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from coskit._version import __version__
from coskit.protocol.auth.credentials import Credentials
from coskit.server.http.connections.certificates import Certificates
from coskit.server.http.status import is_loopback
from coskit.server.settings import KEYS_FILE, Limits, Settings
from coskit.server.store.disk.durability import MEANINGS
from coskit.server.workers.served_directory import ServerAddress, buckets

_OPTIONS = {"anonymous_requests": "strangers", "anonymous_body": "stranger"}
_SHOWN = 8  # buckets that are named, of perhaps thousands


class ReadyMessage:
    """The message in text, in JSON, and as the address for `coskit admin env`.

    Args:
        settings: the server's settings.
        listening: the host and port of the listening socket.
        keys: the server's own key pair.
        is_new: whether the key pair is new.
        certificates: the certificates for TLS, or None for plain HTTP.

    Attributes:
        address: the address for clients.
    """

    def __init__(
        self,
        settings: Settings,
        listening: tuple[str, int],
        keys: Credentials,
        *,
        is_new: bool,
        certificates: Certificates | None,
    ) -> None:
        self._settings = settings
        self._host = listening[0]
        self._keys = keys
        self._is_new = is_new
        self._certificates = certificates
        scheme = "https" if certificates else "http"
        host = _reachable(self._host, certificates.names if certificates else ())
        url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{listening[1]}"
        self.address = ServerAddress(url, settings.region, keys.secret_id)

    def warnings(self) -> Iterator[str]:
        """Yield warnings about the configuration."""
        if self._certificates is not None and self._certificates.warning:
            yield self._certificates.warning
        if self._certificates is None and not is_loopback(self._host):
            yield (
                f"warning: it listens on {self._host} without TLS, so others on the network can "
                "read all that is sent; --certificate and --key turn TLS on"
            )

    def text(self) -> str:
        """Return the message as text."""
        settings, url = self._settings, self.address.url
        secret = self._keys.secret_key if self._is_new else f"in {self._kept()}"
        lines = [
            f"coskit serves {settings.directory.resolve()} at {url}",
            f"  buckets     {self._bucket_names()}",
            f"  region      {settings.region}",
            f"  S3          {url} with the same keys, path style, region {settings.region}",
            f"  secret id   {self._keys.secret_id}",
            f"  secret key  {secret}",
            f"  durability  {settings.durability}: {MEANINGS[settings.durability]}",
            f"  health      {url}/-/live {url}/-/ready",
        ]
        if settings.workers > 1:
            lines.insert(1, f"  workers     {settings.workers}")
        if _is_every_address(self._host):
            lines.insert(1, f"  listens on  every address of this machine ({self._host})")
        if self._is_new:
            lines.append(f"The key pair was made now; it is kept in {self._kept()}.")
        return "\n".join((*lines, *self._lines_to_paste()))

    def report(self) -> str:
        """Return the message as one line of JSON, with the limits and without the secret key."""
        settings = self._settings
        facts = {
            "event": "ready",
            "version": __version__,
            "pid": os.getpid(),
            "url": self.address.url,
            "directory": str(settings.directory.resolve()),
            "buckets": buckets(settings.directory),
            "region": settings.region,
            "secret_id": self._keys.secret_id,
            "keys": self._kept(),
            "key_pair_is_new": self._is_new,
            "durability": settings.durability,
            "metrics": settings.metrics,
            "access_log": settings.access_log,
            "workers": settings.workers,
            "tls": self._certificates is not None,
            "trusted_proxies": [str(network) for network in settings.trusted_proxies],
            "limits": _limits(settings.limits),
        }
        return json.dumps(facts)

    def _bucket_names(self) -> str:
        names = buckets(self._settings.directory)
        if not names:
            return "none yet; --bucket NAME makes one, and so do clients"
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return " ".join(names[:_SHOWN]) + more

    def _kept(self) -> str:
        """Return the place of the keys."""
        if os.environ.get("COSKIT_SECRET_ID") and os.environ.get("COSKIT_SECRET_KEY"):
            return "the environment (COSKIT_SECRET_KEY)"
        return str(self._settings.directory.resolve() / KEYS_FILE)

    def _lines_to_paste(self) -> Iterator[str]:
        directory = shlex.quote(str(self._settings.directory.resolve()))
        yield "For clients in another terminal:"
        yield f'  eval "$({_command()} admin env {directory})"'
        if self._is_new:
            yield f"  {export(self.address, self._keys)[0]}"


def export(address: ServerAddress, keys: Credentials) -> tuple[str, str]:
    """Return shell commands that make coskit and S3 tools use the server."""
    own = {
        "COSKIT_ENDPOINT": address.url,
        "COSKIT_SECRET_ID": keys.secret_id,
        "COSKIT_SECRET_KEY": keys.secret_key,
    }
    others = {
        "AWS_ENDPOINT_URL": address.url,
        "AWS_REGION": address.region,
        "AWS_DEFAULT_REGION": address.region,
        "AWS_ACCESS_KEY_ID": keys.secret_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
    }
    first, second = (
        "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in names.items())
        for names in (own, others)
    )
    return first, second


def _limits(limits: Limits) -> dict[str, Any]:
    """Return limits under the names of their options."""
    return {_OPTIONS.get(name, name): value for name, value in asdict(limits).items()}


def _command() -> str:
    """Return the command line that starts this command."""
    if Path(sys.argv[0]).name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m coskit"
    return "coskit"


def _is_every_address(host: str) -> bool:
    return ip_address(host.partition("%")[0]).is_unspecified


def _reachable(host: str, names: tuple[str, ...]) -> str:
    """Return the host for a URL: a name of the certificate, or localhost for every address.

    Args:
        host: the host that the server listens on.
        names: the names of its certificate.
    """
    if _is_every_address(host):
        host = "::1" if ":" in host else "127.0.0.1"
    plain_names = [name for name in names if not name.startswith("*")]
    if host in plain_names or not plain_names:
        return host
    return "localhost" if "localhost" in plain_names and is_loopback(host) else plain_names[0]
