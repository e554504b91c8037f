"""Parameters <-> request and result <-> response, compiled from a row when it is first used."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote, unquote, unquote_to_bytes
from xml.etree import ElementTree

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.protocol.codec.copy_source import decode_copy_source, encode_copy_source
from coskit.protocol.codec.formats import FORMATS, customer_key
from coskit.protocol.codec.xml import document as xml
from coskit.protocol.codec.xml.fast_listing import read_document
from coskit.protocol.codec.xml.strict import check_value
from coskit.protocol.errors import (
    CosServiceError,
    InvalidArgument,
    InvalidCopySource,
    ListPartUploadIdIsEmpty,
    MalformedPolicy,
    MalformedXML,
    MissingRequestBodyError,
    ParameterError,
)
from coskit.protocol.messages import Response, encode_text, is_header_name, unsendable
from coskit.protocol.model import TRUTHS, Operation, Param, Shape

META = "x-cos-meta-"
_OTHER_META = "x-amz-meta-"
_NOTHING = Shape("")
_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)


@dataclass(slots=True)
class Call:
    """An operation's parameters, laid out for the wire but not yet addressed or signed.

    Attributes:
        operation: the row.
        bucket: or None for the service.
        key: or None for a bucket.
        query: decoded pairs.
        headers: by lower-case name.
        body: the XML document, or None.
        content: what the caller passed as Body, or None.
        local: parameters that steer the client.
    """

    operation: Operation
    bucket: str | None = None
    key: str | None = None
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content: Any = None
    local: dict[str, Any] = field(default_factory=dict)


def encode_request(operation: Operation, params: Mapping[str, Any]) -> Call:
    """Lay out an operation's parameters; None and empty optional ones are left out.

    Raises:
        ParameterError: one is missing, unknown, of a wrong type or cannot be sent.
    """
    call = Call(operation)
    if operation.flag:
        call.query.append((operation.flag, ""))
    compiled = _compiled(operation)
    writers = compiled.writers
    document: dict[str, Any] = {}
    for name, value in params.items():
        if value is None:
            continue
        writer = writers.get(name)
        if writer is None:
            raise ParameterError(f"No Parameter Named {name} Please Check It")
        writer(call, value, document)
    for name in compiled.required:
        if params.get(name) is None:
            raise ParameterError(f"{operation.function} needs {name}")
    if operation.body and (document or compiled.needs_document):
        try:
            call.body = xml.dump(operation.body, document)
        except (xml.UnwritableText, xml.NotThisShape) as cause:
            raise ParameterError(str(cause)) from cause
        call.headers["content-type"] = "application/xml"
    if call.body is not None:
        call.headers["content-md5"] = content_md5(call.body)
    return call


Writer = Callable[[Call, Any, dict[str, Any]], None]


def _writer(param: Param, shape: Shape) -> Writer:
    """Compile what puts one parameter in its place.

    Args:
        param: of a row.
        shape: of the row's document.
    """
    name, wire = param.name, param.wire
    fits, form = FORMATS[param.form] if param.form else (None, "")

    def checked(value: Any) -> str:
        text = _plain(param, value)
        if param.choices and text not in param.choices and (text or param.required):
            raise ParameterError(
                f"{name} is one of {', '.join(filter(None, param.choices))}, not {text[:80]!r}"
            )
        if fits is not None and text and not fits(text):
            raise ParameterError(f"{name} is {form}, not {text[:80]!r}")
        return text

    def bucket(call: Call, value: Any, _: dict[str, Any]) -> None:
        if not isinstance(value, str):
            raise ParameterError(f"{name} is text, not {type(value).__name__}")
        call.bucket = value

    def key(call: Call, value: Any, _: dict[str, Any]) -> None:
        if not isinstance(value, str):
            raise ParameterError(f"{name} is text, not {type(value).__name__}")
        call.key = _encodable(name, value)

    def query(call: Call, value: Any, _: dict[str, Any]) -> None:
        text = checked(value)
        if text or param.required:
            call.query.append((wire, text))

    def header(call: Call, value: Any, _: dict[str, Any]) -> None:
        text = checked(value)
        if text:
            call.headers[wire] = text

    def encoded(call: Call, value: Any, _: dict[str, Any]) -> None:
        if not isinstance(value, str):
            raise ParameterError(f"{name} is text, not {type(value).__name__}")
        if text := _quoted(_encodable(name, value)):
            call.headers[wire] = text

    def metadata(call: Call, value: Any, _: dict[str, Any]) -> None:
        if not isinstance(value, Mapping):
            raise ParameterError(f"{name} is a dict of names and texts, not {type(value).__name__}")
        for item, text in value.items():
            header = _metadata_name(name, item)
            if header in call.headers:
                raise ParameterError(f"{name} has {header!r} twice")
            call.headers[header] = _plain(param, text)

    def secret(call: Call, value: Any, _: dict[str, Any]) -> None:
        text, md5 = customer_key(name, value)
        if not text:
            return
        call.headers[wire] = text
        call.headers.setdefault(f"{wire}-md5", md5)
        call.headers.setdefault(f"{wire.removesuffix('key')}algorithm", "AES256")

    def source(call: Call, value: Any, _: dict[str, Any]) -> None:
        if not isinstance(value, Mapping):
            raise ParameterError(f"{name} is a dict, not {type(value).__name__}")
        call.headers[wire] = _plain(param, encode_copy_source(value))

    def document(call: Call, value: Any, root: dict[str, Any]) -> None:
        if wire:
            root[wire] = checked(value)
            return
        try:
            check_value(shape, value, name)
        except xml.NotThisShape as cause:
            raise ParameterError(str(cause)) from cause
        root.update(value)

    def policy(call: Call, value: Any, _: dict[str, Any]) -> None:
        call.body = _encodable(name, _json(name, value)).encode()
        call.headers["content-type"] = "application/json"

    def content(call: Call, value: Any, _: dict[str, Any]) -> None:
        call.content = value

    def local(call: Call, value: Any, _: dict[str, Any]) -> None:
        call.local[name] = value

    writers: dict[str, Writer] = {
        "bucket": bucket,
        "key": key,
        "query": query,
        "header": header,
        "metadata": metadata,
        "source": source,
        "xml": document,
        "json": policy,
        "body": content,
        "local": local,
    }
    special: dict[str, Writer] = {"customer key": secret, "encoded": encoded}
    return special.get(param.form) or writers[param.place]


def _quoted(text: str) -> str:
    return quote(encode_text(text), safe="/-_.~")


def _metadata_name(name: str, item: Any) -> str:
    """Return the header that user metadata of a name travels in."""
    lower = str(item).lower()
    if lower.startswith(_OTHER_META):
        lower = META + lower.removeprefix(_OTHER_META)
    elif not lower.startswith(META):
        if lower.startswith(("x-cos-", "x-amz-")):
            raise ParameterError(f"{name} holds {item!r}, which is no metadata but a parameter")
        lower = META + lower
    if not is_header_name(lower) or lower == META:
        raise ParameterError(f"{name} holds {item!r}, which cannot name a header")
    return lower


def _plain(param: Param, value: Any) -> str:
    """Return the text of a value that is of the parameter's kind."""
    name, kind = param.name, param.kind
    if isinstance(value, bool):
        if param.choices != TRUTHS:
            raise ParameterError(f"{name} is {_words(kind)}, not bool")
        value = str(value).lower()
    elif isinstance(value, int):
        if kind == "str":
            raise ParameterError(f"{name} is text, not the number {value}")
    elif not isinstance(value, str):
        raise ParameterError(f"{name} is {_words(kind)}, not {type(value).__name__}")
    elif "int" in kind and not _INTEGER.fullmatch(value):
        raise ParameterError(f"{name} is a number, not {value[:80]!r}")
    text = _encodable(name, str(value))
    if param.place in ("query", "xml"):
        return text
    if unsendable(text):
        raise ParameterError(f"{param.name} holds a control character, which no header can carry")
    # Blanks around a value are lost on the way, so the signature must not cover them.
    return text.strip(" \t")


