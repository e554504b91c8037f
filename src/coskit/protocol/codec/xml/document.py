"""XML documents: dicts are written and read under a Shape."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from coskit.protocol.codec.xml.strict import NotThisShape, check_element, local
from coskit.protocol.messages import percent_encode
from coskit.protocol.model import TRUTHS, Shape

__all__ = [
    "NotThisShape",
    "UnwritableText",
    "check_complete",
    "dump",
    "escape",
    "items",
    "leaf",
    "load",
    "parse",
    "writable",
]

_DECLARATION = "<?xml version='1.0' encoding='utf-8' ?>\n"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_PREFIXES = {"xsi": _XSI}

# Parsers read a raw CR as LF, and any raw blank in an attribute as a space, so both are escaped.
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_IN_ATTRIBUTES = str.maketrans({**_ESCAPES, '"': "&quot;", "\n": "&#10;", "\t": "&#9;"})
_NEEDS_ESCAPE = re.compile("[&<>\r]")
# XML 1.0 cannot carry these characters, not even as references.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NEEDS_CARE = re.compile(f"{_NEEDS_ESCAPE.pattern}|{_UNWRITABLE.pattern}").search

_NO_MORE = object()


class UnwritableText(ValueError):
    """Text with a character that XML cannot carry."""


def dump(shape: Shape, value: Mapping[str, Any], *, encode: bool = False) -> bytes:
    """Write a dict as an XML document.

    Args:
        shape: the document's shape.
        value: the dict; absent keys give no element.
        encode: whether to percent-encode the fields that `encoding-type=url` covers.

    Raises:
        UnwritableText: a text holds a control character.
        NotThisShape: a text or a list is in the place of a dict, or the reverse.
    """
    out = [_DECLARATION]
    _writer(shape)(value if shape.children else value.get(shape.tag), out, encode)
    return "".join(out).encode()


# Adds an element to the pieces of a document: its value, the pieces, whether to percent-encode.
_Write = Callable[[Any, list[str], bool], None]


@lru_cache(maxsize=256)
def _writer(shape: Shape) -> _Write:
    """Compile the function that writes an element; a listing has thousands of elements."""
    return _branch_writer(shape) if shape.children else _leaf_writer(shape)


def _leaf_writer(shape: Shape) -> _Write:
    begin = shape.tag + _namespace(shape)
    start, end, empty = f"<{begin}>", f"</{shape.tag}>", f"<{begin}/>"
    encoded, is_truth, blank = shape.encoded, shape.choices == TRUTHS, shape.blank

    def write(value: Any, out: list[str], encode: bool) -> None:
        quoted = encode and encoded
        if type(value) is str and not quoted and not is_truth and not _NEEDS_CARE(value):
            out.append(f"{start}{value}{end}")
        elif value is None or (blank and value == {}):
            out.append(empty)
        else:
            text = _text(value, quoted=quoted)
            out.append(f"{start}{text.lower() if is_truth else text}{end}")

    return write


def _branch_writer(shape: Shape) -> _Write:
    tag, end = shape.tag, f"</{shape.tag}>"
    namespace = _namespace(shape)
    children = [(child, child.tag, _writer(child)) for child in shape.children]

    def write(value: Any, out: list[str], encode: bool) -> None:
        if type(value) is not dict and not isinstance(value, Mapping | None):
            raise NotThisShape(f"{tag} must be a dict, not {type(value).__name__}")
        start, attributes, fields = len(out), namespace, value or {}
        out.append("")
        for child, name, write_one in children:
            if child.order and child.order in fields:
                _write_mixed(shape, child, fields, out, encode)
            elif name not in fields:
                continue
            elif child.attribute:
                attributes += _attribute(child, fields[name])
            elif child.many:
                for item in items(fields, name):
                    write_one(item, out, encode)
            elif fields[name] is not None or child.blank:
                write_one(fields[name], out, encode)
        out[start] = f"<{tag}{attributes}>"
        out.append(end)

    return write


def _namespace(shape: Shape) -> str:
    return f' xmlns="{shape.namespace}"' if shape.namespace else ""


def _attribute(child: Shape, value: object) -> str:
    """Return the attribute that a field adds to the start tag of its element."""
    prefix = child.attribute.partition(":")[0]
    name = f' xmlns:{prefix}="{_PREFIXES[prefix]}" {child.attribute}='
    return f'{name}"{_checked(str(value)).translate(_IN_ATTRIBUTES)}"'


def _write_mixed(
    shape: Shape, child: Shape, value: Mapping[str, Any], out: list[str], encode: bool
) -> None:
    """Write the elements that mix with `child`, and its own, in the place of the first of them."""
    mixed = {inner.tag: inner for inner in shape.children if inner.order == child.order}
    if child.tag != next(iter(mixed)):
        return
    writers = {name: _writer(inner) for name, inner in mixed.items()}
    waiting = {tag: iter(items(value, tag)) for tag in mixed}
    for tag in value[child.order]:
        item = next(waiting.get(tag, iter(())), _NO_MORE)
        if item is _NO_MORE:
            raise NotThisShape(f"{child.order} names more of {tag} than there are")
        writers[tag](item, out, encode)
    if any(next(left, _NO_MORE) is not _NO_MORE for left in waiting.values()):
        raise NotThisShape(f"{child.order} does not name all of {', '.join(mixed)}")


def _text(value: object, *, quoted: bool) -> str:
    if not isinstance(value, str | int):
        raise NotThisShape(f"the value must be text or a number, not {type(value).__name__}")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if quoted:
        return percent_encode(text)
    return escape(_checked(text))


def escape(text: str) -> str:
    """Return a text escaped for the content of an element."""
    return _NEEDS_ESCAPE.sub(lambda hit: _ESCAPES[hit[0]], text)


def _checked(text: str) -> str:
    if _UNWRITABLE.search(text):
        raise UnwritableText(f"XML cannot carry the control characters of {text!r}")
    return text


def carries(text: str) -> bool:
    """Return whether XML can carry a text as it is."""
    return not _UNWRITABLE.search(text)


def writable(text: str) -> str:
    """Replace the characters that XML cannot carry, so that one key does not spoil a listing."""
    return text if text.isprintable() else _UNWRITABLE.sub("\ufffd", text)


def parse(document: bytes) -> ElementTree.Element:
    """Parse a document that a trusted peer sent.

    Raises:
        NotThisShape: the document is not well-formed.
    """
    try:
        # While COS joins parts it may send spaces before the declaration, where XML forbids them.
        return ElementTree.fromstring(document.lstrip())  # noqa: S314 - a client reading its server
    except (ElementTree.ParseError, ValueError, LookupError) as cause:  # the last for encodings
        raise NotThisShape(f"not well-formed XML: {cause}") from cause


def load(
    shape: Shape, root: ElementTree.Element, *, decode: bool = False, strict: bool = False
) -> dict[str, Any]:
    """Read a parsed document as a dict; namespaces are ignored.

    Args:
        shape: the document's shape.
        root: the document's root element.
        decode: whether to undo percent-encoding if the document declares it.
        strict: whether to refuse elements that the shape does not have, instead of ignoring them.

    Raises:
        NotThisShape: the root is another element, a number is malformed, or, if strict,
            `check_element` refuses the document.
    """
    if local(root.tag) != shape.tag:
        raise NotThisShape(f"expected <{shape.tag}>, not <{local(root.tag)}>")
    if strict:
        check_element(shape, root)
    if not shape.children:
        return {shape.tag: root.text or ""}
    encoded = decode and any(
        local(child.tag) in ("EncodingType", "Encoding-Type") and child.text == "url"
        for child in root
    )
    return _read_children(shape, root, encoded)


def _read_children(shape: Shape, element: ElementTree.Element, decode: bool) -> dict[str, Any]:
    shapes = _children_of(shape)
    value: dict[str, Any] = {}
    for child in element:
        inner = shapes.get(local(child.tag))
        if inner is None:
            continue
        if inner.many:
            value.setdefault(inner.tag, []).append(_read(inner, child, decode))
            if inner.order:
                value.setdefault(inner.order, []).append(inner.tag)
        else:
            value[inner.tag] = _read(inner, child, decode)
    for inner in shape.children:
        if inner.attribute:
            prefix, name = inner.attribute.split(":")
            attribute = element.get(f"{{{_PREFIXES[prefix]}}}{name}", element.get(name))
            if attribute is not None:
                value[inner.tag] = attribute
        elif inner.always:
            value.setdefault(inner.tag, [])
    return value


def _read(shape: Shape, element: ElementTree.Element, decode: bool) -> Any:
    if shape.children:
        return None if shape.blank and not len(element) else _read_children(shape, element, decode)
    return leaf(shape, element.text or "", decode=decode)


def leaf(shape: Shape, text: str, *, decode: bool) -> Any:
    """Return the value of an element with text only.

    Raises:
        NotThisShape: the element is a number, and its text is not.
    """
    if shape.blank and not text:
        return None
    if shape.choices:
        text = text.strip().lower() if shape.choices == TRUTHS else text.strip()
    if shape.number:
        if not re.fullmatch(r"\s*\d{1,18}\s*", text, re.ASCII):
            raise NotThisShape(f"<{shape.tag}> is not a number: {text[:40]!r}")
        return int(text)
    return unquote(text, errors="surrogateescape") if decode and shape.encoded else text


def check_complete(shape: Shape, value: Mapping[str, Any]) -> None:
    """Refuse a dict from `load` without an element that its Shape requires.

    Raises:
        NotThisShape: a required element is missing.
    """
    for child in shape.children:
        if child.tag not in value and not (child.optional or child.many or child.attribute):
            raise NotThisShape(f"<{shape.tag}> lacks <{child.tag}>")
        if child.children:
            for item in items(value, child.tag):
                check_complete(child, item)


def _children_of(shape: Shape) -> Mapping[str, Shape]:
    return {child.tag: child for child in shape.children}


def items(value: Mapping[str, Any] | None, key: str) -> Sequence[Any]:
    """Return the list under `key`, empty if it is absent; a single item is a list of one."""
    found = (value or {}).get(key)
    if found is None:
        return ()
    return found if isinstance(found, list | tuple) else (found,)
