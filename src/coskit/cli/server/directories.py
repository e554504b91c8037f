"""The directory argument, error texts and output that all commands of `coskit admin` share."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

_OPTION = "--dir"
DEFAULT = Path("coskit-data")

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The server's directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class DirectoryCommand(TyperCommand):
    """A command whose first argument is the server's directory; `--dir DIR` says the same."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments."""
        return super().parse_args(ctx, directory_first(args))


def directory_first(words: Sequence[str]) -> list[str]:
    """Return arguments with the value of `--dir` in front of them."""
    for place, word in enumerate(words):
        if word == "--":
            break
        if word == _OPTION and place + 1 < len(words):
            return [words[place + 1], *words[:place], *words[place + 2 :]]
        if word.startswith(f"{_OPTION}="):
            return [word.removeprefix(f"{_OPTION}="), *words[:place], *words[place + 1 :]]
    return list(words)


@contextmanager
def errors_in_one_line(directory: Path | None) -> Iterator[None]:
    """Turn errors about a server's directory into one line and exit status 1.

    Args:
        directory: a directory that must be a server's; None if it is yet to be created.
    """
    from coskit.protocol.errors import CosServiceError
    from coskit.server.store.index.database import Error
    from coskit.server.workers.error_text import plain
    from coskit.server.workers.served_directory import require_servers

    try:
        if directory is not None:
            require_servers(directory)
        yield
    except BlockingIOError:
        sys.exit("coskit: a server uses the directory")
    except (OSError, ValueError, LookupError, RuntimeError, Error, CosServiceError) as cause:
        sys.exit(f"coskit: {plain(cause)}")


def print_facts(found: dict[str, Any], as_json: bool) -> None:
    """Print facts, one on a line; empty lists only as JSON."""
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        if value not in ([], ()):
            print(f"{name.replace('_', ' '):13}  {value}")


def moment(seconds: float) -> str:
    """Return a time, given in seconds since 1970, as ISO 8601 writes it in UTC."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")
