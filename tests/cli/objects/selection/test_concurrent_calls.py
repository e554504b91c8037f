"""Calls for many objects at a time: their order, their errors, their number."""

import threading
from collections.abc import Iterator

import pytest

from coskit.cli.objects.selection.concurrent_calls import run_each


def test_results_are_in_order_and_errors_beside_them() -> None:
    def divide(number: int) -> float:
        return 1 / number

    done = list(run_each([1, 0, 2], divide))
    assert [each.item for each in done] == [1, 0, 2]
    assert [each.result for each in done] == [1.0, None, 0.5]
    assert [type(each.error) for each in done] == [type(None), ZeroDivisionError, type(None)]


def test_items_are_read_as_they_are_needed() -> None:
    read = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            read.append(number)
            yield number

    outcomes = run_each(numbers(), str, concurrency=2)
    assert next(outcomes).result == "0"
    outcomes.close()
    assert len(read) == 8


def test_calls_run_at_the_same_time_up_to_the_limit() -> None:
    meeting = threading.Barrier(3)

    def meet(_: int) -> int:
        return meeting.wait(10)

    found = [outcome.result for outcome in run_each(range(3), meet, concurrency=3)]
    assert sorted(map(int, map(str, found))) == [0, 1, 2]


def test_an_interrupt_is_raised() -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_each([1], interrupt))
