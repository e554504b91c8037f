"""Fixtures: a fault proxy in front of the shared server, and a raw client behind it."""

from collections.abc import Iterator

import pytest

from coskit.testing import LocalServer
from tests.faults.proxy.proxy import FaultProxy
from tests.server.support.http_client import HTTPClient
from tests.support.local import bucket, owner, server

__all__ = ["bucket", "http_client", "owner", "proxy", "server"]


@pytest.fixture
def proxy(server: LocalServer) -> Iterator[FaultProxy]:
    """Yield a proxy that forwards to the server until it gets rules."""
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture
def http_client(server: LocalServer, proxy: FaultProxy) -> HTTPClient:
    """Return a raw HTTP client of the proxy that has the server's keys."""
    return HTTPClient(proxy.port, server.secret_id, server.secret_key)
