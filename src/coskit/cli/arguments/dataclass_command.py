"""Commands whose options are the fields of a dataclass."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

import typer
from typer.core import TyperCommand

from coskit.cli.arguments.plain_values import PlainValues

_Options = TypeVar("_Options")


class OutputClosed(Exception):
    """The program that reads the output has ended."""


class ExampleCommand(PlainValues, TyperCommand):
    """A command whose help ends with its examples, printed as they are.

    Attributes:
        examples: lines to type, each after what it does.
    """

    examples: str = ""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        with formatter.section("Examples"):
            for line in self.examples.strip().splitlines():
                formatter.write(f"  {line}\n" if line else "\n")


def add_command(
    app: typer.Typer, name: str, function: Callable[[Any], int | None], examples: str
) -> None:
    """Add a command whose options are the fields of the dataclass that its function takes."""
    hints = get_type_hints(function)
    kind = hints[next(iter(hints))]
    # Options whose values need their place on the command line name a class of their own.
    base = getattr(kind, "command_class", ExampleCommand)
    command = type("NamedCommand", (base,), {"examples": examples})
    app.command(name, cls=command)(with_options(kind, function))


def with_options(
    kind: type[_Options], run: Callable[[_Options], int | None]
) -> Callable[..., None]:
    """Return a command for typer that has the fields of a dataclass as options.

    The fields of a class come before those that it inherits.

    Args:
        kind: the dataclass; the annotation of a field describes its option.
        run: does the command's work and may return the exit status; its docstring is the command's
            help.
    """

    def command(**given: Any) -> None:
        try:
            status = run(kind(**given))
        except BrokenPipeError as cause:  # typer would turn it into the exit status 1
            raise OutputClosed from cause
        raise typer.Exit(status or 0)

    # typer reads options from the signature and the annotations of a function.
    signature = inspect.signature(kind)
    depth: dict[str, int] = {}
    for place, ancestor in enumerate(kind.__mro__):
        for name in inspect.get_annotations(ancestor):
            depth.setdefault(name, place)
    ordered = sorted(signature.parameters.values(), key=lambda field: depth[field.name])
    command.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
    command.__annotations__ = get_type_hints(kind, include_extras=True)
    command.__doc__ = run.__doc__
    return command
