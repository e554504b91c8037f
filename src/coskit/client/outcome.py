"""What an answer means: a result, or the exception it stands for. Success is never assumed."""

from typing import Any

from coskit.client.dialect import Dialect
from coskit.protocol.acl import canned_acl
from coskit.protocol.messages import Response
from coskit.protocol.spec import Operation
from coskit.protocol.xml import NotThisShape

_PROLOGUE = 256  # bytes in which the root of an error document begins


def decode(
    dialect: Dialect,
    operation: Operation,
    response: Response,
    resource: str,
    *,
    keep_encoded: bool,
) -> dict[str, Any] | None:
    """Return an operation's result.

    Args:
        dialect: of the answer.
        operation: the row.
        response: whole, its length already checked, with the headers in the names of COS.
        resource: the address, for an error to name.
        keep_encoded: the caller asked for percent-encoded keys.

    Raises:
        CosServiceError: the status or the document says that the operation failed.
    """
    if response.status not in operation.status:
        raise dialect.failure(operation, response, resource)
    # Where nothing is expected, a document can only be an error inside a success.
    expected = operation.result is not None or operation.text
    if response.body and not expected and b"<Error" in response.body[:_PROLOGUE]:
        raise dialect.failure(operation, response, resource)
    if operation.returns == "none":
        return None
    if response.status == 304:
        return dict(response.headers)
    try:
        result = dialect.result(operation, response, keep_encoded=keep_encoded)
    except NotThisShape as cause:
        raise dialect.failure(operation, response, resource) from cause
    if operation.late and not result.get("ETag"):
        raise dialect.failure(operation, response, resource)
    if operation.listing and not keep_encoded:
        result.pop("EncodingType", None)
    if "AccessControlList" in result:
        result["CannedACL"] = canned_acl(result)
    return result
