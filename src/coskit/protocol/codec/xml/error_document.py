"""The XML document of an error, written and read."""

from collections.abc import Mapping
from types import MappingProxyType
from xml.etree import ElementTree

from coskit.protocol.codec.xml.document import escape, writable
from coskit.protocol.errors import BY_CODE, CosServiceError


def encode_error(error: CosServiceError) -> bytes:
    """Return the error document; no field is empty, since clients reject documents with one."""
    fields = (
        ("Code", error.code),
        ("Message", error.message),
        ("Resource", error.resource or "/"),
        ("RequestId", error.request_id or "-"),
        ("TraceId", error.trace_id or error.request_id or "-"),
    )
    inner = "".join(f"<{tag}>{escape(writable(text))}</{tag}>" for tag, text in fields)
    return f"<?xml version='1.0' encoding='utf-8' ?>\n<Error>{inner}</Error>".encode()


def decode_error(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    method: str = "",
    resource: str = "",
    attempts: int = 1,
    names: Mapping[str, str] = MappingProxyType({}),
) -> CosServiceError:
    """Return the exception for an error response; missing fields are filled in.

    Responses to HEAD have no body: the code follows from the status, the ids from the headers.

    Args:
        status: the response's status.
        headers: the response's headers.
        body: the document, or any other body in its place.
        method: the request's method.
        resource: the request's address, if the document has none.
        attempts: the number of times that the request was sent.
        names: for codes that are not in the vendor's table, the code whose class to use.
    """
    fields = _error_fields(body)
    code = fields.get("Code") or _CODE_OF_STATUS.get(status) or f"HTTP{status}"
    cls = BY_CODE.get(names.get(code, code), CosServiceError)
    return cls(
        fields.get("Message", ""),
        code=code,
        status=status,
        resource=fields.get("Resource") or resource,
        request_id=fields.get("RequestId") or headers.get("x-cos-request-id", ""),
        trace_id=fields.get("TraceId") or fields.get("HostId") or headers.get("x-cos-trace-id", ""),
        method=method,
        attempts=attempts,
        headers=dict(headers),
        body=body.decode("utf-8", "replace"),
    )


# The code for a status without a document, as after HEAD.
_CODE_OF_STATUS = {
    304: "NotModified",
    400: "InvalidRequest",
    403: "AccessDenied",
    404: "NoSuchResource",
    405: "MethodNotAllowed",
    409: "InvalidBucketState",
    411: "MissingContentLength",
    412: "PreconditionFailed",
    416: "InvalidRange",
    500: "InternalError",
    501: "NotImplemented",
    503: "ServiceUnavailable",
}


def _error_fields(body: bytes) -> dict[str, str]:
    try:
        root = ElementTree.fromstring(body.strip())  # noqa: S314 - a client reading its server
    except ElementTree.ParseError:
        return {}
    if root.tag.rpartition("}")[2] != "Error":
        return {}
    return {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in root}
