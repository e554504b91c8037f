"""Commands that are imported when they run, so that `coskit --help` stays quick."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from coskit.cli.arguments.dataclass_command import add_command
from coskit.cli.arguments.plain_values import PlainValues
from coskit.cli.command_table import ENTRIES, SECTIONS, CommandEntry


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
