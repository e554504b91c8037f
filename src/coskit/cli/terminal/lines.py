"""Lines of output: names that cannot break a line, sizes, dates, JSON."""

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

_PLAIN = re.compile(r"[\w@%+=:,./-]+")  # needs no quotes in any shell
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def shown_name(name: str) -> str:
    """Return a name for a line: as it is in a pipe, quoted for a shell on a terminal if needed."""
    return quoted(name) if is_terminal() else name


def name_form() -> Callable[[str], str]:
    """Return a function that does what `shown_name` does, for many names."""
    return quoted if is_terminal() else str


def quoted(name: str) -> str:
    """Return a name that a shell reads as one word, with control characters escaped."""
    if _PLAIN.fullmatch(name):
        return name
    if name.isprintable():
        return shlex.quote(name)
    return f"$'{''.join(map(_escaped, name))}'"


def printable(name: str) -> str:
    """Return a name for a screen: as it is, unless control characters have to be escaped."""
    if name.isprintable():
        return name
    return "".join(sign if sign == "'" else _escaped(sign) for sign in name)


def _escaped(sign: str) -> str:
    if sign in "\\'":
        return f"\\{sign}"
    return sign if sign.isprintable() else sign.encode("unicode_escape").decode()


def human_size(size: int) -> str:
    """Return a size such as `1.5 MiB`; bytes are exact."""
    number, unit = float(size), 0
    while number >= 1023.95 and unit < len(_UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.1f} {_UNITS[unit]}" if unit else f"{size} B"


def local_time(text: str) -> str:
    """Return a date of the service as local time without fractions: `2026-11-29 15:00:00`."""
    if not text:
        return " " * 19
    return datetime.fromisoformat(text).astimezone().isoformat(" ", "seconds")[:19]


def moment(text: str) -> datetime:
    """Return a date of a listing, such as `2026-11-29T15:00:00.000Z`."""
    return datetime.fromisoformat(text).astimezone(UTC)


def print_json(facts: Mapping[str, Any]) -> None:
    """Print one JSON object as a line."""
    print(json_line(facts))


def json_line(facts: Mapping[str, Any]) -> str:
    """Return one JSON object as a line without its end."""
    return json.dumps(facts, ensure_ascii=False)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines at once, so that a reader has them although more follow."""
    sys.stdout.write("".join([f"{line}\n" for line in lines]))
    sys.stdout.flush()


def print_name(name: str, *, null: bool = False) -> None:
    """Print a name as a line of its own, or exactly and with a NUL behind it."""
    print(name, end="\0") if null else print(shown_name(name))
