"""Progress: what a callback hears grows, is never taken back and ends with the whole."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from coskit.client.settings.progress import Consumed
from coskit.client.transfer.progress import Progress

Heard = list[tuple[int, int | None]]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100)), max_size=50))
def test_a_part_that_begins_again_takes_nothing_back(moves: list[tuple[int, int]]) -> None:
    heard: Heard = []
    progress = Progress(lambda consumed, total: heard.append((consumed, total)), 400)
    parts = [progress.part() for _ in range(4)]
    for number, position in moves:
        parts[number].at(position)
    for part in parts:
        part.at(100)
    progress.finish(400)
    numbers = [consumed for consumed, _ in heard]
    assert numbers == sorted(set(numbers))
    assert heard[-1] == (400, 400)


def test_bytes_of_an_earlier_transfer_are_marked() -> None:
    heard: list[tuple[Consumed, int | None]] = []
    progress = Progress(lambda consumed, total: heard.append((consumed, total)), 30)
    progress.resume(10)
    progress.part().moved(20)
    progress.finish(30)
    assert [(int(consumed), consumed.resumed) for consumed, _ in heard] == [(10, 10), (30, 10)]


def test_a_stream_learns_its_size_at_the_end() -> None:
    heard: Heard = []
    progress = Progress(lambda consumed, total: heard.append((consumed, total)), None)
    progress.part().at(7)
    progress.finish(7)
    assert heard == [(7, None), (7, 7)]


def test_an_empty_transfer_is_reported_once() -> None:
    heard: Heard = []
    Progress(lambda consumed, total: heard.append((consumed, total)), 0).finish(0)
    assert heard == [(0, 0)]


def test_threads_are_heard_one_at_a_time() -> None:
    inside, together = threading.Lock(), []

    def callback(_consumed: Consumed, _total: int | None) -> None:
        together.append(not inside.acquire(blocking=False))
        inside.release()

    progress = Progress(callback, 4000)

    def work() -> None:
        part = progress.part()
        for _ in range(1000):
            part.moved(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(together), any(together)) == (4000, False)


def test_without_a_callback_nothing_is_reported() -> None:
    progress = Progress(None, 3)
    progress.resume(1)
    progress.part().moved(2)
    progress.finish(3)
