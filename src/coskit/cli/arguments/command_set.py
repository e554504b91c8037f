"""Commands with commands below them, such as `coskit uploads abort`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

from coskit.cli.arguments.dataclass_command import ExampleCommand, add_command
from coskit.cli.arguments.leading_options import command_first
from coskit.cli.arguments.plain_values import PlainValues


class CommandSet(PlainValues, TyperGroup):
    """Commands of which the first one runs if the words name none of them.

    Attributes:
        examples: the examples of all the commands.
    """

    examples: str = ""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Read the words, with the first command's name in front if they name no command."""
        words = command_first(args)
        if words[:1] != ["--help"] and not set(words[:1]) & {*self.commands}:
            self._refuse_misspelt(ctx, words)
            words = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, words)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order in which they were given."""
        return list(self.commands)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write which command may be left out, and the examples."""
        first = next(iter(self.commands))
        with formatter.indentation():
            formatter.write(f"\n{first} is the command if none is named.\n")
        ExampleCommand.format_epilog(self, ctx, formatter)  # type: ignore[arg-type]

    def _refuse_misspelt(self, ctx: Any, words: list[str]) -> None:
        """Refuse a word that is nearly the name of a command."""
        close = difflib.get_close_matches(words[0], self.commands, n=1) if words else []
        if close:
            ctx.fail(f"There is no command {ctx.command_path} {words[0]}. Did you mean {close[0]}?")


def command_set(name: str, help: str, examples: str, *functions: Callable[..., int]) -> typer.Typer:
    """Return an app of commands below a command; the first is used if none is named.

    Args:
        name: the word after `coskit`.
        help: the first line of its help.
        examples: the examples of all of them; each command shows those that call it.
        functions: the functions of the commands; the word is the part of a function's name before
            its underscore.
    """
    group = type("NamedCommandSet", (CommandSet,), {"examples": examples})
    app = typer.Typer(cls=group, help=help, add_completion=False)
    words = [function.__name__.partition("_")[0] for function in functions]
    for function, word in zip(functions, words, strict=True):
        others = [other for other in words if other != word] if word == words[0] else []
        add_command(app, word, function, _examples_of(f"coskit {name}", word, others, examples))
    return app


def _examples_of(path: str, word: str, others: list[str], examples: str) -> str:
    """Return the examples that call one command; lines that name no other call the first."""
    found = []
    for block in re.split(r"\n(?=\S)", examples.strip("\n")):
        called = re.findall(rf"{path}(?: (\S+)|$)", block, re.MULTILINE)
        if word in called or (others and not {*called} <= {*others}):
            found.append(block)
    return "\n".join(found)
