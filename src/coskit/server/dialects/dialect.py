"""The two dialects: how a request is recognised as one of either, read, and answered."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from coskit.protocol import operations
from coskit.protocol.codec.conditional_headers import GUARDS
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
from coskit.server.dialects.multipart_form import Form
from coskit.server.dialects.post_object import Upload
from coskit.server.handlers.context import IncomingBody, Principal
from coskit.server.handlers.dialect_rules import COS_RULES, S3_RULES, DialectRules

Match = Callable[[str, str | None, str | None, Iterable[str], Iterable[str]], Operation]


class Dialect(Protocol):
    """One way of speaking; the gateway and the handlers behind it speak COS.

    Attributes:
        rules: what it demands differently.
        match: finds the row that a request is, as `Router.match` does.
        put_object: the row that a form upload amounts to.
    """

    @property
    def rules(self) -> DialectRules: ...  # noqa: D102 - an attribute

    @property
    def match(self) -> Match: ...  # noqa: D102 - an attribute

    @property
    def put_object(self) -> Operation: ...  # noqa: D102 - an attribute

    def identify(
        self,
        request: Request,
        bucket: str | None,
        key: str | None,
        body: IncomingBody,
        keys: KeyRing,
        now: int,
    ) -> tuple[Principal, IncomingBody]:
        """Return who sent a request, and its body as it is to be kept.

        Args:
            request: as it came.
            bucket: from the address, or None.
            key: from the address, or None.
            body: as it comes.
            keys: of all accounts.
            now: Unix second.

        Raises:
            CosServiceError: the signature is malformed, wrong, too old or of nobody.
        """
        ...

    def read_upload(
        self, request: Request, begun: Form, bucket: str, keys: KeyRing, now: int
    ) -> Upload:
        """Return what a form uploads, if it may be sent.

        Args:
            request: what carries it.
            begun: its fields, and its file to come.
            bucket: the bucket's name.
            keys: of all accounts.
            now: milliseconds since 1970.

        Raises:
            CosServiceError: the form lacks something, or its policy or signature is not one for it.
        """
        ...

    def read(self, request: Request) -> Request:
        """Return a request in the names of COS."""
        ...

    def params(self, operation: Operation, params: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters of a row as handlers expect them."""
        ...

    def result(self, operation: Operation, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the result of a handler as the row's documents tell it."""
        ...

    def headers(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the headers of an answer as they stand on the wire."""
        ...

    def error(
        self,
        error: CosServiceError,
        bucket: str | None,
        key: str | None,
        headers: Container[str] = (),
    ) -> bytes:
        """Return the document of an error, which gets the code and status of the dialect."""
        ...


class CosDialect:
    """The dialect of COS."""

    rules = COS_RULES
    match: Match = staticmethod(match)
    put_object = operations.PUT_OBJECT

    def identify(
        self,
        request: Request,
        bucket: str | None,
        key: str | None,
        body: IncomingBody,
        keys: KeyRing,
        now: int,
    ) -> tuple[Principal, IncomingBody]:
        """See `Dialect.identify`."""
        return authenticate.identify(request, keys, now), body

    def read_upload(
        self, request: Request, begun: Form, bucket: str, keys: KeyRing, now: int
    ) -> Upload:
        """See `Dialect.read_upload`."""
        return post_object.read_upload(request, begun, bucket, keys, now)

    def read(self, request: Request) -> Request:
        """Return the request without headers of S3, which count for nothing but as guards."""
        if naming.AMZ not in "\n".join(request.headers):
            return request
        kept = {
            name: text
            for name, text in request.headers.items()
            if name in GUARDS or not name.startswith(naming.AMZ)
        }
        return replace(request, headers=kept)

    def params(self, operation: Operation, params: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters, which are as they should be."""
        return params

    def result(self, operation: Operation, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the result, which is as it should be."""
        return result

    def headers(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the headers, which are as they should be."""
        return headers

    def error(
        self,
        error: CosServiceError,
        bucket: str | None,
        key: str | None,
        headers: Container[str] = (),
    ) -> bytes:
        """See `Dialect.error`."""
        error.headers.setdefault("x-cos-trace-id", error.trace_id)
        return encode_error(error)


# A copy in the words of COS, and a write into an object of a directory bucket.
_OTHER_THAN_PUT = ("x-cos-copy-source", "x-amz-write-offset-bytes")


class S3Dialect:
    """The dialect of S3."""

    rules = S3_RULES
    match: Match = staticmethod(Router(S3_OPERATIONS, _OTHER_THAN_PUT).match)
    put_object = PUT_OBJECT

    def identify(
        self,
        request: Request,
        bucket: str | None,
        key: str | None,
        body: IncomingBody,
        keys: KeyRing,
        now: int,
    ) -> tuple[Principal, IncomingBody]:
        """See `Dialect.identify`."""
        who = s3_signature.identify(request, bucket, key, keys, now)
        return who.principal, s3_payload.open_payload(who, request, body)

    def read_upload(
        self, request: Request, begun: Form, bucket: str, keys: KeyRing, now: int
    ) -> Upload:
        """See `Dialect.read_upload`."""
        return s3_post_object.read_upload(request, begun, bucket, keys, now)

    def read(self, request: Request) -> Request:
        """Return a request in the names of COS."""
        return naming.to_cos(request)

    def params(self, operation: Operation, params: dict[str, Any]) -> dict[str, Any]:
        """See `Dialect.params`."""
        return server.params_to_cos(operation.name, params)

    def result(self, operation: Operation, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Dialect.result`."""
        return server.result_to_s3(operation.name, result)

    def headers(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """See `Dialect.headers`."""
        return naming.headers_to_s3(headers)

    def error(
        self,
        error: CosServiceError,
        bucket: str | None,
        key: str | None,
        headers: Container[str] = (),
    ) -> bytes:
        """See `Dialect.error`."""
        error.headers.setdefault("x-amz-id-2", error.trace_id)
        errors.translate(error)
        return errors.encode_error(error, bucket, key, headers)


COS: Dialect = CosDialect()
S3: Dialect = S3Dialect()


def dialect_of(request: Request) -> Dialect:
    """Return the dialect that a request came in: by its signature, else by what only S3 says."""
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
    """Return the dialect of a form upload: its fields tell it, else what carries it.

    Args:
        request: what carries the form.
        fields: by lower-case name.

    Raises:
        InvalidArgument: it has a signature of each dialect.
    """
    if "q-signature" in fields:
        if not fields.keys().isdisjoint(s3_post_object.SIGNATURES):
            raise InvalidArgument("A form is signed once, in one dialect")
        return COS
    return S3 if s3_post_object.is_of_s3(fields) else dialect_of(request)
