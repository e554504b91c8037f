"""The way of a request from ASGI to its handler and back, in named steps."""

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from coskit.protocol.endpoint import check_key, resolve
from coskit.protocol.errors import (
    CosServiceError,
    InternalError,
    InvalidURI,
    MethodNotAllowed,
    RequestTimeout,
    ServiceUnavailable,
)
from coskit.protocol.messages import Request, Response
from coskit.protocol.model import Operation
from coskit.protocol.operations import (
    COMPLETE_MULTIPART_UPLOAD,
    CREATE_BUCKET,
    DELETE_OBJECTS,
)
from coskit.server.auth.key_ring import KeyRing
from coskit.server.dialects import post_object
from coskit.server.dialects.dialect import Dialect, dialect_of, dialect_of_form
from coskit.server.handlers.buckets import cors
from coskit.server.handlers.context import IncomingBody, OutgoingBody, Principal
from coskit.server.http import access_log as log
from coskit.server.http.access_log import AccessLog
from coskit.server.http.admission import Admission, AdmissionTicket
from coskit.server.http.connections.asgi import (
    SEND_WHOLE,
    Message,
    Receive,
    Send,
    connection_of,
)
from coskit.server.http.exchange.http_exchange import HTTPExchange
from coskit.server.http.exchange.request_reader import RequestReader
from coskit.server.http.exchange.request_record import RequestRecord
from coskit.server.http.exchange.response_writer import ResponseWriter
from coskit.server.http.operation_runner import OperationRunner, RoutedRequest
from coskit.server.http.status import Health
from coskit.server.http.system_errors import unavailable
from coskit.server.metrics.counters import RequestMetrics
from coskit.server.metrics.shared_memory import SharedMetrics
from coskit.server.settings import Settings
from coskit.server.store.model import Bucket
from coskit.server.store.store import Store

_log = logging.getLogger("coskit.server")
_READING = frozenset(("GET", "HEAD", "OPTIONS"))
_WRITING = frozenset(("PUT", "POST"))
_ADDING_NOTHING = frozenset((DELETE_OBJECTS.name, COMPLETE_MULTIPART_UPLOAD.name))
_STATUS_PAGES = "-"  # the name that stands in the place of a bucket's


