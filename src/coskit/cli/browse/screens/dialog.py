"""Dialogs: a question, and a text to read."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

DIALOG_CSS = """
ModalScreen { align: center middle; }
.dialog {
    width: 90%; max-width: 84; height: auto; max-height: 90%;
    border: round $primary; background: $surface; padding: 0 1;
}
.dialog > .heading { text-style: bold; margin-bottom: 1; }
.dialog > .keys { color: $text-muted; margin-top: 1; }
.dialog > VerticalScroll { height: auto; max-height: 60vh; scrollbar-size-vertical: 1; }
"""


class QuestionDialog(ModalScreen[bool]):
    """A question to agree to or not; the result says which.

    Args:
        question: the question.
        is_harmless: whether Enter means yes.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "decide(True)"),
        Binding("n,q,escape", "decide(False)"),
        Binding("enter", "default"),
    ]

    def __init__(self, question: str, *, is_harmless: bool = False) -> None:
        super().__init__()
        self.question = question
        self._is_harmless = is_harmless

    def compose(self) -> ComposeResult:
        """Yield the question and its keys."""
        yes = "y or Enter: yes" if self._is_harmless else "y: yes"
        with Vertical(classes="dialog"):
            yield Static(self.question, markup=False)
            yield Static(f"{yes}   n or Esc: no", markup=False, classes="keys")

    def action_decide(self, agrees: bool) -> None:
        """Return the decision."""
        self.dismiss(agrees)

    def action_default(self) -> None:
        """Take Enter for yes if nothing is lost by it."""
        self.dismiss(self._is_harmless)


class TextDialog(ModalScreen[None]):
    """A text that can be scrolled.

    Args:
        heading: the line above the text.
        text: the lines.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,v,question_mark", "close"),
        Binding("up", "scroll(-1)"),
        Binding("down", "scroll(1)"),
    ]

    def __init__(self, heading: str, text: str) -> None:
        super().__init__()
        self.heading = heading
        self.text = text

    def compose(self) -> ComposeResult:
        """Yield the heading, the text and the keys."""
        with Vertical(classes="dialog"):
            yield Static(self.heading, markup=False, classes="heading")
            with VerticalScroll():
                yield Static(self.text, markup=False)
            yield Static("arrows: scroll   Esc: close", markup=False, classes="keys")

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_close(self) -> None:
        """Close the dialog."""
        self.dismiss(None)
