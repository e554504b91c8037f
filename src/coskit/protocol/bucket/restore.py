"""Restore jobs of archived objects: their state over time, and the headers that report it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from coskit.protocol.codec.dates import http_date
from coskit.protocol.errors import (
    InvalidArgument,
    RestoreAlreadyInProgress,
    RestoreNonArchiveObject,
)
from coskit.protocol.operations import RESTORE_TIERS

MAX_DAYS = 365
TIERS = RESTORE_TIERS  # the fastest first
_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_MIDNIGHT = 16 * _HOUR  # of UTC+8, where copies expire
# Milliseconds from the request to the copy, by storage class and tier: the vendor's shortest times.
Delays = Mapping[tuple[str, str], int]
DELAYS: Delays = {
    ("ARCHIVE", "Expedited"): _MINUTE,
    ("ARCHIVE", "Standard"): 3 * _HOUR,
    ("ARCHIVE", "Bulk"): 5 * _HOUR,
    ("DEEP_ARCHIVE", "Standard"): 12 * _HOUR,
    ("DEEP_ARCHIVE", "Bulk"): 24 * _HOUR,
}

State = Literal["none", "ongoing", "restored"]


@dataclass(frozen=True, slots=True)
class RestoreJob:
    """A requested restore; moments are milliseconds since 1970.

    Attributes:
        tier: one of TIERS.
        days: the number of days that the copy stays.
        requested: the moment of the request.
        ready: the moment from which the copy can be read.
    """

    tier: str
    days: int
    requested: int
    ready: int

    @property
    def expiry(self) -> int:
        """The moment at which the copy expires: the first 16:00 GMT after its days have passed."""
        end = self.ready + self.days * _DAY
        return end + (_MIDNIGHT - end) % _DAY

    def state(self, now: int) -> State:
        """Return the job's state; an expired copy counts as none."""
        if now < self.ready:
            return "ongoing"
        return "restored" if now < self.expiry else "none"


def dump_job(job: RestoreJob) -> str:
    """Return a job's stored form."""
    return json.dumps(asdict(job))


def load_job(text: str | None) -> RestoreJob | None:
    """Return the job that `dump_job` stored; None is no job."""
    return RestoreJob(**json.loads(text)) if text else None


def is_archived(storage_class: str) -> bool:
    """Return whether objects of a storage class have to be restored before they are read."""
    return _archive(storage_class) in ("ARCHIVE", "DEEP_ARCHIVE")


def is_readable(storage_class: str, job: RestoreJob | None, now: int) -> bool:
    """Return whether an object's content may be read at a moment."""
    return not is_archived(storage_class) or (job is not None and job.state(now) == "restored")


def request_restore(
    storage_class: str,
    job: RestoreJob | None,
    tier: str,
    days: int,
    now: int,
    delays: Delays = DELAYS,
) -> tuple[RestoreJob, int]:
    """Return the new job of an object after a restore request, and the HTTP status.

    202 starts a job or replaces a slower one. 200 sets the days, from now on, of a copy that exists
    already.

    Args:
        storage_class: the object's storage class.
        job: the object's last job, or None.
        tier: the requested tier.
        days: the requested number of days.
        now: milliseconds since 1970.
        delays: the duration of each tier in milliseconds.

    Raises:
        RestoreNonArchiveObject: the object is not archived.
        InvalidArgument: the class has no such tier, or days are not 1 to 365.
        RestoreAlreadyInProgress: a job that is not slower is in progress.
    """
    if not is_archived(storage_class):
        raise RestoreNonArchiveObject
    delay = delays.get((_archive(storage_class), tier))
    if delay is None:
        raise InvalidArgument(f"{storage_class} is not restored at the tier {tier[:40]!r}")
    if not 1 <= days <= MAX_DAYS:
        raise InvalidArgument(f"Days must be 1 to {MAX_DAYS}")
    state = job.state(now) if job else "none"
    if job and state == "restored":
        return RestoreJob(tier, days, now, now), 200
    if job and state == "ongoing" and TIERS.index(tier) >= TIERS.index(job.tier):
        raise RestoreAlreadyInProgress
    ready = now + delay
    return RestoreJob(
        tier, days, now, min(ready, job.ready) if job and state == "ongoing" else ready
    ), 202


def restore_headers(storage_class: str, job: RestoreJob | None, now: int) -> dict[str, str]:
    """Return the headers by which HEAD and GET report a restore."""
    state = job.state(now) if job and is_archived(storage_class) else "none"
    if job and state == "ongoing":
        asked = f'tier="{job.tier.lower()}"; request-date="{http_date(job.requested)}"'
        return {"x-cos-restore": 'ongoing-request="true"', "x-cos-restore-status": asked}
    if job and state == "restored":
        until = f'ongoing-request="false", expiry-date="{http_date(job.expiry)}"'
        return {"x-cos-restore": until}
    return {}


def restore_status(storage_class: str, job: RestoreJob | None, now: int) -> str | None:
    """Return the RestoreStatus in a listing, or None if there is no restore."""
    state = job.state(now) if job and is_archived(storage_class) else "none"
    return {"ongoing": "ONGOING", "restored": "DONE", "none": None}[state]


def _archive(storage_class: str) -> str:
    return storage_class.removeprefix("MAZ_")
