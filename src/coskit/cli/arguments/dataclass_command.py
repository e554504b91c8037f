"""Commands whose options are the fields of a dataclass."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

import typer

_Options = TypeVar("_Options")


def with_options(
    kind: type[_Options], run: Callable[[_Options], int | None]
) -> Callable[..., None]:
    """Return a command for typer that has the fields of a dataclass as options.

    The fields of the class come before those that it inherits.

    Args:
        kind: the dataclass; the annotation of a field describes its option.
        run: does the command's work and may return the exit status; its docstring is the command's
            help.
    """

    def command(**given: Any) -> None:
        raise typer.Exit(run(kind(**given)) or 0)

    # typer reads options from the signature and the annotations of a function.
    signature = inspect.signature(kind)
    own = inspect.get_annotations(kind)
    ordered = sorted(signature.parameters.values(), key=lambda field: field.name not in own)
    command.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
    command.__annotations__ = get_type_hints(kind, include_extras=True)
    command.__doc__ = run.__doc__
    return command
