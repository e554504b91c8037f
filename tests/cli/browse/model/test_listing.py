"""Pages of a listing: what is fetched, what is kept, what happens when pages change."""

from typing import Any

from coskit.cli.browse.model.entries import PaneEntry
from coskit.cli.browse.model.listing import KEPT, PagedListing

SIZE = 100


class NumberedSource:
    """Pages of numbered entries.

    Args:
        total: the number of entries.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.requests = 0

    def page(self, mark: Any) -> tuple[list[PaneEntry], Any]:
        self.requests += 1
        start = mark or 0
        end = min(start + SIZE, self.total)
        return [PaneEntry("file", str(n)) for n in range(start, end)], (
            end if end < self.total else None
        )


def show(listing: PagedListing, top: int, bottom: int) -> list[str]:
    """Fetch what lines need, and return their names."""
    while (number := listing.missing_page(top, bottom)) is not None:
        listing.store(number, *listing.source.page(listing.mark(number)))
    found = (listing.entry(line) for line in range(top, bottom + 1))
    return [entry.name for entry in found if entry]


def test_only_what_is_nearly_seen_is_fetched() -> None:
    source = NumberedSource(100_000)
    assert show(PagedListing(source), 0, 9) == [str(n) for n in range(10)]
    assert source.requests == 3


def test_a_hundred_thousand_lines_take_a_bounded_memory() -> None:
    listing = PagedListing(NumberedSource(100_000))
    for top in range(0, 100_000, 500):
        show(listing, top, top + 499)
        assert listing.in_memory <= KEPT
    assert listing.is_complete
    assert listing.count == 100_000
    assert show(listing, 99_990, 99_999) == [str(n) for n in range(99_990, 100_000)]
    assert show(listing, 150, 152) == ["150", "151", "152"], "dropped pages are fetched again"


def test_a_page_that_has_changed_makes_the_later_ones_unknown() -> None:
    source = NumberedSource(250)
    listing = PagedListing(source)
    show(listing, 0, 249)
    listing.drop_pages()
    source.total = 150
    assert show(listing, 0, 20)[:2] == ["0", "1"]
    assert show(listing, 100, 249)[-1] == "149"
    assert (listing.count, listing.is_complete) == (150, True)


def test_a_renewed_listing_fetches_only_what_is_seen() -> None:
    listing = PagedListing(NumberedSource(10_000))
    for top in range(0, 10_000, 500):
        show(listing, top, top + 499)
    source = NumberedSource(9_990)
    renewed = listing.renewed(source)
    assert show(renewed, 5_000, 5_001) == ["5000", "5001"]
    assert source.requests == 1
    assert show(renewed, 9_980, 9_999)[-1] == "9989"
    assert (renewed.count, renewed.is_complete) == (9_990, True)


def test_an_empty_place_is_complete() -> None:
    listing = PagedListing(NumberedSource(0))
    assert show(listing, 0, 20) == []
    assert (listing.count, listing.is_complete) == (0, True)
