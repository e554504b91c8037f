"""A server for these tests, and who talks to it byte for byte."""

import itertools

import pytest

from coskit.testing import LocalServer
from tests.server.support.wire import Peer
from tests.support.local import bucket, owner, server

__all__ = ["bucket", "owner", "peer", "room", "server"]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def peer(server: LocalServer) -> Peer:
    """Give somebody who knows the server's keys."""
    return Peer.of(server)


@pytest.fixture(scope="module")
def room(peer: Peer) -> str:
    """Create a bucket for a module's tables, with one object that they must leave alone."""
    name = f"room{next(_numbers)}-1250000000"
    assert peer.ask("PUT", f"/{name}/").status == 200
    assert peer.ask("PUT", f"/{name}/kept", {"content-type": "text/kept"}, b"kept").status == 200
    return name
