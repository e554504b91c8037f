"""Both ends of a connection through the proxy, as sockets."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from coskit.testing import LocalServer
from tests.faults.proxy.proxy import FaultProxy
from tests.server.support.http_client import Connection, HTTPClient

BODY = bytes(range(256)) * 4
REQUESTS = {
    "odd heads": b"GET /a?b HTTP/1.1\r\nhOsT:x\r\nA:  1 \r\na:\r\nBad\xff: \xc3\xa9\r\n\r\n",
    "a length": b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345",
    "chunks": (
        b"PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
        b"3\r\nabc\r\n0002;x=y\r\nde\r\n0\r\nLate: 1\r\n\r\n"
    ),
    "no chunk": b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HEAD": b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n",
}


def is_reset(connection: Connection) -> bool:
    """Return whether a connection was reset rather than closed without a response."""
    try:
        assert connection.rest() == b""
    except ConnectionResetError:
        return True
    return False


def is_ended(connection: Connection) -> bool:
    """Return whether a connection was reset or closed, with no response or a final 400."""
    try:
        rest = connection.rest()
    except ConnectionResetError:
        return True
    return rest == b"" or rest.startswith(b"HTTP/1.1 400 ")


def stored(server: LocalServer, path: str) -> bytes | None:
    """Return an object's content, read without the proxy, or None."""
    reply = HTTPClient.of(server).request("GET", path)
    return reply.body if reply.status == 200 else None


@contextmanager
def proxied_connection() -> Iterator[tuple[FaultProxy, Connection, socket.socket]]:
    """Yield a proxy, the client's end of a connection through it, and the listener behind it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        FaultProxy(listener.getsockname()[1]) as running,
        Connection(running.port) as connection,
    ):
        listener.settimeout(30)
        yield running, connection, listener


def accept(listener: socket.socket) -> socket.socket:
    """Return the proxy's connection."""
    connection, _ = listener.accept()
    connection.settimeout(30)
    return connection


def exactly(sock: socket.socket, count: int) -> bytes:
    """Return `count` bytes from a socket, or fewer at its end."""
    found = b""
    while len(found) < count and (data := sock.recv(count - len(found))):
        found += data
    return found
