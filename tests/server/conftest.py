"""A server for these tests, and an HTTP client for it."""

import itertools

import pytest

from coskit.testing import LocalServer
from tests.server.support.http_client import HTTPClient
from tests.support.local import bucket, owner, server

__all__ = ["bucket", "http_client", "owner", "room", "server"]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def http_client(server: LocalServer) -> HTTPClient:
    """Return a client with the server's keys."""
    return HTTPClient.of(server)


@pytest.fixture(scope="module")
def room(http_client: HTTPClient) -> str:
    """Create a bucket for a module's tables, with one object that they must not change."""
    name = f"room{next(_numbers)}-1250000000"
    assert http_client.request("PUT", f"/{name}/").status == 200
    assert (
        http_client.request("PUT", f"/{name}/kept", {"content-type": "text/kept"}, b"kept").status
        == 200
    )
    return name
