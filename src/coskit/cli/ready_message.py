"""Prints where a ready `coskit serve` is, where its keys are, and lines to paste."""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path

from coskit._version import __version__
from coskit.protocol.auth.credentials import Credentials
from coskit.server.http.connections.certificates import Certificates
from coskit.server.http.status import is_loopback
from coskit.server.settings import KEYS_FILE, Settings
from coskit.server.store.disk.durability import MEANINGS
from coskit.server.workers.served_directory import Address, buckets

_SHOWN = 8  # buckets that are named; there may be thousands


class ReadyMessage:
    """The same for people, for programs, and for `coskit admin env`.

    Args:
        settings: of the server.
        listening: host and port of its socket.
        keys: its own key pair.
        is_new: whether that was made just now.
        certificates: if clients come by TLS.

    Attributes:
        address: where clients reach the server.
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
        self.address = Address(url, settings.region, keys.secret_id)

    def warnings(self) -> Iterator[str]:
        """Yield what should not stay as it is."""
        if self._certificates is not None and self._certificates.warning:
            yield self._certificates.warning
        if self._certificates is None and not is_loopback(self._host):
            yield (
                f"warning: it listens on {self._host} without TLS, so others on the network can "
                "read all that is sent; --certificate and --key turn TLS on"
            )

    def text(self) -> str:
        """Return what a person needs to know to use the server."""
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
        """Return the same as one line of JSON, with the limits and without the secret key."""
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
            "limits": asdict(settings.limits),
        }
        return json.dumps(facts)

    def _bucket_names(self) -> str:
        names = buckets(self._settings.directory)
        if not names:
            return "none yet; --bucket NAME makes one, and so do clients"
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return " ".join(names[:_SHOWN]) + more

    def _kept(self) -> str:
        """Return where the keys are."""
        if os.environ.get("COSKIT_SECRET_ID") and os.environ.get("COSKIT_SECRET_KEY"):
            return "the environment (COSKIT_SECRET_KEY)"
        return str(self._settings.directory.resolve() / KEYS_FILE)

    def _lines_to_paste(self) -> Iterator[str]:
        directory = shlex.quote(str(self._settings.directory.resolve()))
        yield "For clients in another terminal:"
        yield f'  eval "$({_command()} admin env {directory})"'
        if self._is_new:
            yield f"  {export(self.address, self._keys)[0]}"


def export(address: Address, keys: Credentials) -> tuple[str, str]:
    """Return lines for a shell, after which coskit and S3's tools find the server."""
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


def _command() -> str:
    """Return how this command was called."""
    if Path(sys.argv[0]).name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m coskit"
    return "coskit"


def _is_every_address(host: str) -> bool:
    return ip_address(host.partition("%")[0]).is_unspecified


def _reachable(host: str, names: tuple[str, ...]) -> str:
    """Return the host for a URL: one that the certificate is for, and on every address localhost.

    Args:
        host: that the server listens on.
        names: of its certificate.
    """
    if _is_every_address(host):
        host = "::1" if ":" in host else "127.0.0.1"
    plain_names = [name for name in names if not name.startswith("*")]
    if host in plain_names or not plain_names:
        return host
    return "localhost" if "localhost" in plain_names and is_loopback(host) else plain_names[0]
