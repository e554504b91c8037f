"""The program on the terminal: two panes, a line about the entry, a line for errors, the keys."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Static

from coskit.cli.arguments.locations import CosLocation
from coskit.cli.browse.help_text import HELP, KEYS, NARROW_KEYS
from coskit.cli.browse.model.entries import PaneEntry, fit
from coskit.cli.browse.model.places import Place, shown_place
from coskit.cli.browse.screens.dialog import DIALOG_CSS, QuestionDialog, TextDialog
from coskit.cli.browse.screens.pane import Pane
from coskit.cli.browse.screens.task_dialog import TaskDialog
from coskit.cli.browse.screens.versions_dialog import VersionsDialog
from coskit.cli.browse.work import copying, deleting
from coskit.cli.browse.work.background import in_thread
from coskit.cli.browse.work.old_versions import restore_version, versions_of
from coskit.cli.browse.work.preview import beginning, preview_text
from coskit.cli.browse.work.report import TaskReport, counted, error_line
from coskit.cli.terminal.lines import human_size, printable

if TYPE_CHECKING:
    from pathlib import Path

    from coskit import Client

_INTERRUPTED = 130


class BrowseApp(App[None]):
    """Two panes, local files at the left and buckets at the right.

    Args:
        client: the client.
        directory: the local directory to show first.
        location: the list of buckets or the folder of a bucket to show first.
        beginning: the text that the names in the bucket begin with.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = (
        DIALOG_CSS
        + """
    #panes { height: 1fr; }
    #local { border-right: solid $surface-lighten-2; }
    #facts, #keys { height: 1; text-wrap: nowrap; }
    #facts { background: $surface; }
    #message { height: auto; min-height: 1; max-height: 4; }
    #message.error { color: $text-error; }
    #keys { color: $text-muted; }
    """
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit"),
        Binding("ctrl+c", "interrupt", priority=True),
        Binding("c,f5", "copy"),
        Binding("v,f3", "preview"),
        Binding("d,delete,f8", "delete"),
        Binding("V", "versions"),
        Binding("r", "refresh"),
        Binding("question_mark,f1", "help"),
        Binding("left", "focus_pane('local')"),
        Binding("right", "focus_pane('bucket')"),
    ]

    def __init__(
        self, client: "Client", directory: "Path", location: CosLocation, beginning: str = ""
    ) -> None:
        super().__init__()
        self._client = client
        self.local = Pane(client, directory, id="local")
        self.bucket = Pane(client, location, beginning, id="bucket")
        self.message = ""
        self._facts = Static(markup=False, id="facts")
        self._message = Static(markup=False, id="message")
        self._keys = Static(markup=False, id="keys")

    def compose(self) -> ComposeResult:
        """Yield the panes and the lines below them."""
        with Horizontal(id="panes"):
            yield self.local
            yield self.bucket
        yield self._facts
        yield self._message
        yield self._keys

    def on_mount(self) -> None:
        """Begin in the bucket's pane."""
        self.bucket.entries.focus()

    def on_resize(self) -> None:
        """Fit the lines to the new width."""
        self._keys.update(KEYS if self.size.width >= len(KEYS) else NARROW_KEYS)
        self._describe()

    @property
    def pane(self) -> Pane:
        """The pane that has the focus."""
        return self.local if self.local.has_focus_within else self.bucket

    def say(self, text: str, *, is_error: bool = False) -> None:
        """Show a message in its line."""
        self.message = text
        self._message.set_class(is_error, "error")
        self._message.update(text)

    def complain(self, error: Exception) -> None:
        """Show an error in the line of messages."""
        self.say(error_line(error), is_error=True)

    @on(Pane.Failed)
    def _listing_failed(self, event: Pane.Failed) -> None:
        self.complain(event.error)

    @on(Pane.Moved)
    def _describe(self) -> None:
        entry = self.pane.entries.current
        self._facts.update(fit(entry.facts() if entry else "", max(self.size.width, 1)))

    def action_interrupt(self) -> None:
        """Cancel the task that is running; without one, end the program."""
        if isinstance(self.screen, TaskDialog) and not self.screen.is_done:
            self.screen.action_cancel()
        else:
            self.exit(return_code=_INTERRUPTED)

    def action_focus_pane(self, id: str) -> None:
        """Go to a pane."""
        (self.local if id == "local" else self.bucket).entries.focus()

    def on_descendant_focus(self) -> None:
        """Describe the entry of the pane that has the focus now."""
        self._describe()

    def action_refresh(self) -> None:
        """Fetch the entries of both panes again."""
        self.say("")
        self.local.refresh_entries()
        self.bucket.refresh_entries()

    def action_help(self) -> None:
        """Show the keys."""
        self.push_screen(TextDialog("Keys", HELP))

    @work
    async def action_copy(self) -> None:
        """Copy the chosen entries into the place of the other pane."""
        pane = self.pane
        entries, client = pane.chosen, self._client
        directory, location = self.local.place, self.bucket.place
        assert not isinstance(directory, CosLocation)
        assert isinstance(location, CosLocation)
        if not entries:
            return
        if pane is self.local and not location.bucket:
            self.say("open the bucket to copy to first", is_error=True)
            return
        target: Place = location if pane is self.local else directory
        what, where = _named(entries), shown_place(target)
        question = f"Copy {what} to {where}?\n\nFiles of the same name there are replaced."
        if not await self.push_screen_wait(QuestionDialog(question, is_harmless=True)):
            return

        def task(report: TaskReport) -> None:
            if pane is self.local:
                copying.upload(client, directory, entries, location, report)
            else:
                copying.download(client, location, entries, directory, report)

        await self._run(TaskDialog(f"Copying {what} to {where}", "file", task), "copied")

    @work
    async def action_delete(self) -> None:
        """Delete the chosen entries after a question that says how much it is."""
        place, entries, client = self.pane.place, self.pane.chosen, self._client
        if not entries:
            return
        if any(entry.kind == "bucket" for entry in entries):
            self.say("coskit rb removes buckets", is_error=True)
            return
        what = _named(entries)
        noun = "object" if isinstance(place, CosLocation) else "file"

        def count(report: TaskReport) -> None:
            deleting.count(client, place, entries, report)

        counting = TaskDialog(f"Counting {what}", noun, count)
        if not await self.push_screen_wait(counting):
            return
        found = counting.report
        size = f", {human_size(found.size)}" if found.size else ""
        question = f"Delete {what} from {shown_place(place)}?\n\n{counted(found.files, noun)}{size}"
        if not await self.push_screen_wait(QuestionDialog(question)):
            return

        def task(report: TaskReport) -> None:
            deleting.delete(client, place, entries, report)

        await self._run(TaskDialog(f"Deleting {what}", noun, task), "deleted")

    async def _run(self, dialog: TaskDialog, done: str) -> None:
        """Run the task of a dialog, then show what it changed."""
        self.say("")
        await self.push_screen_wait(dialog)
        verb = f"cancelled; {done}" if dialog.was_cancelled else done
        self.say(f"{verb} {dialog.report.numbers()}", is_error=bool(dialog.report.failed))
        self.local.refresh_entries()
        self.bucket.refresh_entries()

    @on(Pane.FileOpened)
    @work
    async def action_preview(self) -> None:
        """Show the beginning of the file or object under the cursor."""
        place, entry = self.pane.place, self.pane.entries.current
        if entry is None or not entry.is_file:
            return
        try:
            content = await in_thread(lambda: beginning(self._client, place, entry))
        except Exception as cause:
            self.complain(cause)
            return
        text = preview_text(content, min(self.size.width * 9 // 10, 84) - 4) or "(empty)"
        self.push_screen(TextDialog(entry.facts(), text))

    @work
    async def action_versions(self) -> None:
        """Show the versions of the object under the cursor; restore the chosen one."""
        place, entry = self.pane.place, self.pane.entries.current
        if not isinstance(place, CosLocation) or entry is None or not entry.is_file:
            self.say("versions belong to objects in a bucket", is_error=True)
            return
        location = place.with_key(place.key + entry.name)
        try:
            found = await in_thread(lambda: versions_of(self._client, location))
            dialog = VersionsDialog(f"Versions of {printable(entry.name)}", found)
            chosen = await self.push_screen_wait(dialog)
            if chosen is None:
                return
            if chosen.is_latest or chosen.kind != "version":
                self.say("choose an old version to restore", is_error=True)
                return
            question = f"Make the version {chosen.version_id} the latest again?"
            if await self.push_screen_wait(QuestionDialog(question, is_harmless=True)):
                await in_thread(lambda: restore_version(self._client, location, chosen.version_id))
                self.say(f"restored {printable(entry.name)}")
                self.bucket.refresh_entries()
        except Exception as cause:
            self.complain(cause)


def _named(entries: Sequence[PaneEntry]) -> str:
    """Return the name of the only entry, or the number of entries."""
    return entries[0].shown if len(entries) == 1 else f"{len(entries):,} entries"
