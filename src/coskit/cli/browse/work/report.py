"""The progress and the failures of a task, written by its thread and read by the screen."""

from dataclasses import dataclass, field

from coskit.cli.terminal.errors import describe
from coskit.cli.terminal.lines import human_size, printable
from coskit.client.cancellation import CancelToken
from coskit.client.settings.progress import Consumed

_SHOWN = 1000  # failures; one wrong key can fail a million times


@dataclass(slots=True)
class TaskReport:
    """The progress of a task.

    Attributes:
        noun: what is done, one of them.
        token: cancels the task.
        files: the number of files or objects that are done.
        size: the bytes that are done, of `total` known so far.
        name: the file or object that was begun last.
        failed: the number of failures.
        failures: the first thousand failures, a line each.
    """

    noun: str = "file"
    token: CancelToken = field(default_factory=CancelToken)
    files: int = 0
    size: int = 0
    total: int = 0
    name: str = ""
    failed: int = 0
    failures: list[str] = field(default_factory=list)
    _before: tuple[int, int] = (0, 0)

    def begin(self, name: str) -> None:
        """Note which file or object is next."""
        self.name = name

    def end(self, size: int = 0) -> None:
        """Note that a file or object is done."""
        self.files += 1
        self.size += size

    def progress(self, consumed: Consumed, total: int | None) -> None:
        """Note the bytes of a call of the client; its progress callback."""
        self.size = self._before[0] + consumed
        self.total = self._before[1] + (total or 0)

    def next_call(self) -> None:
        """Note that the next call of the client begins, whose bytes come on top."""
        self._before = self.size, self.total

    def fail(self, name: str, reason: BaseException | str) -> None:
        """Note that a file or object failed."""
        self.failed += 1
        if len(self.failures) < _SHOWN:
            text = reason if isinstance(reason, str) else error_line(reason)
            self.failures.append(f"{printable(name)}: {text}")

    @property
    def share(self) -> float | None:
        """The part of the known bytes that is done, None if nothing is known."""
        return min(self.size / self.total, 1.0) if self.total else None

    def numbers(self) -> str:
        """Return what is done, in words."""
        parts = [counted(self.files, self.noun)]
        if self.total:
            parts.append(f"{human_size(self.size)} of {human_size(self.total)}")
        elif self.size:
            parts.append(human_size(self.size))
        if self.failed:
            parts.append(f"{self.failed} failed")
        return ", ".join(parts)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def error_line(error: BaseException) -> str:
    """Return an error in one line that a terminal shows safely."""
    text = describe(error) or f"{type(error).__name__}: {error}"
    return printable(" ".join(text.split()))
