"""Read a client's address, scheme and host from the headers of trusted proxies.

Any client can write X-Forwarded-For, -Proto and -Host. They count only if the connection comes from
a trusted proxy, and only in the value that the nearest proxy wrote.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Network = IPv4Network | IPv6Network

_FOR, _PROTO, _HOST = b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"
_NAMES = frozenset((_FOR, _PROTO, _HOST))
# Some proxies write the port, with brackets around an IPv6 address.
_WITH_PORT = re.compile(r"\[([0-9a-f:.]{2,45})\](?::\d{1,5})?|([0-9.]{7,15}):\d{1,5}", re.I)
_LONGEST = 64  # characters of an address with its port
_SCHEMES = ("http", "https")


def networks(options: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks of options such as `10.0.0.0/8`, `::1` or `192.0.2.7`.

    Raises:
        ValueError: an option is not a network.
    """
    found = []
    for option in options:
        try:
            found.append(ip_network(option))
        except ValueError as cause:
            raise ValueError(
                f"a trusted proxy must be an address or network like 10.0.0.0/8: {cause}"
            ) from cause
    return tuple(found)


class TrustedProxies:
    """The proxies whose headers count.

    Args:
        trusted: the networks of the proxies.
    """

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)
        self._is_one = lru_cache(1024)(self._find)

    def without_proxy(self, scope: dict[str, Any]) -> dict[str, Any]:
        """Return the ASGI scope that the client's request would have without the proxy."""
        client = scope.get("client")
        if not client or not self._is_one(client[0]):
            return scope
        found = _proxy_headers(scope["headers"])
        if not found:
            return scope
        seen = dict(scope)
        if _FOR in found:
            seen["client"] = (self._client(found[_FOR]), 0)
        if _PROTO in found:
            scheme = _last(found[_PROTO]).lower()
            seen["scheme"] = scheme if scheme in _SCHEMES else "http"
        if host := _last(found.get(_HOST, b"")):
            seen["headers"] = _with_host(scope["headers"], host.encode("latin-1"))
        return seen

    def _client(self, found: bytes) -> str:
        """Return the nearest address that is not a proxy's, or "" if a proxy wrote none."""
        address = ""
        for hop in reversed(found.decode("latin-1").split(",")):
            address = _address(hop)
            if not address or not self._is_one(address):
                break
        return address

    def _find(self, text: str) -> bool:
        try:
            address = _plain(text)
        except ValueError:
            return False
        return any(address in network for network in self._trusted)


def _proxy_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the headers of proxies; a repeated header is one list."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _NAMES:
            found[name] = b",".join((found[name], value)) if name in found else value
    return found


def _with_host(headers: Iterable[tuple[bytes, bytes]], host: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, host if name == b"host" else value) for name, value in headers]


def _last(found: bytes) -> str:
    return found.rpartition(b",")[2].strip().decode("latin-1")


def _address(hop: str) -> str:
    text = hop.strip()[:_LONGEST]
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        return str(_plain(text))
    except ValueError:
        return ""


def _plain(text: str) -> IPv4Address | IPv6Address:
    """Return an address; an IPv4 address in IPv6 form is an IPv4 address.

    Raises:
        ValueError: the text is not an address.
    """
    address = ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address
