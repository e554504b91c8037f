"""ASGI <-> protocol: what a request is about, who may do it, and the answer, errors as XML."""

import asyncio
import errno
import itertools
import logging
import os
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from coskit.protocol.bucket.policy_conditions import Circumstances
from coskit.protocol.codec.conditional_headers import BUCKET_OWNER
from coskit.protocol.codec.decode_request import decode_request
from coskit.protocol.codec.results import encode_result
from coskit.protocol.endpoint import check_key, resolve
from coskit.protocol.errors import (
    CosServiceError,
    InternalError,
    InvalidURI,
    MethodNotAllowed,
    NotImplementedOperation,
    RequestTimeout,
    ServiceUnavailable,
)
from coskit.protocol.messages import Request, Response
from coskit.protocol.model import Operation
from coskit.protocol.operations import (
    COMPLETE_MULTIPART_UPLOAD,
    DELETE_OBJECTS,
    TRAFFIC_LIMIT,
)
from coskit.server.auth.authenticate import authorize
from coskit.server.auth.key_ring import KeyRing
from coskit.server.dialects import post_object
from coskit.server.dialects.dialect import COS, dialect_of, dialect_of_form
from coskit.server.dialects.untrusted_xml import parse_stranger
from coskit.server.handlers import HANDLERS
from coskit.server.handlers.access.authorization import require_owner
from coskit.server.handlers.body.request_body import MAX_BODY, refuse_unimplemented_headers
from coskit.server.handlers.buckets import cors
from coskit.server.handlers.context import Context, IncomingBody, OutgoingBody, Principal
from coskit.server.http import access_log as accesslog
from coskit.server.http.access_log import AccessLog
from coskit.server.http.admission import Admission
from coskit.server.http.exchange import Exchange, Message, Receive, Send
from coskit.server.http.status import Health
from coskit.server.metrics.counters import Metrics
from coskit.server.metrics.shared_memory import Board
from coskit.server.settings import Settings, find_master_key
from coskit.server.store.model import Bucket
from coskit.server.store.store import Store

_log = logging.getLogger("coskit.server")
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN))
_TRUSTED = 0.1  # seconds for which the disk is not asked again how much room there is
_PLENTY = 1 << 30  # bytes that no disk loses in that time
_READING = frozenset(("GET", "HEAD", "OPTIONS"))
_ADDING = frozenset(("PUT", "POST"))
_ADDING_NOTHING = frozenset((DELETE_OBJECTS.name, COMPLETE_MULTIPART_UPLOAD.name))


@dataclass(slots=True)
class _Target:
    """What a request is about.

    Attributes:
        request: what was asked.
        operation: the row.
        query: the first value of each of its parameters.
        bucket_name: the bucket's, or None for the whole service.
        key: the object's, or None.
        bucket: the bucket, unless the row is of the service or creates it.
    """

    request: Request
    operation: Operation
    query: Mapping[str, str]
    bucket_name: str | None
    key: str | None
    bucket: Bucket | None


