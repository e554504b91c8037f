"""Values that need no conversion: typer would load pydantic for them, a tenth of a second."""

import re
from typing import Any, Literal, get_args, get_origin

import typer

_DIGITS = re.compile(r"\d{1,15}", re.ASCII)


class PlainValues:
    """A command whose options take texts and defaults as they are.

    Versions of typer that need no pydantic have nothing to skip.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options and arguments."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            _skip_conversion(param)
        return params


def _skip_conversion(param: Any) -> None:
    make = getattr(param, "get_runtime_param", None)
    if make is not None and not isinstance(getattr(make, "__self__", None), _Converter):
        param.get_runtime_param = _Converter(make).itself


class _Converter:
    """Converts the value of an option; typer's own converter is made for the first that needs it.

    Args:
        make: returns typer's converter.
    """

    def __init__(self, make: Any) -> None:
        self._make = make

    def itself(self) -> "_Converter":
        """Return the converter."""
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value of an option in its type.

        Args:
            value: what was written, or the default.
            param: the option.
            ctx: the command line.
        """
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        kind, info = param.type_descriptor.annotation, param.type_descriptor.parameter_info
        if info.parser is None:
            value = _number(value, info) if kind is int else value
            if get_origin(kind) is Literal and isinstance(value, str):
                return _choice(value, get_args(kind), info, param, ctx)
            if _is_right(value, kind):
                return value
        return self._make().coerce(value, param, ctx)


def _number(value: Any, info: Any) -> Any:
    """Return the number that a text is if it is in the range of the option, else the value."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        low, high = info.min, info.max
        if (low is None or low <= int(value)) and (high is None or int(value) <= high):
            return int(value)
    return value


def _choice(value: str, choices: tuple[str, ...], info: Any, param: Any, ctx: Any) -> str:
    """Return the choice that a text is.

    Raises:
        typer.BadParameter: it is none.
    """
    for choice in choices:
        if value == choice or (not info.case_sensitive and value.lower() == choice.lower()):
            return choice
    message = f"{value!r} is not one of {', '.join(choices)}"
    raise typer.BadParameter(message, ctx=ctx, param=param)


def _is_right(value: Any, kind: Any) -> bool:
    """Return whether a value is of a type already."""
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind == list[str]:
        return not isinstance(value, str)
    return kind in (str, int) and type(value) is kind
