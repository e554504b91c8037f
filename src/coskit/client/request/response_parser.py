"""Turn a response into an operation's result, or raise the matching error."""

import json
from collections.abc import Mapping
from typing import Any

from coskit.client.request.dialects.dialect import ClientDialect
from coskit.client.request.range_check import check_range
from coskit.protocol.bucket.acl import canned_acl
from coskit.protocol.codec.conditional_headers import NOT_MODIFIED_CONDITIONS
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.codec.ranges import etag_matches
from coskit.protocol.codec.xml.document import NotThisShape
from coskit.protocol.errors import CosException, ObjectChanged, UnexpectedAnswer
from coskit.protocol.messages import Response
from coskit.protocol.model import Operation
from coskit.protocol.operations import OPERATIONS

_PROLOGUE = 256  # bytes in which the root of an error document begins
# Some responses leave out that the listing is complete.
_PAGED = frozenset(
    row.name
    for row in OPERATIONS
    if row.result and any(child.tag == "IsTruncated" for child in row.result.children)
)


def parse_response(
    dialect: ClientDialect, call: Call, response: Response, resource: str
) -> dict[str, Any] | None:
    """Return an operation's result.

    Args:
        dialect: the dialect of the service.
        call: the call that was sent.
        response: the whole response, of the right length, with the headers in the names of COS.
        resource: the address, which errors name.

    Raises:
        CosServiceError: the status or the document says that the operation failed.
        UnexpectedAnswer: the response says success, but lacks parts that the service's response
            would have.
    """
    operation = call.operation
    if response.status not in operation.status:
        raise dialect.error(operation, response, resource)
    has_document = operation.result is not None or bool(operation.text)
    # Where nothing is expected, a document can only be an error inside a success.
    if not has_document and response.body and b"<Error" in response.body[:_PROLOGUE]:
        raise dialect.error(operation, response, resource)
    bare = not (has_document or operation.carries)
    if not dialect.is_genuine(response, bare=bare or response.status == 304):
        raise _unproven(dialect, operation, response, resource, "a request id")
    if response.status == 304:
        return _not_modified(dialect, call, response, resource)
    if not has_document and dialect.returns_request_id and response.body.strip():
        raise _unproven(dialect, operation, response, resource, "an empty body")
    if operation.returns == "none":
        return None
    result = _result(dialect, call, response, resource)
    if operation.carries and not result.get(operation.carries):
        raise _unproven(dialect, operation, response, resource, operation.carries)
    if operation.name in _PAGED:
        result.setdefault("IsTruncated", "false")
    if operation.listing and not call.keep_encoded:
        result.pop("EncodingType", None)
    if "AccessControlList" in result:
        result["CannedACL"] = canned_acl(result)
    return result


def check_stream(
    dialect: ClientDialect, call: Call, status: int, headers: Mapping[str, str], resource: str
) -> None:
    """Make sure that a response whose body is read next carries what was requested.

    Raises:
        UnexpectedAnswer: the response is not the service's.
        ObjectChanged: the response is about another object than the condition allows.
        IntegrityError: the response carries other bytes of the object.
    """
    response = Response(status, headers)
    if not dialect.is_genuine(response, bare=False):
        raise _unexpected(call.operation, response, resource, "a request id")
    condition, etag = call.headers.get("if-match"), headers["ETag"]
    if condition and not etag_matches(condition, etag.removeprefix("W/")):
        raise ObjectChanged(f"The object changed: its ETag was {condition} and is {etag}")
    check_range(call.headers.get("range", ""), status, headers)


def stream_error(
    dialect: ClientDialect, operation: Operation, response: Response, resource: str
) -> CosException:
    """Return the error for a response that should carry an object and does not."""
    if response.status not in operation.status:
        return dialect.error(operation, response, resource)
    return _unproven(dialect, operation, response, resource, operation.carries)


def _unexpected(
    operation: Operation, response: Response, resource: str, lacks: str
) -> UnexpectedAnswer:
    """Return the error for a response that lacks a part of every response of the service."""
    kind = response.headers.get("Content-Type", "")
    error = UnexpectedAnswer(
        f"{operation.method} {resource} got HTTP {response.status}"
        f"{f' and {kind}' if kind else ''}, but without {lacks}: this is no response of the "
        "service. Check the endpoint, and whether a proxy or portal is in between"
    )
    error.status, error.headers = response.status, dict(response.headers)
    return error


def _result(
    dialect: ClientDialect, call: Call, response: Response, resource: str
) -> dict[str, Any]:
    operation = call.operation
    try:
        if operation.text and not _is_policy(json.loads(response.body)):
            raise NotThisShape("the document is not a policy")
        return dialect.decode(call, response)
    except (NotThisShape, ValueError) as cause:
        raise _unproven(dialect, operation, response, resource, _document_of(operation)) from cause


def _is_policy(document: object) -> bool:
    """Return whether a JSON document is a policy: an object with a Statement, in any case."""
    return isinstance(document, dict) and any(name.lower() == "statement" for name in document)


def _document_of(operation: Operation) -> str:
    return f"<{operation.result.tag}>" if operation.result else "a policy"


def _not_modified(
    dialect: ClientDialect, call: Call, response: Response, resource: str
) -> dict[str, Any]:
    # RFC 9110 15.4.5: a 304 is the response to a condition.
    if not any(name in call.headers for name in NOT_MODIFIED_CONDITIONS):
        raise dialect.error(call.operation, response, resource)
    return dict(response.headers)


def _unproven(
    dialect: ClientDialect, operation: Operation, response: Response, resource: str, lacks: str
) -> CosException:
    """Return the error in a response's document, else the error for what the response lacks."""
    error = dialect.error(operation, response, resource)
    if error.code != f"HTTP{response.status}":
        return error
    return _unexpected(operation, response, resource, lacks)
