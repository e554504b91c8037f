"""Lifecycle rules: valid documents, and due actions."""

from dataclasses import replace
from typing import Any

import pytest

from coskit.protocol.bucket.lifecycle import (
    DAY,
    Action,
    LifecycleCandidate,
    decide,
    expiry,
    is_stale,
)
from coskit.protocol.bucket.lifecycle_document import (
    dump_rules,
    load_document,
    load_rules,
    load_smallest,
)
from coskit.protocol.codec.dates import parse_iso_date
from coskit.protocol.errors import (
    CosServiceError,
    InvalidArgument,
    InvalidRequest,
    MalformedXML,
    NotSupportedStorageClass,
)


def at(text: str) -> int:
    moment = parse_iso_date(text)
    assert moment is not None
    return moment


STORED = at("2024-03-10T10:30:00Z")
OBJECT = LifecycleCandidate("logs/a", 1 << 20, STORED, "STANDARD", True, False, True)
OLD = replace(OBJECT, is_latest=False)
MARKER = replace(OBJECT, is_marker=True, size=0, storage_class="")
EXPIRE, REMOVE = Action("expire"), Action("remove")


def rules(*given: dict[str, Any]) -> tuple[Any, ...]:
    return load_rules(dump_rules({"Rule": filled(*given)}))


