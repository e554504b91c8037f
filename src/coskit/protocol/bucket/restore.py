"""When an archived object can be read: restore jobs, and what each moment makes of them."""

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
# Milliseconds from the request to the copy, by storage class and tier: the vendor's shortest ones.
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
    """A restore that was asked for; moments are milliseconds since 1970.

    Attributes:
        tier: one of TIERS.
        days: that the copy stays.
        requested: when it was asked for.
        ready: when the copy can be read from.
    """

    tier: str
    days: int
    requested: int
    ready: int

    @property
    def expiry(self) -> int:
        """When the copy goes: some days after it came, at the next 16:00 GMT."""
        end = self.ready + self.days * _DAY
        return end + (_MIDNIGHT - end) % _DAY

    def state(self, now: int) -> State:
        """Return what has become of it; a copy that has expired is as none."""
        if now < self.ready:
            return "ongoing"
        return "restored" if now < self.expiry else "none"


def dump_job(job: RestoreJob) -> str:
    """Return a job as the store keeps it."""
    return json.dumps(asdict(job))


def load_job(text: str | None) -> RestoreJob | None:
    """Read what `dump_job` wrote; None is no job."""
    return RestoreJob(**json.loads(text)) if text else None


def is_archived(storage_class: str) -> bool:
    """Return whether objects of a class have to be restored before they are read."""
    return _archive(storage_class) in ("ARCHIVE", "DEEP_ARCHIVE")


def is_readable(storage_class: str, job: RestoreJob | None, now: int) -> bool:
    """Return whether an object's bytes may be read at a moment."""
    return not is_archived(storage_class) or (job is not None and job.state(now) == "restored")


def request_restore(
    storage_class: str,
    job: RestoreJob | None,
    tier: str,
    days: int,
    now: int,
    delays: Delays = DELAYS,
) -> tuple[RestoreJob, int]:
    """Return the job that a request makes of an object's present one, and the HTTP status.

    202 starts a job or replaces a slower one; 200 keeps a copy that is there for so many days
    from now on.

    Args:
        storage_class: of the object.
        job: its last one, or None.
        tier: asked for.
        days: asked for.
        now: milliseconds since 1970.
        delays: how long each tier takes, in milliseconds.

    Raises:
        RestoreNonArchiveObject: the object can be read anyway.
        InvalidArgument: the class has no such tier, or days are not 1 to 365.
        RestoreAlreadyInProgress: a job runs that is not slower.
    """
    if not is_archived(storage_class):
        raise RestoreNonArchiveObject
    delay = delays.get((_archive(storage_class), tier))
    if delay is None:
        raise InvalidArgument(f"{storage_class} is not restored at the tier {tier[:40]!r}")
    if not 1 <= days <= MAX_DAYS:
        raise InvalidArgument(f"Days is 1 to {MAX_DAYS}")
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
    """Return the headers by which HEAD and GET tell of a restore."""
    state = job.state(now) if job and is_archived(storage_class) else "none"
    if job and state == "ongoing":
        asked = f'tier="{job.tier.lower()}"; request-date="{http_date(job.requested)}"'
        return {"x-cos-restore": 'ongoing-request="true"', "x-cos-restore-status": asked}
    if job and state == "restored":
        until = f'ongoing-request="false", expiry-date="{http_date(job.expiry)}"'
        return {"x-cos-restore": until}
    return {}


def restore_status(storage_class: str, job: RestoreJob | None, now: int) -> str | None:
    """Return the RestoreStatus of a listing, or None where there is nothing to tell."""
    state = job.state(now) if job and is_archived(storage_class) else "none"
    return {"ongoing": "ONGOING", "restored": "DONE", "none": None}[state]


def _archive(storage_class: str) -> str:
    return storage_class.removeprefix("MAZ_")
