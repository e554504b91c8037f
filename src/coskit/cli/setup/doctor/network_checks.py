"""Checks of the way to the endpoint: proxy, DNS, TCP, TLS."""

import os
import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from coskit.cli.setup.doctor.check_result import CheckFailure

_SECONDS = 5.0
_SOON_DAYS = 14
_HTTPS = 443
_NAME_ADVICE = "check the spelling of the region or the endpoint, the network and the DNS server"
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST")


@dataclass(frozen=True, slots=True)
class NetworkTarget:
    """The endpoint, and the proxy on the way to it.

    Attributes:
        secure: whether TLS is used.
        host: the name of the endpoint.
        port: its port.
        proxy: the URL of a proxy, or "".
    """

    secure: bool
    host: str
    port: int
    proxy: str = ""

    @property
    def next_host(self) -> tuple[str, int]:
        """The host and port to connect to: the proxy's, or the endpoint's."""
        if not self.proxy:
            return self.host, self.port
        parts = urlsplit(self.proxy if "://" in self.proxy else f"http://{self.proxy}")
        return parts.hostname or "", parts.port or 1080


def network_target(scheme: str, host: str) -> NetworkTarget:
    """Return the target for an endpoint, with the proxy that the environment names for it.

    Args:
        scheme: `http` or `https`.
        host: the host, with its port if it is not the usual one.
    """
    parts = urlsplit(f"{scheme}://{host}")
    name, secure = parts.hostname or "", scheme == "https"
    port = parts.port or (_HTTPS if secure else 80)
    return NetworkTarget(secure, name, port, "" if proxy_bypass(host) else _proxy_of(scheme))


def _proxy_of(scheme: str) -> str:
    """Return the proxy for a scheme; libcurl does not read HTTP_PROXY in capital letters."""
    names = {"http": ("http_proxy",), "https": ("https_proxy", "HTTPS_PROXY")}
    found = (os.environ.get(name) for name in (*names[scheme], "all_proxy", "ALL_PROXY"))
    return next(filter(None, found), "")


def check_proxy(target: NetworkTarget) -> str:
    """Return the proxy settings that apply to the endpoint, without passwords."""
    lower = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    names = (*lower, "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    present = [
        f"{name}={without_password(os.environ[name])}" for name in names if name in os.environ
    ]
    if target.proxy:
        return f"{without_password(target.proxy)} for {target.host} ({', '.join(present)})"
    return f"none for {target.host}" + (f" ({', '.join(present)})" if present else "")


def without_password(url: str) -> str:
    """Return a proxy's URL without user and password."""
    scheme, mark, rest = url.rpartition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


def check_dns(target: NetworkTarget) -> str:
    """Return the addresses of the endpoint or of the proxy.

    Raises:
        CheckFailure: the name has no address.
    """
    host, port = target.next_host
    found: list[Any] = []

    def look_up() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as cause:
            found.append(cause)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(_SECONDS)
    if not found:
        raise CheckFailure(f"no response for {host} in {_SECONDS:g} s", "check the DNS server")
    if isinstance(found[0], Exception):
        raise CheckFailure(f"{host} has no address ({found[0]})", _NAME_ADVICE)
    addresses = dict.fromkeys(str(each[4][0]) for each in found[0])
    return f"{host}: {', '.join(addresses)}"


def check_tcp(target: NetworkTarget) -> str:
    """Return how long a connection takes.

    Raises:
        CheckFailure: no connection can be made.
    """
    host, port = target.next_host
    started = perf_counter()
    try:
        with socket.create_connection((host, port), _SECONDS):
            return f"{host}:{port} in {(perf_counter() - started) * 1000:.0f} ms"
    except ConnectionRefusedError:
        what = "check the proxy" if target.proxy else "check the port, or start the server"
        raise CheckFailure(f"{host}:{port} refuses connections", what) from None
    except TimeoutError:
        raise CheckFailure(
            f"{host}:{port} does not respond in {_SECONDS:g} s",
            "check the network, firewalls and whether a proxy is needed",
        ) from None
    except OSError as cause:
        raise CheckFailure(f"{host}:{port}: {cause.strerror}", "check the network") from None


def check_tls(target: NetworkTarget) -> str:
    """Return the facts of the endpoint's certificate.

    Raises:
        CheckFailure: the certificate is not valid for the endpoint, or there is no TLS.
    """
    if not target.secure:
        return "not used: the endpoint begins with http://"
    try:
        with (
            _opened(target) as plain,
            _trust().wrap_socket(plain, server_hostname=target.host) as secure,
        ):
            return _certificate(secure.getpeercert() or {}, secure.version() or "")
    except ssl.SSLCertVerificationError as cause:
        raise CheckFailure(*_untrusted(cause, target)) from None
    except ssl.SSLError as cause:
        reason = cause.reason or str(cause)
        if any(word in reason for word in _NO_TLS):
            what = "give the endpoint as http://"
            raise CheckFailure(f"{target.host}:{target.port} does not speak TLS", what) from None
        raise CheckFailure(f"TLS failed: {reason}", "check for programs that inspect TLS") from None
    except OSError as cause:
        raise CheckFailure(f"TLS failed: {cause.strerror or cause}", "check the proxy") from None


def _opened(target: NetworkTarget) -> socket.socket:
    """Return a connection to the endpoint, through the proxy if there is one."""
    opened = socket.create_connection(target.next_host, _SECONDS)
    if not target.proxy:
        return opened
    place = f"{target.host}:{target.port}"
    try:
        opened.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head and (chunk := opened.recv(4096)):
            head += chunk
        status = head.partition(b"\r\n")[0].decode("latin-1")
        if status.split()[1:2] != ["200"]:
            raise OSError(f"the proxy refuses {place}: {status or 'no response'}")
    except BaseException:
        opened.close()
        raise
    return opened


def _trust() -> ssl.SSLContext:
    """Return the certificates that the client trusts: the system's, or certifi's."""
    context = ssl.create_default_context()
    if ssl.get_default_verify_paths().cafile is None:
        try:
            import certifi
        except ImportError:
            return context
        context.load_verify_locations(certifi.where())
    return context


def _certificate(certificate: dict[str, Any], version: str) -> str:
    """Return the issuer and the expiry of a certificate."""
    issuer = {name: value for group in certificate.get("issuer", ()) for name, value in group}
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    days = (ends - datetime.now(UTC)).days
    by = issuer.get("organizationName") or issuer.get("commonName") or "an unnamed issuer"
    soon = f", renew it: {days} days left" if days < _SOON_DAYS else ""
    return f"{version}, certificate by {by}, valid until {ends:%Y-%m-%d}{soon}"


def _untrusted(cause: ssl.SSLCertVerificationError, target: NetworkTarget) -> tuple[str, str]:
    """Return what is wrong with a certificate and what to do."""
    message = cause.verify_message.rstrip(".")
    if "expired" in message:
        return f"{message}", "renew it on the server, or check this machine's clock"
    if "not yet valid" in message:
        return message, "check this machine's clock"
    if "mismatch" in message or "not valid for" in message:
        return message, f"name the endpoint as its certificate does, not {target.host}"
    return message, "name the certificate of its CA in the variable SSL_CERT_FILE"
