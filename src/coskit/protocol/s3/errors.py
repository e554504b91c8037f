"""Errors of the S3 dialect: the codes that differ from COS, and the error document."""

from collections.abc import Container, Mapping

from coskit.protocol.codec.xml.document import escape, writable
from coskit.protocol.errors import CosServiceError
from coskit.protocol.s3.names import words_to_s3

# The code of COS, with the code and the status of S3 for the same fault.
_CODES: Mapping[str, tuple[str, int]] = {
    "BucketVersionNotOpen": ("NoSuchVersion", 404),
    "InvalidCopySource": ("InvalidArgument", 400),
    "InvalidDelimiter": ("InvalidArgument", 400),
    "KeyTooLong": ("KeyTooLongError", 400),
    "ListPartUploadIdIsEmpty": ("InvalidArgument", 400),
    "MissingRequestBodyError": ("MalformedXML", 400),
    "NoSuchCopySource": ("NoSuchKey", 404),
    "NotSupportedStorageClass": ("InvalidStorageClass", 400),
    "ObjectLocked": ("AccessDenied", 403),
    "RestoreNonArchiveObject": ("InvalidObjectState", 403),
    "SSEHeaderNotAllowed": ("InvalidRequest", 400),
    "SsecDecryptHeaderInvalid": ("InvalidRequest", 400),
    "XMLSizeLimit": ("MaxMessageLengthExceeded", 400),
}


# Messages that programs compare letter for letter.
_MESSAGES: Mapping[str, str] = {"NoSuchBucket": "The specified bucket does not exist"}

# Codes of S3 alone, with the code of COS for the same fault.
COS_NAMES: Mapping[str, str] = {
    "ConditionalRequestConflict": "PathConflict",
    "KeyTooLongError": "KeyTooLong",
    "MaxMessageLengthExceeded": "XMLSizeLimit",
    "OperationAborted": "PathConflict",
    "ServerBusy": "SlowDown",
    "SlowDownRead": "SlowDown",
    "SlowDownWrite": "SlowDown",
}


def translate(error: CosServiceError) -> None:
    """Replace an error's code, status and message by the S3 ones."""
    code, status = _CODES.get(error.code, (error.code, error.status))
    error.code, error.status = code, status
    error.message = _MESSAGES.get(code) or words_to_s3(error.message)


def code_to_s3(code: str) -> str:
    """Return the S3 code for a COS code."""
    return _CODES[code][0] if code in _CODES else code


# Conditions in the order of their precedence, as S3 spells them.
_CONDITIONS = (
    "If-Match",
    "If-Unmodified-Since",
    "If-None-Match",
    "If-Modified-Since",
    "x-amz-copy-source-If-Match",
    "x-amz-copy-source-If-Unmodified-Since",
    "x-amz-copy-source-If-None-Match",
    "x-amz-copy-source-If-Modified-Since",
)


def encode_error(
    error: CosServiceError, bucket: str | None, key: str | None, headers: Container[str] = ()
) -> bytes:
    """Return the error document; no field is empty.

    Args:
        error: the error, after `translate`.
        bucket: the bucket in the request, or None.
        key: the key in the request, or None.
        headers: lower-case names of the request's headers, to name a failed condition.
    """
    about = {"BucketName": bucket or "", "Key": key or ""}
    if error.code == "PreconditionFailed":
        about["Condition"] = next((name for name in _CONDITIONS if name.lower() in headers), "")
    fields = {
        "Code": error.code,
        "Message": error.message,
        **{tag: text for tag, text in about.items() if text},
        "Resource": f"/{bucket}/{key or ''}" if bucket else "/",
        "RequestId": error.request_id or "-",
        "HostId": error.trace_id or error.request_id or "-",
    }
    inner = "".join(f"<{tag}>{escape(writable(text))}</{tag}>" for tag, text in fields.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()
