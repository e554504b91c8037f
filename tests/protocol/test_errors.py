"""The exceptions, and the documents that carry them."""

import copy
import pickle
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given

from coskit.protocol import errors
from coskit.protocol.errors import (
    BY_CODE,
    CosClientError,
    CosException,
    CosServiceError,
    CredentialsError,
    IntegrityError,
    NoSuchKey,
    ParameterError,
    TransferTimeout,
    TransportError,
    decode_error,
    encode_error,
)
from tests.protocol.strategies import texts
from tests.support.keys import HOSTILE_KEYS, UNWRITABLE_KEYS

DOCUMENT = (
    b"<?xml version='1.0' encoding='utf-8' ?>\n<Error><Code>NoSuchKey</Code>"
    b"<Message>The specified key does not exist.</Message><Resource>h/k</Resource>"
    b"<RequestId>rid</RequestId><TraceId>tid</TraceId></Error>"
)
# The codes of the vendor's table, by status.
CODES = {
    400: """BadDigest InvalidDigest EntityTooLarge EntityTooSmall IncompleteBody ExpiredToken
        InvalidArgument InvalidBucketName InvalidCopySource InvalidDelimiter KeyTooLong InvalidPart
        InvalidPartOrder InvalidRequest InvalidTag InvalidURI InvalidPolicyDocument
        ListPartUploadIdIsEmpty MalformedXML MalformedPolicy MalformedPOSTRequest
        MissingRequestBodyError IncorrectNumberOfFilesInPostRequest NotSupportedStorageClass
        BucketVersionNotOpen TooManyBuckets RequestTimeout XMLSizeLimit UnexpectedContent
        SSEHeaderNotAllowed SsecDecryptHeaderInvalid TooManyConfigurations InvalidTargetType
        NotSymlink""",
    403: """AccessDenied AccessForbidden InvalidAccessKeyId SignatureDoesNotMatch
        RequestTimeTooSkewed InvalidObjectState PathStyleDomainForbidden""",
    404: """NoSuchBucket NoSuchKey NoSuchVersion NoSuchUpload NoSuchCopySource
        NoSuchCORSConfiguration NoSuchLifecycleConfiguration NoSuchTagSet NoSuchBucketPolicy
        NoSuchResource DomainConfigNotFoundError OriginConfigNotFoundError
        IntelligentTieringConfigurationNotFoundError NoSuchInventoryConfiguration
        SymlinkTargetNotExist""",
    405: "MethodNotAllowed RestoreNonArchiveObject",
    409: """BucketAlreadyExists BucketAlreadyOwnedByYou BucketNotEmpty InvalidBucketState
        PathConflict ObjectLocked RestoreAlreadyInProgress AppendPositionErr
        ObjectNotAppendable FileAlreadyExists""",
    411: "MissingContentLength",
    412: "PreconditionFailed",
    416: "InvalidRange",
    500: "InternalError",
    501: "NotImplemented",
    503: "ServiceUnavailable SlowDown",
}
# The codes that only S3 has.
S3_CODES = {
    400: """AccessControlListNotSupported AuthorizationHeaderMalformed
        AuthorizationQueryParametersError InvalidBucketAclWithObjectOwnership
        InvalidChunkSizeError InvalidRetentionPeriod InvalidStorageClass MalformedTrailerError
        MissingSecurityHeader UnresolvableGrantByEmailAddress XAmzContentSHA256Mismatch""",
    404: """NoSuchObjectLockConfiguration NoSuchPublicAccessBlockConfiguration
        NoSuchWebsiteConfiguration ObjectLockConfigurationNotFoundError
        OwnershipControlsNotFoundError ReplicationConfigurationNotFoundError
        ServerSideEncryptionConfigurationNotFoundError""",
    416: "InvalidPartNumber",
}
STATUS_OF = {
    code: status
    for table in (CODES, S3_CODES)
    for status, codes in table.items()
    for code in codes.split()
}


def test_every_code_has_its_class_and_none_else() -> None:
    assert {code: cls.status for code, cls in BY_CODE.items()} == STATUS_OF


@pytest.mark.parametrize("code", STATUS_OF)
def test_an_error_crosses_the_wire(code: str) -> None:
    raised = BY_CODE[code](resource="host/key", request_id="rid")
    read = decode_error(raised.status, {}, encode_error(raised))
    assert type(read) is BY_CODE[code]
    assert (read.code, read.status, read.message) == (code, STATUS_OF[code], raised.message)
    assert (read.resource, read.request_id, read.trace_id) == ("host/key", "rid", "rid")
    assert "\n" not in read.message


def test_every_class_is_an_exception_of_the_tree() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type)]
    exceptions = {c for c in classes if issubclass(c, Exception)}
    assert all(issubclass(cls, CosException) for cls in exceptions)
    leaves = exceptions - {CosException, CosServiceError, CosClientError}
    assert all(
        issubclass(cls, CosServiceError) != issubclass(cls, CosClientError) for cls in leaves
    )
    assert issubclass(TransferTimeout, TimeoutError)


MISSING_PARTS = {
    "Code": ("NoSuchResource", "The specified key does not exist.", "h/k", "rid", "tid"),
    "Message": ("NoSuchKey", "The specified key does not exist.", "h/k", "rid", "tid"),
    "Resource": ("NoSuchKey", "The specified key does not exist.", "asked", "rid", "tid"),
    "RequestId": ("NoSuchKey", "The specified key does not exist.", "h/k", "from header", "tid"),
    "TraceId": ("NoSuchKey", "The specified key does not exist.", "h/k", "rid", "trace header"),
}


