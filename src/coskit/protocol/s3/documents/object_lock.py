"""Object lock: retention and legal hold of a version, and a bucket's default retention.

Moments are milliseconds since 1970.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from coskit.protocol.codec.dates import parse_iso_date, plain_date
from coskit.protocol.errors import (
    AccessDenied,
    InvalidArgument,
    InvalidRetentionPeriod,
    MalformedXML,
)

MODES = ("GOVERNANCE", "COMPLIANCE")
HOLDS = ("ON", "OFF")
MAX_YEARS = 100
_MAX_DAYS = 365 * MAX_YEARS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class RetentionPeriod:
    """The default retention of a bucket's new versions, in days or in years."""

    mode: str
    days: int = 0
    years: int = 0

    def end(self, start: int) -> int:
        """Return the end of the retention of a version that was stored at a moment."""
        begun = _EPOCH + timedelta(milliseconds=start)
        if self.years:
            # 29 February counts as 1 March, so that no retention is shorter than its years.
            if (begun.month, begun.day) == (2, 29):
                begun = begun.replace(month=3, day=1)
            begun = begun.replace(year=begun.year + self.years)
        return (begun + timedelta(days=self.days) - _EPOCH) // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class ObjectLock:
    """The retention and the legal hold of a version.

    Attributes:
        mode: the retention's mode, or "" without a retention.
        until: the end of the retention, or 0.
        hold: the legal hold, "ON" or "OFF", or "" if it was never set.
    """

    mode: str = ""
    until: int = 0
    hold: str = ""

    def is_retained(self, now: int) -> bool:
        """Return whether the retention has not ended."""
        return bool(self.mode) and now < self.until

    def protects(self, now: int, *, bypass: bool = False) -> bool:
        """Return whether the version may not be deleted.

        Args:
            now: the current time.
            bypass: whether the client may bypass governance and has requested it.
        """
        if self.hold == "ON":
            return True
        return self.is_retained(now) and not (bypass and self.mode == "GOVERNANCE")

    def retained(self, mode: str, until: int, now: int, *, bypass: bool) -> "ObjectLock":
        """Return the lock with another retention; mode "" removes the retention.

        Args:
            mode: the new retention's mode.
            until: the end of the new retention.
            now: the current time.
            bypass: whether the client may bypass governance and has requested it.

        Raises:
            AccessDenied: the change would shorten the retention or change its mode.
        """
        is_bound = self.is_retained(now) and not (bypass and self.mode == "GOVERNANCE")
        if is_bound and (mode != self.mode or until < self.until):
            raise AccessDenied("The retention of the object can only be extended")
        return replace(self, mode=mode, until=until)


def dump_lock(lock: ObjectLock, default: RetentionPeriod | None = None) -> str | None:
    """Return a lock's stored form, or None if there is nothing to store.

    Args:
        lock: the version's lock.
        default: the bucket's default retention. It applies to a lock without retention, from the
            moment at which the version is stored.
    """
    kept: dict[str, Any] = {"hold": lock.hold} if lock.hold else {}
    if lock.mode:
        kept |= {"mode": lock.mode, "until": lock.until}
    elif default:
        kept |= _period_fields(default)
    return json.dumps(kept) if kept else None


def load_lock(text: str | None, stored: int) -> ObjectLock:
    """Return the lock that `dump_lock` stored.

    Args:
        text: the version's lock in its stored form, or None.
        stored: when the version was stored.
    """
    if text is None:
        return ObjectLock()
    kept = json.loads(text)
    mode, hold = kept.get("mode", ""), kept.get("hold", "")
    until = kept.get("until", 0)
    if mode and not until:
        until = RetentionPeriod(mode, kept.get("days", 0), kept.get("years", 0)).end(stored)
    return ObjectLock(mode, until, hold)


def dump_default(default: RetentionPeriod | None) -> str:
    """Return the stored form of a bucket's default retention."""
    return json.dumps(_period_fields(default) if default else {})


def load_default(text: str) -> RetentionPeriod | None:
    """Return the default retention that `dump_default` stored."""
    kept = json.loads(text)
    return RetentionPeriod(**kept) if kept else None


def read_default(document: Mapping[str, Any]) -> RetentionPeriod | None:
    """Return the default retention of an ObjectLockConfiguration, or None if it has none.

    Raises:
        MalformedXML: the document does not enable locks, or its rule has neither days nor years,
            or both.
        InvalidRetentionPeriod: the period is not positive, or longer than 100 years.
    """
    if document.get("ObjectLockEnabled") != "Enabled":
        raise MalformedXML("ObjectLockEnabled must be Enabled")
    if "Rule" not in document:
        return None
    asked = (document["Rule"] or {}).get("DefaultRetention") or {}
    if asked.get("Mode") not in MODES or ("Days" in asked) == ("Years" in asked):
        raise MalformedXML("A default retention must have a Mode, and Days or Years")
    days, years = _number(asked.get("Days", "0")), _number(asked.get("Years", "0"))
    if days + years < 1 or days > _MAX_DAYS or years > MAX_YEARS:
        raise InvalidRetentionPeriod(f"A default retention must be 1 day to {MAX_YEARS} years long")
    return RetentionPeriod(asked["Mode"], days, years)


def default_document(default: RetentionPeriod | None) -> dict[str, Any]:
    """Return the ObjectLockConfiguration that `read_default` reads."""
    document: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if default is None:
        return document
    length = {"Days": str(default.days)} if default.days else {"Years": str(default.years)}
    return {**document, "Rule": {"DefaultRetention": {"Mode": default.mode, **length}}}


def read_until(text: str, now: int) -> int:
    """Return the end of a requested retention.

    Raises:
        InvalidArgument: the text is no date, or the date is not in the future.
    """
    moment = parse_iso_date(text.strip())
    if moment is None:
        raise InvalidArgument("The retain until date must be provided in ISO 8601 format")
    if moment <= now:
        raise InvalidArgument("The retain until date must be in the future!")
    return min(moment, _END)


def write_until(moment: int) -> str:
    """Return the end of a retention as text, exact to the millisecond."""
    return f"{plain_date(moment)[:-1]}.{moment % 1000:03}Z"


def _number(text: str) -> int:
    if not re.fullmatch(r"\s*-?[0-9]{1,9}\s*", text):
        raise MalformedXML("Days and Years must be numbers")
    return int(text)


def _period_fields(period: RetentionPeriod) -> dict[str, Any]:
    length = {"days": period.days} if period.days else {"years": period.years}
    return {"mode": period.mode, **length}