class Gateway:
    """Answers requests; holds what they have in common.

    Args:
        store: where everything lives.
        settings: of the server.
        clock: seconds since 1970.
        connections: those that are open; changes.
        access_log: takes a line for each request.
        board: where all workers of the server show their metrics, if there are several.

    Attributes:
        health: what the server tells about itself.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        *,
        connections: Collection[object] = (),
        access_log: AccessLog | None = None,
        board: Board | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._master_key = find_master_key(settings.directory)
        longest = settings.longest_signature // 1000
        self._keys = KeyRing(settings.directory, settings.keys, longest=longest)
        self._clock = clock
        self._access_log = access_log
        self._metrics = Metrics()
        self._admission = Admission(settings.limits)
        self._strangers = Admission(settings.limits.of_strangers(), whole=self._admission)
        self.health = Health(
            settings, store, self._metrics, self._admission, connections, access_log, board
        )
        self._free, self._asked = 0, -_TRUSTED
        self._prefix = secrets.token_hex(8)
        self._numbers = itertools.count()

    async def answer(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; whatever goes wrong becomes an error document."""
        began = time.perf_counter()
        request_id = f"{self._prefix}{next(self._numbers):012x}"
        exchange = Exchange(scope, receive, send, request_id, self._clock())
        try:
            await self._answer(exchange)
        finally:
            if exchange.is_admitted:
                self._admission.leave()
            if exchange.is_stranger:
                self._strangers.leave()
                exchange.show_stranger(is_stranger=False)
            seconds = time.perf_counter() - began
            self._metrics.record(
                exchange.operation, exchange.status, seconds, exchange.received, exchange.sent
            )
            if self._access_log is not None:
                self._access_log.write(accesslog.entry(exchange, seconds))

    async def _answer(self, exchange: Exchange) -> None:
        try:
            response, body = await self._handle(exchange)
        except CosServiceError as error:
            await exchange.send_error(_without_room(exchange, error))
        except asyncio.CancelledError:
            # The server's patience at its end is over; with the answer so is this task.
            await exchange.send_error(ServiceUnavailable("The server is about to end"))
        except Exception as cause:
            if told := _of_system(cause):
                _log.error("request %s: %s: %s", exchange.request_id, exchange.method, cause)
            else:
                _log.exception("request %s: %s failed", exchange.request_id, exchange.method)
            await exchange.send_error(told or InternalError())
        else:
            await self._send(exchange, response, body)

    async def _send(
        self, exchange: Exchange, response: Response, body: bytes | OutgoingBody
    ) -> None:
        try:
            await exchange.send_response(response, body)
        except CosServiceError as error:
            _log.error("request %s: cut off: %s", exchange.request_id, error.message)
            exchange.cut_off(error)
        except asyncio.CancelledError:
            exchange.cut_off(ServiceUnavailable("The server is about to end"))

    async def _handle(self, exchange: Exchange) -> tuple[Response, bytes | OutgoingBody]:
        request = exchange.read_request()
        exchange.dialect = dialect = dialect_of(request)
        host = request.headers.get("host", "")
        bucket_name, key = resolve(host, request.path, self._settings.domains)
        if bucket_name == "-":
            return await self._tell(exchange, key)
        exchange.bucket, exchange.key = bucket_name, key
        await self._admit(exchange)
        if key is not None:
            check_key(key)
        exchange.shared = cors.cors_headers(self._store, bucket_name, request)
        if request.method == "OPTIONS":
            return cors.preflight(self._store, bucket_name, request, dialect.rules), b""
        if bucket_name and post_object.is_form(request, bucket_name, key):
            told = await self._take_form(exchange, request, bucket_name)
            return told, told.body
        query = dict(reversed(request.query))
        operation = dialect.match(request.method, bucket_name, key, query, request.headers)
        exchange.operation = operation.name
        principal, body = dialect.identify(
            request, bucket_name, key, exchange, self._keys, int(exchange.now)
        )
        if principal.account is None:
            await self._admit_stranger(exchange)
        request = dialect.read(request)
        is_new = operation.name == "CreateBucket"
        bucket = self._store.bucket(bucket_name) if bucket_name and not is_new else None
        exchange.shared |= cors.vary_header(bucket)
        target = _Target(request, operation, query, bucket_name, key, bucket)
        return await self._perform(exchange, target, principal, body)

    async def _tell(self, exchange: Exchange, key: str | None) -> tuple[Response, bytes]:
        """Tell of the server; under one spelling, so that a proxy in front can keep it to itself.

        Raises:
            InvalidURI: it has another.
            MethodNotAllowed: it is not asked for.
        """
        if exchange.path != f"/-/{key}".encode():
            raise InvalidURI("What is told of the server has no other spelling")
        if exchange.method not in _READING:
            raise MethodNotAllowed
        return await self.health.answer(key, exchange.address)

    async def _admit(self, exchange: Exchange) -> None:
        """Wait for the request's turn.

        Raises:
            SlowDown: too many are waiting, or too much is to be written.
        """
        if exchange.method not in _READING:
            if self._store.backlog() >= self._settings.limits.commits:
                raise self._admission.refusal()
        if not self._admission.enter_at_once():
            await self._admission.enter()
        exchange.is_admitted = True

    async def _admit_stranger(self, exchange: Exchange) -> None:
        """Wait for the turn of a request of nobody who is known.

        Strangers have a share of all places, lest those who are known find none. While one waits,
        it holds no place.

        Raises:
            SlowDown: too many are waiting.
        """
        if not self._strangers.enter_at_once():
            self._admission.leave()
            exchange.is_admitted = False
            await self._strangers.enter()
        exchange.show_stranger(is_stranger=True)
        if not exchange.is_admitted:
            await self._admission.enter()
            exchange.is_admitted = True

    def _require_room(self, size: int) -> None:
        """Keep back what deletions need: on a disk that is full to the last byte none succeeds.

        Raises:
            ServiceUnavailable: there is not enough room for so many bytes more.
        """
        if size > MAX_BODY:
            return  # refused for that
        needed = size + self._settings.limits.reserve
        now = time.monotonic()
        if now - self._asked > _TRUSTED or self._free < needed + _PLENTY:
            disk = os.statvfs(self._settings.directory)
            self._asked, self._free = now, disk.f_bavail * disk.f_frsize
        if self._free < needed:
            raise _no_room()
        self._free -= size

    async def _take_form(self, exchange: Exchange, request: Request, bucket: str) -> Response:
        exchange.operation = "PostObject"
        now = int(exchange.now * 1000)
        await self._admit_stranger(exchange)  # whose form it is stands in its fields
        try:
            async with asyncio.timeout(self._settings.limits.stranger):
                begun = await post_object.begin_form(request, exchange)
        except TimeoutError:
            raise RequestTimeout("The fields of the form did not arrive in time") from None
        exchange.dialect = dialect = dialect_of_form(request, begun.fields)
        upload = dialect.read_upload(request, begun, bucket, self._keys, now)
        if upload.principal.account is not None:
            self._strangers.leave()
            exchange.show_stranger(is_stranger=False)
        exchange.key = upload.key
        found = self._store.bucket(bucket)
        exchange.shared |= cors.vary_header(found)
        put = replace(request, headers=upload.headers)
        target = _Target(put, dialect.put_object, {}, bucket, upload.key, found)
        stored, _ = await self._perform(exchange, target, upload.principal, upload.body)
        return upload.answer(stored, bucket, exchange.origin, request.path)

    async def _perform(
        self, exchange: Exchange, target: _Target, principal: Principal, body: IncomingBody
    ) -> tuple[Response, bytes | OutgoingBody]:
        """Do what a caller may do."""
        exchange.account = principal.account
        request, operation, query = target.request, target.operation, target.query
        now, region = int(exchange.now * 1000), self._settings.region
        about = Circumstances(request, exchange.address, exchange.is_secure, now, region)
        principal = Principal(principal.account, principal.session_policy, about)
        authorize(
            principal, operation, query, self._store, target.bucket, target.bucket_name, target.key
        )
        require_owner(target.bucket, request.headers.get(BUCKET_OWNER))
        handler = HANDLERS.get(operation.name)
        if handler is None:
            raise NotImplementedOperation(f"{operation.name} is not implemented")
        if operation.method in _ADDING and operation.name not in _ADDING_NOTHING:
            self._require_room(body.length or 0)
        document = await exchange.read_document(operation, body)
        params = decode_request(
            operation,
            target.bucket_name,
            target.key,
            query,
            request.headers,
            document,
            parse_stranger,
        )
        if TRAFFIC_LIMIT.wire in query and exchange.dialect is COS:  # a URL has no headers for it
            params.setdefault(TRAFFIC_LIMIT.name, query[TRAFFIC_LIMIT.wire])
        dialect = exchange.dialect
        context = Context(
            self._store,
            operation,
            principal,
            dialect.params(operation, params),
            request.headers,
            body,
            exchange.origin,
            request.path,
            region,
            now,
            dialect.rules,
            target.bucket,
            restore_delays=self._settings.restore_delays,
            master_key=self._master_key,
            account_exists=self._keys.knows,
        )
        refuse_unimplemented_headers(context)
        reply = await handler(context)
        encoded = params.get("EncodingType") == "url"
        result = dialect.result(operation, reply.result)
        response = encode_result(operation, result, status=reply.status, encode=encoded)
        return response, response.body if reply.body is None else reply.body


def _without_room(exchange: Exchange, error: CosServiceError) -> CosServiceError:
    """Return what a client is told of an error: to come back later if it is a full disk."""
    cause = error.__cause__
    if not isinstance(error, InternalError) or cause is None:
        return error
    _log.error("request %s: %s: %r", exchange.request_id, error.message, cause)
    return _of_system(cause) or error


def _of_system(cause: BaseException) -> ServiceUnavailable | None:
    """Return what a client is told if the system lacks something that may come back, or None."""
    number = cause.errno if isinstance(cause, OSError) else None
    if number in _FULL:
        return _no_room()
    if number in _EXHAUSTED:
        return ServiceUnavailable("The server is out of descriptors", headers={"Retry-After": "2"})
    return None


def _no_room() -> ServiceUnavailable:
    return ServiceUnavailable("The server has no room left", headers={"Retry-After": "10"})
