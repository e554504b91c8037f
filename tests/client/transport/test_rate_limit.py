"""The limit of bytes per second: what is due when, by a clock that the test moves."""

from coskit.client.transport.rate_limit import RateLimit


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_piece_waits_for_those_before_it() -> None:
    clock = Clock()
    limit = RateLimit(1_000_000, clock)
    assert limit.piece == 50_000
    assert [round(limit.delay(500_000), 6) for _ in range(3)] == [0.5, 1.0, 1.5]
    clock.now += 1
    assert round(limit.delay(0), 6) == 0.5


def test_a_pause_is_made_up_for_by_one_piece_at_most() -> None:
    clock = Clock()
    limit = RateLimit(1_000_000, clock)
    clock.now += 3600
    assert limit.delay(50_000) == 0
    assert round(limit.delay(1_000_000), 6) == 1


def test_the_pieces_of_a_low_rate_are_not_tiny() -> None:
    assert RateLimit(1).piece == 1024
