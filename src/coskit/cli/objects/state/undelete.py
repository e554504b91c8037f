"""The command `coskit undelete`: deleted objects that come back."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import AsJsonLines, DryRun, Quiet, Raw, Recursive
from coskit.cli.arguments.locations import CosLocation
from coskit.cli.objects.listing import ListedEntry, versions
from coskit.cli.objects.selection.selected_objects import (
    ObjectLocation,
    key_filter,
    nothing_found,
    search_prefix,
    selected_place,
)
from coskit.cli.objects.selection.version_deletion import delete_entries
from coskit.cli.terminal.failures import FailureList
from coskit.cli.terminal.lines import print_json, shown_name

if TYPE_CHECKING:
    from coskit import Client

EXAMPLES = """
Bring back a deleted object:
  coskit undelete cos://photos-1250000000/a.jpg
Show what would come back in a folder:
  coskit undelete -r --dry-run cos://photos-1250000000/2026/
Bring back what a pattern matches:
  coskit undelete 'cos://photos-1250000000/2026/*.jpg'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndeleteOptions(ClientOptions):
    """The options of `coskit undelete`."""

    location: ObjectLocation
    recursive: Recursive = False
    raw: Raw = False
    dry_run: DryRun = False
    quiet: Quiet = False
    as_json: AsJsonLines = False


def undelete(options: UndeleteOptions) -> int:
    """Bring back deleted objects of a bucket with versioning.

    An object whose latest version is a delete marker comes back when its latest markers are
    removed. Older markers stay, and so do markers of keys that have no version left.

    The exit status is 1 if something failed, or if nothing could be brought back.
    """
    location = selected_place(options)
    failures = FailureList()
    with options.client() as client:
        found = _hiding_markers(client, location, options)
        if options.dry_run:
            outcomes = ((marker, None) for marker in found)
        else:
            done = delete_entries(client, location.bucket, found)
            outcomes = ((each.item, each.error) for each in done)  # type: ignore[misc]
        count = _report(location, outcomes, options, failures)
    if not count and not failures.count:
        text = "no deleted object can be brought back here"
        failures.add(str(location), nothing_found(options, text))
    return failures.report()


def _report(
    location: CosLocation,
    outcomes: Iterator[tuple[ListedEntry, Exception | None]],
    options: UndeleteOptions,
    failures: FailureList,
) -> int:
    """Print each object that came back, and return their number."""
    count = 0
    for key, group in groupby(outcomes, key=lambda outcome: outcome[0].key):
        removed = []
        error = None
        for marker, problem in group:
            removed.append(marker.version_id)
            error = error or problem
        name = str(location.with_key(key))
        if error is not None:
            failures.add(name, error)
            continue
        count += 1
        what = "would bring back" if options.dry_run else "brought back"
        if options.as_json:
            print_json({"type": what, "key": key, "removed_markers": removed})
        elif not options.quiet:
            print(f"{what} {shown_name(name)}")
    return count


def _hiding_markers(
    client: "Client", location: CosLocation, options: UndeleteOptions
) -> Iterator[ListedEntry]:
    """Yield the delete markers in front of the newest version of each key that is deleted."""
    is_wanted = key_filter(options)
    place = location.with_key(search_prefix(options))
    listed = (entry for entry in versions(client, place, raw=True) if is_wanted(entry.key))
    for _, group in groupby(listed, key=lambda entry: entry.key):
        markers: list[ListedEntry] = []
        for entry in group:
            if entry.kind == "version":
                yield from markers
                break
            markers.append(entry)
