"""The pace: it climbs while that brings something, and gives way when the service refuses."""

from dataclasses import dataclass

import pytest

from coskit.client.transfer.adaptive_limit import AdaptiveLimit


@dataclass
class Clock:
    """Seconds that pass only when a test says so."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def work(pace: AdaptiveLimit, clock: Clock, seconds: int, speed: float) -> list[int]:
    """Move `speed` bytes a second, all places in use; return the limit after each second."""
    limits = []
    for _ in range(seconds * 4):
        clock.now += 0.25
        pace.moved(round(speed / 4), pace.limit)
        limits.append(pace.limit)
    return limits[3::4]


def test_it_climbs_while_one_more_place_brings_more() -> None:
    clock = Clock()
    pace = AdaptiveLimit(clock)
    start = pace.limit
    pace.moved(1, start)
    for _ in range(10):
        work(pace, clock, 1, speed=pace.limit * 1000.0)
    assert pace.limit > start + 5, "throughput grew with each place, so the limit should have"


def test_it_gives_a_place_back_that_brings_nothing() -> None:
    clock = Clock()
    pace = AdaptiveLimit(clock)
    start = pace.limit
    pace.moved(1, start)
    limits = work(pace, clock, 40, speed=1_000_000)
    assert max(limits) == start + 1
    assert limits.count(start) > limits.count(start + 1), "most of the time goes without a trial"


def test_a_transfer_that_does_not_use_the_limit_teaches_nothing() -> None:
    clock = Clock()
    pace = AdaptiveLimit(clock)
    start = pace.limit
    for _ in range(100):
        clock.now += 0.25
        pace.moved(1_000_000, start - 1)
    assert pace.limit == start


def test_a_refusal_halves_it_and_a_burst_of_them_does_so_once() -> None:
    clock = Clock()
    pace = AdaptiveLimit(clock)
    pace.limit = 16
    for _ in range(5):
        pace.throttled()
        clock.now += 0.01
    assert pace.limit == 8
    clock.now += 2
    pace.throttled()
    assert pace.limit == 4


@pytest.mark.parametrize("speed", [0.0, 1e12])
def test_it_stays_within_1_and_64(speed: float) -> None:
    clock = Clock()
    pace = AdaptiveLimit(clock)
    for _ in range(20):
        clock.now += 2
        pace.throttled()
    assert pace.limit == 1
    for turn in range(300):
        work(pace, clock, 1, speed=speed * (turn + 1))
    assert 1 <= pace.limit <= 64


def test_it_climbs_again_after_a_refusal() -> None:
    clock = Clock()
    pace = AdaptiveLimit(clock)
    pace.throttled()
    low = pace.limit
    pace.moved(1, low)
    for _ in range(30):
        work(pace, clock, 1, speed=pace.limit * 1000.0)
    assert pace.limit > low
