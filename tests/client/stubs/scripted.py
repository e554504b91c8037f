"""A server that sends the responses that a test has written, byte for byte."""

import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

CLOSE = object()  # instead of a response: close the connection


def http_response(
    status: int = 200, body: bytes = b"", headers: dict[str, str] | None = None, **more: str
) -> bytes:
    """Return a response as it stands on the wire; success has a request id, as the service's."""
    own = {"x-cos-request-id": "id-0"} if status < 300 or status == 304 else {}
    fields = {"Content-Length": str(len(body)), **own, **(headers or {}), **more}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Scripted\r\n{head}\r\n".encode() + body


class ScriptedServer:
    """Sends the responses in turn, on any connection, and keeps the requests.

    Attributes:
        endpoint: its URL.
        requests: what has arrived, head and body.
    """

    def __init__(self, responses: Sequence[bytes | object]) -> None:
        self._answers = list(responses)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[tuple[bytes, bytes]] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while self._answers:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(20)
                try:
                    self._converse(connection)
                except (OSError, ValueError):  # the client has gone in the middle
                    continue

    def _converse(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while self._answers:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = stream.readline()
                    if not line:
                        return
                    head += line
                self.requests.append((head, self._body(head, stream)))
                reply = self._answers.pop(0)
                if not isinstance(reply, bytes):
                    return
                connection.sendall(reply)
                if b"Connection: close" in reply:
                    return

    def _body(self, head: bytes, stream: object) -> bytes:
        read = stream.read  # type: ignore[attr-defined]
        readline = stream.readline  # type: ignore[attr-defined]
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return bytes(read(int(line.split(b":")[1])))
            if line.startswith(b"transfer-encoding: chunked"):
                body = b""
                while size := int(readline(), 16):
                    body += read(size)
                    readline()
                readline()
                return body
        return b""

    def close(self) -> None:
        """Refuse further connections; safe to call twice."""
        self._answers.clear()
        if self._thread.is_alive():
            # Wakes the accept, so that the thread ends.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
