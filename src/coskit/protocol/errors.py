"""The one exception tree, with the code and the status of each error of the service.

CosException
├── CosClientError              the call failed on the client's side
│   ├── ParameterError          an argument is wrong or unknown; nothing was sent
│   ├── ClientClosed            also a ValueError
│   ├── CredentialsError        no credentials where some are needed
│   ├── TransportError          the network failed: refused, reset, unresolved, truncated
│   │   ├── TransferTimeout     also a TimeoutError
│   │   └── UnexpectedAnswer    the response is not the service's
│   └── IntegrityError          the data has another length or checksum than expected
│       ├── SourceChanged       a file changed while it was uploaded
│       └── ObjectChanged       an object changed while it was downloaded or copied
└── CosServiceError             the service returned an error
    └── NoSuchKey, AccessDenied, ...    one class for each code of the vendor's table
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar
from xml.etree import ElementTree


class CosException(Exception):
    """Base class of the exceptions of coskit.

    Attributes:
        part_number: the part of a transfer in which the error happened, or None.
    """

    part_number: int | None = None

    def __str__(self) -> str:
        return _with_facts(super().__str__(), self._facts())

    def _facts(self) -> list[str]:
        return [] if self.part_number is None else [f"part {self.part_number}"]


def _with_facts(text: str, facts: list[str]) -> str:
    return f"{text} ({', '.join(facts)})" if facts else text


class CosClientError(CosException):
    """The call failed on the client's side: bad arguments, no credentials, network, damaged data.

    Attributes:
        attempts: the number of times that the request was sent.
    """

    attempts: int = 1

    def _facts(self) -> list[str]:
        return [*super()._facts(), *([f"{self.attempts} attempts"] if self.attempts > 1 else [])]


class ParameterError(CosClientError):
    """An argument is wrong, missing or unknown; nothing was sent."""


class CredentialsError(CosClientError):
    """The call needs credentials, and none were found."""


class TransportError(CosClientError):
    """The network failed before a complete response arrived.

    Attributes:
        attempts: the number of times that the request was sent.
        sent: whether the service may have acted on the request.
        lasting: whether a retry is useless, as with a wrong certificate.
        unresolved: whether the host's name could not be resolved.
    """

    lasting: bool = False
    unresolved: bool = False

    def __init__(self, message: str, *, attempts: int = 1, sent: bool = True) -> None:
        super().__init__(message)
        self.attempts = attempts
        self.sent = sent


class ClientClosed(CosClientError, ValueError):
    """A client was used after it had been closed."""


class TransferTimeout(TransportError, TimeoutError):
    """Connecting, waiting for data or the whole request took longer than its limit."""


class UnexpectedAnswer(TransportError):
    """The response is not the service's, or it was changed on the way.

    A response of success that lacks a part which the service always sends for the operation proves
    nothing: it may come from a proxy, a portal or another server. The service may have acted on the
    request all the same.

    Attributes:
        status: the HTTP status.
        headers: the response's headers.
    """

    status: int = 0
    headers: Mapping[str, str] = MappingProxyType({})


class IntegrityError(CosClientError):
    """The data has another length or checksum than expected.

    Attributes:
        lasting: whether a retry is useless.
    """

    lasting: bool = False


class SourceChanged(IntegrityError):
    """The source changed during the upload; nothing was stored under the key."""

    lasting = True


class ObjectChanged(IntegrityError):
    """The object was replaced or deleted while it was read; no mixture of versions was returned."""

    lasting = True


_UNKNOWN = "Unknown"  # the vendor's SDK has it for fields that a document lacks


def _read_document(document: Any) -> tuple[Mapping[str, str], str]:
    """Return the fields of an error document, under the vendor's names, and its text."""
    if isinstance(document, Mapping):
        return {str(name).lower(): str(value) for name, value in document.items()}, ""
    text = document.decode(errors="replace") if isinstance(document, bytes) else str(document)
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - the program's own
    except ElementTree.ParseError:
        return _read_json(text), text
    return {child.tag.lower(): child.text for child in root.iter() if child.text}, text


def _read_json(text: str) -> Mapping[str, str]:
    import json  # only other services of the vendor send JSON

    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return _read_document(found)[0] if isinstance(found, dict) else {}


