"""Durations, ages and dates as people write them."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import typer

from coskit.cli.arguments.times import parse_duration, parse_moment

NOW = datetime(2026, 11, 29, 15, 0, tzinfo=UTC)
DURATIONS = [
    ("90s", timedelta(seconds=90)),
    ("1h30m", timedelta(minutes=90)),
    ("7d", timedelta(days=7)),
    ("2W", timedelta(weeks=2)),
    ("0.5h", timedelta(minutes=30)),
    ("0s", timedelta(0)),
]


@pytest.mark.parametrize(("text", "duration"), DURATIONS)
def test_a_duration(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "7", "d", "1y", "-1d", "1 d", "1.d", "9" * 9 + "w"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="a duration is written like"):
        parse_duration(text)


MOMENTS = [
    ("7d", NOW - timedelta(days=7)),
    ("2026-11-01T12:00:00Z", datetime(2026, 11, 1, 12, tzinfo=UTC)),
    ("2026-11-01 12:00+08:00", datetime(2026, 11, 1, 4, tzinfo=UTC)),
    ("2026-11-01", datetime(2026, 10, 31, 16, tzinfo=UTC)),
    ("2026-11-01 12:00", datetime(2026, 11, 1, 4, tzinfo=UTC)),
]


@pytest.mark.parametrize(("text", "moment"), MOMENTS)
def test_a_moment_where_clocks_are_8_hours_ahead(
    monkeypatch: pytest.MonkeyPatch, text: str, moment: datetime
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC-8")  # POSIX counts to the west
        time.tzset()
        found = parse_moment(text, NOW)
    time.tzset()
    assert found == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "99:00", "999999d"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="a date is written like"):
        parse_moment(text, NOW)
