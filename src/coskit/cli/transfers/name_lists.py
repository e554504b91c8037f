"""Lists of names for `--files-from`: from a file or standard input, one a line or with NUL."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

FilesFrom = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="Take the names below SOURCE from a file; - is the input."),
]
_BLOCK = 64 * 1024


def names_from(place: str, *, null: bool) -> Iterator[str]:
    """Yield the names of a list as they arrive; empty names are skipped.

    Args:
        place: the path of the list, or `-` for standard input.
        null: whether a NUL ends each name instead of a line break.

    Raises:
        OSError: the list cannot be read.
    """
    if place == "-":
        yield from _names(sys.stdin.buffer, b"\0" if null else b"\n")
        return
    with Path(place).open("rb") as file:
        yield from _names(file, b"\0" if null else b"\n")


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
