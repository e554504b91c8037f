"""The moving bar of a terminal: the total, the speed, the time left and the files in flight."""

import os
import sys
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from coskit.cli.terminal.lines import human_size, quoted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from coskit import FileInFlight

_PER_SECOND = 8
_WINDOW = 5.0  # the seconds over which the speed is measured
_SHOWN = 5  # the number of files in flight that are shown
_NARROW = 60  # below this width there is no room for the bar itself


def can_move(*, quiet: bool) -> bool:
    """Return whether standard error is a terminal on which lines may move."""
    return not quiet and sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


class Speed:
    """The speed of the last seconds.

    Args:
        clock: returns the seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque([(clock(), 0)])

    def add(self, moved: int) -> float:
        """Note the bytes transferred so far; return the bytes per second."""
        now = self._clock()
        self._samples.append((now, moved))
        while len(self._samples) > 2 and now - self._samples[0][0] > _WINDOW:
            self._samples.popleft()
        begun, before = self._samples[0]
        return (moved - before) / (now - begun) if now > begun else 0.0


class TransferBar:
    """A bar on standard error while files are transferred; use as a context manager.

    Args:
        is_shown: whether there is a bar; without one nothing is done.
        clock: returns the seconds.
    """

    def __init__(self, *, is_shown: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._flights: dict[str, FileInFlight] = {}
        self._speed = Speed(clock)
        self._done = self._resumed = 0
        self._known: int | None = 0
        self._files = 0
        self._earlier = self._resumed_earlier = 0
        self._live: Any = None
        self.is_shown = is_shown

    def start(self, file: "FileInFlight") -> None:
        """Show a file whose transfer begins."""
        self._flights[file.name] = file

    def end(self, name: str, *, done: bool = True) -> None:
        """Remove a file that was transferred, or failed."""
        self._flights.pop(name, None)
        self._files += done

    def progress(self, consumed: int, known: int | None) -> None:
        """Note the bytes transferred and the bytes known; a callback of the client."""
        self._done, self._known = self._earlier + int(consumed), known
        self._resumed = self._resumed_earlier + getattr(consumed, "resumed", 0)
        if known is not None:
            self._known = self._earlier + known

    def next_task(self) -> None:
        """Count the bytes of another transfer from where the last one ended."""
        self._earlier, self._resumed_earlier = self._done, self._resumed

    @property
    def transferred(self) -> int:
        """The bytes transferred so far."""
        return self._done

    @property
    def resumed(self) -> int:
        """The part of them that earlier, interrupted transfers brought."""
        return self._resumed

    def __enter__(self) -> Self:
        if self.is_shown:
            from rich.console import Console  # slow to load
            from rich.live import Live

            self._live = Live(
                console=Console(file=sys.stderr),
                get_renderable=self.render,
                refresh_per_second=_PER_SECOND,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def render(self) -> "RenderableType":
        """Return what the terminal shows now."""
        from rich.console import Group

        speed = self._speed.add(self._done - self._resumed)
        flights = sorted(self._flights.copy().values(), key=lambda file: -file.size)
        return Group(self._total(speed), *(_file_line(file) for file in flights[:_SHOWN]))

    def _total(self, speed: float) -> "RenderableType":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        done, known, width = self._done, self._known or 0, _width()
        percent = f"{min(100 * done // known, 100)}%" if known else ""
        words = [human_size(done)]
        if known:
            whole = human_size(known)
            words = [f"{words[0]} of {whole}" if width >= _NARROW else f"{percent} of {whole}"]
        words.append(f"{human_size(int(speed))}/s")
        if speed > 0 and known > done:
            words.append(f"{_clock_time((known - done) / speed)} left")
        if self._files and width >= _NARROW:
            words.append(f"{self._files} done")
        text = Text("  ".join(words), no_wrap=True, overflow="ellipsis")
        if not known or width < _NARROW:
            return Group(text)
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(ratio=1)
        grid.add_column(justify="right", width=4)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_row(ProgressBar(total=known, completed=done), percent, text)
        return grid


def _file_line(file: "FileInFlight") -> "RenderableType":
    from rich.text import Text

    share = f"{100 * file.transferred // file.size:3}%" if file.size > 0 else "   ?"
    return Text(f"{share} {quoted(file.name)}", no_wrap=True, overflow="ellipsis")


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds) + 1, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _width() -> int:
    from rich.console import Console

    return Console(file=sys.stderr).width
