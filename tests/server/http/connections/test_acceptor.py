"""Connections that arrive together are accepted together, even on a busy server."""

import asyncio
import errno
import os
import resource
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest
import uvloop

from coskit.server.http.connections.acceptor import Acceptor
from coskit.server.http.connections.listeners import listening_socket

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [
    asyncio.new_event_loop,
    uvloop.new_event_loop,
]
TOGETHER = 200  # connections
TURNS = 40  # of the loop; one connection in a turn would take 200


class Guest(asyncio.Protocol):
    """Counts itself when its client is there."""

    def __init__(self, guests: list["Guest"]) -> None:
        self._guests = guests
        self.is_gone = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._guests.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_gone = True


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(listening_socket("127.0.0.1", 0)) as listening:
        yield listening


def run(make: Callable[[], asyncio.AbstractEventLoop], work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on a loop of its own."""
    with asyncio.Runner(loop_factory=make) as runner:
        runner.run(work)


async def turns(wanted: Callable[[], bool], pause: float = 0) -> int:
    """Return after how many turns of the loop, each with a pause, something is true."""
    for turn in range(10_000):
        if wanted():
            return turn
        await asyncio.sleep(pause)
    raise AssertionError("it did not come true")


@pytest.mark.parametrize("make", LOOPS, ids=["asyncio", "uvloop"])
def test_connections_that_wait_together_are_taken_in_a_few_turns(
    make: Callable[[], asyncio.AbstractEventLoop], listener: socket.socket
) -> None:
    async def scene() -> None:
        guests: list[Guest] = []
        clients = [socket.create_connection(listener.getsockname()) for _ in range(TOGETHER)]
        acceptor = Acceptor(listener, lambda: Guest(guests), None, 5)
        assert await turns(lambda: len(guests) == TOGETHER) <= TURNS
        acceptor.close()
        await acceptor.wait_closed()
        for one in (*clients, *(guest.transport for guest in guests)):
            one.close()

    run(make, scene())


@pytest.mark.parametrize("make", LOOPS, ids=["asyncio", "uvloop"])
def test_the_last_of_many_connections_wait_for_few_turns(
    make: Callable[[], asyncio.AbstractEventLoop], listener: socket.socket
) -> None:
    async def scene() -> None:
        guests: list[Guest] = []
        clients = [socket.create_connection(listener.getsockname()) for _ in range(2 * TOGETHER)]
        acceptor = Acceptor(listener, lambda: Guest(guests), None, 5)
        taken = [0]
        while len(guests) < len(clients):
            await asyncio.sleep(0)
            taken.append(len(guests))
        batches = [after - before for before, after in pairwise(taken) if after > before]
        assert batches == [64, 128, 2 * TOGETHER - 64 - 128]
        acceptor.close()
        await acceptor.wait_closed()
        for one in (*clients, *(guest.transport for guest in guests)):
            one.close()

    run(make, scene())


def test_a_connection_sends_small_responses_at_once(listener: socket.socket) -> None:
    async def scene() -> None:
        guests: list[Guest] = []
        acceptor = Acceptor(listener, lambda: Guest(guests), None, 5)
        with closing(socket.create_connection(listener.getsockname())):
            await turns(lambda: bool(guests))
            taken = guests[0].transport.get_extra_info("socket")
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            guests[0].transport.close()
        acceptor.close()

    run(uvloop.new_event_loop, scene())


def test_after_the_end_no_connection_is_accepted_or_left_open(listener: socket.socket) -> None:
    async def scene() -> None:
        guests: list[Guest] = []
        acceptor = Acceptor(listener, lambda: Guest(guests), None, 5)
        early = socket.create_connection(listener.getsockname())
        acceptor._accept()  # taken, and not yet begun when the end comes
        acceptor.close()
        late = socket.create_connection(listener.getsockname())
        await turns(lambda: bool(guests) and guests[0].is_gone)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert len(guests) == 1
        for one in (early, late):
            one.close()

    run(uvloop.new_event_loop, scene())


def test_without_descriptors_connections_wait_until_there_are_some(
    listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        guests: list[Guest] = []
        client = socket.create_connection(listener.getsockname())
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        taken = os.dup(listener.fileno())
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken, hard))
        try:
            acceptor = Acceptor(listener, lambda: Guest(guests), None, 5)
            await turns(lambda: bool(caplog.records))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            os.close(taken)
        assert caplog.messages == [f"no connection can be accepted: {os.strerror(errno.EMFILE)}"]
        assert not guests
        await turns(lambda: bool(guests), pause=0.01)
        acceptor.close()
        guests[0].transport.close()
        client.close()

    run(uvloop.new_event_loop, scene())


def test_a_handshake_that_never_comes_delays_no_end(listener: socket.socket) -> None:
    async def scene() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        acceptor = Acceptor(listener, lambda: Guest([]), context, 60)
        with closing(socket.create_connection(listener.getsockname())) as client:
            await turns(lambda: bool(acceptor._starting))
            acceptor.close()
            async with asyncio.timeout(10):
                await acceptor.wait_closed()
                client.setblocking(False)
                assert await asyncio.get_running_loop().sock_recv(client, 1) == b""
            await asyncio.sleep(0)  # the socket is let go one turn after its end

    run(uvloop.new_event_loop, scene())
