"""What an answer means: a result, or the exception it stands for. Success is never assumed."""

from collections.abc import Mapping
from typing import Any

from coskit.protocol.acl import canned_acl
from coskit.protocol.codec import decode_result
from coskit.protocol.errors import CosServiceError, IntegrityError, decode_error
from coskit.protocol.messages import Response
from coskit.protocol.spec import Operation
from coskit.protocol.xml import NotThisShape

_PROLOGUE = 256  # bytes in which the root of an error document begins


def decode(
    operation: Operation, response: Response, resource: str, *, keep_encoded: bool
) -> dict[str, Any] | None:
    """Return an operation's result.

    Args:
        operation: the row.
        response: whole, its length already checked.
        resource: the address, for an error to name.
        keep_encoded: the caller asked for percent-encoded keys.

    Raises:
        CosServiceError: the status or the document says that the operation failed.
    """
    if response.status not in operation.status:
        raise failure(operation, response, resource)
    # Where nothing is expected, a document can only be an error inside a success.
    expected = operation.result is not None or operation.text
    if response.body and not expected and b"<Error" in response.body[:_PROLOGUE]:
        raise failure(operation, response, resource)
    if operation.returns == "none":
        return None
    if response.status == 304:
        return dict(response.headers)
    try:
        result = decode_result(
            operation, response.headers, response.body, keep_encoded=keep_encoded
        )
    except NotThisShape as cause:
        raise failure(operation, response, resource) from cause
    if operation.late and not result.get("ETag"):
        raise failure(operation, response, resource)
    if operation.listing and not keep_encoded:
        result.pop("EncodingType", None)
    if "AccessControlList" in result:
        result["CannedACL"] = canned_acl(result)
    return result


def failure(operation: Operation, response: Response, resource: str) -> CosServiceError:
    """Return the exception that an answer stands for."""
    return decode_error(
        response.status,
        response.headers,
        response.body,
        method=operation.method,
        resource=resource,
    )


def check_stored(headers: Mapping[str, str], sent: int) -> None:
    """Compare the CRC64 of what was stored with that of what was sent.

    Raises:
        IntegrityError: the service stored other bytes.
    """
    stored = headers.get("x-cos-hash-crc64ecma", "")
    if stored.isascii() and stored.isdigit() and int(stored) != sent:
        raise IntegrityError(
            f"The service stored bytes with CRC64 {stored}; those sent have {sent}"
        )
