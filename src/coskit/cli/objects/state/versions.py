"""The command `coskit versions`: versions listed, brought to the top and pruned."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import TYPE_CHECKING, Annotated

import typer

from coskit.cli.arguments.ages import OlderThan
from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.command_set import command_set
from coskit.cli.arguments.flags import AsJsonLines, DryRun, Human, Quiet, Raw, Recursive, Yes
from coskit.cli.arguments.locations import CosLocation, parse_object
from coskit.cli.objects.listing import ListedEntry, versions
from coskit.cli.objects.selection.selected_objects import (
    ObjectLocation,
    SelectionOptions,
    key_filter,
    nothing_found,
    search_prefix,
    selected_place,
)
from coskit.cli.objects.selection.version_deletion import delete_entries
from coskit.cli.objects.state.kept_properties import copy_onto_itself, read_stored
from coskit.cli.terminal.columns import Columns
from coskit.cli.terminal.confirm import confirm
from coskit.cli.terminal.failures import FailureList
from coskit.cli.terminal.lines import (
    human_size,
    json_line,
    local_time,
    moment,
    print_json,
    print_lines,
    shown_name,
)

if TYPE_CHECKING:
    from coskit import Client

_TOGETHER = 1000  # lines that are printed at once
EXAMPLES = """
List the versions of an object, newest first:
  coskit versions cos://photos-1250000000/a.jpg
List every version in a folder:
  coskit versions -r -h cos://photos-1250000000/2026/
Make an old version the latest again:
  coskit versions restore cos://photos-1250000000/a.jpg MTg0NDUxNTc1NjIzMTQ1MDAwODg
Show which versions would go if the three newest of each object were kept:
  coskit versions prune -r --keep 3 --dry-run cos://photos-1250000000/
Delete old versions that were written more than 90 days ago:
  coskit versions prune -r --older-than 90d cos://photos-1250000000/
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsLsOptions(ClientOptions):
    """The options of `coskit versions ls`."""

    location: ObjectLocation
    recursive: Recursive = False
    raw: Raw = False
    human: Human = False
    as_json: AsJsonLines = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsRestoreOptions(ClientOptions):
    """The options of `coskit versions restore`."""

    location: Annotated[str, typer.Argument(metavar="OBJECT", help="The object.")]
    version_id: Annotated[
        str, typer.Argument(metavar="VERSION_ID", help="The version that becomes the latest.")
    ]
    dry_run: DryRun = False
    quiet: Quiet = False
    as_json: AsJsonLines = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionsPruneOptions(ClientOptions):
    """The options of `coskit versions prune`."""

    location: ObjectLocation
    keep: Annotated[
        int | None,
        typer.Option(min=1, help="Keep so many versions of each object, the latest included."),
    ] = None
    older_than: OlderThan = None
    recursive: Recursive = False
    raw: Raw = False
    dry_run: DryRun = False
    yes: Yes = False
    quiet: Quiet = False
    as_json: AsJsonLines = False


def ls(options: VersionsLsOptions) -> int:
    """List versions and delete markers, newest first, with * for the latest.

    The columns are the date, the size, whether it is the latest, the id and the key.
    """
    count = 0
    columns = Columns(19, -12, 1, 20)
    with options.client() as client:
        listed = _listed(client, options)
        while some := list(islice(listed, _TOGETHER)):
            count += len(some)
            if options.as_json:
                print_lines(json_line(entry.facts()) for entry in some)
            else:
                print_lines(columns.lines([_row(entry, human=options.human) for entry in some]))
    failures = FailureList()
    if not count:
        failures.add(options.location, nothing_found(options, "there is no version"))
    return failures.report()


