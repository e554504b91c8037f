"""The command `coskit sync`: a tree made equal to another one."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coskit.cli.arguments.flags import NulTerminated, Yes
from coskit.cli.arguments.locations import CosLocation
from coskit.cli.terminal.confirm import confirm
from coskit.cli.transfers.name_lists import FilesFrom, names_from
from coskit.cli.transfers.options import ContentOptions
from coskit.cli.transfers.plan import Task, place_of, tree
from coskit.cli.transfers.run.runner import INTERRUPTED, TaskRunner

if TYPE_CHECKING:
    from coskit import Client, DirectoryResult

EXAMPLES = """
Upload what is new or has changed:
  coskit sync site cos://photos-1250000000/www/
Delete too what the directory does not have any more; in a script add --yes:
  coskit sync --delete site cos://photos-1250000000/www/
See what would happen:
  coskit sync --delete --dry-run site cos://photos-1250000000/www/
Download, comparing checksums instead of dates:
  coskit sync --checksum cos://photos-1250000000/www/ site
Copy between buckets without temporary files:
  coskit sync --exclude '*.tmp' cos://photos-1250000000/ cos://backup-1250000000/photos/
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparingOptions(ContentOptions):
    """The options of commands that compare two trees."""

    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A directory, or cos://bucket/folder.")
    ]
    destination: Annotated[
        str, typer.Argument(metavar="DESTINATION", help="A directory, or cos://bucket/folder.")
    ]
    checksum: Annotated[
        bool, typer.Option("--checksum", help="Compare checksums instead of dates.")
    ] = False
    size_only: Annotated[bool, typer.Option("--size-only", help="Compare sizes only.")] = False

    @property
    def comparison(self) -> str:
        """The comparison of two files, as the client names it.

        Raises:
            typer.BadParameter: there are two of them.
        """
        if self.checksum and self.size_only:
            raise typer.BadParameter("--checksum and --size-only exclude each other")
        return "checksum" if self.checksum else "size" if self.size_only else "size-mtime"

    def task(self) -> Task:
        """Return the two trees.

        Raises:
            typer.BadParameter: an argument is no folder.
        """
        source = place_of(self.source, self.dialect)
        destination = place_of(self.destination, self.dialect)
        for place in (source, destination):
            if isinstance(place, CosLocation) and place.is_pattern and not self.raw:
                raise typer.BadParameter(f"{place} is a pattern: use a folder with --include")
        return tree(source, destination)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncCommandOptions(ComparingOptions):
    """The options of `coskit sync`."""

    delete: Annotated[
        bool, typer.Option("--delete", help="Delete what the source does not have.")
    ] = False
    yes: Yes = False
    files_from: FilesFrom = None
    null: NulTerminated = False


def sync(options: SyncCommandOptions) -> int:
    """Make a tree equal to another one.

    Only files that differ are transferred. Files differ if their sizes differ, or if the one at the
    destination is older; where the dates do not decide, checksums do. --size-only and --checksum
    compare otherwise; a file replaced by an older one of the same size needs --checksum. Both
    arguments name folders, with or without slashes at their ends.

    --delete deletes what the source does not have, last of all and only if nothing failed. It asks
    first; in a pipe it needs --yes. Files that a filter leaves out are never deleted, and a folder
    of a bucket with nothing in it is not taken as the source.
    """
    task = options.task()
    if options.files_from is not None:
        if options.delete:
            raise typer.BadParameter("--delete compares whole trees, without --files-from")
        names = names_from(options.files_from, task.source, null=options.null)
        task = replace(task, names=names)
    options.each_file(task.kind)
    with options.transfer_client() as client:
        if options.delete:
            _require_source(client, task)
        delete = options.delete
        if delete and not options.dry_run and not options.yes:
            doomed = _doomed(client, task, options)
            if doomed and not confirm(_question(doomed, task), yes=False):
                return 1
            delete = doomed is not None
        return SyncRunner(client, options, delete=delete).run([task], task.kind)


class SyncRunner(TaskRunner):
    """Runs the transfer of a sync.

    Args:
        client: the client.
        options: the options of the command.
        delete: whether files that the source lacks are deleted.
    """

    def __init__(self, client: "Client", options: SyncCommandOptions, *, delete: bool) -> None:
        super().__init__(client, options)
        self._comparison = options.comparison
        self._delete = delete
        self._wanted = options.delete and not options.dry_run

    def run(self, tasks: Iterable[Task], kind: str) -> int:
        """Run the transfers and return the exit status; say so if nothing could be deleted."""
        status = super().run(tasks, kind)
        if self._wanted and status != INTERRUPTED and (self._failures.count or not self._delete):
            text = (
                "coskit: nothing was deleted, because not every file could be compared and copied"
            )
            print(text, file=sys.stderr)
            return 1
        return status

    def _call(self, task: Task) -> tuple[Callable[..., "DirectoryResult"], tuple[Any, ...]]:
        return self._client.sync, (side(task.source), side(task.destination))

    def _extra(self) -> dict[str, Any]:
        return {"Compare": self._comparison, "Delete": self._delete}


def side(place: "CosLocation | Path") -> "str | Path":
    """Return one side of a sync, as the client takes it."""
    return f"cos://{place.bucket}/{place.key}" if isinstance(place, CosLocation) else place


def _require_source(client: "Client", task: Task) -> None:
    """Refuse a folder of a bucket that has nothing: it may be misspelt, and everything would go.

    Raises:
        CosClientError: there is no object below the source.
    """
    from coskit import CosClientError

    source = task.source
    if not isinstance(source, CosLocation) or not source.key:
        return
    found = client.list_objects(source.bucket, Prefix=source.key, MaxKeys=1)
    if not found.get("Contents"):
        text = "nothing is below it, and --delete would delete all of"
        raise CosClientError(f"{source}: {text} {task.destination}")


def _doomed(client: "Client", task: Task, options: SyncCommandOptions) -> int | None:
    """Return the number of files that the source lacks; None if some cannot be compared."""
    from coskit import DirectoryTransferError

    try:
        # Sizes are enough to find out what the source lacks.
        found = client.sync(
            side(task.source),
            side(task.destination),
            Compare="size",
            Delete=True,
            DryRun=True,
            OnError="continue",
            Filters=options.filters,
            FollowSymlinks=options.follow_symlinks,
        )
    except DirectoryTransferError:
        return None  # the transfer lists the failures
    return found.deleted


def _question(doomed: int, task: Task) -> str:
    files = "file" if doomed == 1 else "files"
    return f"Delete {doomed} {files} in {task.destination} that the source lacks?"
