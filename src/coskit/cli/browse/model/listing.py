"""The lines of a pane, page by page: few pages are in memory, however many entries there are."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Protocol

from coskit.cli.browse.model.entries import PaneEntry

KEPT = 8000  # entries in memory, far more than a screen shows
_AHEAD = 200  # lines that are fetched before they are seen


class PageSource(Protocol):
    """Fetches the pages of a place; the first mark is ""."""

    def page(self, mark: Any) -> tuple[list[PaneEntry], Any]:
        """Return the entries after a mark, and the mark of the next page or None."""


class PagedListing:
    """The entries of a place by their line.

    Pages far from the lines on the screen are dropped, and fetched again when they are seen again.

    Args:
        source: fetches the pages.
    """

    def __init__(self, source: PageSource) -> None:
        self.source = source
        self._marks: list[Any] = [""]
        self._ends: list[int] = []
        self._pages: dict[int, Sequence[PaneEntry]] = {}

    @property
    def count(self) -> int:
        """The number of lines known so far."""
        return self._ends[-1] if self._ends else 0

    @property
    def is_complete(self) -> bool:
        """True if the last page was fetched."""
        return len(self._marks) == len(self._ends)

    @property
    def in_memory(self) -> int:
        """The number of entries in memory."""
        return sum(map(len, self._pages.values()))

    def entry(self, line: int) -> PaneEntry | None:
        """Return the entry of a line, or None if it is not in memory."""
        for number, page in self._pages.items():
            start = self._start(number)
            if start <= line < start + len(page):
                return page[line - start]
        return None

    def line_of(self, name: str) -> int | None:
        """Return the line of a folder or bucket, or None if it is not in memory."""
        for number, page in self._pages.items():
            for place, entry in enumerate(page):
                if entry.name == name and not entry.is_file:
                    return self._start(number) + place
        return None

    def missing_page(self, top: int, bottom: int) -> int | None:
        """Return the number of a page to fetch so that these lines can be shown, or None."""
        first = bisect_right(self._ends, top)
        last = min(bisect_right(self._ends, bottom), len(self._ends) - 1)
        for number in range(first, last + 1):
            if number not in self._pages:
                return number
        is_near_end = bottom + _AHEAD >= self.count
        return len(self._ends) if is_near_end and not self.is_complete else None

    def mark(self, number: int) -> Any:
        """Return the mark of a page."""
        return self._marks[number]

    def renewed(self, source: PageSource) -> "PagedListing":
        """Return the listing without its entries, which a new source fetches when they are seen."""
        listing = PagedListing(source)
        listing._marks, listing._ends = [*self._marks], [*self._ends]
        return listing

    def drop_pages(self) -> None:
        """Keep no entries; those that are seen again are fetched again."""
        self._pages = {}

    def store(self, number: int, page: Sequence[PaneEntry], next_mark: Any) -> None:
        """Keep a page that was fetched; if it has changed, forget the pages behind it."""
        if number < len(self._ends) and not self._is_as_before(number, page, next_mark):
            del self._ends[number:], self._marks[number + 1 :]
            self._pages = {at: kept for at, kept in self._pages.items() if at < number}
        if number == len(self._ends):
            self._ends.append(self._start(number) + len(page))
            if next_mark is not None:
                self._marks.append(next_mark)
        self._pages[number] = page
        while self.in_memory > KEPT and len(self._pages) > 1:
            del self._pages[max(self._pages, key=lambda at: abs(at - number))]

    def _is_as_before(self, number: int, page: Sequence[PaneEntry], next_mark: Any) -> bool:
        known = self._marks[number + 1] if number + 1 < len(self._marks) else None
        return known == next_mark and self._start(number) + len(page) == self._ends[number]

    def _start(self, number: int) -> int:
        return self._ends[number - 1] if number else 0
