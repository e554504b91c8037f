"""Encode an operation's parameters as a request: each place of a parameter has one function."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.protocol.codec.copy_source import encode_copy_source
from coskit.protocol.codec.formats import FORMATS, INTEGER, customer_key
from coskit.protocol.codec.xml import document as xml
from coskit.protocol.codec.xml.strict import check_value
from coskit.protocol.errors import ParameterError
from coskit.protocol.messages import (
    META_PREFIX,
    encode_text,
    is_header_name,
    percent_encode,
    unsendable,
)
from coskit.protocol.model import TRUTHS, Operation, Param

_AMZ_META_PREFIX = "x-amz-meta-"


@dataclass(slots=True)
class Call:
    """An operation's parameters, encoded for the wire but not addressed or signed yet.

    Attributes:
        operation: the row of the table.
        bucket: the bucket's name, or None for the service.
        key: the object's key, or None for a bucket.
        query: decoded pairs.
        headers: values by lower-case name.
        body: the XML or JSON document, or None.
        content: the value of the parameter Body, or None.
        local: parameters that steer the client.
        keep_encoded: whether the result keeps percent-encoded keys as they are.
    """

    operation: Operation
    bucket: str | None = None
    key: str | None = None
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content: Any = None
    local: dict[str, Any] = field(default_factory=dict)
    keep_encoded: bool = False


def encode_request(operation: Operation, params: Mapping[str, Any]) -> Call:
    """Encode an operation's parameters; None and empty optional ones are left out.

    Raises:
        ParameterError: a parameter is missing, unknown, of a wrong type or cannot be sent.
    """
    call = Call(operation)
    if operation.flag:
        call.query.append((operation.flag, ""))
    plan = _plan(operation)
    writers = plan.writers
    document: dict[str, Any] = {}
    for name, value in params.items():
        if value is None:
            continue
        writer = writers.get(name)
        if writer is None:
            raise ParameterError(f"No Parameter Named {name} Please Check It")
        write, param = writer
        write(param, call, value, document)
    for name in plan.required:
        if params.get(name) is None:
            raise ParameterError(f"{operation.function} needs {name}")
    if operation.body and (document or plan.needs_document):
        try:
            call.body = xml.dump(operation.body, document)
        except (xml.UnwritableText, xml.NotThisShape) as cause:
            raise ParameterError(str(cause)) from cause
        call.headers["content-type"] = "application/xml"
    if call.body is not None:
        call.headers["content-md5"] = content_md5(call.body)
    return call


# Takes a parameter, the call to write into, the parameter's value, and the document's fields.
_Write = Callable[[Param, Call, Any, dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class _EncodingPlan:
    """A row's encoding, worked out once.

    Attributes:
        writers: the function that writes each parameter, with the parameter.
        required: names of parameters without which nothing is sent.
        needs_document: whether the document is sent even if it is empty.
    """

    writers: Mapping[str, tuple[_Write, Param]]
    required: tuple[str, ...]
    needs_document: bool


@cache
def _plan(operation: Operation) -> _EncodingPlan:
    params = operation.params
    return _EncodingPlan(
        writers={
            param.name: (_BY_FORM.get(param.form) or _BY_PLACE[param.place], param)
            for param in params
        },
        required=tuple(param.name for param in params if param.required),
        needs_document=any(p.required and p.place == "xml" and not p.wire for p in params),
    )


def _write_bucket(param: Param, call: Call, value: Any, _: dict[str, Any]) -> None:
    call.bucket = _text(param, value)


def _write_key(param: Param, call: Call, value: Any, _: dict[str, Any]) -> None:
    call.key = _encodable(param.name, _text(param, value))


def _write_query(param: Param, call: Call, value: Any, _: dict[str, Any]) -> None:
    text = _checked(param, value)
    if text or param.required:
        call.query.append((param.wire, text))


def _write_header(param: Param, call: Call, value: Any, _: dict[str, Any]) -> None:
    text = _checked(param, value)
    if text:
        call.headers[param.wire] = text


def _write_encoded_header(param: Param, call: Call, value: Any, _: dict[str, Any]) -> None:
    if text := percent_encode(_encodable(param.name, _text(param, value))):
        call.headers[param.wire] = text


def _write_metadata(param: Param, call: Call, value: Any, _: dict[str, Any]) -> None:
    name = param.name
    if not isinstance(value, Mapping):
        raise ParameterError(
            f"{name} must be a dict of names and texts, not {type(value).__name__}"
        )
    for item, text in value.items():
        header = _metadata_name(name, item)
        if header in call.headers:
            raise ParameterError(f"{name} has {header!r} twice")
        call.headers[header] = _plain(param, text)


def _write_customer_key(param: Param, call: Call, value: Any, _: dict[str, Any]) -> None:
    text, md5 = customer_key(param.name, value)
    if not text:
        return
    wire = param.wire
    call.headers[wire] = text
    call.headers.setdefault(f"{wire}-md5", md5)
    call.headers.setdefault(f"{wire.removesuffix('key')}algorithm", "AES256")


def _write_copy_source(param: Param, call: Call, value: Any, _: dict[str, Any]) -> None:
    if not isinstance(value, Mapping):
        raise ParameterError(f"{param.name} must be a dict, not {type(value).__name__}")
    call.headers[param.wire] = _plain(param, encode_copy_source(value))


def _write_xml(param: Param, call: Call, value: Any, document: dict[str, Any]) -> None:
    if param.wire:
        document[param.wire] = _checked(param, value)
        return
    assert call.operation.body is not None, "a row with a parameter in XML has a shape"
    try:
        check_value(call.operation.body, value, param.name)
    except xml.NotThisShape as cause:
        raise ParameterError(str(cause)) from cause
    document.update(value)


def _write_json(param: Param, call: Call, value: Any, _: dict[str, Any]) -> None:
    call.body = _encodable(param.name, _json(param.name, value)).encode()
    call.headers["content-type"] = "application/json"


def _write_content(_: Param, call: Call, value: Any, __: dict[str, Any]) -> None:
    call.content = value


def _write_local(param: Param, call: Call, value: Any, _: dict[str, Any]) -> None:
    call.local[param.name] = value


_BY_PLACE: Mapping[str, _Write] = {
    "bucket": _write_bucket,
    "key": _write_key,
    "query": _write_query,
    "header": _write_header,
    "metadata": _write_metadata,
    "source": _write_copy_source,
    "xml": _write_xml,
    "json": _write_json,
    "body": _write_content,
    "local": _write_local,
}
_BY_FORM: Mapping[str, _Write] = {
    "customer key": _write_customer_key,
    "encoded": _write_encoded_header,
}


def _metadata_name(name: str, item: Any) -> str:
    """Return the header that carries user metadata of a name."""
    lower = str(item).lower()
    if lower.startswith(_AMZ_META_PREFIX):
        lower = META_PREFIX + lower.removeprefix(_AMZ_META_PREFIX)
    elif not lower.startswith(META_PREFIX):
        if lower.startswith(("x-cos-", "x-amz-")):
            raise ParameterError(f"{name} holds {item!r}, which is no metadata but a parameter")
        lower = META_PREFIX + lower
    if not is_header_name(lower) or lower == META_PREFIX:
        raise ParameterError(f"{name} holds {item!r}, which cannot name a header")
    return lower


def _text(param: Param, value: Any) -> str:
    if not isinstance(value, str):
        raise ParameterError(f"{param.name} must be text, not {type(value).__name__}")
    return value


def _checked(param: Param, value: Any) -> str:
    """Return the text of a value that is among the choices and has the parameter's form."""
    text = _plain(param, value)
    if param.choices and text not in param.choices and (text or param.required):
        known = ", ".join(filter(None, param.choices))
        raise ParameterError(f"{param.name} must be one of {known}, not {text[:80]!r}")
    if param.form and text:
        has_form, form = FORMATS[param.form]
        if has_form is not None and not has_form(text):
            raise ParameterError(f"{param.name} must be {form}, not {text[:80]!r}")
    return text


