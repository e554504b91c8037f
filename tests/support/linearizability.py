"""A linearizability checker for the operations of concurrent clients on one register.

It is the search of Wing and Gong with Lowe's cache of visited configurations: repeatedly pick an
operation that began before any other ended, and let it take effect if it fits the value.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Value = str | None  # None: the register is empty
ANY = "any value"
PRESENT = "some value"


@dataclass(frozen=True, slots=True)
class Event:
    """One operation on the register.

    Attributes:
        begin: when it was invoked.
        end: when its outcome was known; infinite if it is unknown.
        needs: the value that it saw, `ANY` if it did not read, `PRESENT` if it saw that a value
            exists.
        writes: whether it sets a value.
        value: the value that it sets.
        label: its name in a report.
    """

    begin: float
    end: float
    needs: Value = ANY
    writes: bool = False
    value: Value = None
    label: str = ""

    @property
    def is_unknown(self) -> bool:
        """True if the outcome is unknown: it may have taken effect after its begin, or never."""
        return self.end == math.inf

    def fits(self, state: Value) -> bool:
        """Return whether it can take effect while the register holds `state`."""
        if self.needs == PRESENT:
            return state is not None
        return self.needs in (ANY, state)


def read(begin: float, end: float, value: Value, label: str = "") -> Event:
    """Return an event that saw a value."""
    return Event(begin, end, value, label=label or f"read {value}")


def write(begin: float, end: float, value: Value, label: str = "", needs: Value = ANY) -> Event:
    """Return an event that set a value."""
    return Event(begin, end, needs, True, value, label or f"write {value}")


def find_violation(events: Sequence[Event], initial: Value = None) -> tuple[Event, ...]:
    """Return () if the events fit some order, else the events at which every order fails.

    Args:
        events: the events of one register, in any order.
        initial: the value before all of them.
    """
    # A read without an outcome proves nothing and changes nothing.
    history = sorted(
        (event for event in events if event.writes or not event.is_unknown),
        key=lambda event: event.begin,
    )
    certain = sum(1 << i for i, event in enumerate(history) if not event.is_unknown)
    seen: set[tuple[int, Value]] = set()
    stack: list[tuple[int, Value]] = [
        (0, initial)
    ]  # bits of the events that took effect, and the value
    furthest = -1
    stuck: tuple[Event, ...] = ()
    while stack:
        done, state = stack.pop()
        if done & certain == certain:
            return ()
        if (done, state) in seen:
            continue
        seen.add((done, state))
        window = tuple(_next(history, done))
        possible = [index for index in window if history[index].fits(state)]
        # A read that fits can come first: it does not affect the others.
        reads = [index for index in possible if not history[index].writes]
        useful = [
            index
            for index in possible
            if not history[index].is_unknown
            or _is_seen(history[index], [history[other] for other in window if other != index])
        ]
        # Pop the event that ended first, which most often happened first.
        for index in reads[:1] or sorted(useful, key=lambda i: -history[i].end):
            event = history[index]
            stack.append((done | 1 << index, event.value if event.writes else state))
        if not (reads or useful) and (count := (done & certain).bit_count()) > furthest:
            furthest, stuck = count, tuple(history[index] for index in window)
    return stuck


def _is_seen(lost: Event, others: Sequence[Event]) -> bool:
    """Return whether another event depends on a lost write; if none does, it can be skipped."""
    return any(other.needs != ANY and other.fits(lost.value) for other in others)


def _next(history: Sequence[Event], done: int) -> Iterator[int]:
    """Yield the operations that may come next: those begun before any other ended."""
    first = (~done & (done + 1)).bit_length() - 1
    deadline = math.inf
    candidates = []
    for index in range(first, len(history)):
        if done >> index & 1:
            continue
        if history[index].begin > deadline:
            break
        deadline = min(deadline, history[index].end)
        candidates.append(index)
    return (index for index in candidates if history[index].begin <= deadline)