def restore_version(options: VersionsRestoreOptions) -> int:
    """Copy an old version to the top, so that it is the latest again.

    The old version stays where it is. Headers, tags, storage class, ACL and encryption are kept.
    """
    location = parse_object(options.location, options.dialect)
    with options.client() as client:
        stored = read_stored(client, location.bucket, location.key, options.version_id)
        stored.refuse_link()
        made = ""
        if not options.dry_run:
            result = copy_onto_itself(
                client,
                location.bucket,
                location.key,
                stored,
                stored.headers(),
                options.version_id,
            )
            made = str(result.get("VersionId") or result.get("x-cos-version-id") or "")
    what = "would restore" if options.dry_run else "restored"
    if options.as_json:
        facts = {"type": what, "key": location.key, "from": options.version_id}
        print_json({**facts, **({"version_id": made} if made else {})})
    elif not options.quiet:
        print(f"{what} {shown_name(str(location))} {options.version_id}")
    return 0


def prune(options: VersionsPruneOptions) -> int:
    """Delete old versions and old delete markers for good.

    The latest version of an object, or the delete marker in its place, always stays. With --keep
    and --older-than, only what both would delete is deleted. On a terminal it asks before; in a
    pipe it needs --yes.
    """
    if options.keep is None and options.older_than is None:
        raise typer.BadParameter("say what to delete: --keep N, --older-than AGE, or both")
    location = selected_place(options)
    failures = FailureList()
    with options.client() as client:
        if options.dry_run:
            for entry in _old(client, options):
                _print_deletion("would delete", location, entry, options)
            return 0
        if not options.yes:
            # Listed twice rather than kept in memory: there may be millions.
            count, total = _counted(_old(client, options))
            what = f"{count} old {'version' if count == 1 else 'versions'} ({human_size(total)})"
            if not count or not confirm(f"Delete {what} in {location} for good?", yes=False):
                return 1 if count else 0
        for done in delete_entries(client, location.bucket, _old(client, options)):
            if done.error is None:
                _print_deletion("deleted", location, done.item, options)
            else:
                name = f"{location.with_key(done.item.key)} {done.item.version_id}"
                failures.add(name, done.error)
    return failures.report()


def _listed(client: "Client", options: SelectionOptions) -> Iterator[ListedEntry]:
    location, is_wanted = selected_place(options), key_filter(options)
    place = location.with_key(search_prefix(options))
    return (entry for entry in versions(client, place, raw=True) if is_wanted(entry.key))


def _old(client: "Client", options: VersionsPruneOptions) -> Iterator[ListedEntry]:
    """Yield the versions and markers that the options name."""
    return _superfluous(_listed(client, options), options.keep, options.older_than)


def _counted(found: Iterable[ListedEntry]) -> tuple[int, int]:
    """Return the number of entries and the sum of their sizes."""
    count = total = 0
    for entry in found:
        count, total = count + 1, total + entry.size
    return count, total


def _superfluous(
    listed: Iterable[ListedEntry], keep: int | None, limit: datetime | None
) -> Iterator[ListedEntry]:
    """Yield the old versions and markers that are to go; `listed` is newest first for each key."""
    for _, group in groupby(listed, key=lambda entry: entry.key):
        for place, entry in enumerate(group):
            is_young = limit is not None and moment(entry.modified) > limit
            if place and not entry.is_latest and place >= (keep or 1) and not is_young:
                yield entry


def _row(entry: ListedEntry, *, human: bool) -> tuple[str, ...]:
    size = human_size(entry.size) if human else str(entry.size)
    size = "DELETED" if entry.kind == "delete marker" else size
    star = "*" if entry.is_latest else " "
    return local_time(entry.modified), size, star, entry.version_id, shown_name(entry.key)


def _print_deletion(
    what: str, location: CosLocation, entry: ListedEntry, options: VersionsPruneOptions
) -> None:
    if options.as_json:
        print_json({**entry.facts(), "type": what})
    elif not options.quiet:
        name = shown_name(str(location.with_key(entry.key)))
        print(f"{what} {name} {entry.version_id} {local_time(entry.modified)}")


app = command_set(
    "versions",
    "List versions of objects, make an old one the latest, delete old ones.",
    EXAMPLES,
    ls,
    restore_version,
    prune,
)
