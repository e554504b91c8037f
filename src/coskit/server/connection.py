"""One HTTP connection: uvicorn's, which alone takes heads of any size and trailers for headers."""

import secrets
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from coskit.protocol.errors import InvalidRequest, encode_error

MAX_HEAD = 64 << 10


class Connection(HttpToolsProtocol):
    """Speaks HTTP/1.1 with one client; what it cannot read is answered 400 and ends it.

    A request line with its headers may have some more than `MAX_HEAD` bytes, since only pieces that
    lie wholly within one head are counted.
    """

    _in_head = True
    _heads = 0
    _head_size = 0

    def data_received(self, data: bytes) -> None:
        """Take what has come, and refuse a head that does not end."""
        before = self._heads
        super().data_received(data)
        within_head = self._in_head and self._heads == before
        self._head_size = self._head_size + len(data) if within_head else 0
        if self._head_size > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large")

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._in_head = True
        self._heads += 1
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer is dropped, for it comes after the signature was checked."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request to the app; its body may still be on the way."""
        self._in_head = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request with an error document, and close."""
        cycle: Any = self.cycle  # None before the first request
        if cycle is None or cycle.response_complete or not cycle.response_started:
            request_id = secrets.token_hex(14)
            body = encode_error(InvalidRequest(msg, request_id=request_id))
            head = (
                "HTTP/1.1 400 Bad Request\r\nContent-Type: application/xml\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\nServer: tencent-cos\r\n"
                f"x-cos-request-id: {request_id}\r\nx-cos-trace-id: {request_id}\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()
