"""A stub server on real sockets: a script of the test handles each connection."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

TLS = Path(__file__).parents[2] / "support" / "tls"


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it was received."""

    line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    header: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "header", {name.lower(): value for name, value in self.headers})


class StubConnection:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, requests: list[Received]) -> None:
        self.sock = sock
        self._file = sock.makefile("rb")
        self._requests = requests

    def head(self) -> Received | None:
        """Read a request's head; None if the client has closed."""
        line = self._file.readline().decode().strip()
        if not line:
            return None
        headers = []
        while text := self._file.readline().decode("utf-8", "surrogateescape").rstrip("\r\n"):
            name, _, value = text.partition(":")
            headers.append((name, value.strip()))
        return Received(line, tuple(headers), b"")

    def request(self) -> Received | None:
        """Read a whole request and note it; None if the client has closed."""
        head = self.head()
        if head is None:
            return None
        body = self._body(head)
        received = Received(head.line, head.headers, body)
        self._requests.append(received)
        return received

    def _body(self, head: Received) -> bytes:
        if head.header.get("transfer-encoding") != "chunked":
            return self._file.read(int(head.header.get("content-length", 0)))
        body = b""
        while size := int(self._file.readline(), 16):
            body += self._file.read(size)
            self._file.readline()
        self._file.readline()
        return body

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(data)

    def is_left(self) -> bool:
        """Wait until the client sends or closes; whether it closed."""
        try:
            return not self._file.read(1)
        except OSError:
            return True

    def reset(self) -> None:
        """Reset the connection instead of closing it cleanly."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self.sock.close()


Script = Callable[[StubConnection], None]


def always(response: bytes) -> Script:
    """Return a script that sends the same response to every request."""

    def run(connection: StubConnection) -> None:
        while connection.request() is not None:
            connection.send(response)

    return run


def once(*steps: bytes) -> Script:
    """Return a script that sends the response to one request in steps and closes."""

    def run(connection: StubConnection) -> None:
        connection.request()
        for step in steps:
            connection.send(step)

    return run


class Stub:
    """A server on a port of its own; each connection runs the script in a thread.

    Attributes:
        requests: what arrived, in order.
        connections: how many connections were made.
    """

    def __init__(self, script: Script, *, tls: bool = False) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self._script = script
        self._tls: ssl.SSLContext | None = None
        if tls:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(TLS / "server.pem", TLS / "server.key")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
        self.url = f"{scheme}://{host}:{self.port}"
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(sock)
            self._threads.append(threading.Thread(target=self._serve, args=(sock,)))
            self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self._tls is not None:
                self._open.discard(sock)
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._open.add(sock)
            connection = StubConnection(sock, self.requests)
            try:
                self._script(connection)
            finally:
                connection.close()
        except (OSError, ValueError):
            sock.close()
        finally:
            self._open.discard(sock)

    def close(self) -> None:
        """Cut all connections and wait for the threads."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        for sock in tuple(self._open):
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads[1:]:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
