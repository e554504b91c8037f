"""The command `coskit rm`: objects, folders and versions, deleted."""

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coskit.cli.arguments.flags import NulTerminated, Recursive, VersionId, Yes
from coskit.cli.arguments.locations import CosLocation, argument_key, parse_location
from coskit.cli.terminal.confirm import confirm
from coskit.cli.terminal.failures import FailureList
from coskit.cli.transfers.name_lists import FilesFrom, names_from
from coskit.cli.transfers.options import TreeOptions
from coskit.cli.transfers.plan import Task, folder, matching
from coskit.cli.transfers.run.display import Display, full_name
from coskit.cli.transfers.run.runner import INTERRUPTED, is_missing

if TYPE_CHECKING:
    from coskit import Client, DirectoryResult, FileAction, FileFailure

EXAMPLES = """
Delete an object:
  coskit rm cos://photos-1250000000/a.txt
Delete a folder with everything below it, after a question:
  coskit rm -r cos://photos-1250000000/2020/
The same in a script, but for some files:
  coskit rm -r --yes --exclude '*.keep' cos://photos-1250000000/2020/
Delete what matches a pattern; quote it for the shell:
  coskit rm 'cos://photos-1250000000/logs/2020-*.log'
Delete every version of everything in a folder, for good:
  coskit rm -r --versions cos://photos-1250000000/2020/
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RmOptions(TreeOptions):
    """The options of `coskit rm`."""

    locations: Annotated[
        list[str], typer.Argument(metavar="LOCATION", help="Objects, as cos://bucket/key.")
    ]
    recursive: Recursive = False
    versions: Annotated[
        bool, typer.Option("--versions", help="Delete every version and delete marker for good.")
    ] = False
    version_id: VersionId = None
    files_from: FilesFrom = None
    null: NulTerminated = False
    yes: Yes = False


def rm(options: RmOptions) -> int:
    """Delete objects.

    -r, patterns, --files-from and --versions ask first; in a pipe they need --yes. Where versions
    are kept, an object is only marked as deleted, and coskit undelete brings it back; --versions
    and --version-id delete for good.
    """
    tasks = list(_tasks(options))
    if not options.dry_run and _is_wide(options, tasks):
        what = ", ".join(task.pattern or str(task.source) for task in tasks)
        versions = "every version of " if options.versions else ""
        if not confirm(f"Delete {versions}{_extent(tasks)} {what}?", yes=options.yes):
            return 1
    with options.client() as client:
        return _Deletion(client, options).run(tasks)


def _is_wide(options: RmOptions, tasks: list[Task]) -> bool:
    """Return whether more than the named objects may be deleted."""
    return options.versions or any(not task.is_single for task in tasks)


def _extent(tasks: list[Task]) -> str:
    if any(task.names is not None and not task.is_single for task in tasks):
        return "the names in the list, below"
    return "what matches" if any(task.pattern for task in tasks) else "everything below"


def _tasks(options: RmOptions) -> Iterator[Task]:
    """Yield the deletions.

    Raises:
        typer.BadParameter: the arguments do not fit each other.
    """
    places = [parse_location(text, options.dialect) for text in options.locations]
    if options.files_from is not None:
        if len(places) > 1 or options.versions:
            raise typer.BadParameter("--files-from takes one location, without --versions")
        _require_bucket(places[0])
        root = folder(places[0])
        yield _task(root, names=names_from(options.files_from, root, null=options.null))
        return
    if options.version_id and (len(places) > 1 or options.recursive or options.versions):
        raise typer.BadParameter("--version-id is for a single object")
    for place in places:
        yield _task_of(place, options)


def _task_of(place: CosLocation, options: RmOptions) -> Task:
    _require_bucket(place)
    if place.is_pattern and not options.raw:
        found = matching(place, place, recursive=options.recursive)
        return replace(found, kind="delete", destination=found.source)
    if options.recursive:
        return _task(folder(place))
    if place.is_folder and not options.versions:
        raise typer.BadParameter(f"{place} is a folder: add -r to delete everything below it")
    # Filters match the last part of a name that stands in the command line, as for a local file.
    base = place.key[: place.key.rfind("/") + 1]
    if options.versions:
        pattern = _literal(place.key.removeprefix(base))
        return _task(place.with_key(base), include=(f"/{pattern}",))
    from coskit import FileName

    name = FileName(place.key.removeprefix(base), version=options.version_id or "")
    return _task(place.with_key(base), names=[name], is_single=True)


def _require_bucket(place: CosLocation) -> None:
    if not place.bucket:
        raise typer.BadParameter(f"{place} names no bucket")


def _task(place: Any, **others: Any) -> Task:
    return Task(kind="delete", source=place, destination=place, **others)


def _literal(name: str) -> str:
    """Return the pattern that matches exactly one name."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


class _Deletion:
    """Runs the deletions of one command.

    Args:
        client: the client.
        options: the options of the command.
    """

    def __init__(self, client: "Client", options: RmOptions) -> None:
        self._client = client
        self._options = options
        self._failures = FailureList()
        self._deleted = 0
        self._display = Display(
            as_json=options.as_json,
            quiet=options.quiet,
            dry_run=options.dry_run,
            move=False,
            plain=len(options.locations) == 1 and not options.recursive,
        )

    def run(self, tasks: list[Task]) -> int:
        """Delete the objects and return the exit status."""
        from coskit import DirectoryResult

        begun = time.monotonic()
        try:
            for task in tasks:
                self._run(task)
        except KeyboardInterrupt:
            self._failures.report()
            print(f"coskit: interrupted; {self._deleted} objects were deleted", file=sys.stderr)
            return INTERRUPTED
        except BaseException:
            self._failures.report()
            raise
        result = DirectoryResult(deleted=self._deleted, failed=self._failures.count)
        self._display.total(result, time.monotonic() - begun, kind="delete")
        return self._failures.report()

    def _run(self, task: Task) -> None:
        from coskit import DirectoryTransferError

        before = self._deleted + self._failures.count
        with suppress(DirectoryTransferError):  # each failure was noted when it happened
            self._delete(task)
        found = self._deleted + self._failures.count > before
        if not found and is_missing(task, self._options):
            what = "matches" if task.pattern else "is below"
            self._failures.add(task.pattern or str(task.source), f"nothing {what} it")

    def _delete(self, task: Task) -> "DirectoryResult":
        source = task.source
        assert isinstance(source, CosLocation)
        return self._client.delete_dir(
            source.bucket,
            argument_key(source.key),
            Include=task.include,
            Filters=self._options.filters,
            Names=task.names,
            Versions=self._options.versions,
            DryRun=self._options.dry_run,
            OnError="continue",
            action_callback=lambda action: self._done(task, action),
            failure_callback=lambda failure: self._failed(task, failure),
        )

    def _done(self, task: Task, action: "FileAction") -> None:
        self._deleted += 1
        self._display.action(task, action)

    def _failed(self, task: Task, failure: "FileFailure") -> None:
        name = full_name(task.source, failure.name)
        self._failures.add(name, failure.error)
        self._display.failure(name, failure.error)
