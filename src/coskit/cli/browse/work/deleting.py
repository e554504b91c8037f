"""Deletions of files, objects and folders, counted before they are done."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from coskit.cli.arguments.locations import CosLocation, argument_key
from coskit.cli.browse.model.entries import PaneEntry
from coskit.cli.browse.model.places import Place, entry_key
from coskit.cli.browse.work.report import TaskReport
from coskit.cli.objects.listing import entry_pages

if TYPE_CHECKING:
    from coskit import Client, FileAction, FileFailure


def count(client: "Client", place: Place, entries: Sequence[PaneEntry], report: TaskReport) -> None:
    """Count the files or objects that a deletion of entries would delete, with their bytes."""
    for entry in entries:
        if entry.is_file:
            report.end(entry.size)
        elif isinstance(place, Path):
            _count_directory(place / entry.name, report)
        else:
            _count_folder(client, place.with_key(entry_key(place, entry)), report)


def delete(
    client: "Client", place: Place, entries: Sequence[PaneEntry], report: TaskReport
) -> None:
    """Delete entries with everything below them; failures go into the report."""
    if isinstance(place, Path):
        for entry in entries:
            _delete_path(place / entry.name, Path(entry.name), report)
        return
    names = [entry.name for entry in entries if entry.is_file]
    if names:
        _delete_objects(client, place, "", names, report)
    for entry in entries:
        if not entry.is_file:
            folder = place.with_key(entry_key(place, entry))
            _delete_objects(client, folder, f"{entry.name}/", None, report)


def _count_directory(path: Path, report: TaskReport) -> None:
    if path.is_symlink():  # the link is deleted, not what it leads to
        report.end()
        return
    for place, folders, names in os.walk(path):
        report.token.check()
        report.files += len(names)
        report.files += sum((Path(place) / folder).is_symlink() for folder in folders)


def _count_folder(client: "Client", folder: CosLocation, report: TaskReport) -> None:
    for page in entry_pages(client, folder, recursive=True, raw=True):
        report.token.check()
        report.files += len(page)
        report.size += sum(entry.size for entry in page)


def _delete_objects(
    client: "Client", place: CosLocation, shown: str, names: list[str] | None, report: TaskReport
) -> None:
    from coskit import DirectoryTransferError

    def done(action: "FileAction") -> None:
        report.begin(shown + action.name)
        report.end()

    def failed(failure: "FileFailure") -> None:
        report.fail(shown + failure.name, failure.error)

    with suppress(DirectoryTransferError):  # each failure is in the report
        client.delete_dir(
            place.bucket,
            argument_key(place.key),
            Names=names,
            OnError="continue",
            action_callback=done,
            failure_callback=failed,
        )


def _delete_path(path: Path, shown: Path, report: TaskReport) -> None:
    """Delete a file, a link or a directory; what cannot be deleted goes into the report."""
    is_directory = path.is_dir() and not path.is_symlink()
    for each in _deepest_first(path) if is_directory else (path,):
        report.token.check()
        name = str(shown / each.relative_to(path))
        report.begin(name)
        try:
            if each.is_dir() and not each.is_symlink():
                each.rmdir()
            else:
                each.unlink()
                report.end()
        except OSError as cause:
            report.fail(name, cause)


def _deepest_first(directory: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(directory, topdown=False):
        here = Path(place)
        yield from (here / name for name in names)
        yield from (here / name for name in folders if (here / name).is_symlink())
        yield here