def _json(name: str, value: Any) -> str:
    """Return a JSON document, which may be given as its text."""
    if not isinstance(value, str | Mapping):
        raise ParameterError(f"{name} is a dict or JSON text, not {type(value).__name__}")
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        json.loads(text)
    except (ValueError, TypeError, RecursionError) as cause:
        raise ParameterError(f"{name} is no JSON: {cause}") from cause
    return text


def _words(kind: str) -> str:
    return "text" if kind == "str" else "a number" if "int" in kind else "text or a number"


def _encodable(name: str, text: str) -> str:
    try:
        encode_text(text)
    except UnicodeEncodeError as cause:
        raise ParameterError(f"{name} holds half a surrogate pair, which is no text") from cause
    return text


def decode_request(
    operation: Operation,
    bucket: str | None,
    key: str | None,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes = b"",
    parse: Callable[[bytes], ElementTree.Element] = xml.parse,
) -> dict[str, Any]:
    """Return the parameters that a request carries, as the SDK's caller named them.

    Args:
        operation: from `match`.
        bucket: from the address.
        key: from the address.
        query: decoded, the first value of each name.
        headers: by lower-case name.
        body: the XML document; a streamed Body stays outside.
        parse: a parser for documents of strangers.

    Raises:
        InvalidArgument: a number is none, a value is not among the choices, or the id of a version
            is empty.
        MalformedXML: the document does not follow the row's shape.
        MissingRequestBodyError: there is no document where one is needed.
        InvalidCopySource: it names no bucket or no key.
        ListPartUploadIdIsEmpty: the parts of no upload are asked for.
    """
    compiled = _compiled(operation)
    params: dict[str, Any] = {}
    if bucket is not None:
        params["Bucket"] = bucket
    if key is not None:
        params["Key"] = key
    for param in compiled.query:
        text = query.get(param.wire, "")
        if text:
            params[param.name] = _value(param, text)
        elif param.required:
            raise _missing(operation, param)
        elif param.name == "VersionId" and param.wire in query:
            # The current object would be meant by who has lost the id of another version.
            raise InvalidArgument("Version id cannot be the empty string")
    for param in compiled.headers:
        text = headers.get(param.wire, "")
        if text:
            params[param.name] = _value(param, text)
        elif param.required:
            raise _missing(operation, param)
    if compiled.has_metadata:
        found = {name: text for name, text in headers.items() if name.startswith(META)}
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
        if not _INTEGER.fullmatch(text):
            raise InvalidArgument(f"{param.wire} is not a number: {text[:40]}")
        return int(text)
    if not param.choices:
        return text
    for choice in param.choices:
        if choice.lower() == text.lower():
            return choice
    raise InvalidArgument(f"{param.wire} is one of {', '.join(filter(None, param.choices))}")


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
            raise MalformedXML(f"{param.wire} is one of {', '.join(param.choices)}")
        if value is not None:
            params[param.name] = value


