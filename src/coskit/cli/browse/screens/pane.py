"""A pane: the place, its entries, the filter, and how many there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from coskit.cli.browse.model.entries import PaneEntry, fit
from coskit.cli.browse.model.listing import PagedListing
from coskit.cli.browse.model.places import Place, inner_place, outer_place, shown_place
from coskit.cli.browse.model.sources import source_of
from coskit.cli.browse.screens.entry_list import EntryList
from coskit.cli.browse.work.background import in_thread
from coskit.cli.terminal.lines import printable

if TYPE_CHECKING:
    from coskit import Client


@dataclass(frozen=True, slots=True)
class _Visited:
    """A place that was left for one in it, as it was then."""

    place: Place
    beginning: str
    listing: PagedListing
    cursor: int


class Pane(Vertical):
    """One side of the screen.

    Args:
        client: the client.
        place: the place to show.
        beginning: the text that the names begin with.
        id: `local` or `bucket`.
    """

    DEFAULT_CSS = """
    Pane { width: 1fr; height: 1fr; }
    Pane > .title { height: 1; background: $surface; text-wrap: nowrap; }
    Pane:focus-within > .title { background: $primary; color: $text; text-style: bold; }
    Pane > .count { height: 1; color: $text-muted; text-wrap: nowrap; }
    Pane > Input { display: none; }
    Pane.filtering > Input { display: block; }
    Pane.filtering > .count { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("backspace", "leave"),
        Binding("slash", "filter"),
        Binding("escape", "reset"),
    ]

    class Moved(Message):
        """The cursor, the place or the selection has changed."""

    class FileOpened(Message):
        """A file or an object is to be shown."""

    class Failed(Message):
        """The entries could not be fetched.

        Args:
            error: the error.
        """

        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.error = error

    def __init__(self, client: "Client", place: Place, beginning: str = "", *, id: str) -> None:
        super().__init__(id=id)
        self.place = place
        self.beginning = beginning
        self.entries = EntryList()
        self._client = client
        self._title = Static(markup=False, classes="title")
        self._count = Static(markup=False, classes="count")
        self._filter = Input(placeholder="names that begin with", compact=True)
        self._trail: list[_Visited] = []
        self._is_loading = False

    def compose(self) -> ComposeResult:
        """Yield the parts from top to bottom."""
        yield self._title
        yield self.entries
        yield self._count
        yield self._filter

    def on_mount(self) -> None:
        """Show the first place."""
        self.load()

    @property
    def is_settled(self) -> bool:
        """True if no page is being fetched."""
        return not self._is_loading

    @property
    def chosen(self) -> Sequence[PaneEntry]:
        """The selected entries, or the one under the cursor."""
        if self.entries.selected:
            return [*self.entries.selected.values()]
        current = self.entries.current
        return [] if current is None else [current]

    def load(self, name: str | None = None) -> None:
        """Fetch the entries of the place.

        Args:
            name: the folder that the cursor is on, if it is among the first entries.
        """
        listing = PagedListing(source_of(self._client, self.place, self.beginning))
        self.entries.show(listing)
        self._fetch(listing, name)

    def refresh_entries(self) -> None:
        """Fetch the entries on the screen again; the cursor stays on its line."""
        if self.entries.listing is None:
            return
        source = source_of(self._client, self.place, self.beginning)
        listing = self.entries.listing.renewed(source)
        self.entries.show(listing, self.entries.cursor)
        self._fetch(listing)

    def _fetch(self, listing: PagedListing, name: str | None = None) -> None:
        self._is_loading = True
        self._describe()
        self.run_worker(self._fetch_missing(listing, name), group="pages", exclusive=True)

    async def _fetch_missing(self, listing: PagedListing, name: str | None) -> None:
        """Fetch pages until the lines on the screen are there."""
        try:
            while (number := listing.missing_page(*self.entries.lines_on_screen)) is not None:
                fetch = partial(listing.source.page, listing.mark(number))
                page, next_mark = await in_thread(fetch)
                listing.store(number, page, next_mark)
                self.entries.entries_arrived()
                found = listing.line_of(name) if name is not None else None
                if found is not None:
                    self.entries.move_cursor(found)
                    name = None
                self._describe()
        except Exception as cause:
            self.post_message(self.Failed(cause))
        self._is_loading = False
        self._describe()
        self.post_message(self.Moved())

    @on(EntryList.Changed)
    def _fetch_what_is_seen(self) -> None:
        listing = self.entries.listing
        if listing and not self._is_loading:
            if listing.missing_page(*self.entries.lines_on_screen) is not None:
                self._fetch(listing)
        self._describe()
        self.post_message(self.Moved())

    @on(EntryList.Opened)
    def _open(self) -> None:
        entry, listing = self.entries.current, self.entries.listing
        if entry is None or listing is None:
            return
        inner = inner_place(self.place, entry)
        if inner is None:
            self.post_message(self.FileOpened())
            return
        self._trail.append(_Visited(self.place, self.beginning, listing, self.entries.cursor))
        listing.drop_pages()
        self._go(inner)

    def action_leave(self) -> None:
        """Show the place that contains this one, as it was when it was left."""
        outer = outer_place(self.place)
        if outer is None:
            return
        visited = self._trail.pop() if self._trail else None
        if visited is None or visited.place != outer[0]:
            self._trail = []
            self._go(*outer)
            return
        self.place, self.beginning = visited.place, visited.beginning
        self.entries.show(visited.listing, visited.cursor)
        self._fetch(visited.listing)

    def _go(self, place: Place, name: str | None = None) -> None:
        self.place, self.beginning = place, ""
        self.load(name)

    def action_filter(self) -> None:
        """Ask what the names begin with."""
        self.add_class("filtering")
        with self.prevent(Input.Changed):
            self._filter.value = self.beginning
        self._filter.focus()

    @on(Input.Changed)
    def _apply_filter(self, event: Input.Changed) -> None:
        if self.has_class("filtering") and event.value != self.beginning:
            self.beginning = event.value
            self.load()

    @on(Input.Submitted)
    def _close_filter(self) -> None:
        self.remove_class("filtering")
        self.entries.focus()

    def action_reset(self) -> None:
        """Take back the selection, or the filter if nothing is selected."""
        if self.entries.selected and not self.has_class("filtering"):
            self.entries.selected.clear()
            self.entries.move_cursor(self.entries.cursor)
            return
        self._close_filter()
        if self.beginning:
            self.beginning = ""
            self.load()

    def on_resize(self) -> None:
        """Fit the lines of text to the new width."""
        self._describe()

    def _describe(self) -> None:
        """Write the place above the entries, and their number below."""
        width = self.size.width
        place = shown_place(self.place)
        beginning = f" [{printable(self.beginning)}]" if self.beginning else ""
        self._title.update(fit(f"{place}{beginning}", width, keep_end=True))
        listing = self.entries.listing
        if listing is None:
            return
        sign = "" if listing.is_complete else "+"
        parts = [f"{listing.count:,}{sign} {'entry' if listing.count == 1 else 'entries'}"]
        if self.entries.selected:
            parts.append(f"{len(self.entries.selected):,} selected")
        if self._is_loading:
            parts.append("loading")
        self._count.update(fit(" " + ", ".join(parts), width))
