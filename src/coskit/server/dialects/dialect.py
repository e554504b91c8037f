"""The COS and S3 dialects: recognise the dialect of a request, and translate both ways."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from typing import Any

from coskit.protocol import operations
from coskit.protocol.codec.conditional_headers import CONDITIONAL_HEADERS
from coskit.protocol.codec.routing import Router, match
from coskit.protocol.codec.xml.error_document import encode_error
from coskit.protocol.errors import CosServiceError, InvalidArgument
from coskit.protocol.messages import Request
from coskit.protocol.model import Operation
from coskit.protocol.s3 import errors
from coskit.protocol.s3 import names as naming
from coskit.protocol.s3.documents import server
from coskit.protocol.s3.operations import PUT_OBJECT, S3_OPERATIONS
from coskit.server.auth import authenticate, s3_signature
from coskit.server.auth.key_ring import KeyRing
from coskit.server.dialects import post_object, s3_payload, s3_post_object
from coskit.server.dialects.multipart_form import MultipartForm
from coskit.server.dialects.post_object import FormUpload
from coskit.server.handlers.context import IncomingBody, Principal
from coskit.server.handlers.dialect_rules import COS_RULES, S3_RULES, DialectRules

Match = Callable[[str, str | None, str | None, Iterable[str], Iterable[str]], Operation]

# Headers of a copy in the words of COS, and of a write into an object of a directory bucket: a PUT
# with one of them is no PutObject of S3.
_NO_S3_PUT = ("x-cos-copy-source", "x-amz-write-offset-bytes")


class Dialect(ABC):
    """A dialect of the protocol; the gateway and the handlers behind it speak COS.

    The methods that translate return their argument unchanged; a dialect overrides those that
    differ.

    Attributes:
        rules: the limits and choices in which the dialect differs.
        match: finds the operation of a request, as `Router.match` does.
        put_object: the operation that a form upload amounts to.
    """

    def __init__(self, rules: DialectRules, match: Match, put_object: Operation) -> None:
        self.rules = rules
        self.match = match
        self.put_object = put_object

    @abstractmethod
    def verify(
        self,
        request: Request,
        bucket: str | None,
        key: str | None,
        body: IncomingBody,
        keys: KeyRing,
        now: int,
    ) -> tuple[Principal, IncomingBody]:
        """Return the sender of a request, and its body without signatures and framing.

        Args:
            request: the request as received.
            bucket: the bucket's name from the address, or None.
            key: the object's key from the address, or None.
            body: the request's body as received.
            keys: the keys of all accounts.
            now: the time in Unix seconds.

        Raises:
            CosServiceError: the signature is malformed, wrong or expired, or its key is unknown.
        """

    @abstractmethod
    def read_upload(
        self, request: Request, form: MultipartForm, bucket: str, keys: KeyRing, now: int
    ) -> FormUpload:
        """Return the upload that a form asks for, with its signature and policy checked.

        Args:
            request: the request that carries the form.
            form: the form, read up to its file.
            bucket: the bucket's name.
            keys: the keys of all accounts.
            now: the time in milliseconds since 1970.

        Raises:
            CosServiceError: the form lacks a field, or its policy or signature does not allow it.
        """

    @abstractmethod
    def error_document(
        self,
        error: CosServiceError,
        bucket: str | None,
        key: str | None,
        headers: Container[str] = (),
    ) -> bytes:
        """Return the document of an error, and give the error the dialect's code and status."""

    def translate_request(self, request: Request) -> Request:
        """Return a request with the header and parameter names of COS."""
        return request

    def translate_params(self, operation: Operation, params: dict[str, Any]) -> dict[str, Any]:
        """Return an operation's parameters as its handler expects them."""
        return params

    def translate_result(
        self, operation: Operation, result: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return a handler's result as the operation's documents represent it."""
        return result

    def translate_headers(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the headers of a response under the dialect's names."""
        return headers


class CosDialect(Dialect):
    """The dialect of COS."""

    def verify(
        self,
        request: Request,
        bucket: str | None,
        key: str | None,
        body: IncomingBody,
        keys: KeyRing,
        now: int,
    ) -> tuple[Principal, IncomingBody]:
        """See `Dialect.verify`."""
        return authenticate.identify(request, keys, now), body

    def read_upload(
        self, request: Request, form: MultipartForm, bucket: str, keys: KeyRing, now: int
    ) -> FormUpload:
        """See `Dialect.read_upload`."""
        return post_object.read_upload(request, form, bucket, keys, now)

    def error_document(
        self,
        error: CosServiceError,
        bucket: str | None,
        key: str | None,
        headers: Container[str] = (),
    ) -> bytes:
        """See `Dialect.error_document`."""
        error.headers.setdefault("x-cos-trace-id", error.trace_id)
        return encode_error(error)

    def translate_request(self, request: Request) -> Request:
        """Return the request without S3 headers, of which only conditions count."""
        if naming.AMZ not in "\n".join(request.headers):
            return request
        kept = {
            name: text
            for name, text in request.headers.items()
            if name in CONDITIONAL_HEADERS or not name.startswith(naming.AMZ)
        }
        return replace(request, headers=kept)


class S3Dialect(Dialect):
    """The dialect of S3."""

    def verify(
        self,
        request: Request,
        bucket: str | None,
        key: str | None,
        body: IncomingBody,
        keys: KeyRing,
        now: int,
    ) -> tuple[Principal, IncomingBody]:
        """See `Dialect.verify`."""
        identity = s3_signature.identify(request, bucket, key, keys, now)
        return identity.principal, s3_payload.open_payload(identity, request, body)

    def read_upload(
        self, request: Request, form: MultipartForm, bucket: str, keys: KeyRing, now: int
    ) -> FormUpload:
        """See `Dialect.read_upload`."""
        return s3_post_object.read_upload(request, form, bucket, keys, now)

    def error_document(
        self,
        error: CosServiceError,
        bucket: str | None,
        key: str | None,
        headers: Container[str] = (),
    ) -> bytes:
        """See `Dialect.error_document`."""
        error.headers.setdefault("x-amz-id-2", error.trace_id)
        errors.translate(error)
        return errors.encode_error(error, bucket, key, headers)

    def translate_request(self, request: Request) -> Request:
        """See `Dialect.translate_request`."""
        return naming.to_cos(request)

    def translate_params(self, operation: Operation, params: dict[str, Any]) -> dict[str, Any]:
        """See `Dialect.translate_params`."""
        return server.params_to_cos(operation.name, params)

    def translate_result(
        self, operation: Operation, result: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """See `Dialect.translate_result`."""
        return server.result_to_s3(operation.name, result)

    def translate_headers(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """See `Dialect.translate_headers`."""
        return naming.headers_to_s3(headers)


COS = CosDialect(COS_RULES, match, operations.PUT_OBJECT)
S3 = S3Dialect(S3_RULES, Router(S3_OPERATIONS, _NO_S3_PUT).match, PUT_OBJECT)


def dialect_of(request: Request) -> Dialect:
    """Return the dialect of a request: by its signature, or else by names that only S3 has."""
    signature = request.headers.get("authorization", "").strip()
    if signature.startswith("q-"):
        return COS
    if signature.startswith(("AWS4-HMAC-SHA256", "AWS ")):
        return S3
    if request.query:
        names = {name for name, _ in request.query}
        if names & authenticate.COS_SIGNATURES:
            return COS
        if names & authenticate.S3_SIGNATURES or "list-type" in names:
            return S3
    return S3 if any(name.startswith(("x-amz-", "amz-sdk-")) for name in request.headers) else COS


def dialect_of_form(request: Request, fields: Mapping[str, str]) -> Dialect:
    """Return the dialect of a form upload: by its fields, or else by the request's headers.

    Args:
        request: the request that carries the form.
        fields: the form's fields by lower-case name.

    Raises:
        InvalidArgument: the form has a signature of each dialect.
    """
    if "q-signature" in fields:
        if not fields.keys().isdisjoint(s3_post_object.SIGNATURES):
            raise InvalidArgument("A form must be signed once, in one dialect")
        return COS
    return S3 if s3_post_object.is_of_s3(fields) else dialect_of(request)
