"""Lists of names for `--files-from`: from a file or standard input, one a line or with NUL."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from coskit.cli.arguments.locations import CosLocation, is_cos
from coskit.cli.transfers.plan import Place

FilesFrom = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="Take only names in this list, below the folder; - is the input."
    ),
]
_BLOCK = 64 * 1024


def names_from(place: str, source: Place, *, null: bool) -> Iterator[str]:
    """Yield the names of a list as they arrive; empty names are skipped.

    A name may begin with `./` if the source is a directory, as find prints it, or with the location
    of the source, as coskit find prints it.

    Args:
        place: the path of the list, or `-` for standard input.
        source: the folder that the names are below.
        null: whether a NUL ends each name instead of a line break.

    Raises:
        OSError: the list cannot be read.
        typer.BadParameter: a name is a location outside the source.
    """
    end = b"\0" if null else b"\n"
    if place == "-":
        yield from (_below(source, name) for name in _names(sys.stdin.buffer, end))
        return
    with Path(place).open("rb") as file:
        yield from (_below(source, name) for name in _names(file, end))


def _below(source: Place, name: str) -> str:
    """Return a name relative to the source."""
    if isinstance(source, CosLocation):
        root = str(source) if source.key else f"{source}/"
        if is_cos(name) and not name.startswith(root):
            raise typer.BadParameter(f"{name!r} in the list of names is not below {root}")
        return name.removeprefix(root)
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    return name


def _names(file: BinaryIO, end: bytes) -> Iterator[str]:
    rest = b""
    # `read1` returns what there is, so that names from a slow program are used at once.
    while block := file.read1(_BLOCK):  # type: ignore[attr-defined]
        *whole, rest = (rest + block).split(end)
        yield from (_text(name, end) for name in whole if name)
    if rest:
        yield _text(rest, end)


def _text(name: bytes, end: bytes) -> str:
    plain = name.removesuffix(b"\r") if end == b"\n" else name
    return plain.decode("utf-8", "surrogateescape")
