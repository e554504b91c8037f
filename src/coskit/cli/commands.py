"""The command line of `coskit`: its options, its exit status and the text of its errors."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from coskit._version import __version__
from coskit.cli.arguments.dataclass_command import OutputClosed, add_command
from coskit.cli.arguments.leading_options import command_first
from coskit.cli.arguments.plain_values import PlainValues
from coskit.cli.command_table import ENTRIES, SECTIONS, CommandEntry
from coskit.cli.terminal.errors import describe

_FAILED = 1
_PIPE_CLOSED = 141  # as a program that SIGPIPE ends


class CommandGroup(PlainValues, TyperGroup):
    """The commands of the table; each module is imported when its command is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order of the table."""
        return list(ENTRIES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or None if the table lacks it."""
        entry = ENTRIES.get(cmd_name)
        return None if entry is None else load(entry)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the names with their help, section by section, without importing them."""
        width = max(map(len, ENTRIES))
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(entry.name.ljust(width), entry.help) for entry in entries])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of the first word; suggest one whose name is nearly the same."""
        name = args[0]
        if name not in ENTRIES and not name.startswith("-"):
            from difflib import get_close_matches  # only a wrong name needs it

            close = get_close_matches(name, ENTRIES, n=2)
            hint = f"Did you mean {' or '.join(close)}?" if close else "See coskit --help."
            ctx.fail(f"There is no command {name}. {hint}")
        return super().resolve_command(ctx, args)


def load(entry: CommandEntry) -> Any:
    """Return the command of a row, imported now."""
    place, _, name = entry.target.partition(":")
    module = import_module(f"coskit.cli.{place}")
    target = getattr(module, name)
    app = target if isinstance(target, typer.Typer) else _app_of(entry.name, target, module)
    app.pretty_exceptions_enable = False
    # Drawing boxes around the help takes a third of its time.
    app.rich_markup_mode = None
    command = typer.main.get_command(app)
    command.name = entry.name
    return command


def _app_of(name: str, function: Any, module: Any) -> typer.Typer:
    """Return an app with one command, whose options are the fields of its dataclass."""
    app = typer.Typer(add_completion=False)
    add_command(app, name, function, module.EXAMPLES)
    return app


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
        from coskit.cli.terminal.usage_errors import usage_text  # only a wrong command needs it

        error: Any = cause
        print(f"coskit: {usage_text(error)}", file=sys.stderr)
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
