"""Entries of a pane: files, objects, folders and buckets, with the text of their line."""

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from coskit.cli.terminal.lines import human_size, printable

_DATE = 16  # cells of a date without seconds
_SIZE = 10  # cells of the longest size, 1023.9 KiB
_DATED = 48  # the least cells of a line that has a date
_BUCKET = "bucket"


@dataclass(frozen=True, slots=True)
class PaneEntry:
    """A line of a pane.

    Attributes:
        kind: `file`, `folder` or `bucket`.
        name: the name below the place that the pane shows, without a slash at its end if it is a
            folder.
        size: the size in bytes, 0 for a folder.
        modified: the local date with seconds, "" if there is none.
        storage_class: the storage class of an object.
    """

    kind: str
    name: str
    size: int = 0
    modified: str = ""
    storage_class: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """The kind and the name: a folder and an object may have the same name."""
        return self.kind, self.name

    @property
    def is_file(self) -> bool:
        """True if the entry has content of its own."""
        return self.kind == "file"

    @property
    def shown(self) -> str:
        """The name for the screen."""
        return printable(self.name) + ("/" if self.kind == "folder" else "")

    def line(self, width: int, *, is_selected: bool = False) -> str:
        """Return the line of a pane of this width in cells."""
        size = human_size(self.size) if self.is_file else ""
        right = "" if self.kind == _BUCKET else f" {size:>{_SIZE}}"
        if width >= _DATED:
            right += f" {self.modified[:_DATE]:{_DATE}}"
        mark = "*" if is_selected else " "
        return f"{mark}{fit(self.shown, max(width - 1 - len(right), 1))}{right}"

    def facts(self) -> str:
        """Return the whole name and what is known about the entry."""
        size = f"{human_size(self.size)}" if self.is_file else self.kind
        facts = (size, self.modified, self.storage_class)
        return "  ".join([*filter(None, facts), self.shown])


def fit(text: str, width: int, *, keep_end: bool = False) -> str:
    """Return printable text cut or filled up to a number of cells.

    Args:
        text: the text.
        width: the cells.
        keep_end: cut at the beginning.
    """
    if cell_len(text) <= width or width < 1:
        return set_cell_size(text, max(width, 0))
    if not keep_end:
        return set_cell_size(text, width - 1) + "…"
    while cell_len(text) > width - 1:
        text = text[1:]
    return set_cell_size("…" + text, width)
