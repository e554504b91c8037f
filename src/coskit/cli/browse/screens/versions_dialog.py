"""The dialog with the versions of an object, one of which can be restored."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from coskit.cli.browse.work.old_versions import version_line
from coskit.cli.objects.listing import ListedEntry


class VersionsDialog(ModalScreen[ListedEntry | None]):
    """The versions of an object; the result is the one to restore.

    Args:
        heading: the line above the versions.
        versions: the versions, newest first.
    """

    DEFAULT_CSS = """
    VersionsDialog OptionList { height: auto; max-height: 60vh; border: none; padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "close")]

    def __init__(self, heading: str, versions: Sequence[ListedEntry]) -> None:
        super().__init__()
        self.versions = versions
        self._heading = heading

    def compose(self) -> ComposeResult:
        """Yield the heading, the versions and the keys."""
        with Vertical(classes="dialog"):
            yield Static(self._heading, markup=False, classes="heading")
            yield OptionList(*map(version_line, self.versions), markup=False, compact=True)
            yield Static("Enter: restore   Esc: close", markup=False, classes="keys")

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.versions[event.option_index])

    def action_close(self) -> None:
        """Close the dialog."""
        self.dismiss(None)
