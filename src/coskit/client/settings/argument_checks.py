"""Checks of arguments and settings: their types and their ranges."""

import math
import operator
import os
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from typing import Any, Literal, get_args

from coskit.protocol.codec.xml.strict import nearest
from coskit.protocol.errors import ParameterError
from coskit.protocol.operations import DIRECTIVES

OnError = Literal["stop", "continue"]
Compare = Literal["size-mtime", "size", "checksum"]
HTTPMethod = Literal["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"]
Scheme = Literal["https", "http"]


def check(**arguments: Any) -> None:
    """Check the arguments of a transfer before it begins.

    Raises:
        ParameterError: an argument is of a wrong type or out of range; it is named.
    """
    for name, value in arguments.items():
        _CHECKS[name](name, value)


def check_options(options: Mapping[str, Any]) -> None:
    """Check the options that `check` knows, and ignore the others."""
    for name, value in options.items():
        if name in _CHECKS:
            _CHECKS[name](name, value)


def check_known(function: str, options: Mapping[str, Any], kind: str) -> None:
    """Refuse unknown options of a transfer before its first request.

    Args:
        function: the name of the transfer's method, for the message.
        options: the options as the program gave them.
        kind: the name of the options' TypedDict, which is only loaded if there are options.

    Raises:
        ParameterError: the transfer has no such option, which is named.
    """
    given = {name for name, value in options.items() if value is not None}
    if not given:
        return
    from coskit.client.settings import transfer_options as kinds

    known: frozenset[str] = getattr(kinds, kind).__optional_keys__
    strange = sorted(given - known)
    if strange:
        close = nearest(strange[0], [*known, *_CHECKS])
        hint = f"; did you mean {close}?" if close else ""
        raise ParameterError(
            f"No Parameter Named {strange[0]} Please Check It ({function} has none{hint})"
        )
    check_metadata(options.get("Metadata"))


def check_metadata(metadata: Any) -> None:
    """Check that metadata is a dict, before other metadata is added to it.

    Raises:
        ParameterError: the metadata is no dict.
    """
    if metadata is not None and not isinstance(metadata, Mapping):
        raise ParameterError(
            f"Metadata must be a dict of names and texts, not {type(metadata).__name__}"
        )


def path_of(name: str, value: Any) -> str:
    """Return the path that a text, bytes or an object such as a `Path` stands for.

    Raises:
        ParameterError: the value stands for no path.
    """
    if not isinstance(value, str | bytes | os.PathLike):
        raise ParameterError(f"{name} must be a path, not {type(value).__name__}")
    path = os.fsdecode(value)
    if "\0" in path:
        raise ParameterError(f"{name} contains a NUL, which a path must not contain")
    return path


def whole(name: str, value: Any, least: int = 1) -> None:
    """Make sure that a value is a whole number of at least `least`."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise ParameterError(f"{name} must be a whole number, not {value!r}")
    if number < least:
        raise ParameterError(f"{name} must be at least {least}, not {number}")


def number(name: str, value: Any, least: float = 0.0) -> None:
    """Make sure that a value is a number of at least `least`, which may be infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise ParameterError(f"{name} must be a number, not {value!r}")
    if value < least:
        raise ParameterError(f"{name} must be at least {least:g}, not {value:g}")


def limit(name: str, value: Any, *, endless: bool = False) -> None:
    """Make sure that a value is a number of seconds above 0, infinite only if that is `endless`."""
    seconds(name, value)
    if value == 0 or (math.isinf(value) and not endless):
        raise ParameterError(f"{name} must be a number of seconds above 0, not {value:g}")


def seconds(name: str, value: Any, least: float = 0.0) -> None:
    """Make sure that a value is a number of seconds, which may be infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise ParameterError(f"{name} must be a number of seconds, not {value!r}")
    if value < least:
        raise ParameterError(f"{name} must be at least {least:g} s, not {value:g}")


def flag(name: str, value: Any) -> None:
    """Make sure that a value is True or False: a text such as "false" would count as True."""
    if not isinstance(value, bool):
        raise ParameterError(f"{name} must be True or False, not {value!r}")


def text(name: str, value: Any) -> None:
    """Make sure that a value is text."""
    if not isinstance(value, str):
        raise ParameterError(f"{name} must be text, not {type(value).__name__}")


def instance(name: str, value: Any, kind: type) -> None:
    """Make sure that a setting is of its class."""
    if not isinstance(value, kind):
        raise ParameterError(f"{name} must be a {kind.__name__}, not {type(value).__name__}")


def _deadline(name: str, value: Any) -> None:
    if value is not None:
        seconds(name, value)


def _function(name: str, value: Any) -> None:
    if value is not None and not callable(value):
        raise ParameterError(f"{name} must be a function, not {type(value).__name__}")


def _texts(name: str, value: Any) -> None:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise ParameterError(f"{name} must be a list of patterns, not {value!r}")


def _names(name: str, value: Any) -> None:
    listed = isinstance(value, Iterable | AsyncIterable) and not isinstance(value, str | bytes)
    if value is not None and not listed:
        raise ParameterError(f"{name} must be a list of names, not {value!r}")


def _conditions(name: str, value: Any) -> None:
    listed = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
    for condition in value if listed else ():
        if not isinstance(condition, Mapping | list | tuple):
            raise ParameterError(f"{name} holds {condition!r}, which is neither a dict nor a list")
    if not listed:
        raise ParameterError(f"{name} must be a list of dicts and lists, not {value!r}")


def _one_of(*choices: str) -> Callable[[str, Any], None]:
    wanted = " or ".join(repr(choice) for choice in choices)

    def checked(name: str, value: Any) -> None:
        if not isinstance(value, str) or value not in choices:
            raise ParameterError(f"{name} must be {wanted}, not {value!r}")

    return checked


_CHECKS: Mapping[str, Callable[[str, Any], None]] = {
    "PartSize": whole,
    "MAXThread": whole,
    "PageSize": whole,
    "Conditions": _conditions,
    "EnableMD5": flag,
    "EnableCRC": flag,
    "Resume": flag,
    "Delete": flag,
    "Move": flag,
    "GuessContentType": flag,
    "Versions": flag,
    "DryRun": flag,
    "FollowSymlinks": flag,
    "Deadline": _deadline,
    "progress_callback": _function,
    "start_callback": _function,
    "action_callback": _function,
    "failure_callback": _function,
    "Names": _names,
    "Filters": _texts,
    "Include": _texts,
    "Exclude": _texts,
    "Prefix": text,
    "SourcePrefix": text,
    "OnError": _one_of(*get_args(OnError)),
    "Compare": _one_of(*get_args(Compare)),
    "CopyStatus": _one_of(*DIRECTIVES),
}
