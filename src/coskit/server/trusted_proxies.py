"""Read a client's address, scheme and host from what trusted proxies tell of it.

Anybody can write X-Forwarded-For, -Proto and -Host, so they count only if the connection comes from
one of these proxies, and of each only what the nearest of them has written.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

Network = IPv4Network | IPv6Network

_FOR, _PROTO, _HOST = b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"
_NAMES = frozenset((_FOR, _PROTO, _HOST))
# Some proxies write the port, and then an address of IPv6 in brackets.
_WITH_PORT = re.compile(r"\[([0-9a-f:.]{2,45})\](?::\d{1,5})?|([0-9.]{7,15}):\d{1,5}", re.I)
_LONGEST = 64  # characters of an address with its port
_SCHEMES = ("http", "https")


def networks(options: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks of options such as `10.0.0.0/8`, `::1` or `192.0.2.7`.

    Raises:
        ValueError: one is none.
    """
    found = []
    for option in options:
        try:
            found.append(ip_network(option))
        except ValueError as cause:
            raise ValueError(
                f"a trusted proxy is such as 10.0.0.0/8 or 192.0.2.7: {cause}"
            ) from cause
    return tuple(found)


class Proxies:
    """Those whose word counts.

    Args:
        trusted: the networks that they are in.
    """

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)
        self._is_one = lru_cache(1024)(self._find)

    def seen_through(self, scope: dict[str, Any]) -> dict[str, Any]:
        """Return an ASGI scope as it would be, had the client come without the proxy."""
        client = scope.get("client")
        if not client or not self._is_one(client[0]):
            return scope
        told = _told(scope["headers"])
        if not told:
            return scope
        seen = dict(scope)
        if _FOR in told:
            seen["client"] = (self._client(told[_FOR]), 0)
        if _PROTO in told:
            scheme = _last(told[_PROTO]).lower()
            seen["scheme"] = scheme if scheme in _SCHEMES else "http"
        if host := _last(told.get(_HOST, b"")):
            seen["headers"] = _with_host(scope["headers"], host.encode("latin-1"))
        return seen

    def _client(self, told: bytes) -> str:
        """Return the nearest address that is no proxy's, or "" if a proxy has written none."""
        address = ""
        for hop in reversed(told.decode("latin-1").split(",")):
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


def _told(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the headers of proxies; those that came several times are one list."""
    told: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _NAMES:
            told[name] = b",".join((told[name], value)) if name in told else value
    return told


def _with_host(headers: Iterable[tuple[bytes, bytes]], host: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, host if name == b"host" else value) for name, value in headers]


def _last(told: bytes) -> str:
    return told.rpartition(b",")[2].strip().decode("latin-1")


def _address(hop: str) -> str:
    text = hop.strip()[:_LONGEST]
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        return str(_plain(text))
    except ValueError:
        return ""


def _plain(text: str) -> IPv4Address | IPv6Address:
    """Return an address; one of IPv4 that is written as IPv6 is still that.

    Raises:
        ValueError: it is none.
    """
    address = ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address
