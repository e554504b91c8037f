"""The bytes of a request that are still to be sent: its head, then its body."""

from typing import cast

from coskit.client.transport.http_request import HTTPRequest, Source
from coskit.protocol.errors import IntegrityError

# Bytes of a body up to which head and body are sent with one call.
_SMALL = 64 * 1024
# Bytes that are read from a source at once.
_CHUNK = 256 * 1024
_NOTHING = b""


class SendBuffer:
    """Hands out the bytes of a request piece by piece, without copying a large body.

    Args:
        head: the head of the request.
        request: the request, for its body.

    Attributes:
        piece: the bytes to send next; empty at the end.
        started: whether the source of the body has been read, which is possible only once.
    """

    __slots__ = ("_body", "_left", "_length", "_source", "piece", "started")

    def __init__(self, head: bytes, request: HTTPRequest) -> None:
        self.piece: bytes | memoryview = head
        self.started = False
        self._body: bytes | memoryview = _NOTHING
        self._source: Source | None = None
        self._left = self._length = 0
        body = request.body
        if body is None:
            return
        if isinstance(body, memoryview):
            body = body.cast("B")
        if not isinstance(body, bytes | memoryview):
            self._source = cast(Source, body)
            self._left = self._length = request.length or 0
        elif len(body) <= _SMALL:
            self.piece = head + body
        else:
            self._body = body

    def sent(self, count: int) -> None:
        """Note that `count` bytes of the piece were sent, and prepare the next piece.

        Raises:
            IntegrityError: the source ended before its length.
            Exception: reading the source failed.
        """
        if count < len(self.piece):
            self.piece = memoryview(self.piece)[count:]
            return
        self.piece, self._body = self._body, _NOTHING
        if self._left:
            self.piece = self._read()

    def _read(self) -> bytes:
        assert self._source is not None
        self.started = True
        size = min(self._left, _CHUNK)
        chunk = self._source.read(size)
        if not chunk:
            raise IntegrityError(f"the request's body ended before its {self._length} bytes")
        if len(chunk) > size:
            raise IntegrityError(f"the request's body gave {len(chunk)} bytes instead of {size}")
        self._left -= len(chunk)
        return chunk

    def clear(self) -> None:
        """Drop the bytes that were not sent."""
        self.piece = self._body = _NOTHING
        self._source, self._left = None, 0
