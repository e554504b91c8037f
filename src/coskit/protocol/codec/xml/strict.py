"""Strict check of request documents: unknown keys of a dict and unknown elements are refused.

To ignore an unknown part can change a document's meaning: a lifecycle rule whose filter is misspelt
would apply to the whole bucket.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree

from coskit.protocol.model import TRUTHS, Shape

_NUMBER = re.compile(r"-?[0-9]{1,18}")
# Namespaces of attributes about the XML itself: `xsi:type`, `xml:lang`.
_XML_NAMESPACES = (
    "{http://www.w3.org/2001/XMLSchema-instance}",
    "{http://www.w3.org/XML/1998/namespace}",
)


class NotThisShape(ValueError):
    """XML, or a dict for XML, that does not follow its Shape."""


def check_value(shape: Shape, value: Any, path: str) -> None:
    """Refuse a dict with a key that its document has no element for, at any depth.

    Args:
        shape: the document's shape.
        value: the dict.
        path: the name of the dict in errors.

    Raises:
        NotThisShape: there is such a key; the message names it and the nearest known key.
    """
    if not shape.children:
        _check_text(shape, value, path)
        return
    if not isinstance(value, Mapping):
        raise NotThisShape(f"{path} must be a dict{_inside(shape)}, not {type(value).__name__}")
    known = _known(shape)
    for name, inner in value.items():
        child = known.get(name)
        if child is None:
            if name not in known:
                raise NotThisShape(f"{path} has no {name!r}{_hint(shape, name)}")
        elif inner is None:
            continue
        elif child.many and isinstance(inner, list | tuple):
            for number, item in enumerate(inner):
                check_value(child, item, f"{path}.{name}[{number}]")
        else:
            check_value(child, inner, f"{path}.{name}")


def _check_text(shape: Shape, value: Any, path: str) -> None:
    if shape.blank and value == {}:  # as the vendor's samples write `<SSE-COS/>`
        return
    if not isinstance(value, str | int):
        raise NotThisShape(f"{path} must be text or a number, not {type(value).__name__}")
    text = _spelled(shape, value)
    if shape.choices and text not in shape.choices:
        raise NotThisShape(f"{path} must be one of {', '.join(shape.choices)}, not {value!r}")
    if isinstance(value, bool) and not shape.choices:
        raise NotThisShape(f"{path} must be text or a number, not bool")
    if (shape.number or "int" in shape.kind) and not _NUMBER.fullmatch(text):
        raise NotThisShape(f"{path} must be a number, not {value!r}")


def _spelled(shape: Shape, value: Any) -> str:
    """Return a text in the form in which it is compared with choices."""
    text = str(value).strip() if shape.choices or shape.number else str(value)
    return text.lower() if shape.choices == TRUTHS else text


@lru_cache(maxsize=256)
def _known(shape: Shape) -> Mapping[str, Shape | None]:
    """Return the children by their keys in the dict; keys that are not written have None."""
    silent = (child.order for child in shape.children if child.order)
    skipped = (tag for tag, _ in shape.ignored)
    return {
        **dict.fromkeys((*silent, *skipped), None),
        **{child.tag: child for child in shape.children},
    }


def _inside(shape: Shape) -> str:
    """Return the form of the dict of an element that holds one list."""
    only = shape.children[0] if len(shape.children) == 1 else None
    return f" {{{only.tag!r}: [...]}}" if only and only.many else ""


def _hint(shape: Shape, name: object) -> str:
    if name == shape.tag:
        return ": give what is inside"
    near = nearest(str(name), [child.tag for child in shape.children])
    if not near:
        below = dict(_below(shape))
        found = nearest(str(name), list(below))
        near = below.get(found, "")
    return f"; did you mean {near}?" if near else ""


def _below(shape: Shape) -> Iterator[tuple[str, str]]:
    """Yield the names of nested elements with their paths; the first path of a name counts."""
    found: dict[str, str] = {}
    for child in shape.children:
        for inner in child.children:
            found.setdefault(inner.tag, f"{child.tag}.{inner.tag}")
        for tag, way in _below(child):
            found.setdefault(tag, f"{child.tag}.{way}")
    yield from found.items()


def nearest(name: str, known: list[str]) -> str:
    """Return the known name that is nearest to an unknown one, or "".

    The names of boto3 differ from the vendor's in case and in the plural.
    """
    import difflib  # slow to load, and needed for mistakes only

    plain = _plain(name)
    alike = [other for other in known if _plain(other) == plain]
    if alike:
        return alike[0]
    lower = {_plain(other): other for other in known}
    close = difflib.get_close_matches(plain, lower, 1, 0.6)
    return lower[close[0]] if close else ""


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").removesuffix("s")


def check_element(shape: Shape, element: ElementTree.Element) -> None:
    """Refuse XML with any part that its Shape does not have.

    Args:
        shape: the element's shape.
        element: the parsed element, with the shape's tag.

    Raises:
        NotThisShape: an element, attribute or text is unknown, an element is repeated that may
            occur once, or a text is not among the choices.
    """
    _check_attributes(shape, element)
    if not shape.children:
        _check_leaf(shape, element)
        return
    if _is_text(element.text) or any(_is_text(child.tail) for child in element):
        raise NotThisShape(f"<{shape.tag}> holds text where elements belong")
    known = _known(shape)
    seen: set[str] = set()
    for child in element:
        name = local(child.tag)
        inner = known.get(name)
        if inner is None:
            if name not in dict(shape.ignored):
                raise NotThisShape(f"<{name}> in <{shape.tag}> is unknown")
            continue
        if name in seen and not inner.many:
            raise NotThisShape(f"<{shape.tag}> has <{name}> twice")
        seen.add(name)
        check_element(inner, child)


def _check_attributes(shape: Shape, element: ElementTree.Element) -> None:
    for name in element.attrib:
        if name.startswith(_XML_NAMESPACES):
            continue
        if not any(child.attribute.endswith(f":{name}") for child in shape.children):
            raise NotThisShape(f"<{shape.tag}> has an unknown attribute: {name}")


def _check_leaf(shape: Shape, element: ElementTree.Element) -> None:
    if len(element):
        raise NotThisShape(f"<{shape.tag}> holds elements where text belongs")
    if shape.choices and _spelled(shape, element.text or "") not in shape.choices:
        raise NotThisShape(f"<{shape.tag}> is one of {', '.join(shape.choices)}")


def _is_text(text: str | None) -> bool:
    return text is not None and bool(text.strip())


def local(tag: str) -> str:
    """Return the name of an element without its namespace."""
    return tag.rpartition("}")[2]
