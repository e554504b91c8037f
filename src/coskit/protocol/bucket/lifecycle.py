"""Lifecycle rules of a bucket: which are valid, and what they say is due for an object.

Ages count in days from the midnight (UTC) after the moment they count from. Moments and lengths are
in milliseconds, and the time is an argument everywhere.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from coskit.protocol.codec.dates import parse_iso_date
from coskit.protocol.codec.xml.document import items
from coskit.protocol.errors import (
    InvalidArgument,
    InvalidRequest,
    MalformedXML,
    NotSupportedStorageClass,
)

DAY = 86_400_000
MAX_RULES = 1000
MAX_ID = 255
MAX_DAYS = 36_500
MAX_SIZE = 50_000 << 30  # bytes of the largest object
MAX_KEPT = 100  # noncurrent versions that a rule may spare
SMALLEST_MOVED = 64 << 10  # bytes; smaller objects keep their class
# What S3 lets a configuration say of that: what its header is called, and its values.
SMALLEST_HEADER = "x-amz-transition-default-minimum-object-size"
SMALLEST_KINDS = ("all_storage_classes_128K", "varies_by_storage_class")
_S3_SMALLEST = 128 << 10
_KIND = "smallest"  # the key under which it is kept beside the rules
# A transition leads from left to right only.
_LADDER = ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ARCHIVE", "DEEP_ARCHIVE")
_SIZES = ("ObjectSizeGreaterThan", "ObjectSizeLessThan")
_DAYS = re.compile(r"\d{1,5}", re.ASCII)

Tags = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Due:
    """When an action is due: at an age, or from a moment on."""

    days: int | None
    date: int | None

    def moment(self, since: int, day: int) -> int:
        """Return when it is due for what counts from `since`."""
        if self.days is None:
            assert self.date is not None, "_due_of takes one of the two"
            return self.date
        return (since // day + 1 + self.days) * day

    def reached(self, since: int, now: int, day: int) -> bool:
        """Return whether it is due for what counts from `since`."""
        return now >= self.moment(since, day)


@dataclass(frozen=True, slots=True)
class Move:
    """A change of storage class, of objects that have at least so many bytes.

    Attributes:
        due: when.
        storage_class: which they get.
        smallest: bytes that they have at least.
        newer: noncurrent versions of a key that it leaves.
    """

    due: Due
    storage_class: str
    smallest: int = SMALLEST_MOVED
    newer: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule that is enabled; what it does not do is None or empty.

    Attributes:
        larger: objects have to have more bytes.
        smaller: objects have to have fewer bytes; None is any number.
        newer: noncurrent versions of a key that its expiration leaves.
    """

    id: str
    prefix: str
    tags: frozenset[tuple[str, str]]
    larger: int
    smaller: int | None
    expiration: Due | None
    removes_markers: bool
    moves: tuple[Move, ...]
    noncurrent_expiration: Due | None
    newer: int
    noncurrent_moves: tuple[Move, ...]
    abort: Due | None

    def covers(self, key: str, size: int, tags: Callable[[], Tags]) -> bool:
        """Return whether it is about an object; `tags` is called only if it asks for some."""
        return (
            key.startswith(self.prefix)
            and self.larger < size
            and (self.smaller is None or size < self.smaller)
            and (not self.tags or self.tags <= frozenset(tags()))
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A version or marker as a listing shows it.

    Attributes:
        since: when it was stored, or when it became noncurrent.
        is_alone: no older version of its key remains.
        newer: noncurrent versions of its key that are newer, as far as they are known.
    """

    key: str
    size: int
    since: int
    storage_class: str
    is_latest: bool
    is_marker: bool
    is_alone: bool
    newer: int = 0


@dataclass(frozen=True, slots=True)
class Action:
    """What is due: expire the live object, remove a version for good, or change its class."""

    kind: Literal["expire", "remove", "move"]
    storage_class: str = ""


def decide(
    rules: Iterable[Rule], found: Found, tags: Callable[[], Tags], now: int, day: int = DAY
) -> Action | None:
    """Return what the rules say is due for a version or marker, or None.

    Args:
        rules: of the bucket.
        found: the version.
        tags: looks its tags up.
        now: the moment.
        day: how long a day is.
    """
    target = ""
    for rule in rules:
        due = list(_due(rule, found, now, day))
        if not due or not rule.covers(found.key, found.size, tags):
            continue
        for action in due:
            if action.kind != "move":
                return action
            target = max(target, action.storage_class, key=_rank)
    if not found.is_marker and _rank(target) > _rank(found.storage_class):
        return Action("move", _family(found.storage_class) + target)
    return None


def expiry(
    rules: Iterable[Rule], key: str, size: int, tags: Tags, stored: int, day: int = DAY
) -> tuple[int, str] | None:
    """Return when the rules will let a live object expire, and the id of the rule, or None.

    Args:
        rules: of the bucket.
        key: of the object.
        size: of the object.
        tags: of the object.
        stored: when it was.
        day: how long a day is.
    """
    dues = [
        (rule.expiration.moment(stored, day), rule.id)
        for rule in rules
        if rule.expiration is not None and rule.covers(key, size, lambda: tags)
    ]
    return min(dues, default=None)


def is_stale(rules: Iterable[Rule], key: str, initiated: int, now: int, day: int = DAY) -> bool:
    """Return whether an unfinished upload is to be aborted."""
    return any(
        rule.abort is not None
        and key.startswith(rule.prefix)
        and rule.abort.reached(initiated, now, day)
        for rule in rules
    )


def _due(rule: Rule, found: Found, now: int, day: int) -> Iterator[Action]:
    """Yield what a rule asks for, were the object one that it covers."""
    if found.is_latest and found.is_marker:
        if rule.removes_markers and found.is_alone:
            yield Action("remove")
        return
    current = found.is_latest
    expiration = rule.expiration if current else rule.noncurrent_expiration
    if expiration is not None and expiration.reached(found.since, now, day):
        if current or found.newer >= rule.newer:
            yield Action("expire" if current else "remove")
    for move in rule.moves if current else rule.noncurrent_moves:
        is_spared = found.size < move.smallest or found.newer < move.newer
        if not is_spared and move.due.reached(found.since, now, day):
            yield Action("move", move.storage_class)


def _rank(storage_class: str) -> int:
    name = storage_class.removeprefix("MAZ_")
    return _LADDER.index(name) if name in _LADDER else -1


def _family(storage_class: str) -> str:
    return "MAZ_" if storage_class.startswith("MAZ_") else ""


def dump_rules(document: Mapping[str, Any], smallest: str = "") -> str:
    """Return a LifecycleConfiguration as it is kept.

    Args:
        document: the dict of the SDK.
        smallest: what decides how small an object may be that changes its class: one of
            SMALLEST_KINDS, or "" for the rule of COS.

    Raises:
        MalformedXML: there is no rule, or one lacks what it needs.
        InvalidArgument: there are more than 1000 rules, or a value is not allowed.
        InvalidRequest: a rule combines what does not go together.
        NotSupportedStorageClass: there is no such class to move to.
    """
    rules = items(document, "Rule")
    if not rules:
        raise MalformedXML("LifecycleConfiguration needs a Rule")
    if len(rules) > MAX_RULES:
        raise InvalidArgument(f"A bucket has at most {MAX_RULES} lifecycle rules")
    names = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(set(names)) < len(names) or any(len(name) > MAX_ID for name in names):
        raise InvalidArgument(f"The ID of a rule is unique and has at most {MAX_ID} characters")
    for rule in rules:
        _check_choice(rule)
        _read(rule, smallest)
    return json.dumps({**document, _KIND: smallest} if smallest else document)


def load_document(text: str) -> dict[str, Any]:
    """Return the rules that `dump_rules` was given."""
    document: dict[str, Any] = json.loads(text)
    document.pop(_KIND, None)
    return document


def load_smallest(text: str) -> str:
    """Return what `dump_rules` was told of small objects."""
    return str(json.loads(text).get(_KIND, ""))


@lru_cache(maxsize=256)
def load_rules(text: str) -> tuple[Rule, ...]:
    """Return the enabled rules that `dump_rules` wrote."""
    smallest = load_smallest(text)
    rules = load_document(text)["Rule"]
    return tuple(_read(rule, smallest) for rule in rules if rule["Status"] == "Enabled")


def _check_choice(rule: Mapping[str, Any]) -> None:
    """Refuse a rule that does not say plainly which objects it is about.

    Without a word on that it would be about all of them, so they have to be asked for: by an empty
    Filter or an empty Prefix.
    """
    chosen = rule.get("Filter")
    if (chosen is None) == (rule.get("Prefix") is None):
        raise MalformedXML("A rule has a Filter or, in its old form, a Prefix")
    if chosen is None:
        return
    if _predicates(chosen) + ("And" in chosen) > 1:
        raise MalformedXML("A Filter has one condition; several stand in its And")
    if "And" in chosen and _predicates(chosen["And"] or {}) < 2:
        raise MalformedXML("An And has two conditions or more")


def _predicates(place: Mapping[str, Any]) -> int:
    """Return how many conditions stand side by side."""
    single = sum(place.get(name) is not None for name in ("Prefix", *_SIZES))
    return single + len(items(place, "Tag"))


def _read(item: Mapping[str, Any], smallest: str = "") -> Rule:
    if item.get("Status") not in ("Enabled", "Disabled"):
        raise MalformedXML("The Status of a rule is Enabled or Disabled")
    prefix, tags, larger, smaller = _filter(item)
    expiration = item.get("Expiration")
    if "Expiration" in item and not expiration:
        raise MalformedXML("Expiration needs Days, Date or ExpiredObjectDeleteMarker")
    noncurrent = item.get("NoncurrentVersionExpiration")
    abort = item.get("AbortIncompleteMultipartUpload")
    removes_markers = _removes_markers(expiration or {})
    # Sizes that a rule chooses by itself come before the default.
    kind = "own" if smallest and (larger >= 0 or smaller is not None) else smallest
    rule = Rule(
        item.get("ID") or "",
        prefix,
        tags,
        larger,
        smaller,
        None if removes_markers or not expiration else _due_of(expiration, 1),
        removes_markers,
        tuple(_move(move, "Days", kind) for move in items(item, "Transition")),
        None if noncurrent is None else _due_of(noncurrent, 1, "NoncurrentDays"),
        _kept(noncurrent or {}),
        tuple(
            _move(move, "NoncurrentDays", kind)
            for move in items(item, "NoncurrentVersionTransition")
        ),
        None if abort is None else _due_of(abort, 1, "DaysAfterInitiation"),
    )
    _check_together(rule)
    return rule


def _check_together(rule: Rule) -> None:
    dues = [due for due in (rule.expiration, *(move.due for move in rule.moves)) if due]
    if len({due.days is None for due in dues}) > 1:
        raise InvalidRequest("A rule counts by Days or by Date, not by both")
    chooses = rule.tags or rule.larger >= 0 or rule.smaller is not None
    if chooses and (rule.abort or rule.removes_markers):
        raise InvalidRequest("Uploads and delete markers have no tags or sizes to choose them by")
    if rule.smaller is not None and rule.smaller <= rule.larger + 1:
        raise InvalidRequest("No object is larger and smaller than that")
    noncurrent = rule.noncurrent_expiration or rule.noncurrent_moves
    if not (dues or rule.removes_markers or noncurrent or rule.abort):
        raise InvalidRequest("A rule needs something to do")


def _filter(
    item: Mapping[str, Any],
) -> tuple[str, frozenset[tuple[str, str]], int, int | None]:
    """Return the prefix, the tags and the sizes of a rule; whatever it names has to hold."""
    chosen = item.get("Filter") or {}
    places = [item, chosen, chosen.get("And") or {}]
    prefixes = [place["Prefix"] for place in places if place.get("Prefix")]
    if len(prefixes) > 1:
        raise MalformedXML("A rule has one Prefix")
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
        raise MalformedXML("ExpiredObjectDeleteMarker is true or false")
    if text == "true" and (expiration.get("Days") or expiration.get("Date")):
        raise InvalidRequest("ExpiredObjectDeleteMarker goes without Days and Date")
    return text == "true"


def _move(item: Mapping[str, Any], days: str, kind: str) -> Move:
    storage_class = str(item.get("StorageClass", "")).upper().removeprefix("MAZ_")
    if storage_class not in _LADDER[1:]:
        raise NotSupportedStorageClass(f"Nothing moves to the storage class {storage_class[:40]}")
    due = _due_of(item, 0 if days == "Days" else 1, days)
    return Move(due, storage_class, _smallest(storage_class, kind), _kept(item))


def _kept(item: Mapping[str, Any]) -> int:
    """Return how many noncurrent versions an action leaves."""
    return _number(item.get("NewerNoncurrentVersions") or "0", MAX_KEPT)


def _smallest(storage_class: str, kind: str) -> int:
    """Return the bytes from which on an object moves to a class."""
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
            raise InvalidArgument("A Date is of ISO 8601")
        return Due(None, moment)
    if not _DAYS.fullmatch(days) or not least <= int(days) <= MAX_DAYS:
        raise InvalidArgument(f"{name} is {least} to {MAX_DAYS}")
    return Due(int(days), None)
