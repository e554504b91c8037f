"""ASGI <-> protocol: one request from its first byte to its answer, errors as XML."""

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from hashlib import md5
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree, common

from coskit.protocol.codec import decode_request, encode_result
from coskit.protocol.conditions import Circumstances
from coskit.protocol.dates import http_date
from coskit.protocol.endpoint import (
    check_key,
    decode_path,
    decode_query,
    resolve,
)
from coskit.protocol.errors import (
    BadDigest,
    CosServiceError,
    EntityTooLarge,
    IncompleteBody,
    InternalError,
    InvalidRequest,
    InvalidURI,
    NotImplementedOperation,
    XMLSizeLimit,
    encode_error,
)
from coskit.protocol.messages import Request, Response, decode_text, encode_text
from coskit.protocol.operations import PUT_OBJECT, TRAFFIC_LIMIT
from coskit.protocol.routing import match
from coskit.protocol.spec import Operation
from coskit.protocol.xml import NotThisShape
from coskit.server import form
from coskit.server.auth import authorize, identify
from coskit.server.handlers import HANDLERS, cors
from coskit.server.handlers.context import Caller, Context, Incoming, Streamed
from coskit.server.handlers.incoming import expected_md5, refuse_what_is_not_done
from coskit.server.keyring import KeyRing
from coskit.server.settings import Settings, find_master_key
from coskit.server.spelling import spelled
from coskit.server.store.model import Bucket
from coskit.server.store.store import Store

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_log = logging.getLogger("coskit.server")
MAX_DOCUMENT = 4 << 20


