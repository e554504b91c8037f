"""Tasks of a command: its arguments become whole trees or lists of single files."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import typer

from coskit.cli.arguments.locations import CosLocation, is_cos, parse_location

Kind = Literal["upload", "download", "copy", "delete"]
Place = Path | CosLocation
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One transfer of a tree, or of some files below one place.

    Attributes:
        kind: the direction.
        source: the directory, or the location of the folder.
        destination: the directory, or the location of the folder.
        names: the names below the source; None for all.
        include: the patterns of the client that select names, if the source was a pattern.
        is_single: whether the arguments name single files.
        pattern: the argument that was a pattern, or "".
    """

    kind: Kind
    source: Place
    destination: Place
    names: "Iterable[Any] | None" = None
    include: tuple[str, ...] = ()
    is_single: bool = False
    pattern: str = ""


def place_of(text: str, dialect: str | None) -> Place:
    """Return the location or the path of an argument.

    Raises:
        typer.BadParameter: a location names no bucket, or its scheme is misspelt.
    """
    if not is_cos(text):
        # Taken as a path, a misspelt location would move data into a directory named `cos:`.
        if _SCHEME.match(text):
            raise typer.BadParameter(
                f"{text} is not a location such as cos://bucket/key; a path is written ./{text}"
            )
        return Path(text)
    location = parse_location(text, dialect)
    if not location.bucket:
        raise typer.BadParameter(f"{text} names no bucket")
    return location


def kind_of(source: Place, destination: Place) -> Kind:
    """Return the direction of a transfer.

    Raises:
        typer.BadParameter: both sides are local.
    """
    if isinstance(source, Path) and isinstance(destination, Path):
        raise typer.BadParameter("one side has to be in a bucket, as cos://bucket/key")
    if isinstance(source, Path):
        return "upload"
    return "download" if isinstance(destination, Path) else "copy"


def tree(source: Place, destination: Place, names: "Iterable[Any] | None" = None) -> Task:
    """Return the transfer of everything below a folder, or of some names below it.

    Raises:
        typer.BadParameter: both sides are local, or the source is not a directory.
    """
    if isinstance(source, Path) and not source.is_dir():
        reason = "is not a directory" if source.exists() else "does not exist"
        raise typer.BadParameter(f"{source} {reason}")
    kind = kind_of(source, destination)
    return Task(kind=kind, source=folder(source), destination=folder(destination), names=names)


def folder(place: Place) -> Place:
    """Return a place as a folder: a key gets its slash."""
    if isinstance(place, CosLocation) and not place.is_folder:
        return place.with_key(f"{place.key}/")
    return place


def matching(source: CosLocation, destination: Place, *, recursive: bool) -> Task:
    """Return the transfer of the objects that a pattern matches.

    Each keeps its name below the folder before the pattern's first special character.

    Args:
        source: the pattern.
        destination: the folder that is transferred to.
        recursive: take everything below matching folders too.
    """
    base = source.literal_prefix[: source.literal_prefix.rfind("/") + 1]
    pattern = f"/{source.key.removeprefix(base)}"
    include = (pattern, f"{pattern.removesuffix('/')}/**") if recursive else (pattern,)
    return Task(
        kind=kind_of(source, destination),
        source=source.with_key(base),
        destination=folder(destination),
        include=include,
        pattern=str(source),
    )


def single_files(
    sources: Sequence[Place],
    destination: Place,
    *,
    into: bool,
    version: str = "",
    by_folder: bool = False,
) -> Iterator[Task]:
    """Yield the transfers of single files and objects, as few as possible.

    Args:
        sources: the files and objects.
        destination: the file, the object, or the folder that they are transferred into.
        into: whether the destination is a folder.
        version: the version of a single object.
        by_folder: name objects below their folder instead of the bucket, for filters.

    Raises:
        typer.BadParameter: a source or the destination is no file.
    """
    from coskit import FileName

    groups: dict[tuple[Kind, Place], list[Any]] = {}
    for source in sources:
        root, name = _split(source, by_folder=by_folder)
        last = name.rpartition("/")[2]
        new_name = target_name(destination, last, into=into)
        kind = kind_of(source, destination)
        groups.setdefault((kind, root), []).append(FileName(name, new_name, version))
    for (kind, root), names in groups.items():
        where = target_root(destination, into=into)
        yield Task(kind=kind, source=root, destination=where, names=names, is_single=True)


def _split(source: Place, *, by_folder: bool) -> tuple[Place, str]:
    """Return the folder of a file and the name in it; the bucket and the key of an object."""
    if isinstance(source, CosLocation):
        base = source.key[: source.key.rfind("/") + 1] if by_folder else ""
        return source.with_key(base), source.key.removeprefix(base)
    return source.parent, source.name


def target_root(destination: Place, *, into: bool) -> Place:
    """Return the folder that the names of `target_name` are below."""
    if isinstance(destination, CosLocation):
        return destination.with_key("")
    return destination if into else destination.parent


def target_name(destination: Place, name: str, *, into: bool) -> str:
    """Return the name of a file at the destination, below `target_root`.

    Args:
        destination: the argument.
        name: the last part of the source's name.
        into: whether the destination is a folder.
    """
    if isinstance(destination, CosLocation):
        return f"{_with_slash(destination.key)}{name}" if into else destination.key
    return name if into else destination.name


def _with_slash(key: str) -> str:
    return key if not key or key.endswith("/") else f"{key}/"


def is_folder(place: Place) -> bool:
    """Return whether files are transferred into a place instead of to it."""
    return place.is_folder if isinstance(place, CosLocation) else place.is_dir()


def is_stream(path: Path) -> bool:
    """Return whether a path is that of a pipe or a device, which is read or written in order."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - `Path.stat` would be the same
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
