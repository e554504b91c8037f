"""Long documents, quickly: the first of the elements that repeat gives a pattern for the others.

A listing is a thousand elements that differ in their texts only. A parser finds that out anew for
each of their tags; a regular expression with the tags in it takes out the texts of one element at a
time. Whatever is not as usual is left to the parser, which reads all the rest as well.
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

_SHORT = 4096  # bytes of a document that is parsed as fast as it is looked at
_USUAL = bytes([0x0A, *range(0x20, 0x7F)])
_ENTITIES = (("&quot;", '"'), ("&apos;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_NAMED = re.compile("&(?:quot|apos|lt|gt|amp);")
_SEPARATOR = "\0"  # stands in no document
_DECLARATION = 60  # bytes within which an XML declaration ends
_LAYOUTS = 16  # kinds of elements in one document, from which on they are no repetition
_MOST_TAGS = 256  # in one element: a pattern of more takes longer to compile than to do without
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9_.-]*)(/?)>([^<]*)")
_ENCODED = re.compile("<Encoding-?Type>url</")
_DEPTH = re.compile(r"<(?:(/)|[A-Za-z][^<>]*?(/?)>)")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the texts of an element stand.

    Attributes:
        pattern: matches an element of this layout; a group for each text.
        run: matches one and all that follow it.
        leaves: the shapes of these texts.
        inner: name, first group, end and names of what stands in an element inside, last one first.
        names: of the texts, and of elements in the place of their texts.
    """

    pattern: re.Pattern[str]
    run: re.Pattern[str]
    leaves: tuple[Shape, ...]
    inner: tuple[tuple[int, int, tuple[str, ...]], ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Run:
    """Elements of one layout that follow one another.

    Attributes:
        columns: for each text of the layout, those of all the elements.
    """

    layout: _Layout
    columns: list[list[str]]


class _UnusualError(Exception):
    """A document is for the parser."""


def read_document(shape: Shape, document: bytes, *, decode: bool) -> dict[str, Any]:
    """Return what `xml.load` makes of a document that a trusted peer sent.

    Args:
        shape: what it should look like.
        document: its bytes.
        decode: undo the percent-encoding if the document says that it was applied.

    Raises:
        NotThisShape: it is not well-formed, or another document.
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
    """Return the children that repeat, none of them mixed with others, and that have children."""
    if any(child.order for child in shape.children):
        return ()
    return tuple(child for child in shape.children if child.many and child.children)


def _is_usual(document: bytes) -> bool:
    """Return whether there are only tags and plain ASCII, or entities."""
    # One character is found much faster than two, of which the first is everywhere.
    if document.translate(None, _USUAL) or (b"!" in document and b"<!" in document):
        return False
    if b"?" in document[_DECLARATION:] and b"<?" in document[2:]:
        return False
    return b"]]>" not in document


def _take_out(text: str, child: Shape) -> tuple[str, list[_Run]]:
    """Return a document without the elements that follow the first of a kind, and these."""
    at = text.find(f"<{child.tag}>")
    if at < 0 or not _is_inside_root(text[:at]):
        return text, []
    head, rest = text[:at], text[at:]
    runs: list[_Run] = []
    # Another layout, the end, or something that is for the parser ends a run.
    while len(runs) < _LAYOUTS and (layout := _layout_at(rest, child)):
        run, rest = _split(layout, rest)
        if run is None:
            break
        runs.append(run)
    return head + rest, runs


def _split(layout: _Layout, text: str) -> tuple[_Run | None, str]:
    """Return the elements of a layout that a text begins with, and the rest of it."""
    step, rest = len(layout.leaves) + 1, ""
    pieces: list[str] = layout.pattern.split(text)
    if len(pieces) == 1:
        return None, text
    if any(pieces[:-1:step]):  # there is something between them
        run = layout.run.match(text)
        if run is None:
            return None, text
        rest = text[run.end() :]
        pieces = layout.pattern.split(run[0])
    columns = [pieces[at::step] for at in range(1, step)]
    return _Run(layout, columns), pieces[-1] + rest


def _is_inside_root(prefix: str) -> bool:
    """Return whether one element is open at the end of what begins a document."""
    depth = 0
    for closing, empty in _DEPTH.findall(prefix):
        depth += -1 if closing else 0 if empty else 1
    return depth == 1


def _layout_at(text: str, shape: Shape) -> _Layout | None:
    """Return the layout of the element that a text begins with, None if it is not of this kind."""
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
    """Return the children by their tags, None where one of them is more than a text once."""
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
    # All of it in C: a thousand turns of a loop take twice the time.
    return list(map(dict, map(zip, repeat(names), zip(*columns, strict=True))))


def _values(shape: Shape, texts: list[str], *, decode: bool) -> Sequence[Any]:
    """Return what the texts of one element say."""
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