def _plain(param: Param, value: Any) -> str:
    """Return the text of a value that is of the parameter's kind."""
    name, kind = param.name, param.kind
    if isinstance(value, bool):
        if param.choices != TRUTHS:
            raise ParameterError(f"{name} must be {_kind_name(kind)}, not bool")
        value = str(value).lower()
    elif isinstance(value, int):
        if kind == "str":
            raise ParameterError(f"{name} must be text, not the number {value}")
    elif not isinstance(value, str):
        raise ParameterError(f"{name} must be {_kind_name(kind)}, not {type(value).__name__}")
    elif "int" in kind and not INTEGER.fullmatch(value):
        raise ParameterError(f"{name} must be a number, not {value[:80]!r}")
    text = _encodable(name, str(value))
    if param.place in ("query", "xml"):
        return text
    if unsendable(text):
        raise ParameterError(
            f"{name} contains a control character, which a header must not contain"
        )
    # HTTP drops blanks around a value, so the signature must not cover them.
    return text.strip(" \t")


def _json(name: str, value: Any) -> str:
    """Return the text of a JSON document, which may be given as text or as a dict."""
    if not isinstance(value, str | Mapping):
        raise ParameterError(f"{name} must be a dict or JSON text, not {type(value).__name__}")
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        json.loads(text)
    except (ValueError, TypeError, RecursionError) as cause:
        raise ParameterError(f"{name} is no JSON: {cause}") from cause
    return text


def _kind_name(kind: str) -> str:
    return "text" if kind == "str" else "a number" if "int" in kind else "text or a number"


def _encodable(name: str, text: str) -> str:
    try:
        encode_text(text)
    except UnicodeEncodeError as cause:
        raise ParameterError(f"{name} holds half a surrogate pair, which is no text") from cause
    return text
