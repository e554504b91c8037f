"""The versions of one object, and an old one made the latest again."""

from itertools import islice, takewhile
from typing import TYPE_CHECKING

from coskit.cli.arguments.locations import CosLocation
from coskit.cli.objects.listing import ListedEntry, versions
from coskit.cli.objects.state.kept_properties import copy_onto_itself, read_stored
from coskit.cli.terminal.lines import human_size, local_time

if TYPE_CHECKING:
    from coskit import Client

MOST = 1000  # versions of an object that are shown


def versions_of(client: "Client", location: CosLocation) -> list[ListedEntry]:
    """Return the newest versions and delete markers of an object, newest first."""
    listed = versions(client, location, raw=True)
    return list(islice(takewhile(lambda entry: entry.key == location.key, listed), MOST))


def restore_version(client: "Client", location: CosLocation, version_id: str) -> None:
    """Copy an old version to the top; headers, tags, ACL and encryption are kept."""
    stored = read_stored(client, location.bucket, location.key, version_id)
    copy_onto_itself(client, location.bucket, location.key, stored, stored.headers(), version_id)


def version_line(entry: ListedEntry) -> str:
    """Return the line of a version: its date, its size, * if it is the latest, and its id."""
    size = "DELETED" if entry.kind == "delete marker" else human_size(entry.size)
    mark = "*" if entry.is_latest else " "
    return f"{mark} {local_time(entry.modified)[:16]} {size:>10} {entry.version_id}"
