"""Ages and dates in the words of the command line: `7d`, `1h30m`, `2026-11-29 15:00`."""

import re
from datetime import UTC, datetime, timedelta

import typer

_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,3})?[smhdw])+", re.ASCII | re.IGNORECASE)
_PIECE = re.compile(r"([\d.]+)(\D)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_duration(text: str) -> timedelta:
    """Return the duration of a text such as `90s`, `1h30m`, `7d` or `2w`.

    Raises:
        typer.BadParameter: it is not made of numbers with `s`, `m`, `h`, `d` or `w`.
    """
    duration = _duration(text)
    if duration is None:
        raise typer.BadParameter(f"a duration is written like 90s, 1h30m, 7d or 2w, not {text!r}")
    return duration


def parse_moment(text: str, now: datetime | None = None) -> datetime:
    """Return the moment of an age such as `7d`, or of a date; without a zone it is local time.

    Args:
        text: an age, `2026-11-29`, `2026-11-29T15:00`, or a date with `Z` or `+08:00`.
        now: the moment from which an age counts back; by default the present.

    Raises:
        typer.BadParameter: it is neither an age nor a date.
    """
    age = _duration(text)
    try:
        if age is not None:
            return (now or datetime.now(UTC)) - age
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"a date is written like 2026-11-29 or '2026-11-29 15:00', an age like 7d, not {text!r}"
        ) from None


def _duration(text: str) -> timedelta | None:
    """Return the duration of a text, or None if it is not one."""
    plain = text.strip().lower()
    if not _DURATION.fullmatch(plain):
        return None
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PIECE.findall(plain))
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        return None