class CosServiceError(CosException):
    """The service returned an error.

    Attributes:
        code: the vendor's error code, such as `NoSuchKey`.
        message: the service's explanation.
        status: the HTTP status.
        request_id: the id of the request, for the service's support.
        trace_id: the service's trace id, or "".
        resource: the address in the request.
        method: the HTTP method of the request, or "".
        attempts: the number of times that the request was sent.
        headers: the response's headers.
        body: the raw error document, or "".
        renewed: whether the client has learned the service's time or has other keys since the
            request was signed, so that it may succeed if it is signed again.
    """

    renewed: bool = False
    status: int = 400
    wire_code: ClassVar[str] = ""  # the code, if a class cannot have its name

    def __init__(
        self,
        message: str = "",
        *spelled: Any,
        code: str = "",
        status: int = 0,
        resource: str = "",
        request_id: str = "",
        trace_id: str = "",
        method: str = "",
        attempts: int = 1,
        headers: dict[str, str] | None = None,
        body: str = "",
    ) -> None:
        if spelled:  # the vendor's arguments: method, document, status
            document, status = spelled[0], int(spelled[1])
            method, (found, body) = message, _read_document(document)
            message, code = found.get("message", _UNKNOWN), found.get("code", _UNKNOWN)
            resource, trace_id = found.get("resource", _UNKNOWN), found.get("traceid", _UNKNOWN)
            request_id = found.get("requestid", _UNKNOWN)
        super().__init__(message)
        self.code = code or type(self).wire_code or type(self).__name__
        self.message = message or (type(self).__doc__ or self.code).partition("\n")[0]
        self.status = status or type(self).status
        self.resource = resource
        self.request_id = request_id
        self.trace_id = trace_id
        self.method = method
        self.attempts = attempts
        self.headers = headers or {}
        self.body = body

    def __str__(self) -> str:
        # A traceback shows the name of the class, which is the code in most cases.
        code = "" if self.code == type(self).__name__ else f"{self.code}: "
        return _with_facts(f"{code}{self.message}", self._facts())

    def __repr__(self) -> str:
        facts = f"code={self.code!r}, status={self.status}, request_id={self.request_id!r}"
        return f"{type(self).__name__}({self.message!r}, {facts})"

    def _facts(self) -> list[str]:
        facts = [f"HTTP {self.status}"]
        if self.method or self.resource:
            facts.append(f"{self.method} {self.resource}".strip())
        if self.request_id:
            facts.append(f"request id {self.request_id}")
        if self.attempts > 1:
            facts.append(f"{self.attempts} attempts")
        return [*facts, *super()._facts()]

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.message,), self.__dict__)

    # The same data under the names of the vendor's SDK, for programs written for it.

    def get_origin_msg(self) -> str:
        """Return the raw error document."""
        return self.body

    def get_digest_msg(self) -> dict[str, str]:
        """Return the error document as a dict; without a document, the headers are included."""
        headers = {} if self.body else {"x-cos-request-id": self.request_id, **self.headers}
        return {
            **headers,
            "code": self.code,
            "message": self.message,
            "resource": self.resource,
            "requestid": self.request_id,
            "traceid": self.trace_id,
        }

    def get_status_code(self) -> int:
        """Return the HTTP status."""
        return self.status

    def get_error_code(self) -> str:
        """Return the error code."""
        return self.code

    def get_error_msg(self) -> str:
        """Return the service's explanation."""
        return self.message

    def get_resource_location(self) -> str:
        """Return the address in the request."""
        return self.resource

    def get_trace_id(self) -> str:
        """Return the trace id."""
        return self.trace_id

    def get_request_id(self) -> str:
        """Return the request id."""
        return self.request_id


# One class for each code, by status; its docstring is the default message.


class AccessControlListNotSupported(CosServiceError):
    """The bucket does not allow ACLs."""

    status = 400


class AuthorizationHeaderMalformed(CosServiceError):
    """The Authorization header is malformed."""

    status = 400


class AuthorizationQueryParametersError(CosServiceError):
    """The signature in the query is malformed."""

    status = 400


class BadDigest(CosServiceError):
    """The Content-MD5 you specified is not the MD5 of the body that arrived."""

    status = 400


class BucketVersionNotOpen(CosServiceError):
    """Versioning has never been enabled on the bucket."""

    status = 400


class EntityTooLarge(CosServiceError):
    """The body exceeds the maximum allowed size."""

    status = 400


class EntityTooSmall(CosServiceError):
    """A part other than the last is smaller than the minimum allowed size."""

    status = 400


class ExpiredToken(CosServiceError):
    """The security token has expired."""

    status = 400


class IncompleteBody(CosServiceError):
    """The body is shorter than its Content-Length."""

    status = 400


class IncorrectNumberOfFilesInPostRequest(CosServiceError):
    """A form upload carries exactly one file."""

    status = 400


