"""One HTTP response written to ASGI: results, error documents and streamed bodies."""

import asyncio
from collections.abc import Mapping

from coskit.protocol.codec.dates import http_date
from coskit.protocol.errors import (
    CosServiceError,
    EntityTooLarge,
    IncompleteBody,
    RequestTimeout,
    ServiceUnavailable,
    SlowDown,
)
from coskit.protocol.messages import Response, encode_text
from coskit.server.dialects.dialect import COS, Dialect
from coskit.server.handlers.context import OutgoingBody
from coskit.server.http.connections.asgi import ConnectionControl, Send, SendWhole
from coskit.server.http.connections.header_case import spelled
from coskit.server.http.exchange.request_reader import RequestReader
from coskit.server.http.exchange.request_record import RequestRecord

# After these errors the start of the next request is unknown, or up to 5 GB away.
_CLOSING_ERRORS = (EntityTooLarge, IncompleteBody, RequestTimeout)
# After these errors the rest of the request's body is read if it is small.
_REFUSALS = (ServiceUnavailable, SlowDown)
_SMALL_BODY = 1 << 16  # bytes of a refused body that are read instead of closing the connection


class ResponseWriter:
    """Write one response.

    Args:
        reader: the request.
        send: ASGI's function for the messages of the response.
        send_whole: the connection's function for a whole response, or None if it has none.
        connection: the request's connection.
        record: gets the status, the error and the bytes of the response.
    """

    __slots__ = (
        "_connection",
        "_dialect",
        "_headers",
        "_reader",
        "_record",
        "_send",
        "_send_whole",
    )

    def __init__(
        self,
        reader: RequestReader,
        send: Send,
        send_whole: SendWhole | None,
        connection: ConnectionControl,
        record: RequestRecord,
    ) -> None:
        self._reader = reader
        self._send = send
        self._send_whole = send_whole
        self._connection = connection
        self._record = record
        self._dialect: Dialect = COS
        self._headers: dict[str, str] = {}

    def use(self, dialect: Dialect) -> None:
        """Write the response in this dialect; it is COS until the request's dialect is known."""
        self._dialect = dialect

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Send these headers with the response, also if it is an error."""
        self._headers.update(headers)

    async def send_response(self, response: Response, body: bytes | OutgoingBody) -> None:
        """Send a response with its body."""
        headers = dict(response.headers)
        if isinstance(body, bytes):
            if response.status != 204:
                headers.setdefault("Content-Length", str(len(body)))
            await self._send_bytes(response.status, headers, body)
            return
        try:
            await self._start(response.status, headers)
            await self._send_chunks(body)
        finally:
            await body.aclose()

    async def send_error(self, error: CosServiceError) -> None:
        """Send an error document."""
        reader, record = self._reader, self._record
        error.request_id = record.request_id
        error.trace_id = error.trace_id or record.request_id
        error.resource = reader.resource
        document = self._dialect.error_document(error, record.bucket, record.key, reader.headers)
        record.error = error.code
        body = b"" if reader.method == "HEAD" else document
        headers = {
            "Content-Type": "application/xml",
            "Content-Length": str(len(body)),
            **error.headers,
        }
        is_refusal = isinstance(error, _REFUSALS) and reader.has_more_unread_than(_SMALL_BODY)
        if is_refusal or isinstance(error, _CLOSING_ERRORS):
            headers["Connection"] = "close"
        await self._send_bytes(error.status, headers, body)

    def cut_off(self, error: CosServiceError) -> None:
        """Abort the connection, because a response that has begun cannot be completed."""
        self._record.error = error.code
        self._connection.drop()

    async def _send_bytes(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send a response whose body is at hand, in one write where the connection can."""
        record = self._record
        is_whole = status == 204 or headers.get("Content-Length") == str(len(body))
        if self._send_whole and is_whole and self._reader.method != "HEAD":
            record.status = status
            if self._send_whole(status, self._with_common_headers(headers), body):
                record.sent = len(body)
                return
        await self._start(status, headers)
        record.sent = len(body)
        await self._send({"type": "http.response.body", "body": body})

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        common = self._with_common_headers(headers)
        pairs = [(spelled(name), encode_text(value)) for name, value in common]
        self._record.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    def _with_common_headers(self, headers: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return the headers of a response with those that every response has."""
        record, reader = self._record, self._reader
        common = {
            "Date": http_date(int(record.time * 1000)),
            "Server": "tencent-cos",
            "x-cos-request-id": record.request_id,
        }
        if "expect" in reader.headers and not reader.is_body_requested:
            # The client may or may not send the body, so the start of the next request is unknown.
            common["Connection"] = "close"
        return self._dialect.translate_headers(
            [*self._headers.items(), *headers.items(), *common.items()]
        )

    async def _send_chunks(self, chunks: OutgoingBody) -> None:
        connection = self._connection
        # Reading on for a client that has disconnected would waste the disk's time.
        disconnect = asyncio.ensure_future(self._reader.wait_for_disconnect())
        try:
            async for chunk in chunks:
                if disconnect.done():
                    return
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
                self._record.sent += len(chunk)
                del chunk
                await connection.drain()  # so that a slow client holds one chunk in memory, not two
            await self._send({"type": "http.response.body", "body": b""})
        finally:
            disconnect.cancel()
