"""A fast reader for long listings: the first of the repeated elements gives a regular expression.

A listing has a thousand elements that differ only in their texts. A parser processes each of their
tags; a regular expression with the tags in it extracts all texts of an element at once. Unusual
elements, and the rest of the document, are read by the parser.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any

from coskit.protocol.codec.xml import document as xml
from coskit.protocol.model import Shape

_SHORT = 4096  # bytes of a document that is parsed as fast as it is checked
_PLAIN_BYTES = bytes([0x0A, *range(0x20, 0x7F)])
_ENTITIES = (("&quot;", '"'), ("&apos;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_NAMED = re.compile("&(?:quot|apos|lt|gt|amp);")
_SEPARATOR = "\0"  # occurs in no document
_DECLARATION = 60  # bytes within which an XML declaration ends
_LAYOUTS = 16  # layouts in one document; with more of them the parser is faster
_MOST_TAGS = 256  # tags in one element; with more of them the parser is faster
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9_.-]*)(/?)>([^<]*)")
_ENCODED = re.compile("<Encoding-?Type>url</")
_DEPTH = re.compile(r"<(?:(/)|[A-Za-z][^<>]*?(/?)>)")


@dataclass(frozen=True, slots=True)
class _Layout:
    """The layout of an element: its tags and the places of its texts.

    Attributes:
        pattern: matches an element of this layout, with a group for each text.
        run: matches one or more consecutive elements of this layout.
        leaves: the shapes of the texts.
        inner: for each inner element, the last one first: its first group, its end, and the names
            of its texts.
        names: the names of texts and inner elements.
    """

    pattern: re.Pattern[str]
    run: re.Pattern[str]
    leaves: tuple[Shape, ...]
    inner: tuple[tuple[int, int, tuple[str, ...]], ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Run:
    """Consecutive elements of one layout.

    Attributes:
        layout: the layout of the elements.
        columns: a list for each text of the layout, with the text of each element.
    """

    layout: _Layout
    columns: list[list[str]]


class _UnusualError(Exception):
    """An unusual document, which the parser has to read."""


def read_document(shape: Shape, document: bytes, *, decode: bool) -> dict[str, Any]:
    """Read a document that a trusted peer sent, with the same result as `xml.load`.

    Args:
        shape: the document's shape.
        document: the document's bytes.
        decode: whether to undo percent-encoding if the document declares it.

    Raises:
        NotThisShape: the document is not well-formed, or of another shape.
    """
    repeated = _repeated(shape) if len(document) >= _SHORT else ()
    if repeated and _is_usual(document):
        with suppress(_UnusualError):
            return _read_repeated(shape, repeated, document.decode("ascii"), decode=decode)
    return xml.load(shape, xml.parse(document), decode=decode)


def _read_repeated(
    shape: Shape, repeated: tuple[Shape, ...], text: str, *, decode: bool
) -> dict[str, Any]:
    found = []
    for child in repeated:
        text, runs = _take_out(text, child)
        found.append((child, runs))
    value = xml.load(shape, xml.parse(text.encode()), decode=decode)
    decode = decode and _ENCODED.search(text) is not None
    for child, runs in found:
        items = [item for run in runs for item in _items(run, decode=decode)]
        if items:
            value[child.tag] = [*items, *value.get(child.tag, ())]
    return value


@lru_cache(maxsize=256)
def _repeated(shape: Shape) -> tuple[Shape, ...]:
    """Return the repeated children that have children; none if repeated elements mix."""
    if any(child.order for child in shape.children):
        return ()
    return tuple(child for child in shape.children if child.many and child.children)


def _is_usual(document: bytes) -> bool:
    """Return whether a document holds only tags, entities and printable ASCII."""
    # A search for one rare character is much faster than for two with a frequent first one.
    if document.translate(None, _PLAIN_BYTES) or (b"!" in document and b"<!" in document):
        return False
    if b"?" in document[_DECLARATION:] and b"<?" in document[2:]:
        return False
    return b"]]>" not in document


def _take_out(text: str, child: Shape) -> tuple[str, list[_Run]]:
    """Return a document without its repeated elements of one kind, and these elements."""
    at = text.find(f"<{child.tag}>")
    if at < 0 or not _is_inside_root(text[:at]):
        return text, []
    head, rest = text[:at], text[at:]
    runs: list[_Run] = []
    # A run ends before another layout, an unusual element, or the end.
    while len(runs) < _LAYOUTS and (layout := _layout_at(rest, child)):
        run, rest = _split(layout, rest)
        if run is None:
            break
        runs.append(run)
    return head + rest, runs


def _split(layout: _Layout, text: str) -> tuple[_Run | None, str]:
    """Return the elements of a layout at the beginning of a text, and the rest of the text."""
    step, rest = len(layout.leaves) + 1, ""
    pieces: list[str] = layout.pattern.split(text)
    if len(pieces) == 1:
        return None, text
    if any(pieces[:-1:step]):  # something else is between the elements
        run = layout.run.match(text)
        if run is None:
            return None, text
        rest = text[run.end() :]
        pieces = layout.pattern.split(run[0])
    columns = [pieces[at::step] for at in range(1, step)]
    return _Run(layout, columns), pieces[-1] + rest


def _is_inside_root(prefix: str) -> bool:
    """Return whether exactly one element is open at the end of a prefix of a document."""
    depth = 0
    for closing, empty in _DEPTH.findall(prefix):
        depth += -1 if closing else 0 if empty else 1
    return depth == 1


def _layout_at(text: str, shape: Shape) -> _Layout | None:
    """Return the layout of the element at the beginning of a text, or None if it is unusual."""
    tags: list[tuple[str, ...]] = []
    at = 0
    while tag := _TAG.match(text, at):
        at = tag.end()
        tags.append(tag.groups())
        if len(tags) > _MOST_TAGS:
            return None
        closing, name, empty, _ = tags[-1]
        if empty or (len(tags) == 1 and (closing or name != shape.tag)):
            return None
        if closing and name == shape.tag:
            return _layout_of(tags, shape)
    return None


def _layout_of(tags: list[tuple[str, ...]], shape: Shape) -> _Layout | None:
    pattern: list[str] = []
    leaves: list[Shape] = []
    names: list[str] = []
    inner: list[tuple[int, int, tuple[str, ...]]] = []
    inside: tuple[Shape, int, list[str]] | None = None
    shapes = _plain_children(shape)
    last = len(tags) - 1
    if shapes is None:
        return None
    place = 1
    pattern.append(f"<{shape.tag}>\\s*")
    while place < last:
        closing, name, _, words = tags[place]
        here = _plain_children(inside[0]) if inside else shapes
        known = here.get(name) if here is not None else None
        if closing:
            if inside is None or name != inside[0].tag or words.strip() or not inside[2]:
                return None
            inner.append((inside[1], len(leaves), tuple(inside[2])))
            pattern.append(f"</{name}>\\s*")
            inside, place = None, place + 1
            continue
        following = tags[place + 1]
        if following[0] and following[1] == name:
            if following[3].strip() or (known is not None and known.children):
                return None
            group = "[^<&]*" if known is None else "([^<]*)"
            pattern.append(f"<{name}>{group}</{name}>\\s*")
            if known is not None:
                leaves.append(known)
                (inside[2] if inside else names).append(name)
            place += 2
            continue
        if known is None or inside or words.strip() or _plain_children(known) is None:
            return None
        pattern.append(f"<{name}>\\s*")
        names.append(name)
        inside, place = (known, len(leaves), []), place + 1
    if inside or tags[last][3].strip() or not leaves:
        return None
    pattern.append(f"</{shape.tag}>\\s*")
    text = "".join(pattern)
    run = re.compile(f"(?:{text.replace('([^<]*)', '[^<]*')})+")
    return _Layout(re.compile(text), run, tuple(leaves), tuple(inner[::-1]), tuple(names))


@lru_cache(maxsize=256)
def _plain_children(shape: Shape) -> Mapping[str, Shape] | None:
    """Return the children by their tags, or None if one of them repeats or is an attribute."""
    if not shape.children or any(
        child.many or child.order or child.attribute for child in shape.children
    ):
        return None
    return {child.tag: child for child in shape.children}


def _items(run: _Run, *, decode: bool) -> list[dict[str, Any]]:
    layout = run.layout
    columns: list[Sequence[Any]] = [
        _values(shape, texts, decode=decode)
        for shape, texts in zip(layout.leaves, run.columns, strict=True)
    ]
    for first, end, names in layout.inner:
        columns[first:end] = [_dicts(names, columns[first:end])]
    return _dicts(layout.names, columns)


def _dicts(names: tuple[str, ...], columns: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    # `map` and `zip` run in C; a loop takes twice the time.
    return list(map(dict, map(zip, repeat(names), zip(*columns, strict=True))))


def _values(shape: Shape, texts: list[str], *, decode: bool) -> Sequence[Any]:
    """Return the values of the texts of one element."""
    together = _SEPARATOR.join(texts)
    if "&" in together:
        texts = _unescaped(together).split(_SEPARATOR)
    if shape.blank or shape.number or (decode and shape.encoded and "%" in together):
        return [xml.leaf(shape, text, decode=decode) for text in texts]
    return texts


def _unescaped(text: str) -> str:
    entities = text.count("&")
    if entities == text.count("&quot;"):  # each ETag has two
        return text.replace("&quot;", '"')
    if entities != len(_NAMED.findall(text)):
        raise _UnusualError
    for name, character in _ENTITIES:
        text = text.replace(name, character)
    return text
