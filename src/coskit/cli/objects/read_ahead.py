"""Pages of a listing, fetched while the ones before are printed."""

import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import TypeVar

from coskit.client.cancellation import CancelToken, current

_Page = TypeVar("_Page")
_AHEAD = 2  # pages in memory besides the one that is printed


def read_ahead(pages: Iterator[_Page]) -> Iterator[_Page]:
    """Yield pages; the next ones are fetched in a thread of their own.

    Closing the iterator cancels the request that is under way.

    Args:
        pages: fetches a page whenever one is taken from it.

    Raises:
        Exception: fetching a page raised it; the pages before have been yielded.
    """
    found: SimpleQueue[_Page | _End] = SimpleQueue()
    room, token = threading.Semaphore(_AHEAD), CancelToken()

    def fetch() -> None:
        current.token = token
        error = None
        try:
            room.acquire()
            for page in pages:
                found.put(page)
                room.acquire()
                token.check()
        except BaseException as cause:  # raised in the thread that reads
            error = cause
        found.put(_End(error))

    threading.Thread(target=fetch, daemon=True).start()
    try:
        while not isinstance(page := found.get(), _End):
            room.release()
            yield page
        if page.error is not None:
            raise page.error
    finally:
        token.cancel()
        room.release()


class _End:
    """The end of the pages, with the error that ended them."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
