"""Common parts of cp and mv: sources of any kind are transferred to one destination."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from coskit.cli.arguments.flags import NulTerminated, Recursive, VersionId
from coskit.cli.arguments.locations import CosLocation
from coskit.cli.transfers.name_lists import FilesFrom, names_from
from coskit.cli.transfers.options import ContentOptions
from coskit.cli.transfers.plan import (
    Place,
    Task,
    folder,
    is_folder,
    is_stream,
    kind_of,
    matching,
    place_of,
    single_files,
    target_root,
    tree,
)
from coskit.cli.transfers.run.runner import TaskRunner
from coskit.cli.transfers.streams import download_stream, upload_stream

_STREAM = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyingOptions(ContentOptions):
    """The options of cp and mv."""

    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Paths, or locations as cos://bucket/key."),
    ]
    destination: Annotated[
        str, typer.Argument(metavar="DESTINATION", help="A path, or a location.")
    ]
    recursive: Recursive = False
    files_from: FilesFrom = None
    null: NulTerminated = False
    version_id: VersionId = None


def run_copying(options: CopyingOptions, *, move: bool) -> int:
    """Transfer the sources to the destination and return the exit status.

    Raises:
        typer.BadParameter: the arguments do not fit each other.
    """
    sources, destination = options.sources, options.destination
    if _STREAM in (*sources, destination):
        return _run_stream(options, move=move)
    places = [place_of(source, options.dialect) for source in sources]
    target = place_of(destination, options.dialect)
    kind = kind_of(places[0], target)
    tasks = list(_tasks(options, places, _resolved(target)))
    for each in {task.kind for task in tasks}:
        options.each_file(each)
    with options.transfer_client() as client:
        if len(places) == 1 and not move:
            [source] = places
            if isinstance(source, Path) and is_stream(source):
                return upload_stream(client, sources[0], target, options)
            if isinstance(target, Path) and is_stream(target):
                version = options.version_id or ""
                return download_stream(client, source, destination, options, version)
        return TaskRunner(client, options, move=move).run(tasks, kind)


def _run_stream(options: CopyingOptions, *, move: bool) -> int:
    source, destination = options.sources[0], options.destination
    if len(options.sources) > 1 or source == destination or move:
        raise typer.BadParameter("- stands for one side of a cp with one source")
    if options.recursive or options.files_from:
        raise typer.BadParameter("- is a single file, without -r and --files-from")
    with options.transfer_client() as client:
        if source == _STREAM:
            there = place_of(destination, options.dialect)
            return upload_stream(client, source, there, options)
        here = place_of(source, options.dialect)
        return download_stream(client, here, destination, options, options.version_id or "")


def _resolved(target: Place) -> Place:
    """Return a destination, or the file that it leads to if it is a link."""
    if isinstance(target, Path) and target.is_symlink():
        return target.resolve()
    return target


def _tasks(options: CopyingOptions, places: list[Place], target: Place) -> Iterator[Task]:
    """Yield the transfers of the sources."""
    if options.files_from is not None:
        if len(places) > 1:
            raise typer.BadParameter("--files-from takes one SOURCE, which the names are below")
        names = names_from(options.files_from, folder(places[0]), null=options.null)
        yield tree(places[0], target, names)
        return
    single = list[Place]()
    for place in places:
        if isinstance(place, CosLocation) and place.is_pattern and not options.raw:
            yield matching(place, target, recursive=options.recursive)
        elif options.recursive and not (isinstance(place, Path) and _is_file(place)):
            yield tree(place, target if len(places) == 1 else _below(target, place))
        else:
            _refuse_folder(place)
            single.append(place)
    if options.version_id and len(single) != 1:
        raise typer.BadParameter("--version-id is for a single object")
    if single:
        into = len(places) > 1 or is_folder(target) or options.destination.endswith("/")
        version = options.version_id or ""
        yield from single_files(
            single, target, into=into, version=version, by_folder=bool(options.filters)
        )


def _is_file(path: Path) -> bool:
    return path.exists() and not path.is_dir()


def _refuse_folder(place: Place) -> None:
    if is_folder(place):
        word = "directory" if isinstance(place, Path) else "folder"
        raise typer.BadParameter(f"{place} is a {word}: add -r to take everything below it")


def _below(target: Place, source: Place) -> Place:
    """Return the folder of one of several trees: the last part of the source's name."""
    if isinstance(source, Path):
        name = source.resolve().name
    else:
        name = source.key.removesuffix("/").rpartition("/")[2] or source.bucket
    root = target_root(target, into=True)
    if isinstance(root, CosLocation):
        assert isinstance(target, CosLocation)
        base = target.key if target.is_folder else f"{target.key}/"
        return target.with_key(f"{base}{name}/")
    return root / name
