"""The layout of a completed object: the upload and the parts that it was made of."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from coskit.server.store.model import Part, Version


@dataclass(frozen=True, slots=True)
class LayoutPart:
    """A part of a completed object.

    Attributes:
        number: the number of the uploaded part.
        size: the size in bytes as clients see it.
        checksums: the checksums that came with the part, as text.
    """

    number: int
    size: int
    checksums: str | None = None


def dump_layout(upload_id: str, parts: Sequence[Part | LayoutPart]) -> str:
    """Return the layout of an object made of an upload's parts, in this order.

    A part without checksums whose number is its place is written as its size only, since an object
    may have ten thousand parts.
    """
    written = [
        part.size
        if part.number == place and part.checksums is None
        else (part.number, part.size, part.checksums)
        for place, part in enumerate(parts, 1)
    ]
    return json.dumps({"upload": upload_id, "parts": written}, separators=(",", ":"))


def load_layout(text: str) -> tuple[LayoutPart, ...]:
    """Return the parts of a layout of `dump_layout`."""
    return tuple(
        LayoutPart(place, item) if isinstance(item, int) else LayoutPart(*item)
        for place, item in enumerate(json.loads(text)["parts"], 1)
    )


def completed_from(version: Version) -> str:
    """Return the id of the upload that made a version, or "" if there is none or it is unknown."""
    return str(json.loads(version.layout)["upload"]) if version.layout else ""


def pieces(version: Version) -> tuple[LayoutPart, ...]:
    """Return the parts of a version in order; none if it was not completed from parts.

    Objects that were completed before layouts were stored have none either, though `parts` counts
    them.
    """
    return load_layout(version.layout) if version.layout else ()


def part_sizes(version: Version) -> tuple[int, ...]:
    """Return the size of each part, as `pieces` does."""
    return tuple(piece.size for piece in pieces(version))
