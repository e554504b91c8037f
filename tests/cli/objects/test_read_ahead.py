"""Pages that are fetched ahead: their order, their errors, and their end before the last one."""

import threading
from collections.abc import Iterator

import pytest

from coskit.cli.objects.read_ahead import read_ahead
from coskit.client.cancellation import current


def numbers(count: int) -> Iterator[int]:
    """Yield numbers, then fail."""
    yield from range(count)
    raise OSError("no more")


def test_all_pages_come_in_order() -> None:
    assert [*read_ahead(iter(range(100)))] == [*range(100)]


def test_an_error_comes_after_the_pages_before_it() -> None:
    pages, found = read_ahead(numbers(5)), list[int]()
    with pytest.raises(OSError, match="no more"):
        found.extend(pages)
    assert found == [0, 1, 2, 3, 4]


def test_few_pages_are_in_memory() -> None:
    fetched = list[int]()

    def pages() -> Iterator[int]:
        for number in range(50):
            fetched.append(number)
            yield number

    for page in read_ahead(pages()):
        assert fetched[-1] <= page + 3


def test_closing_cancels_the_request_that_is_under_way() -> None:
    waiting, cancelled = threading.Event(), threading.Event()

    def pages() -> Iterator[int]:
        yield 1
        assert current.token is not None
        waiting.set()
        try:
            current.token.pause(60)
        finally:
            cancelled.set()

    ahead = read_ahead(pages())
    assert next(ahead) == 1
    assert waiting.wait(30)
    ahead.close()  # type: ignore[attr-defined]
    assert cancelled.wait(30)
