"""The command `coskit restore`: archived objects made readable for some days."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import AsJsonLines, DryRun, Quiet, Raw, Recursive, VersionId
from coskit.cli.arguments.locations import CosLocation, argument_key
from coskit.cli.arguments.times import parse_duration
from coskit.cli.objects.listing import ListedEntry
from coskit.cli.objects.selection.concurrent_calls import run_each
from coskit.cli.objects.selection.selected_objects import (
    ObjectLocation,
    is_one_object,
    selected_objects,
    selected_place,
)
from coskit.cli.objects.state.restore_wait import wait_until_restored
from coskit.cli.terminal.failures import FailureList
from coskit.cli.terminal.lines import print_json, shown_name
from coskit.protocol.bucket.restore import is_archived
from coskit.protocol.errors import RestoreAlreadyInProgress

if TYPE_CHECKING:
    from coskit import Client

EXAMPLES = """
Make an archived object readable for 7 days:
  coskit restore --days 7 cos://photos-1250000000/2020.tar
Wait until it can be read, then read it:
  coskit restore --wait cos://photos-1250000000/2020.tar && coskit cat cos://photos-1250000000/2020.tar
Restore what is archived in a folder as fast as possible:
  coskit restore -r --tier Expedited cos://photos-1250000000/2020/
Show what a pattern would restore:
  coskit restore --dry-run 'cos://photos-1250000000/2020/**.jpg'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOptions(ClientOptions):
    """The options of `coskit restore`."""

    location: ObjectLocation
    recursive: Recursive = False
    raw: Raw = False
    days: Annotated[
        int, typer.Option("--days", "-d", min=1, max=365, help="Days that they stay readable.")
    ] = 1
    tier: Annotated[
        Literal["Expedited", "Standard", "Bulk"],
        typer.Option("--tier", "-t", case_sensitive=False, help="Speed of the restore."),
    ] = "Standard"
    version_id: VersionId = None
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Return when the objects can be read.")
    ] = False
    timeout: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration, metavar="TIME", help="Give up waiting after 30m, 6h, 2d."
        ),
    ] = None
    dry_run: DryRun = False
    quiet: Quiet = False
    as_json: AsJsonLines = False


def restore(options: RestoreOptions) -> int:
    """Make archived objects readable for some days.

    Of a folder or a pattern, objects of other storage classes are left out. An object that is
    readable already stays so for the given days from now. A restore takes minutes to days: see
    --tier and --wait.

    The exit status is 1 if a restore was refused, or did not end in time.
    """
    location = selected_place(options)
    failures = FailureList()
    with options.client() as client:
        started = list(_start(client, location, options, failures))
        if options.wait and not options.dry_run:
            try:
                _wait(client, location, options, started, failures)
            except KeyboardInterrupt:
                print("coskit: the restores go on; the same command waits again", file=sys.stderr)
                raise
    if not started and not failures.count:
        failures.add(str(location), "nothing here is archived")
    return failures.report()


def _start(
    client: "Client", location: CosLocation, options: RestoreOptions, failures: FailureList
) -> Iterator[str]:
    """Request the restores, and yield the keys of those that are in progress or done."""
    for done in run_each(_archived(client, options), _requester(client, location, options)):
        key = done.item.key
        if done.error is not None:
            failures.add(str(location.with_key(key)), done.error)
            continue
        if options.dry_run or not options.wait:
            _report(str(done.result), location, key, options)
        yield key


def _wait(
    client: "Client",
    location: CosLocation,
    options: RestoreOptions,
    keys: Sequence[str],
    failures: FailureList,
) -> None:
    """Wait for the restores of some keys, and report the end of each."""
    place = (client, location.bucket, options.version_id)
    for key, error in wait_until_restored(*place, keys, options.timeout):
        if error is not None:
            failures.add(str(location.with_key(key)), error)
        else:
            _report("restored", location, key, options)


def _archived(client: "Client", options: RestoreOptions) -> Iterator[ListedEntry]:
    alone = is_one_object(options)
    for entry in selected_objects(client, options):
        if alone or is_archived(entry.storage_class) or entry.storage_class == "GLACIER":
            yield entry


def _requester(
    client: "Client", location: CosLocation, options: RestoreOptions
) -> Callable[[ListedEntry], str]:
    """Return the function that requests the restore of an object and says what became of it."""
    request: Any = {"Days": options.days, "CASJobParameters": {"Tier": options.tier}}

    def start(entry: ListedEntry) -> str:
        if options.dry_run:
            return "would restore"
        key = argument_key(entry.key)
        try:
            client.restore_object(location.bucket, key, request, VersionId=options.version_id)
        except RestoreAlreadyInProgress:
            return "in progress"
        return "requested"

    return start


def _report(what: str, location: CosLocation, key: str, options: RestoreOptions) -> None:
    if options.as_json:
        print_json({"type": what, "key": key})
    elif not options.quiet:
        print(f"{what} {shown_name(str(location.with_key(key)))}", flush=True)
