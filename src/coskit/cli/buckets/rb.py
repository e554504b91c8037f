"""The command `coskit rb`: buckets that are removed, with what is in them if wanted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import Quiet, Yes
from coskit.cli.arguments.locations import CosLocation, parse_bucket
from coskit.cli.buckets.abort_upload import abort_upload
from coskit.cli.objects.listing import ListedEntry, versions
from coskit.cli.objects.selection.concurrent_calls import run_each
from coskit.cli.objects.selection.version_deletion import delete_entries
from coskit.cli.terminal.confirm import confirm
from coskit.cli.terminal.failures import FailureList

if TYPE_CHECKING:
    from coskit import Client

EXAMPLES = """
Remove an empty bucket:
  coskit rb cos://photos-1250000000
Remove a bucket with everything in it, after a question:
  coskit rb --force cos://photos-1250000000
The same in a script:
  coskit rb --force --yes cos://photos-1250000000
"""
_COUNTED = 10_000  # the number of entries that are counted before the question


@dataclass(frozen=True, slots=True, kw_only=True)
class RbOptions(ClientOptions):
    """The options of `coskit rb`."""

    buckets: Annotated[list[str], typer.Argument(metavar="BUCKET", help="One or more buckets.")]
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Delete every version, delete marker and unfinished upload first."
        ),
    ] = False
    yes: Yes = False
    quiet: Quiet = False


def rb(options: RbOptions) -> int:
    """Remove buckets.

    A bucket that is not empty stays, unless --force is given: then everything in it is deleted
    after a question. In a pipe, --force needs --yes. The exit status is 1 if a bucket remains.
    """
    places = [parse_bucket(text, options.dialect) for text in options.buckets]
    failures = FailureList()
    with options.client() as client:
        for place in places:
            try:
                removed = not options.force or _empty(client, place, options, failures)
                if removed:
                    client.delete_bucket(place.bucket)
            except (typer.BadParameter, BrokenPipeError):
                raise
            except Exception as error:  # raised again if it is a defect
                failures.add(str(place), error)
                continue
            if removed and not options.quiet:
                print(f"removed {place}")
            elif not removed:
                failures.add(str(place), "the bucket remains")
    return failures.report()


def _empty(client: "Client", place: CosLocation, options: RbOptions, failures: FailureList) -> bool:
    """Delete what is in a bucket, and return whether it is empty then."""
    if not _agreed(client, place, options):
        return False
    before = failures.count
    deleted = aborted = 0
    for done in delete_entries(client, place.bucket, versions(client, place)):
        deleted += done.error is None
        if done.error is not None:
            failures.add(_shown(place, done.item), done.error)
    uploads = run_each(
        client.iter_uploads(place.bucket), lambda upload: abort_upload(client, place.bucket, upload)
    )
    for ended in uploads:
        aborted += ended.error is None
        if ended.error is not None:
            failures.add(str(place.with_key(ended.item["Key"])), ended.error)
    if not options.quiet and deleted + aborted:
        print(f"deleted {_counted(deleted, aborted)} in {place}")
    return failures.count == before


def _agreed(client: "Client", place: CosLocation, options: RbOptions) -> bool:
    """Return whether the user agrees; an empty bucket needs no question."""
    entries = uploads = 0
    for entries, _ in enumerate(versions(client, place), 1):
        if entries > _COUNTED or options.yes:
            break
    for uploads, _ in enumerate(client.iter_uploads(place.bucket), 1):
        if uploads > _COUNTED or options.yes:
            break
    if not entries + uploads:
        return True
    what = _counted(entries, uploads, more=entries > _COUNTED or uploads > _COUNTED)
    return confirm(f"Delete {what} in {place} for good?", yes=options.yes)


def _counted(entries: int, uploads: int, *, more: bool = False) -> str:
    """Return a text such as `3 versions and 1 upload`."""
    parts = [(entries, "object or version", "objects and versions")]
    parts.append((uploads, "unfinished upload", "unfinished uploads"))
    words = [f"{count} {one if count == 1 else many}" for count, one, many in parts if count]
    return f"{'more than ' if more else ''}{' and '.join(words)}"


def _shown(place: CosLocation, entry: ListedEntry) -> str:
    version = f" {entry.version_id}" if entry.version_id else ""
    return f"{place.with_key(entry.key)}{version}"