class Gateway:
    """Answers requests; holds what they have in common."""

    def __init__(
        self, store: Store, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._settings = settings
        self._master_key = find_master_key(settings.directory)
        self._keys = KeyRing(settings.directory, settings.keys)
        self._clock = clock
        self._prefix = secrets.token_hex(8)
        self._numbers = itertools.count()

    async def answer(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; whatever goes wrong becomes an error document."""
        request_id = f"{self._prefix}{next(self._numbers):012x}"
        exchange = _Exchange(scope, receive, send, request_id, self._clock())
        try:
            response, body = await self._handle(exchange)
        except CosServiceError as error:
            await exchange.send_error(error)
        except Exception:
            _log.exception("request %s: %s failed", request_id, exchange.method)
            await exchange.send_error(InternalError())
        else:
            await exchange.send_response(response, body)

    async def _handle(self, exchange: "_Exchange") -> tuple[Response, bytes | Streamed]:
        request = exchange.read_request()
        host = request.headers.get("host", "")
        if not host.isascii():
            raise InvalidURI("The Host header is not ASCII")
        bucket_name, key = resolve(host, request.path, self._settings.domains)
        if bucket_name == "-":
            return _health(key)
        if key is not None:
            check_key(key)
        exchange.shared = cors.shared(self._store, bucket_name, request)
        if request.method == "OPTIONS":
            return cors.preflight(self._store, bucket_name, request), b""
        if bucket_name and form.is_form(request, bucket_name, key):
            return await self._take_form(exchange, request, bucket_name), b""
        query = dict(reversed(request.query))
        operation = match(request.method, bucket_name, key, query, request.headers)
        caller = identify(request, self._keys, int(exchange.now))
        is_new = operation.name == "CreateBucket"
        bucket = self._store.bucket(bucket_name) if bucket_name and not is_new else None
        exchange.shared |= cors.varying(bucket)
        return await self._perform(
            exchange, request, operation, caller, bucket, bucket_name, key, query
        )

    async def _take_form(self, exchange: "_Exchange", request: Request, bucket: str) -> Response:
        now = int(exchange.now * 1000)
        upload = await form.read_upload(request, exchange, bucket, self._keys, now)
        target = self._store.bucket(bucket)
        exchange.shared |= cors.varying(target)
        put = replace(request, headers=upload.headers)
        stored, _ = await self._perform(
            exchange, put, PUT_OBJECT, upload.caller, target, bucket, upload.key, {}, upload.body
        )
        return upload.answer(stored, bucket, exchange.origin, request.path)

    async def _perform(
        self,
        exchange: "_Exchange",
        request: Request,
        operation: Operation,
        caller: Caller,
        bucket: Bucket | None,
        bucket_name: str | None,
        key: str | None,
        query: Mapping[str, str],
        body: Incoming | None = None,
    ) -> tuple[Response, bytes | Streamed]:
        """Do what a caller may do; the body is the exchange's, unless a form holds it."""
        now, region = int(exchange.now * 1000), self._settings.region
        about = Circumstances(request, exchange.address, exchange.is_secure, now, region)
        caller = replace(caller, about=about)
        authorize(caller, operation, query, self._store, bucket, bucket_name, key)
        handler = HANDLERS.get(operation.name)
        if handler is None:
            raise NotImplementedOperation(f"{operation.name} is not implemented")
        document = await exchange.read_document(operation)
        params = decode_request(
            operation, bucket_name, key, query, request.headers, document, parse_stranger
        )
        if TRAFFIC_LIMIT.wire in query:  # a presigned URL has no headers to put it in
            params.setdefault(TRAFFIC_LIMIT.name, query[TRAFFIC_LIMIT.wire])
        context = Context(
            self._store,
            operation,
            caller,
            params,
            request.headers,
            body or exchange,
            exchange.origin,
            request.path,
            self._settings.region,
            int(exchange.now * 1000),
            bucket,
            restore_delays=self._settings.restore_delays,
            master_key=self._master_key,
        )
        refuse_what_is_not_done(context)
        reply = await handler(context)
        encoded = params.get("EncodingType") == "url"
        response = encode_result(operation, reply.result, status=reply.status, encode=encoded)
        return response, response.body if reply.body is None else reply.body


def _health(name: str | None) -> tuple[Response, bytes]:
    if name not in ("live", "ready"):
        raise InvalidURI("There is /-/live and /-/ready")
    return Response(200, {"Content-Type": "text/plain"}), b"ok\n"


def parse_stranger(document: bytes) -> Element:
    """Parse a document that a stranger sent: no entities, no DTD.

    Raises:
        NotThisShape: it is not well-formed, or it is an attack.
    """
    try:
        return ElementTree.fromstring(document.lstrip(), forbid_dtd=True)
    except (ParseError, common.DefusedXmlException, ValueError, LookupError) as cause:
        raise NotThisShape(f"not well-formed XML: {cause}") from cause


class _Exchange:
    """One request and its answer on an ASGI connection; as an iterable it is the request's body."""

    def __init__(
        self, scope: Message, receive: Receive, send: Send, request_id: str, now: float
    ) -> None:
        self.method: str = scope["method"]
        self.now = now
        self.shared: dict[str, str] = {}  # what tells a browser that it may read the answer
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self._is_read = False
        self._headers: dict[str, str] = {}
        # Of a repeated header the first counts.
        for name, value in reversed(scope["headers"]):
            self._headers[name.decode("latin-1")] = decode_text(value)

    @property
    def length(self) -> int | None:
        text = self._headers.get("content-length", "")
        return int(text) if text.isdecimal() else None

    @property
    def address(self) -> str:
        client = self._scope.get("client")
        return str(client[0]) if client else ""

    @property
    def is_secure(self) -> bool:
        return bool(self._scope["scheme"] == "https")

    @property
    def origin(self) -> str:
        return f"{self._scope['scheme']}://{self._headers.get('host', '')}"

    def read_request(self) -> Request:
        path = decode_path(self._scope["raw_path"])
        query = decode_query(self._scope["query_string"])
        return Request(self.method, path, query, self._headers)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._is_read = True
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise IncompleteBody
            if chunk := message.get("body"):
                yield chunk
            if not message.get("more_body"):
                return

    async def read_document(self, operation: Operation) -> bytes:
        """Return the XML of an operation that has some, its MD5 checked."""
        if not operation.has_document:
            return b""
        expected = expected_md5(self._headers)
        if operation.md5 and expected is None:
            raise InvalidRequest("This needs a Content-MD5")
        document = b""
        async for chunk in self:
            document += chunk
            if len(document) > MAX_DOCUMENT:
                raise XMLSizeLimit
        if expected is not None and md5(document).digest() != expected:
            raise BadDigest
        return document

    async def send_response(self, response: Response, body: bytes | Streamed) -> None:
        headers = dict(response.headers)
        if isinstance(body, bytes):
            if response.status != 204:
                headers.setdefault("Content-Length", str(len(body)))
            await self._start(response.status, headers)
            await self._send({"type": "http.response.body", "body": body})
            return
        try:
            await self._start(response.status, headers)
            await self._send_chunks(body)
        finally:
            await body.aclose()

    async def send_error(self, error: CosServiceError) -> None:
        error.request_id = self._request_id
        error.trace_id = error.trace_id or self._request_id
        error.resource = self._headers.get("host", "") + self._scope["path"]
        body = b"" if self.method == "HEAD" else encode_error(error)
        headers = {
            "Content-Type": "application/xml",
            "Content-Length": str(len(body)),
            "x-cos-trace-id": error.trace_id,
            **error.headers,
        }
        if isinstance(error, EntityTooLarge):
            headers["Connection"] = "close"  # rather than wait for 5 GB to be thrown away
        await self._start(error.status, headers)
        await self._send({"type": "http.response.body", "body": body})

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        common = {
            "Date": http_date(int(self.now * 1000)),
            "Server": "tencent-cos",
            "x-cos-request-id": self._request_id,
        }
        if "expect" in self._headers and not self._is_read:
            # The body may still come or not, so nobody knows where the next request begins.
            common["Connection"] = "close"
        pairs = [
            (spelled(name), encode_text(value))
            for some in (self.shared, headers, common)
            for name, value in some.items()
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def _send_chunks(self, chunks: Streamed) -> None:
        # A server that keeps reading for a client who has gone would waste the disk.
        gone = asyncio.ensure_future(self._receive_disconnect())
        try:
            async for chunk in chunks:
                if gone.done():
                    return
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
            await self._send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()

    async def _receive_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
