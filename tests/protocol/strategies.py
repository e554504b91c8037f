"""Random parameters and results of an operation, derived from its row."""

import json
import string
from base64 import b64encode
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from coskit.protocol.codec.dates import http_date
from coskit.protocol.model import Operation, Param, Shape
from tests.support.keys import HOSTILE_KEYS

# Any text that UTF-8 can carry.
texts = st.text(st.characters(codec="utf-8"), max_size=20)
some_texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
keys = st.sampled_from(HOSTILE_KEYS) | some_texts.filter(lambda key: len(key.encode()) <= 850)
buckets = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?-125[0-9]{7}", fullmatch=True)
xml_texts = st.text(
    st.characters(
        codec="utf-8",
        exclude_categories=["Cs"],
        exclude_characters=[chr(c) for c in range(32) if c not in (9, 10, 13)]
        + ["\ufffe", "\uffff"],
    ),
    max_size=20,
)
# Blanks around a header's value are no part of it.
header_texts = st.text(
    st.characters(codec="utf-8", exclude_characters=[chr(c) for c in (*range(32), 127)]),
    min_size=1,
    max_size=20,
).filter(lambda text: text == text.strip(" \t"))
metadata = st.dictionaries(
    st.text(string.ascii_lowercase + string.digits + "-_.!", min_size=1, max_size=8).map(
        lambda name: f"x-cos-meta-{name}"
    ),
    header_texts | st.just(""),
    min_size=1,
    max_size=3,
)
copy_sources = st.fixed_dictionaries(
    {"Bucket": buckets, "Key": keys},
    optional={"VersionId": some_texts},
).flatmap(
    lambda source: st.sampled_from(
        [{**source, "Region": "ap-beijing"}, {**source, "Endpoint": "127.0.0.1:9000"}]
    )
)


# Texts of the forms that parameters may have.
FORMED = {
    "range": st.tuples(st.integers(0, 10**9), st.integers(10**9, 10**18)).map(
        lambda pair: f"bytes={pair[0]}-{pair[1]}"
    )
    | st.integers(0, 10**18).map(lambda first: f"bytes={first}-")
    | st.integers(0, 10**18).map(lambda length: f"bytes=-{length}"),
    "copy range": st.tuples(st.integers(0, 10**9), st.integers(10**9, 10**18)).map(
        lambda pair: f"bytes={pair[0]}-{pair[1]}"
    ),
    "http date": st.integers(0, 10**13).map(http_date),
    "encoded": st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    "md5": st.binary(min_size=16, max_size=16).map(lambda raw: b64encode(raw).decode()),
    "customer key": st.binary(min_size=32, max_size=32).map(lambda raw: b64encode(raw).decode()),
}


def params_of(operation: Operation) -> SearchStrategy[dict[str, Any]]:
    """Draw a call's parameters, without those that stay here and the streamed body."""
    shown = [param for param in operation.params if param.place not in ("local", "body")]
    return st.fixed_dictionaries(
        {param.name: _param(operation, param) for param in shown if param.required},
        optional={param.name: _param(operation, param) for param in shown if not param.required},
    )


def _param(operation: Operation, param: Param) -> SearchStrategy[Any]:
    if param.choices:
        return st.sampled_from([choice for choice in param.choices if choice])
    if param.place == "xml":
        assert operation.body is not None
        return xml_texts if param.wire else documents(operation.body).filter(bool)
    if param.kind == "int":
        return st.integers(-(10**17), 10**17)
    if "int" in param.kind:
        return st.integers(0, 10**17).map(str)
    if param.form:
        return FORMED[param.form]
    return {
        "bucket": buckets,
        "key": keys,
        "query": some_texts,
        "header": header_texts,
        "metadata": metadata,
        "source": copy_sources,
        "json": st.dictionaries(texts, texts).map(json.dumps),
    }[param.place]


def documents(shape: Shape, *, encode: bool = False) -> SearchStrategy[Any]:
    """Draw what stands under a shape: a dict, or the text of an element without children.

    Args:
        shape: of the element.
        encode: draw hostile keys where `encoding-type=url` lets them travel.
    """
    if shape.children:
        required = {c.tag: _field(c, encode) for c in shape.children if not _may_lack(c)}
        optional = {c.tag: _field(c, encode) for c in shape.children if _may_lack(c)}
        fields = st.fixed_dictionaries(required, optional=optional)
        mixing = [child for child in shape.children if child.order]
        return fields.flatmap(lambda value: _ordered(mixing, value)) if mixing else fields
    if shape.choices:
        return st.sampled_from(shape.choices)
    if shape.number:
        return st.integers(0, 10**17)
    if "int" in shape.kind:
        return st.integers(0, 10**17).map(str)
    if encode and shape.encoded:
        return keys
    return xml_texts.filter(bool) if shape.blank else xml_texts


def _ordered(mixing: list[Shape], value: dict[str, Any]) -> SearchStrategy[dict[str, Any]]:
    """Draw an order for the elements of a dict that mix with each other."""
    tags = [child.tag for child in mixing for _ in value.get(child.tag, ())]
    if not tags:
        return st.just(value)
    return st.permutations(tags).map(lambda order: {**value, mixing[0].order: order})


def _field(shape: Shape, encode: bool) -> SearchStrategy[Any]:
    inner = documents(shape, encode=encode)
    if shape.blank and shape.children:
        inner = inner.filter(bool)  # an empty element is None
    if shape.many:
        return st.lists(inner, min_size=0 if shape.always else 1, max_size=3)
    return st.none() | inner if shape.blank else inner


def _may_lack(shape: Shape) -> bool:
    return shape.optional or (shape.many and not shape.always)


def results_of(operation: Operation, *, encode: bool = False) -> SearchStrategy[dict[str, Any]]:
    """Draw a result: the fields of its document and the headers that the row documents."""
    headers: dict[str, SearchStrategy[Any]] = {
        name: header_texts for name, _ in operation.headers if name != "Content-Type"
    }
    shape = operation.result
    if operation.text:
        return st.fixed_dictionaries({operation.text: texts}, optional=headers)
    if shape is None:
        return st.fixed_dictionaries({}, optional=headers)
    fields = documents(shape, encode=encode) if shape.children else st.just({})
    if not shape.children:
        fields = st.fixed_dictionaries({shape.tag: xml_texts})
    if encode and any(child.tag == "EncodingType" for child in shape.children):
        fields = fields.map(lambda value: {**value, "EncodingType": "url"})
    return st.tuples(st.fixed_dictionaries({}, optional=headers), fields).map(
        lambda pair: {**pair[0], **pair[1]}
    )
