"""Lifecycle rules of a bucket: the actions that they make due.

Ages count in days from the midnight (UTC) after the moment they count from. Moments and lengths are
in milliseconds, and the time is an argument everywhere.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

DAY = 86_400_000
SMALLEST_MOVED = 64 << 10  # bytes; smaller objects keep their class
# A transition leads from left to right only.
LADDER = ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ARCHIVE", "DEEP_ARCHIVE")

Tags = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Due:
    """The time of an action: an age in days, or a date."""

    days: int | None
    date: int | None

    def moment(self, since: int, day: int) -> int:
        """Return when the action is due, for an age that counts from `since`."""
        if self.days is None:
            assert self.date is not None, "_due_of takes one of the two"
            return self.date
        return (since // day + 1 + self.days) * day

    def reached(self, since: int, now: int, day: int) -> bool:
        """Return whether the action is due, for an age that counts from `since`."""
        return now >= self.moment(since, day)


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of storage class, for objects of a minimum size.

    Attributes:
        due: the time of the change.
        storage_class: the new storage class.
        smallest: the minimum size in bytes.
        newer: the number of the newest noncurrent versions of a key that stay as they are.
    """

    due: Due
    storage_class: str
    smallest: int = SMALLEST_MOVED
    newer: int = 0


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """One enabled rule; actions that it does not have are None or empty.

    Attributes:
        larger: the size in bytes that an object has to exceed.
        smaller: the size in bytes that an object has to stay below, or None for no limit.
        newer: the number of the newest noncurrent versions of a key that do not expire.
    """

    id: str
    prefix: str
    tags: frozenset[tuple[str, str]]
    larger: int
    smaller: int | None
    expiration: Due | None
    removes_markers: bool
    transitions: tuple[Transition, ...]
    noncurrent_expiration: Due | None
    newer: int
    noncurrent_transitions: tuple[Transition, ...]
    abort: Due | None

    def covers(self, key: str, size: int, tags: Callable[[], Tags]) -> bool:
        """Return whether the rule matches an object; `tags` is called only if the rule has tags."""
        return (
            key.startswith(self.prefix)
            and self.larger < size
            and (self.smaller is None or size < self.smaller)
            and (not self.tags or self.tags <= frozenset(tags()))
        )


@dataclass(frozen=True, slots=True)
class LifecycleCandidate:
    """A version or delete marker that the rules are applied to.

    Attributes:
        since: when the version was stored, or when it became noncurrent.
        is_alone: whether no older version of the key remains.
        newer: the number of newer noncurrent versions of the key, as far as they are known.
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
    """An action that is due: expire the current version, remove a version, or change its class."""

    kind: Literal["expire", "remove", "move"]
    storage_class: str = ""


def decide(
    rules: Iterable[LifecycleRule],
    found: LifecycleCandidate,
    tags: Callable[[], Tags],
    now: int,
    day: int = DAY,
) -> Action | None:
    """Return the action that is due for a version or delete marker, or None.

    Args:
        rules: the bucket's rules.
        found: the version.
        tags: a function that reads the version's tags.
        now: the current time.
        day: the length of a day.
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
    rules: Iterable[LifecycleRule], key: str, size: int, tags: Tags, stored: int, day: int = DAY
) -> tuple[int, str] | None:
    """Return when a current object expires, and the id of the rule that says so, or None.

    Args:
        rules: the bucket's rules.
        key: the object's key.
        size: the object's size in bytes.
        tags: the object's tags.
        stored: when the object was stored.
        day: the length of a day.
    """
    dues = [
        (rule.expiration.moment(stored, day), rule.id)
        for rule in rules
        if rule.expiration is not None and rule.covers(key, size, lambda: tags)
    ]
    return min(dues, default=None)


def is_stale(
    rules: Iterable[LifecycleRule], key: str, initiated: int, now: int, day: int = DAY
) -> bool:
    """Return whether a multipart upload is due to be aborted."""
    return any(
        rule.abort is not None
        and key.startswith(rule.prefix)
        and rule.abort.reached(initiated, now, day)
        for rule in rules
    )


def _due(rule: LifecycleRule, found: LifecycleCandidate, now: int, day: int) -> Iterator[Action]:
    """Yield the actions of a rule that are due, whether or not the rule matches the object."""
    if found.is_latest and found.is_marker:
        if rule.removes_markers and found.is_alone:
            yield Action("remove")
        return
    current = found.is_latest
    expiration = rule.expiration if current else rule.noncurrent_expiration
    if expiration is not None and expiration.reached(found.since, now, day):
        if current or found.newer >= rule.newer:
            yield Action("expire" if current else "remove")
    for transition in rule.transitions if current else rule.noncurrent_transitions:
        is_spared = found.size < transition.smallest or found.newer < transition.newer
        if not is_spared and transition.due.reached(found.since, now, day):
            yield Action("move", transition.storage_class)


def _rank(storage_class: str) -> int:
    name = storage_class.removeprefix("MAZ_")
    return LADDER.index(name) if name in LADDER else -1


def _family(storage_class: str) -> str:
    return "MAZ_" if storage_class.startswith("MAZ_") else ""
