"""The dialog of a task: how far it is, Esc to cancel it, and what failed."""

from collections.abc import Callable
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from coskit.cli.browse.model.entries import fit
from coskit.cli.browse.work.background import Cancelled, in_thread
from coskit.cli.browse.work.report import TaskReport
from coskit.cli.terminal.lines import printable

_INTERVAL = 0.1  # seconds between two looks at the report


class TaskDialog(ModalScreen[bool]):
    """Runs a task and closes when it ends without failures; the result says whether it was whole.

    Args:
        heading: what is done.
        noun: what is done, one of them.
        task: does the work in a thread and writes the report.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel"),
        Binding("enter,q", "close"),
        Binding("up", "scroll(-1)"),
        Binding("down", "scroll(1)"),
    ]

    def __init__(self, heading: str, noun: str, task: Callable[[TaskReport], None]) -> None:
        super().__init__()
        self.report = TaskReport(noun)
        self.is_done = False
        self.was_cancelled = False
        self._heading = heading
        self._job = task
        self._numbers = Static(markup=False)
        self._current = Static(markup=False)
        self._failures = Static(markup=False)
        self._keys = Static("Esc: cancel", markup=False, classes="keys")

    def compose(self) -> ComposeResult:
        """Yield the heading, the numbers, the bar, the failures and the keys."""
        with Vertical(classes="dialog"):
            yield Static(self._heading, markup=False, classes="heading")
            yield self._numbers
            yield self._current
            with VerticalScroll():
                yield self._failures
            yield self._keys

    def on_mount(self) -> None:
        """Start the task."""
        self.set_interval(_INTERVAL, self._describe)
        self._run_task()

    @work
    async def _run_task(self) -> None:
        report = self.report
        try:
            await in_thread(lambda: self._job(report), report.token)
        except Cancelled:
            self.was_cancelled = True
        except Exception as cause:
            report.fail("stopped", cause)
        self.is_done = True
        if not report.failed:
            self.dismiss(not self.was_cancelled)
            return
        self._describe()

    def _describe(self) -> None:
        """Write how far the task is."""
        report = self.report
        width = max(self._numbers.size.width, 1)
        self._numbers.update(f"{_bar(report.share, width)}{report.numbers()}")
        if self.is_done:
            self._current.update("cancelled" if self.was_cancelled else "done, with failures:")
            self._failures.update("\n".join(report.failures))
            self._keys.update("arrows: scroll   Enter or Esc: close")
        else:
            self._current.update(fit(printable(report.name), width))

    def action_cancel(self) -> None:
        """Cancel the task; close the dialog if it has ended."""
        if self.is_done:
            self.action_close()
        self.report.token.cancel()
        self._keys.update("cancelling")

    def action_close(self) -> None:
        """Close the dialog if the task has ended."""
        if self.is_done:
            self.dismiss(False)

    def action_scroll(self, lines: int) -> None:
        """Scroll the failures by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _bar(share: float | None, width: int) -> str:
    """Return a line with a bar, or nothing if no share is known."""
    if share is None:
        return ""
    cells = max(min(width - 6, 50), 1)
    full = int(cells * share)
    return f"{'█' * full}{'░' * (cells - full)} {share:4.0%}\n"
