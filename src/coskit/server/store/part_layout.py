"""What an object was completed from, the upload and its parts: written down, and read back."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from coskit.server.store.model import Part, Version


@dataclass(frozen=True, slots=True)
class LayoutPart:
    """What stays known of a part after completion.

    Attributes:
        number: as it was uploaded under.
        size: in bytes, as readers count them.
        checksums: what was said of it, as the text that came with it.
    """

    number: int
    size: int
    checksums: str | None = None


def dump_layout(upload_id: str, parts: Sequence[Part | LayoutPart]) -> str:
    """Return the layout of an object made of an upload's parts, in this order.

    A part in its own place of which nothing is said is written as its size alone: an object may
    have ten thousand of them.
    """
    written = [
        part.size
        if part.number == place and part.checksums is None
        else (part.number, part.size, part.checksums)
        for place, part in enumerate(parts, 1)
    ]
    return json.dumps({"upload": upload_id, "parts": written}, separators=(",", ":"))


def load_layout(text: str) -> tuple[LayoutPart, ...]:
    """Give back the parts that `dump_layout` took."""
    return tuple(
        LayoutPart(place, item) if isinstance(item, int) else LayoutPart(*item)
        for place, item in enumerate(json.loads(text)["parts"], 1)
    )


def completed_from(version: Version) -> str:
    """Return the id of the upload that made a version, or "" if none did or it is not known."""
    return str(json.loads(version.layout)["upload"]) if version.layout else ""


def pieces(version: Version) -> tuple[LayoutPart, ...]:
    """Return the parts of a version in order; none if it was not completed from parts.

    Objects that were completed before layouts were kept have none either, though `parts` counts
    them.
    """
    return load_layout(version.layout) if version.layout else ()


def part_sizes(version: Version) -> tuple[int, ...]:
    """Return how many bytes each part has; as `pieces`."""
    return tuple(piece.size for piece in pieces(version))
