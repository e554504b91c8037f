"""The linearizability checker accepts possible histories and rejects impossible ones."""

import math
import random

import pytest

from tests.support.linearizability import PRESENT, Event, find_violation, read, write

LOST = math.inf
GOOD: dict[str, list[Event]] = {
    "nothing at all": [],
    "nothing is read of an empty register": [read(0, 1, None)],
    "a write is read after it": [write(0, 1, "a"), read(2, 3, "a")],
    "a read during a write sees the old": [write(0, 3, "a"), read(1, 2, None)],
    "a read during a write sees the new": [write(0, 3, "a"), read(1, 2, "a")],
    "the later of two writes stays": [write(0, 1, "a"), write(2, 3, "b"), read(4, 5, "b")],
    "either of two concurrent writes stays": [write(0, 3, "a"), write(1, 2, "b"), read(4, 5, "a")],
    "two reads agree on an order": [
        write(0, 9, "a"),
        write(0, 9, "b"),
        read(1, 2, "b"),
        read(3, 4, "a"),
    ],
    "a deleted value is gone": [write(0, 1, "a"), write(2, 3, None), read(4, 5, None)],
    "a lost write was applied": [write(0, LOST, "a"), read(2, 3, "a")],
    "a lost write was not applied": [write(0, LOST, "a"), read(2, 3, None)],
    "a lost write is applied late": [write(0, LOST, "a"), read(1, 2, None), read(3, 4, "a")],
    "a lost read proves nothing": [write(0, 1, "a"), read(2, LOST, "b")],
    "one of two creations succeeds": [
        write(0, 5, "a", needs=None),
        Event(0, 5, needs=PRESENT),
        read(6, 7, "a"),
    ],
    "a condition on a value": [write(0, 1, "a"), write(2, 3, "b", needs="a"), read(4, 5, "b")],
}
BAD: dict[str, list[Event]] = {
    "a value from nowhere": [read(0, 1, "a")],
    "a finished write is not seen": [write(0, 1, "a"), read(2, 3, None)],
    "an old value comes back": [
        write(0, 1, "a"),
        write(2, 3, "b"),
        read(4, 5, "b"),
        read(6, 7, "a"),
    ],
    "a value before its write began": [read(0, 1, "a"), write(2, 3, "a")],
    "a deleted value is read": [write(0, 1, "a"), write(2, 3, None), read(4, 5, "a")],
    "two reads during a write go back in time": [
        write(0, 9, "a"),
        read(1, 2, "a"),
        read(3, 4, None),
    ],
    "two readers disagree on an order": [
        write(0, 1, "a"),
        write(0, 1, "b"),
        read(2, 3, "a"),
        read(4, 5, "b"),
    ],
    "a lost write is seen before it began": [read(0, 1, "a"), write(2, LOST, "a")],
    "both of two creations succeed": [write(0, 5, "a", needs=None), write(0, 5, "b", needs=None)],
    "a creation is refused while there is nothing": [Event(0, 1, needs=PRESENT), write(2, 3, "a")],
    "a condition on a value that was replaced": [
        write(0, 1, "a"),
        write(2, 3, "b"),
        write(4, 5, "c", needs="a"),
    ],
}


@pytest.mark.parametrize("events", GOOD.values(), ids=GOOD)
def test_a_history_that_can_have_happened(events: list[Event]) -> None:
    assert find_violation(events) == ()
    assert find_violation(events[::-1]) == ()


@pytest.mark.parametrize("events", BAD.values(), ids=BAD)
def test_a_history_that_cannot_have_happened(events: list[Event]) -> None:
    assert find_violation(events) != ()
    assert find_violation(events[::-1]) != ()


def test_the_report_names_what_does_not_fit() -> None:
    events = [write(0, 1, "a"), read(2, 3, "a"), read(4, 5, "b"), write(8, 9, "b")]
    assert find_violation(events) == (events[2],)


def simulated(rng: random.Random, length: int) -> list[Event]:
    """Return the events of clients of a correct register."""
    state, events = None, []
    for moment in range(length):
        begin, end = moment - rng.random() * 4, moment + rng.random() * 4
        if rng.random() < 0.4:
            state = rng.choice([None, f"v{moment}"])
            lost = rng.random() < 0.005
            events.append(write(begin, LOST if lost else end, state))
        else:
            events.append(read(begin, end, state))
    return events


@pytest.mark.parametrize("seed", range(10))
def test_a_long_history_of_a_true_register_is_accepted(seed: int) -> None:
    assert find_violation(simulated(random.Random(seed), 2000)) == ()


@pytest.mark.parametrize("seed", range(10))
def test_one_stale_read_in_a_long_history_is_found(seed: int) -> None:
    events = simulated(random.Random(seed), 1000)
    settled = [write(2000, 2001, "old"), write(2002, 2003, "new"), read(2004, 2005, "old")]
    assert find_violation([*events, *settled]) != ()
