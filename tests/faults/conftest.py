"""A proxy in front of the server that the tests of a run share, and who talks through it."""

from collections.abc import Iterator

import pytest

from coskit.testing import LocalServer
from tests.faults.proxy.proxy import FaultProxy
from tests.server.support.wire import Peer
from tests.support.local import bucket, owner, server

__all__ = ["bucket", "owner", "peer", "proxy", "server"]


@pytest.fixture
def proxy(server: LocalServer) -> Iterator[FaultProxy]:
    """Give a proxy that forwards to the server until it is given rules."""
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture
def peer(server: LocalServer, proxy: FaultProxy) -> Peer:
    """Give somebody who knows the server's keys and talks byte for byte to the proxy."""
    return Peer(proxy.port, server.secret_id, server.secret_key)
