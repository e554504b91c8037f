"""One request and its answer on an ASGI connection, and what is remembered of both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from hashlib import md5
from typing import Any, Protocol
from urllib.parse import unquote_plus

from coskit.protocol.codec.dates import http_date
from coskit.protocol.endpoint import decode_path, decode_query
from coskit.protocol.errors import (
    BadDigest,
    CosServiceError,
    EntityTooLarge,
    IncompleteBody,
    InvalidRequest,
    NotImplementedOperation,
    RequestTimeout,
    ServiceUnavailable,
    SlowDown,
    XMLSizeLimit,
)
from coskit.protocol.messages import Request, Response, decode_text, encode_text
from coskit.protocol.model import Operation
from coskit.protocol.operations import COMPLETE_MULTIPART_UPLOAD
from coskit.server.dialects.dialect import COS, Dialect
from coskit.server.handlers.body.checksums import check_document
from coskit.server.handlers.body.request_body import expected_md5
from coskit.server.handlers.context import IncomingBody, OutgoingBody
from coskit.server.http.admission import SMALL_BODY
from coskit.server.http.connections.connection import LINK
from coskit.server.http.connections.header_case import spelled
from coskit.server.http.connections.request_cycle import ANSWER, Answer

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_DOCUMENT = 4 << 20
# Of these a second value would be a guard, a proof or a right that nobody looks at.
_TOLD_ONCE = ("x-cos-", "if-", "content-md5", "content-range", "range", "authorization")
_LENGTH_DIGITS = 19  # as many as 2**63 has
# After these nobody knows where the next request begins, or would have to wait for 5 GB.
_LAST = (EntityTooLarge, IncompleteBody, RequestTimeout)
_URL_SIGNATURES = frozenset(("q-signature", "sign", "X-Amz-Signature", "AWSAccessKeyId"))
# After these a body is read over only if it is small.
_TURNED_AWAY = (ServiceUnavailable, SlowDown)


class Link(Protocol):
    """The connection below, where a server has one that it watches.

    Attributes:
        receiving: is to be set while the app waits for more of a body.
        is_of_stranger: is to be set while nobody is known to have sent the request.
        fault: why no more of the body will come, or None.
    """

    receiving: bool
    is_of_stranger: bool
    fault: type[CosServiceError] | None

    async def drain(self) -> None:
        """Wait until the client has taken most of what was sent."""
        ...

    def drop(self) -> None:
        """End the connection in the middle of whatever it does."""
        ...


class _Unwatched:
    """Stands for a connection that nobody watches."""

    receiving = False
    is_of_stranger = False
    fault: type[CosServiceError] | None = None

    async def drain(self) -> None:
        """Send on."""

    def drop(self) -> None:
        """Leave it to the server, which sees that the answer was not completed."""
        raise ConnectionAbortedError


class Exchange:
    """One request and its answer; as an iterable it is the request's body.

    Attributes:
        method: of HTTP.
        now: seconds since 1970 at its begin.
        request_id: in the answer and in the logs.
        dialect: that the request came in.
        shared: headers that tell a browser whether it may read the answer.
        is_admitted: whether it counts among the running requests.
        is_stranger: whether it counts among those of strangers.
        operation: the row's name, or "-" before it is known.
        bucket: its name, or None.
        key: the object's, or None.
        account: who asks, or None.
        status: of the answer, 0 before it begins.
        error: the code of the error that was answered, or "".
        received: bytes of the body that came.
        sent: bytes of the answer's body.
    """

    def __init__(
        self, scope: Message, receive: Receive, send: Send, request_id: str, now: float
    ) -> None:
        self.method: str = scope["method"]
        self.now = now
        self.request_id = request_id
        self.dialect: Dialect = COS
        self.shared: dict[str, str] = {}
        self.is_admitted = False
        self.is_stranger = False
        self.operation = "-"
        self.bucket: str | None = None
        self.key: str | None = None
        self.account: str | None = None
        self.status = 0
        self.error = ""
        self.received = 0
        self.sent = 0
        self._scope = scope
        self._receive = receive
        self._send = send
        self._is_read = False
        self._has_one_host = True
        self._told_twice = ""
        self._headers: dict[str, str] = {}
        # Of a repeated header the first counts; those of S3 are signed as one list.
        for raw_name, raw_value in reversed(scope["headers"]):
            name, value = raw_name.decode("latin-1"), decode_text(raw_value)
            if name in self._headers:
                if name == "host":
                    self._has_one_host = False
                elif name.startswith("x-amz-"):
                    value = f"{value},{self._headers[name]}"
                elif value != self._headers[name] and name.startswith(_TOLD_ONCE):
                    self._told_twice = name
            self._headers[name] = value

    @property
    def length(self) -> int | None:
        """See `Incoming.length`."""
        text = self._headers.get("content-length", "")
        return int(text) if len(text) <= _LENGTH_DIGITS and text.isdecimal() else None

    @property
    def trailers(self) -> Mapping[str, str]:
        """See `Incoming.trailers`; those of HTTP come after the signature and are not heard."""
        return {}

    @property
    def address(self) -> str:
        """Where the connection came from, or ""."""
        client = self._scope.get("client")
        return str(client[0]) if client else ""

    @property
    def is_secure(self) -> bool:
        """Whether it came under TLS."""
        return bool(self._scope["scheme"] == "https")

    @property
    def origin(self) -> str:
        """Scheme and host that the client asked."""
        return f"{self._scope['scheme']}://{self._headers.get('host', '')}"

    @property
    def user_agent(self) -> str:
        """What the client calls itself, or ""."""
        return self._headers.get("user-agent", "")

    @property
    def path(self) -> bytes:
        """The path as it came."""
        return bytes(self._scope["raw_path"])

    @property
    def query(self) -> str:
        """The query string as it came."""
        return bytes(self._scope["query_string"]).decode("latin-1")

    @property
    def signature(self) -> str:
        """Where the request was signed: `header`, `url`, `form` or `none`."""
        if self._headers.get("authorization"):
            return "header"
        names = (unquote_plus(pair.partition("=")[0]) for pair in self.query.split("&"))
        if not _URL_SIGNATURES.isdisjoint(names):
            return "url"
        return "form" if self.operation == "PostObject" and self.account else "none"

    def show_stranger(self, *, is_stranger: bool) -> None:
        """Have its connection know whether somebody is known to have sent the request."""
        self.is_stranger = is_stranger
        self._link.is_of_stranger = is_stranger

    def read_request(self) -> Request:
        """Return what was asked.

        Raises:
            InvalidURI: the address cannot be decoded.
            InvalidRequest: it has two hosts, or none where HTTP demands one.
            NotImplementedOperation: its body is coded in a way that is not undone here.
        """
        coding = self._headers.get("transfer-encoding", "chunked")
        if coding != "chunked" and coding.strip().lower() != "chunked":
            # RFC 9112 6.1: what a coding has made of a body is not the body that was meant.
            raise NotImplementedOperation("No transfer coding but chunked is implemented here")
        # RFC 9112 3.2: whom a request is for must not be a matter of taste.
        is_lacking = "host" not in self._headers and self._scope["http_version"] != "1.0"
        if is_lacking or not self._has_one_host:
            raise InvalidRequest("A request has one Host header")
        if self._told_twice:
            raise InvalidRequest(f"The header {self._told_twice} has two values")
        path = decode_path(self._scope["raw_path"])
        query = decode_query(self._scope["query_string"])
        return Request(self.method, path, query, self._headers)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._is_read = True
        link = self._link
        while True:
            link.receiving = True
            message = await self._receive()
            link.receiving = False
            if message["type"] == "http.disconnect":
                raise IncompleteBody
            if chunk := message.get("body"):
                self.received += len(chunk)
                yield chunk
            if not message.get("more_body"):
                return
            if link.fault is not None:
                raise link.fault

    async def read_document(self, operation: Operation, body: IncomingBody) -> bytes:
        """Return the document of an operation that has one, its MD5 and checksum checked.

        Args:
            operation: the row.
            body: of the request, this one or what its dialect has made of it.

        Raises:
            InvalidRequest: it has to have a Content-MD5, or what is said of its checksum is wrong.
            MalformedTrailerError: its checksum should have followed and did not.
            BadDigest: it is another document's.
            XMLSizeLimit: it is too large.
            IncompleteBody: it ended too early.
            RequestTimeout: it came too slowly.
        """
        if not operation.has_document:
            return b""
        expected = expected_md5(self._headers)
        if operation.md5 and expected is None:
            raise InvalidRequest("This needs a Content-MD5")
        pieces: list[bytes] = []
        size = 0
        async for chunk in body:
            pieces.append(chunk)
            size += len(chunk)
            if size > MAX_DOCUMENT:
                raise XMLSizeLimit
        document = b"".join(pieces)
        if expected is not None and md5(document).digest() != expected:
            raise BadDigest
        if operation.name != COMPLETE_MULTIPART_UPLOAD.name:  # there it is the object's
            check_document(self._headers, body.trailers, document)
        return document

    async def send_response(self, response: Response, body: bytes | OutgoingBody) -> None:
        """Answer."""
        headers = dict(response.headers)
        if isinstance(body, bytes):
            if response.status != 204:
                headers.setdefault("Content-Length", str(len(body)))
            await self._send_whole(response.status, headers, body)
            return
        try:
            await self._start(response.status, headers)
            await self._send_chunks(body)
        finally:
            await body.aclose()

    async def send_error(self, error: CosServiceError) -> None:
        """Answer with an error document."""
        error.request_id = self.request_id
        error.trace_id = error.trace_id or self.request_id
        error.resource = self._headers.get("host", "") + self._scope["path"]
        document = self.dialect.error(error, self.bucket, self.key, self._headers)
        self.error = error.code
        body = b"" if self.method == "HEAD" else document
        headers = {
            "Content-Type": "application/xml",
            "Content-Length": str(len(body)),
            **error.headers,
        }
        turned_away = isinstance(error, _TURNED_AWAY) and self._owes_much()
        if turned_away or isinstance(error, _LAST):
            headers["Connection"] = "close"
        await self._send_whole(error.status, headers, body)

    def cut_off(self, error: CosServiceError) -> None:
        """End the connection, for the answer has begun and cannot go on."""
        self.error = error.code
        self._link.drop()

    @property
    def _link(self) -> Link:
        return self._scope.get("extensions", {}).get(LINK) or _Unwatched()

    def _owes_much(self) -> bool:
        """Return whether more of the body may be under way than is worth reading over."""
        length = self.length
        if length is None:
            return "transfer-encoding" in self._headers
        return length - self.received > SMALL_BODY

    async def _send_whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send an answer that is all here: at once, where the server knows how to."""
        at_once: Answer | None = self._scope.get("extensions", {}).get(ANSWER)
        is_whole = status == 204 or headers.get("Content-Length") == str(len(body))
        if at_once and is_whole and self.method != "HEAD":
            self.status = status
            if at_once(status, self._headed(headers), body):
                self.sent = len(body)
                return
        await self._start(status, headers)
        self.sent = len(body)
        await self._send({"type": "http.response.body", "body": body})

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        pairs = [(spelled(name), encode_text(value)) for name, value in self._headed(headers)]
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    def _headed(self, headers: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return the headers of an answer with those that every answer has."""
        common = {
            "Date": http_date(int(self.now * 1000)),
            "Server": "tencent-cos",
            "x-cos-request-id": self.request_id,
        }
        if "expect" in self._headers and not self._is_read:
            # The body may still come or not, so nobody knows where the next request begins.
            common["Connection"] = "close"
        return self.dialect.headers([*self.shared.items(), *headers.items(), *common.items()])

    async def _send_chunks(self, chunks: OutgoingBody) -> None:
        link = self._link
        # A server that keeps reading for a client who has gone would waste the disk.
        gone = asyncio.ensure_future(self._receive_disconnect())
        try:
            async for chunk in chunks:
                if gone.done():
                    return
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
                self.sent += len(chunk)
                del chunk
                await link.drain()  # so that a slow client holds one chunk rather than two
            await self._send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()

    async def _receive_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
