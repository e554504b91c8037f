"""Fixtures: the shared server and each kind of client."""

from collections.abc import Iterator

import pytest

from coskit.testing import LocalServer
from tests.support.local import bucket, owner, server
from tests.support.worlds import World, connect

__all__ = ["bucket", "owner", "server", "world"]


@pytest.fixture(params=["sync", "async", "vendor"])
def world(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[World]:
    """Yield a client of the server, once for each kind."""
    with connect(request.param, server) as client:
        yield client
