"""The LifecycleConfiguration document: checked, stored, and read into rules."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from coskit.protocol.bucket.lifecycle import LADDER, SMALLEST_MOVED, Due, LifecycleRule, Transition
from coskit.protocol.codec.dates import parse_iso_date
from coskit.protocol.codec.xml.document import items
from coskit.protocol.errors import (
    InvalidArgument,
    InvalidRequest,
    MalformedXML,
    NotSupportedStorageClass,
)

MAX_RULES = 1000
MAX_ID = 255
MAX_DAYS = 36_500
MAX_SIZE = 50_000 << 30  # bytes of the largest object
MAX_KEPT = 100  # noncurrent versions that a rule may spare
# The header of S3 for the minimum size of objects that change their class, and its values.
SMALLEST_HEADER = "x-amz-transition-default-minimum-object-size"
SMALLEST_KINDS = ("all_storage_classes_128K", "varies_by_storage_class")
_S3_SMALLEST = 128 << 10
_KIND = "smallest"  # the key under which that header's value is stored beside the rules
_SIZES = ("ObjectSizeGreaterThan", "ObjectSizeLessThan")
_DAYS = re.compile(r"\d{1,5}", re.ASCII)


def dump_rules(document: Mapping[str, Any], smallest: str = "") -> str:
    """Check a LifecycleConfiguration and return its stored form.

    Args:
        document: the configuration as the SDK's dict.
        smallest: the minimum size of objects that change their class: one of SMALLEST_KINDS, or ""
            for the minimum of COS.

    Raises:
        MalformedXML: there is no rule, or a rule lacks something that it needs.
        InvalidArgument: there are more than 1000 rules, or a value is not allowed.
        InvalidRequest: a rule combines actions or filters that exclude each other.
        NotSupportedStorageClass: a transition's class does not exist.
    """
    rules = items(document, "Rule")
    if not rules:
        raise MalformedXML("LifecycleConfiguration needs a Rule")
    if len(rules) > MAX_RULES:
        raise InvalidArgument(f"A bucket must have at most {MAX_RULES} lifecycle rules")
    names = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(set(names)) < len(names) or any(len(name) > MAX_ID for name in names):
        raise InvalidArgument(
            f"The ID of a rule must be unique and have at most {MAX_ID} characters"
        )
    for rule in rules:
        _check_choice(rule)
        _read(rule, smallest)
    return json.dumps({**document, _KIND: smallest} if smallest else document)


def load_document(text: str) -> dict[str, Any]:
    """Return the configuration that `dump_rules` stored."""
    document: dict[str, Any] = json.loads(text)
    document.pop(_KIND, None)
    return document


def load_smallest(text: str) -> str:
    """Return the `smallest` that `dump_rules` stored."""
    return str(json.loads(text).get(_KIND, ""))


@lru_cache(maxsize=256)
def load_rules(text: str) -> tuple[LifecycleRule, ...]:
    """Return the enabled rules that `dump_rules` stored."""
    smallest = load_smallest(text)
    rules = load_document(text)["Rule"]
    return tuple(_read(rule, smallest) for rule in rules if rule["Status"] == "Enabled")


def _check_choice(rule: Mapping[str, Any]) -> None:
    """Refuse a rule without a clear filter.

    A rule without a filter would match all objects. So a rule for all objects has to say so with an
    empty Filter or an empty Prefix.
    """
    chosen = rule.get("Filter")
    if (chosen is None) == (rule.get("Prefix") is None):
        raise MalformedXML("A rule must have a Filter or, in its old form, a Prefix")
    if chosen is None:
        return
    if _predicates(chosen) + ("And" in chosen) > 1:
        raise MalformedXML("A Filter must have one condition; several stand in its And")
    if "And" in chosen and _predicates(chosen["And"] or {}) < 2:
        raise MalformedXML("An And must have two conditions or more")


def _predicates(place: Mapping[str, Any]) -> int:
    """Return the number of conditions in a Filter or an And."""
    single = sum(place.get(name) is not None for name in ("Prefix", *_SIZES))
    return single + len(items(place, "Tag"))


def _read(item: Mapping[str, Any], smallest: str = "") -> LifecycleRule:
    if item.get("Status") not in ("Enabled", "Disabled"):
        raise MalformedXML("The Status of a rule must be Enabled or Disabled")
    prefix, tags, larger, smaller = _filter(item)
    expiration = item.get("Expiration")
    if "Expiration" in item and not expiration:
        raise MalformedXML("Expiration needs Days, Date or ExpiredObjectDeleteMarker")
    noncurrent = item.get("NoncurrentVersionExpiration")
    abort = item.get("AbortIncompleteMultipartUpload")
    removes_markers = _removes_markers(expiration or {})
    # Sizes in the rule's filter take precedence over the default.
    kind = "own" if smallest and (larger >= 0 or smaller is not None) else smallest
    rule = LifecycleRule(
        item.get("ID") or "",
        prefix,
        tags,
        larger,
        smaller,
        None if removes_markers or not expiration else _due_of(expiration, 1),
        removes_markers,
        tuple(_transition(transition, "Days", kind) for transition in items(item, "Transition")),
        None if noncurrent is None else _due_of(noncurrent, 1, "NoncurrentDays"),
        _kept(noncurrent or {}),
        tuple(
            _transition(transition, "NoncurrentDays", kind)
            for transition in items(item, "NoncurrentVersionTransition")
        ),
        None if abort is None else _due_of(abort, 1, "DaysAfterInitiation"),
    )
    _check_together(rule)
    return rule


def _check_together(rule: LifecycleRule) -> None:
    dues = [
        due
        for due in (rule.expiration, *(transition.due for transition in rule.transitions))
        if due
    ]
    if len({due.days is None for due in dues}) > 1:
        raise InvalidRequest("A rule counts by Days or by Date, not by both")
    chooses = rule.tags or rule.larger >= 0 or rule.smaller is not None
    if chooses and (rule.abort or rule.removes_markers):
        raise InvalidRequest("Uploads and delete markers have no tags or sizes to choose them by")
    if rule.smaller is not None and rule.smaller <= rule.larger + 1:
        raise InvalidRequest("No object is larger and smaller than that")
    noncurrent = rule.noncurrent_expiration or rule.noncurrent_transitions
    if not (dues or rule.removes_markers or noncurrent or rule.abort):
        raise InvalidRequest("A rule needs something to do")


def _filter(
    item: Mapping[str, Any],
) -> tuple[str, frozenset[tuple[str, str]], int, int | None]:
    """Return the prefix, the tags and the sizes of a rule; an object has to match all of them."""
    chosen = item.get("Filter") or {}
    places = [item, chosen, chosen.get("And") or {}]
    prefixes = [place["Prefix"] for place in places if place.get("Prefix")]
    if len(prefixes) > 1:
        raise MalformedXML("A rule must have one Prefix")
    tags = [tag for place in places for tag in items(place, "Tag")]
    pairs = frozenset((tag.get("Key") or "", tag.get("Value") or "") for tag in tags)
    if any(not key for key, _ in pairs):
        raise MalformedXML("A Tag needs a Key")
    larger, smaller = (
        next((place[name] for place in places if place.get(name) not in (None, "")), None)
        for name in _SIZES
    )
    return (
        (prefixes or [""])[0],
        pairs,
        -1 if larger is None else _number(larger, MAX_SIZE),
        None if smaller is None else _number(smaller, MAX_SIZE),
    )


def _number(text: object, most: int) -> int:
    number = str(text).strip()
    if not (number.isascii() and number.isdigit()) or len(number) > 18 or int(number) > most:
        raise InvalidArgument(f"{number[:40]} is not a number from 0 to {most}")
    return int(number)


def _removes_markers(expiration: Mapping[str, Any]) -> bool:
    text = str(expiration.get("ExpiredObjectDeleteMarker", "false")).lower()
    if text not in ("true", "false"):
        raise MalformedXML("ExpiredObjectDeleteMarker must be true or false")
    if text == "true" and (expiration.get("Days") or expiration.get("Date")):
        raise InvalidRequest("ExpiredObjectDeleteMarker goes without Days and Date")
    return text == "true"


def _transition(item: Mapping[str, Any], days: str, kind: str) -> Transition:
    storage_class = str(item.get("StorageClass", "")).upper().removeprefix("MAZ_")
    if storage_class not in LADDER[1:]:
        raise NotSupportedStorageClass(f"Nothing moves to the storage class {storage_class[:40]}")
    due = _due_of(item, 0 if days == "Days" else 1, days)
    return Transition(due, storage_class, _smallest(storage_class, kind), _kept(item))


def _kept(item: Mapping[str, Any]) -> int:
    """Return the number of noncurrent versions that an action spares."""
    return _number(item.get("NewerNoncurrentVersions") or "0", MAX_KEPT)


def _smallest(storage_class: str, kind: str) -> int:
    """Return the minimum size of objects that move to a class."""
    if not kind:
        return SMALLEST_MOVED
    is_archive = storage_class in ("ARCHIVE", "DEEP_ARCHIVE")
    return 0 if kind == "own" or (kind == SMALLEST_KINDS[1] and is_archive) else _S3_SMALLEST


def _due_of(item: Mapping[str, Any], least: int, name: str = "Days") -> Due:
    days, date = str(item.get(name) or "").strip(), str(item.get("Date") or "").strip()
    days = "0" if item.get(name) == 0 else days
    if bool(days) == bool(date):
        raise MalformedXML(f"An action of a rule needs {name}{' or Date' * (name == 'Days')}")
    if date:
        moment = parse_iso_date(date)
        if moment is None:
            raise InvalidArgument("A Date must be of ISO 8601")
        return Due(None, moment)
    if not _DAYS.fullmatch(days) or not least <= int(days) <= MAX_DAYS:
        raise InvalidArgument(f"{name} must be {least} to {MAX_DAYS}")
    return Due(int(days), None)