class InvalidArgument(CosServiceError):
    """An argument is invalid."""

    status = 400


class InvalidBucketAclWithObjectOwnership(CosServiceError):
    """A bucket whose owner owns all objects has no ACL that opens it to others."""

    status = 400


class InvalidBucketName(CosServiceError):
    """The bucket name is not valid."""

    status = 400


class InvalidChunkSizeError(CosServiceError):
    """The framing of the body's chunks is malformed."""

    status = 400


class InvalidCopySource(CosServiceError):
    """The copy source is malformed."""

    status = 400


class InvalidDelimiter(CosServiceError):
    """The delimiter is longer than one character."""

    status = 400


class InvalidDigest(CosServiceError):
    """The Content-MD5 you specified is not a Base64-encoded MD5."""

    status = 400


class InvalidPart(CosServiceError):
    """A listed part does not exist or its ETag differs."""

    status = 400


class InvalidPartOrder(CosServiceError):
    """The parts are not listed in ascending order."""

    status = 400


class InvalidPolicyDocument(CosServiceError):
    """The policy of the form is not valid."""

    status = 400


class InvalidRequest(CosServiceError):
    """The request is not valid."""

    status = 400


class InvalidRetentionPeriod(CosServiceError):
    """The period of retention is out of bounds."""

    status = 400


class InvalidStorageClass(CosServiceError):
    """There is no such storage class."""

    status = 400


class InvalidTag(CosServiceError):
    """A tag is not valid."""

    status = 400


class InvalidURI(CosServiceError):
    """The address cannot be parsed."""

    status = 400


class KeyTooLong(CosServiceError):
    """The key is longer than 850 bytes."""

    status = 400


class ListPartUploadIdIsEmpty(CosServiceError):
    """The uploadId is empty."""

    status = 400


class MalformedPOSTRequest(CosServiceError):
    """The form is not well-formed multipart/form-data."""

    status = 400


class MalformedPolicy(CosServiceError):
    """The bucket policy is not valid."""

    status = 400


class MalformedXML(CosServiceError):
    """The XML is not well-formed or does not follow the published schema."""

    status = 400


class MalformedTrailerError(CosServiceError):
    """The trailer of the body is malformed or not the one that was announced."""

    status = 400


class MissingRequestBodyError(CosServiceError):
    """The request needs a body."""

    status = 400


class MissingSecurityHeader(CosServiceError):
    """The request lacks a required header."""

    status = 400


class NotSupportedStorageClass(CosServiceError):
    """The storage class is not supported."""

    status = 400


class RequestTimeout(CosServiceError):
    """The body did not arrive in time."""

    status = 400


class SSEHeaderNotAllowed(CosServiceError):
    """The encryption header is not allowed here."""

    status = 400


class SsecDecryptHeaderInvalid(CosServiceError):
    """The customer key is missing or wrong."""

    status = 400


class InvalidTargetType(CosServiceError):
    """The symbolic link stands for another symbolic link."""

    status = 400


class NotSymlink(CosServiceError):
    """The object is no symbolic link."""

    status = 400


class TooManyBuckets(CosServiceError):
    """The account has reached its number of buckets."""

    status = 400


class UnexpectedContent(CosServiceError):
    """The request does not take a body."""

    status = 400


class UnresolvableGrantByEmailAddress(CosServiceError):
    """The email address is not of an account here."""

    status = 400


class XAmzContentSHA256Mismatch(CosServiceError):
    """The x-amz-content-sha256 you specified is not the SHA-256 of the body that arrived."""

    status = 400


class XMLSizeLimit(CosServiceError):
    """The XML is larger than allowed."""

    status = 400


class AccessDenied(CosServiceError):
    """Access denied."""

    status = 403


class AccessForbidden(CosServiceError):
    """No CORS rule allows this request."""

    status = 403


class InvalidAccessKeyId(CosServiceError):
    """The access key does not exist."""

    status = 403


class InvalidObjectState(CosServiceError):
    """The object is archived and has to be restored first."""

    status = 403


class PathStyleDomainForbidden(CosServiceError):
    """The bucket does not take path-style addresses."""

    status = 403


class RequestTimeTooSkewed(CosServiceError):
    """The request's time and the server's time differ too much."""

    status = 403


class SignatureDoesNotMatch(CosServiceError):
    """The signature that was computed does not match the one provided."""

    status = 403


class NoSuchBucket(CosServiceError):
    """The specified bucket does not exist."""

    status = 404


class NoSuchBucketPolicy(CosServiceError):
    """The bucket has no policy."""

    status = 404


