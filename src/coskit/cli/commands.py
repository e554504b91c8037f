"""The command line of `coskit`: its options, its exit status and the text of its errors."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from coskit._version import __version__
from coskit.cli.arguments.dataclass_command import OutputClosed
from coskit.cli.arguments.leading_options import command_first
from coskit.cli.command_loader import CommandGroup
from coskit.cli.terminal.errors import describe

_FAILED = 1
_INTERRUPTED = 130
_PIPE_CLOSED = 141  # as a program that SIGPIPE ends

app = typer.Typer(
    cls=CommandGroup,
    help="Tencent COS object storage: move data, look after buckets, run a server of your own.",
    epilog="coskit COMMAND --help shows the options of a command, with examples.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # drawing boxes around the help takes a third of its time
)
# The base class of usage errors; it is click's or typer's own, depending on typer's version.
UsageError: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Tencent COS object storage: move data, look after buckets, run a server of your own."""
    if show:
        print(__version__)
        raise typer.Exit


def run(words: Sequence[str]) -> int:
    """Run the command with these arguments and return the exit status; an error takes one line."""
    try:
        command = typer.main.get_command(app)
        status = command.main(command_first(words), "coskit", standalone_mode=False)
        sys.stdout.flush()
    except UsageError as cause:
        error: Any = cause
        print(f"coskit: {' '.join(error.format_message().split())}", file=sys.stderr)
        return int(error.exit_code)
    except (BrokenPipeError, OutputClosed):
        _discard_output()
        return _PIPE_CLOSED
    except Exception as cause:
        text = describe(cause)
        if text is None:
            raise
        print(f"coskit: {text}", file=sys.stderr)
        return _FAILED
    return status if isinstance(status, int) else 0


def _discard_output() -> None:
    """Send the rest of the output nowhere, so that the interpreter's last flush does not fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
