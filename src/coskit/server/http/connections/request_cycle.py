"""One request on a connection and its response: uvicorn's, with whole responses in one write."""

from collections.abc import Sequence
from typing import Any

from coskit.protocol.messages import unsendable
from coskit.server.http.connections.uvicorn_api import (
    HIGH_WATER_LIMIT,
    STATUS_LINE,
    RequestResponseCycle,
)


class RequestCycle(RequestResponseCycle):
    """Take a body in the pieces in which it came, and send a whole response with one write.

    The application finds `send_whole` in the scope, as the extension `SEND_WHOLE`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pieces: list[bytes] = []
        self._waiting = 0

    def take(self, piece: bytes) -> None:
        """Keep a piece of the body for the application; pause reading if many bytes wait."""
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._waiting > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        self.message_event.set()

    async def receive(self) -> Any:
        """Return the pieces of the body that have come, as an ASGI message."""
        message: Any = await super().receive()
        if self._pieces and message["type"] == "http.request":
            pieces, self._pieces, self._waiting = self._pieces, [], 0
            message["body"] = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return message

    def send_whole(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> bool:
        """Send a whole response if that is possible without waiting, and return whether it was.

        Args:
            status: the HTTP status.
            headers: the headers as spelled on the wire, the body's length among them.
            body: the whole body.

        Raises:
            ValueError: a header holds a control character.
        """
        if self.flow.write_paused or self.disconnected or self.response_started:
            return False
        lines = [f"{name}: {text}" for name, text in headers]
        plain = "".join(lines)
        if unsendable(plain):
            raise ValueError("a header of the response holds a control character")
        if ("Connection", "close") in headers:
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append("Connection: close")
        lines.append("\r\n")
        head = "\r\n".join(lines).encode("utf-8", "surrogateescape")
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.transport.write(STATUS_LINE[status] + head + body)
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True