class DomainConfigNotFoundError(CosServiceError):
    """The bucket has no domain of its own."""

    status = 404


class IntelligentTieringConfigurationNotFoundError(CosServiceError):
    """The bucket has no such rule of intelligent tiering."""

    status = 404


class NoSuchInventoryConfiguration(CosServiceError):
    """The bucket has no such inventory."""

    status = 404


class OriginConfigNotFoundError(CosServiceError):
    """The bucket has no origin."""

    status = 404


class TooManyConfigurations(CosServiceError):
    """The bucket has as many such rules as it can have."""

    status = 400


class SymlinkTargetNotExist(CosServiceError):
    """The target of the symbolic link does not exist."""

    status = 404


class NoSuchCORSConfiguration(CosServiceError):
    """The bucket has no CORS configuration."""

    status = 404


class NoSuchCopySource(CosServiceError):
    """The copy source does not exist."""

    status = 404


class NoSuchKey(CosServiceError):
    """The specified key does not exist."""

    status = 404


class NoSuchLifecycleConfiguration(CosServiceError):
    """The bucket has no lifecycle configuration."""

    status = 404


class NoSuchObjectLockConfiguration(CosServiceError):
    """The object has no such lock."""

    status = 404


class NoSuchPublicAccessBlockConfiguration(CosServiceError):
    """The bucket does not block public access."""

    status = 404


class NoSuchResource(CosServiceError):
    """The Resource You Head Not Exist"""

    status = 404


class NoSuchTagSet(CosServiceError):
    """There is no tag set."""

    status = 404


class NoSuchUpload(CosServiceError):
    """The multipart upload does not exist: it was completed, aborted or never begun."""

    status = 404


class NoSuchVersion(CosServiceError):
    """The specified version does not exist."""

    status = 404


class NoSuchWebsiteConfiguration(CosServiceError):
    """The bucket is no website."""

    status = 404


class ObjectLockConfigurationNotFoundError(CosServiceError):
    """The bucket has no object lock."""

    status = 404


class OwnershipControlsNotFoundError(CosServiceError):
    """The bucket has no ownership controls."""

    status = 404


class ReplicationConfigurationNotFoundError(CosServiceError):
    """The bucket is not replicated."""

    status = 404


class ServerSideEncryptionConfigurationNotFoundError(CosServiceError):
    """The bucket has no default encryption."""

    status = 404


class MethodNotAllowed(CosServiceError):
    """The method is not allowed against this resource."""

    status = 405


class RestoreNonArchiveObject(CosServiceError):
    """The object is not archived."""

    status = 405


class AppendPositionErr(CosServiceError):
    """The position is not the object's length."""

    status = 409


class BucketAlreadyExists(CosServiceError):
    """The bucket name is taken."""

    status = 409


class BucketAlreadyOwnedByYou(CosServiceError):
    """You already own the bucket."""

    status = 409


class BucketNotEmpty(CosServiceError):
    """The bucket is not empty."""

    status = 409


class FileAlreadyExists(CosServiceError):
    """The object exists and may not be overwritten."""

    status = 409


class InvalidBucketState(CosServiceError):
    """The bucket's state does not allow this."""

    status = 409


class ObjectLocked(CosServiceError):
    """The object is locked."""

    status = 409


class ObjectNotAppendable(CosServiceError):
    """The object was not made by appending."""

    status = 409


class PathConflict(CosServiceError):
    """Another request is writing the same key."""

    status = 409


class RestoreAlreadyInProgress(CosServiceError):
    """The object is being restored."""

    status = 409


class MissingContentLength(CosServiceError):
    """The request needs a Content-Length."""

    status = 411


class PreconditionFailed(CosServiceError):
    """A precondition of the request does not hold."""

    status = 412


class InvalidPartNumber(CosServiceError):
    """The requested partnumber is not satisfiable."""

    status = 416


class InvalidRange(CosServiceError):
    """The range cannot be satisfied."""

    status = 416


class InternalError(CosServiceError):
    """The server failed; please try again."""

    status = 500


class NotImplementedOperation(CosServiceError):
    """The server does not implement this."""

    status = 501
    wire_code = "NotImplemented"


class ServiceUnavailable(CosServiceError):
    """The server is not ready; please try again."""

    status = 503


class SlowDown(CosServiceError):
    """Please reduce the request rate."""

    status = 503


BY_CODE: dict[str, type[CosServiceError]] = {
    cls.wire_code or cls.__name__: cls for cls in CosServiceError.__subclasses__()
}
