"""Dates in headers, listings and results; moments are milliseconds since 1970, UTC."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def http_date(moment: int) -> str:
    """Return a moment as in headers, `Tue, 14 Nov 2023 22:13:20 GMT`."""
    return _http_date_of_second(moment // 1000)


@lru_cache(maxsize=1024)
def _http_date_of_second(second: int) -> str:
    when = datetime.fromtimestamp(second, UTC)
    # strftime depends on the locale.
    day, month = _DAYS[when.weekday()], _MONTHS[when.month - 1]
    return f"{day}, {when.day:02} {month} {when.year:04} {when:%H:%M:%S} GMT"


# The objects of one folder were often stored in the same seconds.
@lru_cache(maxsize=1024)
def parse_http_date(text: str) -> int | None:
    """Return the moment of a date in a header, or None if the text is no date."""
    # The module is slow to load, and most clients never parse a date.
    from email.utils import parsedate_to_datetime

    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    try:
        return int(when.timestamp()) * 1000
    except (OverflowError, ValueError):
        return None


def listing_date(moment: int) -> str:
    """Return a moment as in listings, `2023-11-14T22:13:20.000Z`."""
    day, second = divmod(moment // 1000, 86_400)
    return f"{_date(day)}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000Z"


# Objects in one listing were often stored on the same day.
@lru_cache(maxsize=1024)
def _date(day: int) -> str:
    return f"{datetime.fromtimestamp(day * 86_400, UTC):%Y-%m-%d}"


def plain_date(moment: int) -> str:
    """Return a moment as in copy results and buckets, `2023-11-14T22:13:20Z`."""
    return f"{datetime.fromtimestamp(moment // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def parse_iso_date(text: str) -> int | None:
    """Return the moment of a date in XML, or None if the text is no date."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return (when - _EPOCH) // timedelta(milliseconds=1)
