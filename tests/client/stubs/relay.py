"""A relay to the server that cuts responses where a test says."""

import http.client
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from coskit.testing import LocalServer
from tests.client.stubs.stub import Received, Stub, StubConnection

# Gets a request and the server's response; returns the bytes that arrive before the connection
# ends, or None if the whole response arrives.
Cut = Callable[[Received, bytes], bytes | None]


@contextmanager
def relay(server: LocalServer, cut: Cut) -> Iterator[Stub]:
    """Run a relay to a server; the server has acted before a response is cut."""

    def script(connection: StubConnection) -> None:
        while (request := connection.request()) is not None:
            reply = forward(server, request)
            arrives = cut(request, reply)
            if arrives is not None:
                connection.send(arrives)
                return
            connection.send(reply)

    with Stub(script) as running:
        yield running


def forward(server: LocalServer, request: Received) -> bytes:
    """Send a request unchanged to the server and return the response."""
    lines = [request.line, *(f"{name}: {value}" for name, value in request.headers)]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        sock.sendall("\r\n".join([*lines, "", ""]).encode() + request.body)
        response = http.client.HTTPResponse(sock, method=request.line.split()[0])
        response.begin()
        headers = "".join(f"{name}: {value}\r\n" for name, value in response.getheaders())
        return f"HTTP/1.1 {response.status} x\r\n{headers}\r\n".encode() + response.read()


def body_of(reply: bytes) -> int:
    """Return the offset of a response's body."""
    return reply.index(b"\r\n\r\n") + 4
