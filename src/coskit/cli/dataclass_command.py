"""Commands whose options are the fields of a dataclass."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_type_hints

_Options = TypeVar("_Options")


def with_options(kind: type[_Options], run: Callable[[_Options], None]) -> Callable[..., None]:
    """Return a command for typer that has the fields of a dataclass as options.

    Args:
        kind: the dataclass; the annotation of a field describes its option.
        run: does the command's work; its docstring is the command's help.
    """

    def command(**given: Any) -> None:
        run(kind(**given))

    # typer reads options from the signature and the annotations of a function.
    signature = inspect.signature(kind).replace(return_annotation=None)
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = get_type_hints(kind, include_extras=True)
    command.__doc__ = run.__doc__
    return command
