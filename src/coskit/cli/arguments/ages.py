"""The option `--older-than`, and ages for people."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from coskit.cli.arguments.times import parse_moment

OlderThan = Annotated[
    datetime | None,
    typer.Option(
        parser=parse_moment,
        metavar="AGE",
        help="Only what is older than an age, as 12h, 7d, 2w, or than a date.",
    ),
]
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def short_age(since: datetime) -> str:
    """Return the time since a moment in its two largest units, such as `3d 4h` or `12s`."""
    return short_duration(datetime.now(UTC) - since)


def short_duration(span: timedelta) -> str:
    """Return a time in its two largest units, such as `3d 4h` or `12s`."""
    left = max(0, int(span.total_seconds()))
    parts: list[str] = []
    for unit, seconds in _UNITS:
        count, left = divmod(left, seconds)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])
