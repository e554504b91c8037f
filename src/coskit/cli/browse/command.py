"""The command `coskit browse`: files and buckets in two panes on the terminal."""

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.locations import CosLocation, is_cos, parse_location

EXAMPLES = """
Show the current directory and the buckets:
  coskit browse
Show a folder of a bucket, and a directory beside it:
  coskit browse cos://photos-1250000000/2026/ ~/Pictures
Show the current directory and the keys that begin with a text:
  coskit browse cos://photos-1250000000/2026-11
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowseOptions(ClientOptions):
    """The options of `coskit browse`."""

    location: Annotated[
        str,
        typer.Argument(metavar="LOCATION", help="cos:// for the buckets, or cos://bucket/prefix."),
    ] = "cos://"
    directory: Annotated[
        str, typer.Argument(metavar="LOCALDIR", help="Local directory; the current one by default.")
    ] = ""


def browse(options: BrowseOptions) -> int:
    """Browse files and buckets in two panes: copy, view, delete, versions.

    Local files are at the left, buckets at the right. The key ? shows what the keys do. Each copy
    is compared with its checksum, and nothing is deleted without a question.

    It needs a terminal, and the extra browse: pip install 'coskit[browse]'.
    """
    location, directory = _places(options)
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise typer.BadParameter("browse needs a terminal; coskit ls prints lists")
    from coskit.cli.browse.app import BrowseApp  # the page of the command needs no textual
    from coskit.cli.browse.model.places import first_place

    place, beginning = first_place(location)
    with options.client() as client:
        _keep_log_off_the_screen()
        app = BrowseApp(client, directory, place, beginning)
        app.run()
        return app.return_code or 0


def _keep_log_off_the_screen() -> None:
    """Write no log: its lines would tear the picture, and errors have a line of their own."""
    logger = logging.getLogger("coskit")
    logger.handlers = [logging.NullHandler()]
    logger.propagate = False


def _places(options: BrowseOptions) -> tuple[CosLocation, Path]:
    """Return the location and the directory that the arguments name.

    Raises:
        typer.BadParameter: the location is wrong, or the directory is none.
    """
    first, second = options.location, options.directory
    if not second and not is_cos(first):
        first, second = "cos://", first
    directory = Path(second or ".").absolute()
    if not directory.is_dir():
        raise typer.BadParameter(f"{str(directory)!r} is not a directory")
    return parse_location(first, options.dialect), directory
