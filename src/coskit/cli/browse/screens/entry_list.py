"""The scrolled lines of a pane; only the lines on the screen are drawn."""

from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from coskit.cli.browse.model.entries import PaneEntry
from coskit.cli.browse.model.listing import PagedListing


class EntryList(ScrollView, can_focus=True):
    """The lines of a listing with a cursor; entries can be selected."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "entry-list--plain",
        "entry-list--folder",
        "entry-list--selected",
        "entry-list--cursor",
        "entry-list--idle-cursor",
    }
    DEFAULT_CSS = """
    EntryList { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }
    EntryList > .entry-list--folder { text-style: bold; color: $primary; }
    EntryList > .entry-list--selected { text-style: bold; color: $warning; }
    EntryList > .entry-list--cursor { background: $primary; color: $text; text-style: bold; }
    EntryList > .entry-list--idle-cursor { background: $surface-lighten-1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)"),
        Binding("down,j", "move(1)"),
        Binding("pageup", "move_page(-1)"),
        Binding("pagedown", "move_page(1)"),
        Binding("home", "move_to(0)"),
        Binding("end", "move_last"),
        Binding("space", "select"),
        Binding("enter", "open"),
    ]

    class Changed(Message):
        """The cursor, the lines on the screen or the selection have changed."""

    class Opened(Message):
        """The entry under the cursor is to be opened."""

    def __init__(self) -> None:
        super().__init__()
        self.listing: PagedListing | None = None
        self.cursor = 0
        self.selected: dict[tuple[str, str], PaneEntry] = {}

    @property
    def current(self) -> PaneEntry | None:
        """The entry under the cursor, if there is one and it is in memory."""
        return self.listing.entry(self.cursor) if self.listing else None

    @property
    def lines_on_screen(self) -> tuple[int, int]:
        """The first and the last line that can be seen."""
        top = int(self.scroll_offset.y)
        return top, top + max(self.size.height, 1) - 1

    def show(self, listing: PagedListing, cursor: int = 0) -> None:
        """Show another listing, with nothing selected."""
        self.listing = listing
        self.selected = {}
        self.entries_arrived()
        self.move_cursor(cursor)

    def entries_arrived(self) -> None:
        """Draw the lines again after a page was fetched."""
        count = self.listing.count if self.listing else 0
        self.virtual_size = Size(0, count)
        self.cursor = min(self.cursor, max(count - 1, 0))
        self.refresh()

    def move_cursor(self, line: int) -> None:
        """Put the cursor on a line, or on the nearest that is known."""
        count = self.listing.count if self.listing else 0
        self.cursor = max(0, min(line, count - 1))
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
        self.refresh()
        self.post_message(self.Changed())

    def render_line(self, y: int) -> Strip:
        """Draw one line of the screen."""
        line = int(self.scroll_offset.y) + y
        width = self.scrollable_content_region.width
        entry = self.listing.entry(line) if self.listing else None
        if entry is None:
            is_known = self.listing is not None and line < self.listing.count
            plain = self.get_component_rich_style("entry-list--plain")
            return Strip([Segment((" …" if is_known else "").ljust(width), plain)], width)
        is_selected = entry.identity in self.selected
        text = entry.line(width, is_selected=is_selected)
        style = self.get_component_rich_style(self._style_of(entry, line, is_selected=is_selected))
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    def _style_of(self, entry: PaneEntry, line: int, *, is_selected: bool) -> str:
        if line == self.cursor:
            return "entry-list--cursor" if self.has_focus else "entry-list--idle-cursor"
        if is_selected:
            return "entry-list--selected"
        return "entry-list--plain" if entry.is_file else "entry-list--folder"

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """See that the lines that have come into view are fetched."""
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Changed())

    def on_resize(self) -> None:
        """See that more lines are fetched if they can be seen now."""
        self.post_message(self.Changed())

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; open the entry at a second click."""
        self.move_cursor(int(self.scroll_offset.y) + event.y)
        if event.chain == 2:
            self.post_message(self.Opened())

    def action_move(self, lines: int) -> None:
        """Move the cursor by lines."""
        self.move_cursor(self.cursor + lines)

    def action_move_page(self, pages: int) -> None:
        """Move the cursor by the lines of the screen."""
        self.move_cursor(self.cursor + pages * max(self.size.height - 1, 1))

    def action_move_to(self, line: int) -> None:
        """Move the cursor to a line."""
        self.move_cursor(line)

    def action_move_last(self) -> None:
        """Move the cursor to the last line that is known."""
        self.move_cursor(self.listing.count - 1 if self.listing else 0)

    def action_select(self) -> None:
        """Select the entry under the cursor or take it back, and go one line down."""
        entry = self.current
        if entry is None:
            return
        if self.selected.pop(entry.identity, None) is None:
            self.selected[entry.identity] = entry
        self.move_cursor(self.cursor + 1)

    def action_open(self) -> None:
        """Open the entry under the cursor."""
        self.post_message(self.Opened())
