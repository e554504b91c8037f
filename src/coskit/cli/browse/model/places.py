"""Places that a pane shows: a directory, a folder of a bucket, the list of buckets."""

from pathlib import Path

from coskit.cli.arguments.locations import CosLocation
from coskit.cli.browse.model.entries import PaneEntry
from coskit.cli.terminal.lines import printable

Place = Path | CosLocation


def inner_place(place: Place, entry: PaneEntry) -> Place | None:
    """Return the place that an entry opens, or None if it has content instead."""
    if entry.is_file:
        return None
    if isinstance(place, Path):
        return place / entry.name
    if not place.bucket:
        return CosLocation(entry.name, "", place.scheme)
    return place.with_key(f"{place.key}{entry.name}/")


def outer_place(place: Place) -> tuple[Place, str] | None:
    """Return the place that contains another, and the name of the other in it; None at the top."""
    if isinstance(place, Path):
        return None if place.parent == place else (place.parent, place.name)
    if not place.bucket:
        return None
    if not place.key:
        return CosLocation("", "", place.scheme), place.bucket
    outer, slash, name = place.key[:-1].rpartition("/")
    return place.with_key(outer + slash), name


def first_place(location: CosLocation) -> tuple[CosLocation, str]:
    """Return the folder to show for a location, and the beginning of the names to show."""
    end = location.key.rfind("/") + 1
    return location.with_key(location.key[:end]), location.key[end:]


def entry_key(place: CosLocation, entry: PaneEntry) -> str:
    """Return the key of an object, or the prefix of a folder."""
    return place.key + entry.name + ("/" if entry.kind == "folder" else "")


def shown_place(place: Place) -> str:
    """Return a place for the screen."""
    return printable(str(place))
