"""Object locks: their stored form, protection, and allowed changes."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.errors import (
    AccessDenied,
    InvalidArgument,
    InvalidRetentionPeriod,
    MalformedXML,
)
from coskit.protocol.s3.documents.object_lock import (
    HOLDS,
    MODES,
    ObjectLock,
    RetentionPeriod,
    default_document,
    dump_default,
    dump_lock,
    load_default,
    load_lock,
    read_default,
    read_until,
    write_until,
)

DAY = 86_400_000
NOW = 1_700_000_000_000


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


moments = st.integers(NOW, moment("2200-01-01"))
retained = st.builds(ObjectLock, st.sampled_from(MODES), moments, st.sampled_from(("", *HOLDS)))
free = st.builds(ObjectLock, hold=st.sampled_from(("", *HOLDS)))
periods = st.one_of(
    st.builds(RetentionPeriod, st.sampled_from(MODES), days=st.integers(1, 36_500)),
    st.builds(RetentionPeriod, st.sampled_from(MODES), years=st.integers(1, 100)),
)


@given(st.one_of(retained, free), moments)
def test_a_lock_comes_back_as_it_was_kept(lock: ObjectLock, stored: int) -> None:
    assert load_lock(dump_lock(lock), stored) == lock


@given(periods)
def test_a_default_comes_back_as_stored_and_as_sent(period: RetentionPeriod) -> None:
    assert load_default(dump_default(period)) == period
    assert read_default(default_document(period)) == period


def test_no_default_is_none_in_every_spelling() -> None:
    assert load_default(dump_default(None)) is None
    assert read_default(default_document(None)) is None


def test_a_version_without_a_lock_keeps_nothing() -> None:
    assert dump_lock(ObjectLock()) is None
    assert load_lock(None, NOW) == ObjectLock()


@given(periods, moments, st.sampled_from(("", *HOLDS)))
def test_a_default_counts_from_when_the_version_is_stored(
    period: RetentionPeriod, stored: int, hold: str
) -> None:
    lock = load_lock(dump_lock(ObjectLock(hold=hold), period), stored)
    assert lock == ObjectLock(period.mode, period.end(stored), hold)


@given(retained, periods, moments)
def test_a_requested_retention_takes_precedence_over_the_default(
    lock: ObjectLock, period: RetentionPeriod, stored: int
) -> None:
    assert load_lock(dump_lock(lock, period), stored) == lock


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (RetentionPeriod("GOVERNANCE", days=1), "2023-12-31T12:00", "2024-01-01T12:00"),
        (RetentionPeriod("GOVERNANCE", years=1), "2023-06-01T01:02", "2024-06-01T01:02"),
        (RetentionPeriod("GOVERNANCE", years=1), "2024-02-29T00:00", "2025-03-01T00:00"),
        (RetentionPeriod("GOVERNANCE", years=4), "2024-02-29T00:00", "2028-03-01T00:00"),
        (RetentionPeriod("COMPLIANCE", years=100), "2024-01-01T00:00", "2124-01-01T00:00"),
    ],
)
def test_a_period_ends_by_the_calendar(period: RetentionPeriod, start: str, end: str) -> None:
    assert period.end(moment(start)) == moment(end)


@given(retained, moments, st.booleans())
def test_only_a_retention_that_has_not_ended_or_a_hold_protects(
    lock: ObjectLock, now: int, bypass: bool
) -> None:
    held = lock.hold == "ON"
    kept = now < lock.until and not (bypass and lock.mode == "GOVERNANCE")
    assert lock.protects(now, bypass=bypass) == (held or kept)


@given(retained, st.sampled_from(("", *MODES)), moments, moments, st.booleans())
def test_nothing_shortens_what_protects(
    lock: ObjectLock, mode: str, until: int, now: int, bypass: bool
) -> None:
    """After any change, a version that had to stay until a moment has to stay until then."""
    new_until = until if mode else 0
    try:
        changed = lock.retained(mode, new_until, now, bypass=bypass)
    except AccessDenied:
        assert lock.protects(now, bypass=bypass) or lock.is_retained(now)
        return
    assert (changed.mode, changed.until, changed.hold) == (mode, new_until, lock.hold)
    if lock.is_retained(now) and not (bypass and lock.mode == "GOVERNANCE"):
        assert changed.until >= lock.until
        assert changed.mode == lock.mode


@pytest.mark.parametrize(
    ("mode", "until", "bypass", "refused"),
    [
        ("COMPLIANCE", NOW + 2 * DAY, True, False),
        ("COMPLIANCE", NOW + DAY, False, False),
        ("COMPLIANCE", NOW + DAY - 1, True, True),
        ("GOVERNANCE", NOW + 2 * DAY, True, True),
        ("", 0, True, True),
    ],
)
def test_compliance_can_only_be_lengthened(
    mode: str, until: int, bypass: bool, refused: bool
) -> None:
    lock = ObjectLock("COMPLIANCE", NOW + DAY)
    if refused:
        with pytest.raises(AccessDenied):
            lock.retained(mode, until, NOW, bypass=bypass)
    else:
        assert lock.retained(mode, until, NOW, bypass=bypass).until == until


BAD_DEFAULTS = [
    ({}, MalformedXML),
    ({"ObjectLockEnabled": "Disabled"}, MalformedXML),
    ({"Rule": None}, MalformedXML),
    ({"Rule": {"DefaultRetention": {"Days": "1"}}}, MalformedXML),
    ({"Rule": {"DefaultRetention": {"Mode": "governance", "Days": "1"}}}, MalformedXML),
    ({"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE"}}}, MalformedXML),
    ({"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": "x"}}}, MalformedXML),
    (
        {"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": "1", "Years": "1"}}},
        MalformedXML,
    ),
    *(
        ({"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", unit: text}}}, InvalidRetentionPeriod)
        for unit, text in [("Days", "0"), ("Days", "-1"), ("Days", "36501"), ("Years", "101")]
    ),
]


@pytest.mark.parametrize(("document", "error"), BAD_DEFAULTS)
def test_a_default_that_makes_no_sense_is_refused(
    document: dict[str, object], error: type[Exception]
) -> None:
    usual = {"ObjectLockEnabled": "Enabled"} if document else {}
    with pytest.raises(error):
        read_default({**usual, **document})


@pytest.mark.parametrize("text", ["", "tomorrow", "2023-13-01T00:00:00Z", "2001-01-01T00:00:00Z"])
def test_a_date_that_is_none_or_has_passed_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        read_until(text, NOW)


@given(st.integers(NOW + 1, moment("9999-12-30")))
def test_the_end_of_a_retention_comes_back_to_the_millisecond(until: int) -> None:
    assert read_until(write_until(until), NOW) == until


def test_what_is_kept_is_plain_json() -> None:
    """Other versions of the server will have to read it."""
    assert json.loads(dump_lock(ObjectLock("GOVERNANCE", 5, "ON")) or "") == {
        "hold": "ON",
        "mode": "GOVERNANCE",
        "until": 5,
    }
    kept = dump_lock(ObjectLock(hold="OFF"), RetentionPeriod("COMPLIANCE", years=2))
    assert json.loads(kept or "") == {"hold": "OFF", "mode": "COMPLIANCE", "years": 2}
