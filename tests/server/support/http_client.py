"""An HTTP client for tests: signed requests, valid or not, sent over a plain socket."""

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.signature import presign, sign
from coskit.protocol.endpoint import decode_path, decode_query, encode_query
from coskit.protocol.errors import InvalidURI
from coskit.protocol.messages import Request, decode_text, encode_text
from coskit.testing import LocalServer

HOST = "127.0.0.1"
OWNER = "1250000000"
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """A response as it was received; header names keep their spelling."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def __getitem__(self, name: str) -> str:
        return dict(self.fields)[name]

    def __contains__(self, name: str) -> bool:
        return name in dict(self.fields)

    def text(self, tag: str) -> str:
        """Return the text of the first element with the tag, or ""."""
        found = self.body.partition(f"<{tag}>".encode())[2]
        return found.partition(f"</{tag}>".encode())[0].decode()

    def texts(self, tag: str) -> list[str]:
        """Return the text of each element with the tag."""
        pieces = self.body.split(f"<{tag}>".encode())[1:]
        return [piece.partition(f"</{tag}>".encode())[0].decode() for piece in pieces]

    @property
    def outcome(self) -> tuple[int, str]:
        """The status and the error code."""
        return self.status, self.text("Code")

    @property
    def closes(self) -> bool:
        """True if the response closes its connection."""
        return any((n.lower(), v) == ("connection", "close") for n, v in self.fields)


class Connection:
    """One connection to a server."""

    def __init__(self, port: int, host: str = HOST) -> None:
        self.socket = socket.create_connection((host, port), timeout=20)
        self._file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def finish(self) -> None:
        """Close the connection for sending."""
        self.socket.shutdown(socket.SHUT_WR)

    def request(self, data: bytes) -> Reply:
        """Send a request and return its response."""
        self.send(data)
        return self.receive(data.partition(b" ")[0])

    def receive(self, method: bytes = b"GET") -> Reply:
        """Return the next response; a response to HEAD has no body.

        Raises:
            EOFError: the connection ended instead.
        """
        start = self._line().split(b" ")
        status, fields = int(start[1]), []
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(": ")
            fields.append((name, value))
        lower = {name.lower(): value for name, value in fields}
        body = b""
        if method != b"HEAD" and status not in (100, 204, 304):
            if lower.get("transfer-encoding") == "chunked":
                while size := int(self._line(), 16):
                    body += self._file.read(size)
                    self._line()
                self._line()
            else:
                body = self._file.read(int(lower.get("content-length", "0")))
        return Reply(status, tuple(fields), body)

    def rest(self) -> bytes:
        """Return all bytes until the server closes the connection."""
        return self._file.read()

    def _line(self) -> bytes:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError(f"the connection ended in {line!r}")
        return line[:-2]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self.socket.close()


class HTTPClient:
    """A client of a server, with a key pair."""

    def __init__(self, port: int, secret_id: str, secret_key: str) -> None:
        self.port = port
        self.credentials = Credentials(secret_id, secret_key)

    @classmethod
    def of(cls, server: LocalServer) -> Self:
        """Return a client with the keys of a server."""
        return cls(server.port, server.secret_id, server.secret_key)

    def connect(self) -> Connection:
        """Open a connection."""
        return Connection(self.port)

    def build_request(
        self,
        method: str,
        target: str | bytes,
        headers: Headers | None = None,
        body: bytes | None = None,
        *,
        signed: bool = True,
        host: str = HOST,
    ) -> bytes:
        """Return the bytes of a request.

        Args:
            method: the HTTP method.
            target: the target of the request line, valid or not.
            headers: the headers; bytes that are no text are encoded as by `decode_text`.
            body: the body, sent with a Content-Length unless the headers have another framing.
            signed: add the Authorization header.
            host: the Host header.
        """
        raw = target if isinstance(target, bytes) else target.encode()
        sent = {"host": host, **(headers or {})}
        if body is not None and not sent.keys() & {"content-length", "transfer-encoding"}:
            sent["content-length"] = str(len(body))
        if signed:
            sent["authorization"] = sign(
                received(method, raw, sent), self.credentials, int(time.time())
            )
        lines = b"".join(encode_text(f"{name}: {value}\r\n") for name, value in sent.items())
        return method.encode() + b" " + raw + b" HTTP/1.1\r\n" + lines + b"\r\n" + (body or b"")

    def request(
        self,
        method: str,
        target: str | bytes,
        headers: Headers | None = None,
        body: bytes | None = None,
        *,
        signed: bool = True,
        host: str = HOST,
    ) -> Reply:
        """Send one request over a connection of its own and return the response."""
        with self.connect() as connection:
            return connection.request(
                self.build_request(method, target, headers, body, signed=signed, host=host)
            )

    def url(self, method: str, target: str, lifetime: int = 60, *, now: int | None = None) -> str:
        """Return a target with the signature in its query."""
        request = received(method, target.encode(), {"host": HOST})
        query = presign(request, self.credentials, now or int(time.time()), lifetime)
        return f"{target.partition('?')[0]}?{encode_query(query)}"


def received(method: str, target: bytes, headers: Headers) -> Request:
    """Return a request as the server reads it; without path and query if the target is invalid."""
    path, _, query = target.partition(b"?")
    try:
        return Request(method, decode_path(path), decode_query(query), headers)
    except InvalidURI:
        return Request(method, "/", (), headers)


def latin1(raw: bytes) -> str:
    """Return header bytes as text for a request, and a response's text for comparison."""
    return decode_text(raw)
