"""One HTTP request read from ASGI: its address, headers, body and document."""

from collections.abc import AsyncIterator, Mapping
from hashlib import md5
from urllib.parse import unquote_plus

from coskit.protocol.endpoint import decode_path, decode_query
from coskit.protocol.errors import (
    BadDigest,
    IncompleteBody,
    InvalidRequest,
    NotImplementedOperation,
    XMLSizeLimit,
)
from coskit.protocol.messages import Request, decode_text
from coskit.protocol.model import Operation
from coskit.protocol.operations import COMPLETE_MULTIPART_UPLOAD
from coskit.server.handlers.body.checksums import check_document
from coskit.server.handlers.body.request_body import expected_md5
from coskit.server.handlers.context import IncomingBody
from coskit.server.http.connections.asgi import ConnectionControl, Message, Receive
from coskit.server.http.exchange.request_record import RequestRecord

MAX_DOCUMENT = 4 << 20
# A second value of these headers would be a condition, a checksum or a right that is not checked.
_SINGLE_VALUED = ("x-cos-", "if-", "content-md5", "content-range", "range", "authorization")
_LENGTH_DIGITS = 19  # the digits of 2**63
_URL_SIGNATURES = frozenset(("q-signature", "sign", "X-Amz-Signature", "AWSAccessKeyId"))


class RequestReader:
    """Read one request; as an iterable it is the request's body.

    Args:
        scope: the request's ASGI scope.
        receive: ASGI's function for the messages of the request.
        connection: the request's connection.
        record: counts the received bytes.

    Attributes:
        method: the HTTP method.
        headers: the headers by lower-case name.
        is_body_requested: whether the body was asked for, so that the client may send it.
    """

    __slots__ = (
        "_connection",
        "_has_one_host",
        "_receive",
        "_record",
        "_repeated_header",
        "_scope",
        "headers",
        "is_body_requested",
        "method",
    )

    def __init__(
        self,
        scope: Message,
        receive: Receive,
        connection: ConnectionControl,
        record: RequestRecord,
    ) -> None:
        self.method: str = scope["method"]
        self.headers: dict[str, str] = {}
        self.is_body_requested = False
        self._scope = scope
        self._receive = receive
        self._connection = connection
        self._record = record
        self._has_one_host = True
        self._repeated_header = ""
        headers = self.headers
        # The first value of a repeated header counts; values of an S3 header are signed as a list.
        for raw_name, raw_value in reversed(scope["headers"]):
            name, value = raw_name.decode("latin-1"), decode_text(raw_value)
            if name in headers:
                if name == "host":
                    self._has_one_host = False
                elif name.startswith("x-amz-"):
                    value = f"{value},{headers[name]}"
                elif value != headers[name] and name.startswith(_SINGLE_VALUED):
                    self._repeated_header = name
            headers[name] = value

    @property
    def length(self) -> int | None:
        """See `IncomingBody.length`."""
        text = self.headers.get("content-length", "")
        return int(text) if len(text) <= _LENGTH_DIGITS and text.isdecimal() else None

    @property
    def trailers(self) -> Mapping[str, str]:
        """See `IncomingBody.trailers`; trailers of HTTP are not signed, so they are ignored."""
        return {}

    @property
    def address(self) -> str:
        """The client's address, or ""."""
        client = self._scope.get("client")
        return str(client[0]) if client else ""

    @property
    def is_secure(self) -> bool:
        """True if the request came over TLS."""
        return bool(self._scope["scheme"] == "https")

    @property
    def origin(self) -> str:
        """The scheme and host of the request's URL."""
        return f"{self._scope['scheme']}://{self.headers.get('host', '')}"

    @property
    def resource(self) -> str:
        """The host and decoded path of the request."""
        return self.headers.get("host", "") + str(self._scope["path"])

    @property
    def user_agent(self) -> str:
        """The User-Agent header, or ""."""
        return self.headers.get("user-agent", "")

    @property
    def path(self) -> bytes:
        """The path as received."""
        return bytes(self._scope["raw_path"])

    @property
    def query(self) -> str:
        """The query string as received."""
        return bytes(self._scope["query_string"]).decode("latin-1")

    @property
    def signature(self) -> str:
        """The place of the signature: `header`, `url` or `none`."""
        if self.headers.get("authorization"):
            return "header"
        names = (unquote_plus(pair.partition("=")[0]) for pair in self.query.split("&"))
        return "none" if _URL_SIGNATURES.isdisjoint(names) else "url"

    def read_request(self) -> Request:
        """Return the request's address and headers.

        Raises:
            InvalidURI: the address cannot be decoded.
            InvalidRequest: it has two hosts, or none although HTTP/1.1 requires one, or two values
                of a header that may have one.
            NotImplementedOperation: its body has a transfer coding other than chunked.
        """
        coding = self.headers.get("transfer-encoding", "chunked")
        if coding != "chunked" and coding.strip().lower() != "chunked":
            # RFC 9112 6.1: the coded bytes are not the body that the client meant.
            raise NotImplementedOperation("Only the transfer coding chunked is implemented")
        # RFC 9112 3.2: proxies and servers must agree on the host of a request.
        is_lacking = "host" not in self.headers and self._scope["http_version"] != "1.0"
        if is_lacking or not self._has_one_host:
            raise InvalidRequest("A request must have one Host header")
        if self._repeated_header:
            raise InvalidRequest(f"The header {self._repeated_header} has two values")
        path = decode_path(self._scope["raw_path"])
        query = decode_query(self._scope["query_string"])
        return Request(self.method, path, query, self.headers)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.is_body_requested = True
        connection = self._connection
        while True:
            connection.is_receiving = True
            message = await self._receive()
            connection.is_receiving = False
            if message["type"] == "http.disconnect":
                raise IncompleteBody
            if chunk := message.get("body"):
                self._record.received += len(chunk)
                yield chunk
            if not message.get("more_body"):
                return
            if connection.fault is not None:
                raise connection.fault

    async def read_document(self, operation: Operation, body: IncomingBody) -> bytes:
        """Return the document of an operation that has one, with its MD5 and checksum checked.

        Args:
            operation: the operation.
            body: the request's body, as its dialect decodes it.

        Raises:
            InvalidRequest: it lacks a required Content-MD5, or its checksum headers are wrong.
            MalformedTrailerError: the announced checksum is missing from the trailer.
            BadDigest: the checksum belongs to another document.
            XMLSizeLimit: it is too large.
            IncompleteBody: it ended too early.
            RequestTimeout: it came too slowly.
        """
        if not operation.has_document:
            return b""
        expected = expected_md5(self.headers)
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
        if operation.name != COMPLETE_MULTIPART_UPLOAD.name:  # its checksum is the object's
            check_document(self.headers, body.trailers, document)
        return document

    def has_more_unread_than(self, size: int) -> bool:
        """Return whether more than `size` bytes of the body may still arrive."""
        length = self.length
        if length is None:
            return "transfer-encoding" in self.headers
        return length - self._record.received > size

    async def wait_for_disconnect(self) -> None:
        """Return when the client has closed the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
