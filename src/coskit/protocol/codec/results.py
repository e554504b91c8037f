"""Encode an operation's result as a response, and decode a response into the result."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote

from coskit.protocol.codec.xml import document as xml
from coskit.protocol.codec.xml.fast_listing import read_document
from coskit.protocol.messages import Response, percent_encode
from coskit.protocol.model import Operation


def encode_result(
    operation: Operation, result: Mapping[str, Any], *, status: int = 0, encode: bool = False
) -> Response:
    """Encode a result: its XML fields as the document, all other texts as headers.

    Args:
        operation: the row.
        result: the result as the SDK's dict.
        status: the status if it is not the row's first.
        encode: whether the request has `encoding-type=url`.
    """
    shape = operation.result
    fields = _document_fields(operation)
    headers = {name: text for name, text in result.items() if name not in fields}
    for name in operation.encoded_headers:
        if name in headers:
            headers[name] = percent_encode(headers[name])
    if operation.text:
        headers["Content-Type"] = "application/json"
        return Response(status or operation.status[0], headers, result[operation.text].encode())
    if shape is None:
        return Response(status or operation.status[0], headers)
    headers["Content-Type"] = "application/xml"
    document = xml.dump(shape, result, encode=encode)
    return Response(status or operation.status[0], headers, document)


def decode_result(
    operation: Operation,
    headers: Mapping[str, str],
    body: bytes,
    *,
    keep_encoded: bool = False,
) -> dict[str, Any]:
    """Decode a response into the SDK's dict: headers, XML fields and aliases.

    Args:
        operation: the row.
        headers: the headers in the vendor's spelling.
        body: the XML document, if the row has one.
        keep_encoded: whether percent-encoded keys stay encoded.

    Raises:
        NotThisShape: the body is another document, such as an error in a 200.
    """
    result: dict[str, Any] = dict(headers) if operation.headers else {}
    for name in operation.encoded_headers:
        if name in result:
            result[name] = unquote(result[name], errors="surrogateescape")
    if operation.text:
        result[operation.text] = body.decode()
    if operation.result is not None:
        result.update(read_document(operation.result, body, decode=not keep_encoded))
    for name, path in operation.aliases:
        found: Any = result
        for step in path.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
        if found is not None:
            result[name] = found
    return result


@cache
def _document_fields(operation: Operation) -> frozenset[str]:
    """Return the keys of a result that are not headers."""
    shape = operation.result
    if shape is None:
        return frozenset((operation.text,))
    return frozenset(
        (
            *(child.tag for child in shape.children or (shape,)),
            *(child.order for child in shape.children if child.order),
            *(name for name, _ in operation.aliases),
        )
    )