class Gateway:
    """Serve requests: read, admit, verify, authorize, decode, handle, encode, send.

    Args:
        store: the server's store.
        settings: the server's settings.
        clock: returns seconds since 1970.
        connections: the open connections; the collection changes.
        access_log: gets an entry for each request.
        shared_metrics: the metrics of all workers, if there are several.

    Attributes:
        health: serves the status pages.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        *,
        connections: Collection[object] = (),
        access_log: AccessLog | None = None,
        shared_metrics: SharedMetrics | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        longest = settings.longest_signature // 1000
        self._keys = KeyRing(settings.directory, settings.keys, max_validity=longest)
        self._clock = clock
        self._access_log = access_log
        self._metrics = RequestMetrics()
        self._admission = Admission(settings.limits)
        self._anonymous = Admission(settings.limits.for_anonymous(), whole=self._admission)
        self._operations = OperationRunner(store, settings, self._keys)
        self.health = Health(
            settings, store, self._metrics, self._admission, connections, access_log, shared_metrics
        )
        self._prefix = secrets.token_hex(8)
        self._numbers = itertools.count()

    async def serve(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one HTTP request; every failure becomes an error document."""
        began = time.perf_counter()
        exchange = self._open(scope, receive, send)
        try:
            await self._respond(exchange)
        finally:
            exchange.ticket.release()
            self._record(exchange, time.perf_counter() - began)

    def _open(self, scope: Message, receive: Receive, send: Send) -> HTTPExchange:
        record = RequestRecord(f"{self._prefix}{next(self._numbers):012x}", self._clock())
        connection = connection_of(scope)
        reader = RequestReader(scope, receive, connection, record)
        send_whole = scope.get("extensions", {}).get(SEND_WHOLE)
        writer = ResponseWriter(reader, send, send_whole, connection, record)
        ticket = AdmissionTicket(self._admission, self._anonymous, connection)
        return HTTPExchange(reader, writer, record, ticket)

    def _record(self, exchange: HTTPExchange, seconds: float) -> None:
        """Count the request and log it."""
        record = exchange.record
        self._metrics.record(record.operation, record.status, seconds, record.received, record.sent)
        if self._access_log is not None:
            self._access_log.write(log.entry(exchange.reader, record, seconds))

    async def _respond(self, exchange: HTTPExchange) -> None:
        try:
            response, body = await self._handle(exchange)
        except CosServiceError as error:
            await exchange.writer.send_error(_temporary(exchange, error))
        except asyncio.CancelledError:
            # The server ends and its grace period is over; the task ends after the response.
            await exchange.writer.send_error(ServiceUnavailable("The server is about to end"))
        except Exception as cause:
            await exchange.writer.send_error(_unexpected(exchange, cause))
        else:
            await self._send(exchange, response, body)

    async def _send(
        self, exchange: HTTPExchange, response: Response, body: bytes | OutgoingBody
    ) -> None:
        try:
            await exchange.writer.send_response(response, body)
        except CosServiceError as error:
            _log.error("request %s: cut off: %s", exchange.record.request_id, error.message)
            exchange.writer.cut_off(error)
        except asyncio.CancelledError:
            exchange.writer.cut_off(ServiceUnavailable("The server is about to end"))

    # The steps of a request.

    async def _handle(self, exchange: HTTPExchange) -> tuple[Response, bytes | OutgoingBody]:
        """Serve a status page, a preflight, a form upload or an operation."""
        reader, writer, record, ticket = exchange
        request = reader.read_request()
        dialect = dialect_of(request)
        writer.use(dialect)
        host = request.headers.get("host", "")
        bucket_name, key = resolve(host, request.path, self._settings.domains)
        if bucket_name == _STATUS_PAGES:
            return await self._show_status(reader, key)
        record.bucket, record.key = bucket_name, key
        await self._admit(request, ticket)
        if key is not None:
            check_key(key)
        writer.add_headers(cors.cors_headers(self._store, bucket_name, request))
        if request.method == "OPTIONS":
            return cors.preflight(self._store, bucket_name, request, dialect.rules), b""
        if bucket_name and post_object.is_form(request, bucket_name, key):
            return await self._store_form(exchange, request, bucket_name)
        operation, query = self._route(record, dialect, request)
        principal, body = await self._verify(exchange, dialect, request)
        request = dialect.translate_request(request)
        is_new = operation.name == CREATE_BUCKET.name
        bucket = self._find_bucket(writer, bucket_name) if bucket_name and not is_new else None
        routed = RoutedRequest(dialect, request, operation, query, bucket_name, key, bucket)
        return await self._operations.run(exchange, routed, principal, body)

    async def _show_status(self, reader: RequestReader, key: str | None) -> tuple[Response, bytes]:
        """Return a status page.

        Its path has one spelling, so that a proxy in front can restrict access to it.

        Raises:
            InvalidURI: the path has another spelling.
            MethodNotAllowed: the method is not for reading.
        """
        if reader.path != f"/-/{key}".encode():
            raise InvalidURI("The path of a status page must not be escaped or altered")
        if reader.method not in _READING:
            raise MethodNotAllowed
        return await self.health.page(key, reader.address)

    async def _admit(self, request: Request, ticket: AdmissionTicket) -> None:
        """Wait until the request may run.

        Raises:
            SlowDown: too many requests are waiting, or too many changes wait for the index.
        """
        if request.method not in _READING:
            if self._store.index.backlog() >= self._settings.limits.commits:
                raise self._admission.refusal()
        await ticket.enter()

    def _route(
        self, record: RequestRecord, dialect: Dialect, request: Request
    ) -> tuple[Operation, Mapping[str, str]]:
        """Return the operation of a request, and the first value of each query parameter."""
        query = dict(reversed(request.query))
        operation = dialect.match(request.method, record.bucket, record.key, query, request.headers)
        record.operation = operation.name
        return operation, query

    async def _verify(
        self, exchange: HTTPExchange, dialect: Dialect, request: Request
    ) -> tuple[Principal, IncomingBody]:
        """Return the sender of a request by its signature, and the body that the handler reads."""
        reader, _, record, ticket = exchange
        principal, body = dialect.verify(
            request, record.bucket, record.key, reader, self._keys, int(record.time)
        )
        if principal.account is None:
            await ticket.enter_anonymous()
        return principal, body

    def _find_bucket(self, writer: ResponseWriter, name: str) -> Bucket:
        bucket = self._store.index.bucket(name)
        writer.add_headers(cors.vary_header(bucket))
        return bucket

    async def _store_form(
        self, exchange: HTTPExchange, request: Request, bucket_name: str
    ) -> tuple[Response, bytes]:
        """Store the file of a form upload, as a PUT of that file would."""
        reader, writer, record, ticket = exchange
        record.operation = "PostObject"
        await ticket.enter_anonymous()  # the signature is one of the form's fields
        try:
            async with asyncio.timeout(self._settings.limits.anonymous_body):
                form = await post_object.begin_form(request, reader)
        except TimeoutError:
            raise RequestTimeout("The fields of the form did not arrive in time") from None
        dialect = dialect_of_form(request, form.fields)
        writer.use(dialect)
        now = int(record.time * 1000)
        upload = dialect.read_upload(request, form, bucket_name, self._keys, now)
        if upload.principal.account is not None:
            ticket.leave_anonymous()
        record.key = upload.key
        bucket = self._find_bucket(writer, bucket_name)
        put = replace(request, headers=upload.headers)
        operation = dialect.put_object
        routed = RoutedRequest(dialect, put, operation, {}, bucket_name, upload.key, bucket)
        stored, _ = await self._operations.run(exchange, routed, upload.principal, upload.body)
        response = upload.response(stored, bucket_name, reader.origin, request.path)
        return response, response.body


def _temporary(exchange: HTTPExchange, error: CosServiceError) -> CosServiceError:
    """Return the error for the client: 503 if its cause is a temporary lack of a resource."""
    cause = error.__cause__
    if not isinstance(error, InternalError) or cause is None:
        return error
    _log.error("request %s: %s: %r", exchange.record.request_id, error.message, cause)
    return unavailable(cause) or error


def _unexpected(exchange: HTTPExchange, cause: Exception) -> CosServiceError:
    """Log an exception and return the error for the client."""
    request_id, method = exchange.record.request_id, exchange.reader.method
    if error := unavailable(cause):
        _log.error("request %s: %s: %s", request_id, method, cause)
        return error
    _log.exception("request %s: %s failed", request_id, method)
    return InternalError()
