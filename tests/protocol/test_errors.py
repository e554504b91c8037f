"""The exceptions: one class for each code, their texts, and the vendor's spelling."""

import copy
import pickle

import pytest

from coskit.protocol import errors
from coskit.protocol.codec.xml.error_document import decode_error
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
)

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


def test_every_code_has_one_class() -> None:
    assert {code: cls.status for code, cls in BY_CODE.items()} == STATUS_OF


def test_every_class_is_an_exception_of_the_tree() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type)]
    exceptions = {c for c in classes if issubclass(c, Exception)}
    assert all(issubclass(cls, CosException) for cls in exceptions)
    leaves = exceptions - {CosException, CosServiceError, CosClientError}
    assert all(
        issubclass(cls, CosServiceError) != issubclass(cls, CosClientError) for cls in leaves
    )
    assert issubclass(TransferTimeout, TimeoutError)


def test_the_text_of_an_error_names_the_facts() -> None:
    error = decode_error(404, {}, DOCUMENT, method="GET", resource="asked", attempts=3)
    assert str(error) == (
        "The specified key does not exist. (HTTP 404, GET h/k, request id rid, 3 attempts)"
    )
    assert str(NoSuchKey()) == "The specified key does not exist. (HTTP 404)"
    assert str(CosServiceError(code="X")) == "X: The service returned an error. (HTTP 400)"


def test_the_text_of_an_error_has_no_headers_and_no_body() -> None:
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