def filled(*given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return rules with what each of them needs."""
    every: dict[str, Any] = {"Filter": {}}
    return [{"Status": "Enabled", **({} if "Prefix" in r else every), **r} for r in given]


def moved(storage_class: str) -> Action:
    return Action("move", storage_class)


def to(storage_class: str, **due: Any) -> dict[str, Any]:
    return {"StorageClass": storage_class, **due}


AFTER_3 = {"Expiration": {"Days": "3"}}
NONCURRENT_3 = {"NoncurrentVersionExpiration": {"NoncurrentDays": 3}}
LADDER = {"Transition": [to("STANDARD_IA", Days=1), to("ARCHIVE", Days=5)]}
TAG = {"Key": "k", "Value": "v"}
TAGGED = {"Filter": {"And": {"Prefix": "logs/", "Tag": [{"Key": "k", "Value": "v"}]}}, **AFTER_3}

EMPTY = replace(OBJECT, size=0)
MOVING_2 = {
    "NoncurrentVersionTransition": [
        to("ARCHIVE", NoncurrentDays=1, NewerNoncurrentVersions=2),
        to("STANDARD_IA", NoncurrentDays=1, NewerNoncurrentVersions="0"),
    ]
}
SPARING_2 = {"NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": "2"}}


def sized(**sizes: Any) -> dict[str, Any]:
    return {**AFTER_3, "Filter": {"And": {"Prefix": "logs/", **sizes}}}


DECISIONS: list[tuple[str, dict[str, Any], LifecycleCandidate, str, Action | None]] = [
    ("days count from the next midnight", AFTER_3, OBJECT, "2024-03-13T23:59:59Z", None),
    ("an object expires", AFTER_3, OBJECT, "2024-03-14T00:00:00Z", EXPIRE),
    (
        "midnight itself belongs to the day it begins",
        AFTER_3,
        replace(OBJECT, since=at("2024-03-10T00:00:00Z")),
        "2024-03-13T12:00:00Z",
        None,
    ),
    ("an old version does not expire as the live one", AFTER_3, OLD, "2030-01-01", None),
    ("a marker does not expire", AFTER_3, MARKER, "2030-01-01", None),
    ("another prefix", {**AFTER_3, "Filter": {"Prefix": "tmp/"}}, OBJECT, "2030-01-01", None),
    ("its prefix", {**AFTER_3, "Filter": {"Prefix": "logs/"}}, OBJECT, "2030-01-01", EXPIRE),
    ("a prefix in its old place", {**AFTER_3, "Prefix": "tmp/"}, OBJECT, "2030-01-01", None),
    ("a tag that it has", TAGGED, OBJECT, "2030-01-01", EXPIRE),
    (
        "a tag that it has not",
        {**AFTER_3, "Filter": {"Tag": [{"Key": "k", "Value": "w"}]}},
        OBJECT,
        "2030-01-01",
        None,
    ),
    (
        "one tag of two",
        {**AFTER_3, "Filter": {"And": {"Tag": [{"Key": c, "Value": "v"} for c in "kx"]}}},
        OBJECT,
        "2030-01-01",
        None,
    ),
    (
        "before a date",
        {"Expiration": {"Date": "2024-05-01T00:00:00+08:00"}},
        OBJECT,
        "2024-04-30T15:59:59Z",
        None,
    ),
    (
        "from a date on",
        {"Expiration": {"Date": "2024-05-01T00:00:00+08:00"}},
        OBJECT,
        "2024-04-30T16:00:00Z",
        EXPIRE,
    ),
    ("a rule that is disabled", {**AFTER_3, "Status": "Disabled"}, OBJECT, "2030-01-01", None),
    ("a noncurrent version stays", NONCURRENT_3, OLD, "2024-03-13T23:59:59Z", None),
    ("a noncurrent version goes", NONCURRENT_3, OLD, "2024-03-14T00:00:00Z", REMOVE),
    (
        "a noncurrent marker goes",
        NONCURRENT_3,
        replace(MARKER, is_latest=False),
        "2030-01-01",
        REMOVE,
    ),
    ("the live object stays", NONCURRENT_3, OBJECT, "2030-01-01", None),
    (
        "a lone marker goes",
        {"Expiration": {"ExpiredObjectDeleteMarker": "true"}},
        MARKER,
        "2024-03-10",
        REMOVE,
    ),
    (
        "a marker over versions stays",
        {"Expiration": {"ExpiredObjectDeleteMarker": "true"}},
        replace(MARKER, is_alone=False),
        "2030-01-01",
        None,
    ),
    ("the first step", LADDER, OBJECT, "2024-03-12", moved("STANDARD_IA")),
    ("the furthest step", LADDER, OBJECT, "2024-03-16", moved("ARCHIVE")),
    (
        "a step that was made",
        LADDER,
        replace(OBJECT, storage_class="STANDARD_IA"),
        "2024-03-12",
        None,
    ),
    ("no step back", LADDER, replace(OBJECT, storage_class="DEEP_ARCHIVE"), "2030-01-01", None),
    ("no step in between", LADDER, OBJECT, "2024-03-11T12:00:00Z", None),
    ("at once", {"Transition": [to("ARCHIVE", Days=0)]}, OBJECT, "2024-03-11", moved("ARCHIVE")),
    ("a small object stays", LADDER, replace(OBJECT, size=65535), "2030-01-01", None),
    (
        "an object of 64 KB does not",
        LADDER,
        replace(OBJECT, size=65536),
        "2030-01-01",
        moved("ARCHIVE"),
    ),
    (
        "several zones stay several zones",
        LADDER,
        replace(OBJECT, storage_class="MAZ_STANDARD"),
        "2024-03-12",
        moved("MAZ_STANDARD_IA"),
    ),
    ("expiration comes first", {**LADDER, **AFTER_3}, OBJECT, "2030-01-01", EXPIRE),
    (
        "an old version moves",
        {"NoncurrentVersionTransition": [to("ARCHIVE", NoncurrentDays=1)]},
        OLD,
        "2024-03-12",
        moved("ARCHIVE"),
    ),
    ("a size above", sized(ObjectSizeGreaterThan="1048575"), OBJECT, "2030-01-01", EXPIRE),
    ("not the size itself", sized(ObjectSizeGreaterThan="1048576"), OBJECT, "2030-01-01", None),
    ("a size below", sized(ObjectSizeLessThan=1048577), OBJECT, "2030-01-01", EXPIRE),
    ("not that size itself", sized(ObjectSizeLessThan=1048576), OBJECT, "2030-01-01", None),
    ("an empty object is above none", sized(ObjectSizeGreaterThan=0), EMPTY, "2030-01-01", None),
    ("newer versions are spared", SPARING_2, replace(OLD, newer=1), "2030-01-01", None),
    # S3: NoncurrentVersionTransition, NewerNoncurrentVersions
    (
        "a move spares newer ones",
        MOVING_2,
        replace(OLD, newer=1),
        "2030-01-01",
        moved("STANDARD_IA"),
    ),
    ("and no more than those", MOVING_2, replace(OLD, newer=2), "2030-01-01", moved("ARCHIVE")),
    ("and no more of them", SPARING_2, replace(OLD, newer=2), "2030-01-01", REMOVE),
    (
        "a noncurrent marker has no class",
        {"NoncurrentVersionTransition": [to("ARCHIVE", NoncurrentDays=1)]},
        replace(MARKER, is_latest=False, size=1 << 20),
        "2030-01-01",
        None,
    ),
]


@pytest.mark.parametrize(
    ("rule", "found", "now", "action"),
    [row[1:] for row in DECISIONS],
    ids=[r[0] for r in DECISIONS],
)
def test_what_is_due(
    rule: dict[str, Any], found: LifecycleCandidate, now: str, action: Action | None
) -> None:
    assert decide(rules(rule), found, lambda: [("k", "v")], at(now)) == action


# S3: PutBucketLifecycleConfiguration, TransitionDefaultMinimumObjectSize; COS: 64 KB for all.
KB = 1 << 10
SMALLEST: list[tuple[str, str, dict[str, Any], int]] = [
    ("", "STANDARD_IA", {}, 64 * KB),
    ("", "ARCHIVE", {}, 64 * KB),
    ("all_storage_classes_128K", "STANDARD_IA", {}, 128 * KB),
    ("all_storage_classes_128K", "ARCHIVE", {}, 128 * KB),
    ("all_storage_classes_128K", "DEEP_ARCHIVE", {}, 128 * KB),
    ("varies_by_storage_class", "STANDARD_IA", {}, 128 * KB),
    ("varies_by_storage_class", "INTELLIGENT_TIERING", {}, 128 * KB),
    ("varies_by_storage_class", "ARCHIVE", {}, 0),
    ("varies_by_storage_class", "DEEP_ARCHIVE", {}, 0),
    ("all_storage_classes_128K", "ARCHIVE", {"ObjectSizeGreaterThan": 500}, 501),
    ("varies_by_storage_class", "STANDARD_IA", {"ObjectSizeGreaterThan": 500}, 501),
    ("all_storage_classes_128K", "ARCHIVE", {"ObjectSizeLessThan": 500}, 0),
]


@pytest.mark.parametrize(("kind", "to_class", "chosen", "smallest"), SMALLEST)
@pytest.mark.parametrize("current", [True, False])
def test_how_small_an_object_may_be_that_moves(
    kind: str, to_class: str, chosen: dict[str, Any], smallest: int, current: bool
) -> None:
    actions: dict[str, Any] = {"Transition": [to(to_class, Days=1)]}
    if not current:
        actions = {"NoncurrentVersionTransition": [to(to_class, NoncurrentDays=1)]}
    text = dump_rules({"Rule": filled({"Filter": chosen, **actions})}, kind)
    assert load_document(text) == {"Rule": filled({"Filter": chosen, **actions})}
    assert load_smallest(text) == kind
    for size, action in ((smallest, moved(to_class)), (smallest - 1, None)):
        found = replace(OBJECT, size=size, is_latest=current)
        if size >= 0:
            assert decide(load_rules(text), found, list, at("2030-01-01")) == action


def test_rules_without_a_filter_that_an_older_server_kept_are_read_as_ever() -> None:
    kept = '{"Rule": [{"Status": "Enabled", "Expiration": {"Days": "3"}}]}'
    assert decide(load_rules(kept), OBJECT, list, at("2030-01-01")) == EXPIRE


def test_tags_are_looked_up_only_for_rules_that_ask_for_them() -> None:
    def never() -> list[tuple[str, str]]:
        raise AssertionError("nobody asked for tags")

    assert decide(rules(AFTER_3), OBJECT, never, at("2030-01-01")) == EXPIRE
    assert decide(rules(TAGGED), OBJECT, never, STORED) is None
    assert decide(rules(TAGGED), replace(OBJECT, key="other"), never, at("2030-01-01")) is None


def test_a_day_may_be_shorter() -> None:
    found = replace(OBJECT, since=10_400)
    assert decide(rules(AFTER_3), found, list, 13_999, day=1000) is None
    assert decide(rules(AFTER_3), found, list, 14_000, day=1000) == EXPIRE


def test_the_first_rule_that_is_due_sets_the_expiry_of_an_object() -> None:
    given = rules(
        {"ID": "late", "Expiration": {"Days": 9}},
        {"ID": "early", **AFTER_3},
        {"ID": "elsewhere", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}},
        {
            "ID": "tagged",
            "Filter": {"Tag": [{"Key": "k", "Value": "v"}]},
            "Expiration": {"Days": 2},
        },
    )
    assert expiry(given, "logs/a", 1, (), STORED) == (at("2024-03-14"), "early")
    assert expiry(given, "logs/a", 1, [("k", "v")], STORED) == (at("2024-03-13"), "tagged")
    assert expiry(rules(NONCURRENT_3), "logs/a", 1, (), STORED) is None


def test_an_upload_is_stale_after_its_days() -> None:
    given = rules({"Prefix": "up/", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}})
    midnight = (STORED // DAY + 1) * DAY
    assert not is_stale(given, "up/a", STORED, midnight + 2 * DAY - 1)
    assert is_stale(given, "up/a", STORED, midnight + 2 * DAY)
    assert not is_stale(given, "other", STORED, midnight + 2 * DAY)
    assert not is_stale(rules(AFTER_3), "up/a", STORED, midnight + 9 * DAY)


def test_rules_are_kept_as_they_were_given() -> None:
    document = {"Rule": [{"ID": "一", "Status": "Disabled", "Filter": {}, **AFTER_3}]}
    assert load_document(dump_rules(document)) == document
    assert load_rules(dump_rules(document)) == ()


NOT_ONE_CONDITION: list[dict[str, Any]] = [
    {"Prefix": "a", "Tag": [TAG]},
    {"Prefix": "", "Tag": TAG},
    {"Tag": [TAG, {"Key": "k2", "Value": "v"}]},
    {"ObjectSizeGreaterThan": "5", "ObjectSizeLessThan": "9"},
    {"Prefix": "a", "ObjectSizeLessThan": "9"},
    {"Prefix": "a", "And": {"Prefix": "b", "Tag": [TAG]}},
    {"And": None},
    {"And": {}},
    {"And": {"Prefix": "a"}},
    {"And": {"Tag": [TAG]}},
    {"And": {"ObjectSizeLessThan": "9"}},
]

BAD: list[tuple[str, dict[str, Any], type[CosServiceError]]] = [
    ("no action", {}, InvalidRequest),
    ("another status", {**AFTER_3, "Status": "On"}, MalformedXML),
    ("an empty expiration", {"Expiration": {}}, MalformedXML),
    ("no day", {"Expiration": {"Days": "0"}}, InvalidArgument),
    ("a negative day", {"Expiration": {"Days": "-1"}}, InvalidArgument),
    ("half a day", {"Expiration": {"Days": "0.5"}}, InvalidArgument),
    ("days without end", {"Expiration": {"Days": "36501"}}, InvalidArgument),
    ("days and a date", {"Expiration": {"Days": "1", "Date": "2024-01-01"}}, MalformedXML),
    ("a date that is none", {"Expiration": {"Date": "soon"}}, InvalidArgument),
    (
        "days beside a date",
        {**AFTER_3, "Transition": [to("ARCHIVE", Date="2024-01-01")]},
        InvalidRequest,
    ),
    ("a size below zero", {**AFTER_3, "Filter": {"ObjectSizeLessThan": "-1"}}, InvalidArgument),
    (
        "a size that no object has",
        sized(ObjectSizeGreaterThan="5", ObjectSizeLessThan="6"),
        InvalidRequest,
    ),
    (
        "markers by their size",
        {
            "Filter": {"ObjectSizeLessThan": "6"},
            "Expiration": {"ExpiredObjectDeleteMarker": "true"},
        },
        InvalidRequest,
    ),
    (
        "too many that are spared",
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": "101"}},
        InvalidArgument,
    ),
    (
        "a number that a move spares and is none",
        {
            "NoncurrentVersionTransition": [
                to("ARCHIVE", NoncurrentDays=1, NewerNoncurrentVersions="x")
            ]
        },
        InvalidArgument,
    ),
    ("a move to nowhere", {"Transition": [to("COLD", Days=1)]}, NotSupportedStorageClass),
    ("a move up", {"Transition": [to("STANDARD", Days=1)]}, NotSupportedStorageClass),
    ("a move without days", {"Transition": [to("ARCHIVE")]}, MalformedXML),
    (
        "a marker with days",
        {"Expiration": {"Days": "1", "ExpiredObjectDeleteMarker": "true"}},
        InvalidRequest,
    ),
    ("a marker that may be", {"Expiration": {"ExpiredObjectDeleteMarker": "yes"}}, MalformedXML),
    (
        "markers by tag",
        {**TAGGED, "Expiration": {"ExpiredObjectDeleteMarker": "true"}},
        InvalidRequest,
    ),
    (
        "uploads by tag",
        {**TAGGED, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": "1"}},
        InvalidRequest,
    ),
    ("an abort without days", {"AbortIncompleteMultipartUpload": {}}, MalformedXML),
    ("noncurrent without days", {"NoncurrentVersionExpiration": {}}, MalformedXML),
    ("neither filter nor prefix", {**AFTER_3, "Filter": None}, MalformedXML),
    ("a filter beside a prefix", {**AFTER_3, "Prefix": "a", "Filter": {}}, MalformedXML),
    *(
        (f"the filter {chosen}", {**AFTER_3, "Filter": chosen}, MalformedXML)
        for chosen in NOT_ONE_CONDITION
    ),
    ("two prefixes", {**AFTER_3, "Prefix": "a", "Filter": {"Prefix": "b"}}, MalformedXML),
    ("a tag without a key", {**AFTER_3, "Filter": {"Tag": [{"Value": "v"}]}}, MalformedXML),
    ("a long ID", {**AFTER_3, "ID": "i" * 256}, InvalidArgument),
]


@pytest.mark.parametrize(("rule", "error"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_rule_that_makes_no_sense_is_refused(
    rule: dict[str, Any], error: type[CosServiceError]
) -> None:
    with pytest.raises(error):
        rules(rule)


def test_rules_have_ids_of_their_own_and_are_at_most_a_thousand() -> None:
    with pytest.raises(MalformedXML):
        dump_rules({})
    with pytest.raises(InvalidArgument):
        rules(*[{"ID": "same", **AFTER_3}] * 2)
    with pytest.raises(InvalidArgument):
        rules(*[AFTER_3] * 1001)
    assert len(rules(*[AFTER_3] * 1000)) == 1000
