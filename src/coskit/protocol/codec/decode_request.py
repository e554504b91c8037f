"""Decode a request into the parameters of its operation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

from coskit.protocol.codec.copy_source import decode_copy_source
from coskit.protocol.codec.formats import INTEGER
from coskit.protocol.codec.xml import document as xml
from coskit.protocol.errors import (
    CosServiceError,
    InvalidArgument,
    InvalidCopySource,
    ListPartUploadIdIsEmpty,
    MalformedPolicy,
    MalformedXML,
    MissingRequestBodyError,
)
from coskit.protocol.messages import META_PREFIX, encode_text
from coskit.protocol.model import Operation, Param


def decode_request(
    operation: Operation,
    bucket: str | None,
    key: str | None,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes = b"",
    parse: Callable[[bytes], ElementTree.Element] = xml.parse,
) -> dict[str, Any]:
    """Return the parameters in a request, under the SDK's names.

    Args:
        operation: the row, from `match`.
        bucket: the bucket in the address, or None.
        key: the key in the address, or None.
        query: decoded query parameters, the first value of each name.
        headers: the headers by lower-case name.
        body: the XML or JSON document; a streamed Body is not decoded here.
        parse: a parser for documents of unknown senders.

    Raises:
        InvalidArgument: a number is malformed, a value is not among the choices, or a version's id
            is empty.
        MalformedXML: the document does not follow the row's shape.
        MissingRequestBodyError: a required document is missing.
        InvalidCopySource: the copy source has no bucket or no key.
        ListPartUploadIdIsEmpty: a request for the parts of an upload has no upload id.
    """
    plan = _plan(operation)
    params: dict[str, Any] = {}
    if bucket is not None:
        params["Bucket"] = bucket
    if key is not None:
        params["Key"] = key
    if plan.requires_query or not plan.query_names.isdisjoint(query):
        for param in plan.query:
            text = query.get(param.wire, "")
            if text:
                params[param.name] = _value(param, text)
            elif param.required:
                raise _missing(operation, param)
            elif param.name == "VersionId" and param.wire in query:
                # A client that lost the id of an old version would reach the current object.
                raise InvalidArgument("Version id cannot be the empty string")
    if plan.requires_header or not plan.header_names.isdisjoint(headers):
        for param in plan.headers:
            text = headers.get(param.wire, "")
            if text:
                params[param.name] = _value(param, text)
            elif param.required:
                raise _missing(operation, param)
    if plan.has_metadata:
        found = {name: text for name, text in headers.items() if name.startswith(META_PREFIX)}
        if found:
            params["Metadata"] = found
    if operation.body:
        _decode_document(operation, body, parse, params)
    elif operation.has_document:
        _decode_json(operation, body, params)
    return params


def _missing(operation: Operation, param: Param) -> CosServiceError:
    if operation.name == "ListParts":
        return ListPartUploadIdIsEmpty()
    if param.place == "source":
        return InvalidCopySource()
    return InvalidArgument(f"The parameter {param.wire} is missing")


def _value(param: Param, text: str) -> Any:
    if param.place == "source":
        return decode_copy_source(text, of_s3=param.wire.startswith("x-amz-"))
    if param.form == "encoded":
        return _unquoted(param.wire, text)
    if param.kind == "int":
        if not INTEGER.fullmatch(text):
            raise InvalidArgument(f"{param.wire} is not a number: {text[:40]}")
        return int(text)
    if not param.choices:
        return text
    for choice in param.choices:
        if choice.lower() == text.lower():
            return choice
    raise InvalidArgument(f"{param.wire} must be one of {', '.join(filter(None, param.choices))}")


def _unquoted(name: str, text: str) -> str:
    try:
        return unquote_to_bytes(encode_text(text)).decode()
    except UnicodeDecodeError as cause:
        raise InvalidArgument(f"{name} is not the percent-encoding of UTF-8") from cause


def _decode_document(
    operation: Operation,
    body: bytes,
    parse: Callable[[bytes], ElementTree.Element],
    params: dict[str, Any],
) -> None:
    fields = [param for param in operation.params if param.place == "xml"]
    if not body.strip():
        if any(param.required for param in fields):
            raise MissingRequestBodyError
        return
    assert operation.body is not None
    try:
        document = xml.load(operation.body, parse(body), strict=True)
        xml.check_complete(operation.body, document)
    except xml.NotThisShape as cause:
        raise MalformedXML(str(cause)) from cause
    for param in fields:
        value = document if not param.wire else document.get(param.wire)
        if value is None and not param.required:
            continue
        if param.choices and value not in param.choices:
            raise MalformedXML(f"{param.wire} must be one of {', '.join(param.choices)}")
        if value is not None:
            params[param.name] = value


def _decode_json(operation: Operation, body: bytes, params: dict[str, Any]) -> None:
    """Take a JSON body as text; the handler checks it."""
    if not body.strip():
        raise MissingRequestBodyError
    name = next(param.name for param in operation.params if param.place == "json")
    try:
        params[name] = body.decode()
    except UnicodeDecodeError as cause:
        raise MalformedPolicy("The body is not UTF-8") from cause


@dataclass(frozen=True, slots=True)
class _DecodingPlan:
    """A row's decoding, worked out once.

    Attributes:
        query: parameters in the query.
        headers: parameters in the headers.
        query_names: the names of the query parameters in requests.
        header_names: the names of the headers in requests.
        requires_query: whether a query parameter is required.
        requires_header: whether a header is required.
        has_metadata: whether the operation takes user metadata.
    """

    query: tuple[Param, ...]
    headers: tuple[Param, ...]
    query_names: frozenset[str]
    header_names: frozenset[str]
    requires_query: bool
    requires_header: bool
    has_metadata: bool


@cache
def _plan(operation: Operation) -> _DecodingPlan:
    params = operation.params
    query = tuple(param for param in params if param.place == "query")
    headers = tuple(param for param in params if param.place in ("header", "source"))
    return _DecodingPlan(
        query=query,
        headers=headers,
        query_names=frozenset(param.wire for param in query),
        header_names=frozenset(param.wire for param in headers),
        requires_query=any(param.required for param in query),
        requires_header=any(param.required for param in headers),
        has_metadata=any(param.place == "metadata" for param in params),
    )