def _decode_json(operation: Operation, body: bytes, params: dict[str, Any]) -> None:
    """Take a JSON body as it is: its handler says what is wrong with it."""
    if not body.strip():
        raise MissingRequestBodyError
    name = next(param.name for param in operation.params if param.place == "json")
    try:
        params[name] = body.decode()
    except UnicodeDecodeError as cause:
        raise MalformedPolicy("The body is not UTF-8") from cause


def encode_result(
    operation: Operation, result: Mapping[str, Any], *, status: int = 0, encode: bool = False
) -> Response:
    """Write a result: its XML fields as the document, all other text as headers.

    Args:
        operation: the row.
        result: the dict that the SDK documents.
        status: another than the row's first.
        encode: the request asked for `encoding-type=url`.
    """
    shape = operation.result
    fields = _compiled(operation).fields
    headers = {name: text for name, text in result.items() if name not in fields}
    for name in operation.encoded_headers:
        if name in headers:
            headers[name] = _quoted(headers[name])
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
    """Read a response as the dict that the SDK documents: headers, XML fields, seed's aliases.

    Args:
        operation: the row.
        headers: in the vendor's spelling.
        body: the XML document, if the row has one.
        keep_encoded: leave percent-encoded keys as they are.

    Raises:
        NotThisShape: the document is another one, such as an error inside a 200.
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


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What a call only looks up.

    Attributes:
        writers: what puts each parameter in its place.
        required: names of parameters without which nothing is sent.
        needs_document: whether its document is sent even if it is empty.
        query: parameters that a request has in its query.
        headers: parameters that a request has in its headers.
        has_metadata: whether it may have user metadata.
        fields: keys of a result that are no headers.
    """

    writers: Mapping[str, Writer]
    required: tuple[str, ...]
    needs_document: bool
    query: tuple[Param, ...]
    headers: tuple[Param, ...]
    has_metadata: bool
    fields: frozenset[str]


@cache
def _compiled(operation: Operation) -> _Compiled:
    params = operation.params
    return _Compiled(
        writers={param.name: _writer(param, operation.body or _NOTHING) for param in params},
        required=tuple(param.name for param in params if param.required),
        needs_document=any(p.required and p.place == "xml" and not p.wire for p in params),
        query=tuple(param for param in params if param.place == "query"),
        headers=tuple(param for param in params if param.place in ("header", "source")),
        has_metadata=any(param.place == "metadata" for param in params),
        fields=_fields(operation),
    )


def _fields(operation: Operation) -> frozenset[str]:
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