@pytest.mark.parametrize(("missing", "facts"), MISSING_PARTS.items())
@pytest.mark.parametrize("instead", [b"", b"<\\1/>", b"<\\1> </\\1>"])
def test_a_document_may_lack_an_element(
    missing: str, facts: tuple[str, ...], instead: bytes
) -> None:
    name = missing.encode()
    body = re.sub(rb"<(%b)>.*?</%b>" % (name, name), instead, DOCUMENT)
    headers = {"x-cos-request-id": "from header", "x-cos-trace-id": "trace header"}
    error = decode_error(404, headers, body, method="GET", resource="asked")
    found = (error.code, error.message, error.resource, error.request_id, error.trace_id)
    assert found == facts
    assert error.body == body.decode()


BODIES = {
    "nothing": b"",
    "HTML": b"<html><body>Bad<br>Gateway</body></html>",
    "text": b"upstream failed",
    "another document": b"<ListBucketResult/>",
    "half a document": DOCUMENT[:-9],
    "bytes": b"\x00\xff\xfe",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (304, "NotModified"),
        (400, "InvalidRequest"),
        (403, "AccessDenied"),
        (404, "NoSuchResource"),
        (412, "PreconditionFailed"),
        (416, "InvalidRange"),
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (302, "HTTP302"),
        (502, "HTTP502"),
        (200, "HTTP200"),
    ],
)
def test_without_a_document_the_status_speaks(status: int, code: str, body: bytes) -> None:
    error = decode_error(status, {"x-cos-request-id": "rid"}, body, method="HEAD", resource="h/k")
    assert (error.code, error.status, error.request_id) == (code, status, "rid")
    assert type(error) is BY_CODE.get(code, CosServiceError)
    assert str(error).count("\n") == 0
    assert f"HTTP {status}, HEAD h/k, request id rid" in str(error)


def test_an_unknown_code_is_kept() -> None:
    error = decode_error(418, {}, b"<Error><Code>Teapot</Code><Message>short</Message></Error>")
    assert type(error) is CosServiceError
    assert (error.code, error.status, error.message) == ("Teapot", 418, "short")


@pytest.mark.parametrize("lead", [b"", b"  \n", b"   \r\n\t"])
@pytest.mark.parametrize("root", [b"<Error>", b'<Error xmlns="urn:x">'])
def test_blanks_and_namespaces_do_not_matter(lead: bytes, root: bytes) -> None:
    body = lead + DOCUMENT.replace(b"<Error>", root)
    assert type(decode_error(200, {}, body)) is NoSuchKey


def test_an_error_inside_a_200_keeps_that_status() -> None:
    assert decode_error(200, {}, DOCUMENT).status == 200


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=ascii)
def test_a_hostile_key_does_not_spoil_the_document(key: str) -> None:
    error = NoSuchKey(f"about {key}", resource=f"host/{key}|", request_id="rid")
    fields = {child.tag: child.text for child in ElementTree.fromstring(encode_error(error))}
    assert list(fields) == ["Code", "Message", "Resource", "RequestId", "TraceId"]
    assert all(fields.values())
    if key not in UNWRITABLE_KEYS:
        assert fields["Resource"] == f"host/{key}|"


@given(text=texts)
def test_no_field_is_ever_empty(text: str) -> None:
    document = encode_error(CosServiceError(text, code="X"))
    assert all(child.text for child in ElementTree.fromstring(document))


def test_the_text_of_an_error_names_the_facts() -> None:
    error = decode_error(404, {}, DOCUMENT, method="GET", resource="asked", attempts=3)
    assert str(error) == (
        "The specified key does not exist. (HTTP 404, GET h/k, request id rid, 3 attempts)"
    )
    assert str(NoSuchKey()) == "The specified key does not exist. (HTTP 404)"
    assert str(CosServiceError(code="X")) == "X: The service answered with an error. (HTTP 400)"


def test_the_text_of_an_error_tells_no_headers_and_no_body() -> None:
    headers = {"Authorization": "hidden header", "x-cos-security-token": "hidden token"}
    error = decode_error(403, headers, b"hidden body", method="GET", resource="h/k")
    assert "hidden" not in str(error)
    assert "hidden" not in repr(error)


def test_the_vendors_spelling_of_the_facts() -> None:
    error = decode_error(404, {}, DOCUMENT)
    assert error.get_digest_msg() == {
        "code": "NoSuchKey",
        "message": "The specified key does not exist.",
        "resource": "h/k",
        "requestid": "rid",
        "traceid": "tid",
    }
    assert error.get_origin_msg() == DOCUMENT.decode()
    assert (error.get_status_code(), error.get_error_code()) == (404, "NoSuchKey")
    assert error.get_error_msg() == "The specified key does not exist."
    assert error.get_resource_location() == "h/k"
    assert (error.get_request_id(), error.get_trace_id()) == ("rid", "tid")


EXCEPTIONS: list[CosException] = [
    decode_error(404, {"a": "b"}, DOCUMENT, method="GET", attempts=2),
    decode_error(502, {}, b"<html>"),
    errors.NotImplementedOperation("no"),
    ParameterError("p"),
    CredentialsError("c"),
    IntegrityError("i"),
    TransportError("t", attempts=3, sent=False),
    TransferTimeout("o", attempts=4, sent=False),
]


@pytest.mark.parametrize("error", EXCEPTIONS, ids=lambda e: type(e).__name__)
def test_an_exception_survives_pickling_and_copying(error: CosException) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)


def test_an_exception_has_headers_of_its_own() -> None:
    NoSuchKey().headers["a"] = "b"
    assert NoSuchKey().headers == {}
