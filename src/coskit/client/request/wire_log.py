"""The log of what is sent and received: request lines and headers, without secrets."""

import logging
from collections.abc import Iterable, Mapping

from coskit.client.transport.http_request import HTTPRequest

WIRE = 5  # the level of these lines, below DEBUG
_log = logging.getLogger("coskit")
# Whoever has one of these can act as the user or read an encrypted object.
_SECRET = ("authorization", "security-token", "customer-key")


def log_request(request: HTTPRequest) -> None:
    """Log the request line and the headers of a request."""
    size = "" if request.body is None else f"; body of {_size(request)}"
    _log.log(WIRE, "> %s %s%s%s", request.method, request.url, size, _lines(">", request.headers))


def log_response(status: int, headers: Mapping[str, str]) -> None:
    """Log the status and the headers of a response."""
    _log.log(WIRE, "< HTTP %d%s", status, _lines("<", headers.items()))


def _size(request: HTTPRequest) -> str:
    return "unknown length" if request.length is None else f"{request.length} bytes"


def _lines(arrow: str, headers: Iterable[tuple[str, str]]) -> str:
    return "".join(f"\n{arrow}   {name}: {_shown(name, text)}" for name, text in headers)


def _shown(name: str, text: str) -> str:
    """Return a header's value, or a mark in the place of a secret."""
    return "(hidden)" if any(secret in name.lower() for secret in _SECRET) else text
