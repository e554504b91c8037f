"""The way of one operation behind its signature: authorize, decode, handle, encode."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coskit.protocol.bucket.policy_conditions import RequestContext
from coskit.protocol.codec.conditional_headers import BUCKET_OWNER
from coskit.protocol.codec.decode_request import decode_request
from coskit.protocol.codec.results import encode_result
from coskit.protocol.errors import NotImplementedOperation
from coskit.protocol.messages import Request, Response
from coskit.protocol.model import Operation
from coskit.protocol.operations import COMPLETE_MULTIPART_UPLOAD, DELETE_OBJECTS, TRAFFIC_LIMIT
from coskit.server.auth.authenticate import authorize
from coskit.server.auth.key_ring import KeyRing
from coskit.server.dialects.dialect import COS, Dialect
from coskit.server.dialects.untrusted_xml import parse_untrusted
from coskit.server.handlers import HANDLERS
from coskit.server.handlers.access.authorization import require_owner
from coskit.server.handlers.body.request_body import MAX_BODY, refuse_unimplemented_headers
from coskit.server.handlers.context import (
    Context,
    IncomingBody,
    OutgoingBody,
    Principal,
    Reply,
)
from coskit.server.handlers.object_state.retry_replaced import Handler
from coskit.server.http.exchange.http_exchange import HTTPExchange
from coskit.server.http.free_space import FreeSpace
from coskit.server.settings import Settings, find_master_key
from coskit.server.store.model import Bucket
from coskit.server.store.store import Store

_WRITING = frozenset(("PUT", "POST"))
_ADDING_NOTHING = frozenset((DELETE_OBJECTS.name, COMPLETE_MULTIPART_UPLOAD.name))


@dataclass(slots=True)
class RoutedRequest:
    """A request with the operation and the bucket that it is about.

    Attributes:
        dialect: the request's dialect.
        request: the request, in the header names of COS.
        operation: the operation's row.
        query: the first value of each query parameter.
        bucket_name: the bucket's name, or None for an operation on the whole service.
        key: the object's key, or None.
        bucket: the bucket, or None if the operation is on the service or creates the bucket.
    """

    dialect: Dialect
    request: Request
    operation: Operation
    query: Mapping[str, str]
    bucket_name: str | None
    key: str | None
    bucket: Bucket | None


class OperationRunner:
    """Run operations for senders whose signature was verified.

    Args:
        store: the server's store.
        settings: the server's settings.
        keys: the keys of all accounts.
    """

    def __init__(self, store: Store, settings: Settings, keys: KeyRing) -> None:
        self._store = store
        self._settings = settings
        self._keys = keys
        self._master_key = find_master_key(settings.directory)
        self._free_space = FreeSpace(settings.directory, settings.limits.reserve)

    async def run(
        self,
        exchange: HTTPExchange,
        routed: RoutedRequest,
        principal: Principal,
        body: IncomingBody,
    ) -> tuple[Response, bytes | OutgoingBody]:
        """Authorize the sender, decode the parameters, run the handler and encode its result."""
        exchange.record.account = principal.account
        principal = self._authorize(exchange, routed, principal)
        handler = _handler_of(routed.operation)
        self._require_free_space(routed.operation, body)
        params = await self._decode(exchange, routed, body)
        context = self._context(exchange, routed, principal, params, body)
        refuse_unimplemented_headers(context)
        return _encode(routed, params, await handler(context))

    def _authorize(
        self, exchange: HTTPExchange, routed: RoutedRequest, principal: Principal
    ) -> Principal:
        """Check the sender's permission; return the sender with the facts that policies read.

        Raises:
            AccessDenied: the sender lacks the permission, or the bucket has another owner.
        """
        reader, _, record, _ = exchange
        request, now = routed.request, int(record.time * 1000)
        about = RequestContext(
            request, reader.address, reader.is_secure, now, self._settings.region
        )
        principal = Principal(principal.account, principal.session_policy, about)
        authorize(
            principal,
            routed.operation,
            routed.query,
            self._store,
            routed.bucket,
            routed.bucket_name,
            routed.key,
        )
        require_owner(routed.bucket, request.headers.get(BUCKET_OWNER))
        return principal

    def _require_free_space(self, operation: Operation, body: IncomingBody) -> None:
        """Refuse a write for which the disk has no space.

        Raises:
            ServiceUnavailable: there is not enough space.
        """
        if operation.method not in _WRITING or operation.name in _ADDING_NOTHING:
            return
        size = body.length or 0
        if size <= MAX_BODY:  # a longer body is refused for its length
            self._free_space.require(size)

    async def _decode(
        self, exchange: HTTPExchange, routed: RoutedRequest, body: IncomingBody
    ) -> dict[str, Any]:
        """Return the parameters of a request, checked against the operation's row."""
        operation, query = routed.operation, routed.query
        document = await exchange.reader.read_document(operation, body)
        params = decode_request(
            operation,
            routed.bucket_name,
            routed.key,
            query,
            routed.request.headers,
            document,
            parse_untrusted,
        )
        if TRAFFIC_LIMIT.wire in query and routed.dialect is COS:  # a URL has no headers for it
            params.setdefault(TRAFFIC_LIMIT.name, query[TRAFFIC_LIMIT.wire])
        return params

    def _context(
        self,
        exchange: HTTPExchange,
        routed: RoutedRequest,
        principal: Principal,
        params: dict[str, Any],
        body: IncomingBody,
    ) -> Context:
        return Context(
            store=self._store,
            operation=routed.operation,
            principal=principal,
            params=routed.dialect.translate_params(routed.operation, params),
            headers=routed.request.headers,
            body=body,
            origin=exchange.reader.origin,
            path=routed.request.path,
            region=self._settings.region,
            now=int(exchange.record.time * 1000),
            rules=routed.dialect.rules,
            target=routed.bucket,
            restore_delays=self._settings.restore_delays,
            master_key=self._master_key,
            account_exists=self._keys.has_account,
        )


def _handler_of(operation: Operation) -> Handler:
    handler = HANDLERS.get(operation.name)
    if handler is None:
        raise NotImplementedOperation(f"{operation.name} is not implemented")
    return handler


def _encode(
    routed: RoutedRequest, params: Mapping[str, Any], reply: Reply
) -> tuple[Response, bytes | OutgoingBody]:
    """Return the response that a handler's reply amounts to, and its body."""
    operation = routed.operation
    encoded = params.get("EncodingType") == "url"
    result = routed.dialect.translate_result(operation, reply.result)
    response = encode_result(operation, result, status=reply.status, encode=encoded)
    return response, response.body if reply.body is None else reply.body
