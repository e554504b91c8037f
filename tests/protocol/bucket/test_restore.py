"""Restore jobs: their states over time and the effect of requests."""

import pytest

from coskit.protocol.bucket.restore import (
    DELAYS,
    RestoreJob,
    dump_job,
    is_readable,
    load_job,
    request_restore,
    restore_headers,
    restore_status,
)
from coskit.protocol.codec.dates import http_date, parse_iso_date
from coskit.protocol.errors import (
    CosServiceError,
    InvalidArgument,
    RestoreAlreadyInProgress,
    RestoreNonArchiveObject,
)

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOW = 1_700_000_000_000  # Tue, 14 Nov 2023 22:13:20 GMT

ONGOING = RestoreJob("Standard", 2, NOW - HOUR, NOW + HOUR)
RESTORED = RestoreJob("Bulk", 2, NOW - DAY, NOW - HOUR)
EXPIRED = RestoreJob("Expedited", 1, NOW - 9 * DAY, NOW - 8 * DAY)

ANSWERS = [
    ("ARCHIVE", None, "Expedited", 202, 1 * MINUTE),
    ("ARCHIVE", None, "Standard", 202, 3 * HOUR),
    ("ARCHIVE", None, "Bulk", 202, 5 * HOUR),
    ("MAZ_ARCHIVE", None, "Bulk", 202, 5 * HOUR),
    ("DEEP_ARCHIVE", None, "Standard", 202, 12 * HOUR),
    ("DEEP_ARCHIVE", None, "Bulk", 202, 24 * HOUR),
    ("ARCHIVE", EXPIRED, "Standard", 202, 3 * HOUR),
    ("ARCHIVE", ONGOING, "Expedited", 202, 1 * MINUTE),
    # A faster tier never makes it later than it was going to be.
    ("DEEP_ARCHIVE", RestoreJob("Bulk", 1, NOW, NOW + HOUR), "Standard", 202, HOUR),
    ("ARCHIVE", RESTORED, "Bulk", 200, 0),
    ("ARCHIVE", RESTORED, "Expedited", 200, 0),
]


@pytest.mark.parametrize(("storage_class", "job", "tier", "status", "delay"), ANSWERS)
def test_a_request_makes_a_job(
    storage_class: str, job: RestoreJob | None, tier: str, status: int, delay: int
) -> None:
    made = request_restore(storage_class, job, tier, 3, NOW)
    assert made == (RestoreJob(tier, 3, NOW, NOW + delay), status)


REFUSALS = [
    ("STANDARD", None, "Standard", 1, RestoreNonArchiveObject),
    ("STANDARD_IA", None, "nonsense", 0, RestoreNonArchiveObject),
    ("INTELLIGENT_TIERING", None, "Standard", 1, RestoreNonArchiveObject),
    ("ARCHIVE", ONGOING, "Standard", 1, RestoreAlreadyInProgress),
    ("ARCHIVE", ONGOING, "Bulk", 1, RestoreAlreadyInProgress),
    ("DEEP_ARCHIVE", None, "Expedited", 1, InvalidArgument),
    ("ARCHIVE", None, "Quick", 1, InvalidArgument),
    ("ARCHIVE", None, "Standard", 0, InvalidArgument),
    ("ARCHIVE", None, "Standard", -1, InvalidArgument),
    ("ARCHIVE", None, "Standard", 366, InvalidArgument),
    ("ARCHIVE", ONGOING, "Standard", 10**30, InvalidArgument),
]


@pytest.mark.parametrize(("storage_class", "job", "tier", "days", "error"), REFUSALS)
def test_a_request_is_refused(
    storage_class: str, job: RestoreJob | None, tier: str, days: int, error: type[CosServiceError]
) -> None:
    with pytest.raises(error):
        request_restore(storage_class, job, tier, days, NOW)


EXPIRIES = [
    ("2023-11-14T15:59:59Z", 1, "2023-11-15T16:00:00Z"),
    ("2023-11-14T16:00:00Z", 1, "2023-11-15T16:00:00Z"),
    ("2023-11-14T16:00:01Z", 1, "2023-11-16T16:00:00Z"),
    ("2023-12-30T10:00:00Z", 2, "2024-01-01T16:00:00Z"),
    ("2024-02-28T23:00:00Z", 365, "2025-02-28T16:00:00Z"),
]


@pytest.mark.parametrize(("ready", "days", "expiry"), EXPIRIES)
def test_a_copy_expires_at_midnight_in_the_vendors_time_zone(
    ready: str, days: int, expiry: str
) -> None:
    moment = parse_iso_date(ready)
    assert moment is not None
    assert RestoreJob("Standard", days, 0, moment).expiry == parse_iso_date(expiry)


def test_each_moment_has_its_state_headers_and_status() -> None:
    job = RestoreJob("Expedited", 1, NOW, NOW + MINUTE)
    date = http_date(job.expiry)
    running = {
        "x-cos-restore": 'ongoing-request="true"',
        "x-cos-restore-status": f'tier="expedited"; request-date="{http_date(NOW)}"',
    }
    there = {"x-cos-restore": f'ongoing-request="false", expiry-date="{date}"'}
    returned = [
        (NOW, False, running, "ONGOING"),
        (NOW + MINUTE - 1, False, running, "ONGOING"),
        (NOW + MINUTE, True, there, "DONE"),
        (job.expiry - 1, True, there, "DONE"),
        (job.expiry, False, {}, None),
    ]
    for now, readable, headers, status in returned:
        assert is_readable("DEEP_ARCHIVE", job, now) is readable
        assert restore_headers("DEEP_ARCHIVE", job, now) == headers
        assert restore_status("DEEP_ARCHIVE", job, now) == status
    assert not is_readable("ARCHIVE", None, NOW)
    assert is_readable("STANDARD", None, NOW)
    assert date.endswith(" 16:00:00 GMT")


def test_a_job_survives_being_kept() -> None:
    assert load_job(dump_job(ONGOING)) == ONGOING
    assert load_job(None) is None


def test_delays_can_be_changed() -> None:
    quick = {**DELAYS, ("ARCHIVE", "Standard"): 2000}
    job, _ = request_restore("ARCHIVE", None, "Standard", 1, NOW, quick)
    assert job.ready == NOW + 2000
