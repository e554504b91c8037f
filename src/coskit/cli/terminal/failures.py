"""The list of failures of a command that goes on with the rest."""

import sys
from dataclasses import dataclass, field

from coskit.cli.terminal.errors import describe
from coskit.cli.terminal.lines import quoted

_SHOWN = 1000  # one wrong key can fail a million times


@dataclass(slots=True)
class FailureList:
    """The names that failed, each with its reason.

    Attributes:
        count: how many failed.
    """

    count: int = 0
    _lines: list[str] = field(default_factory=list)

    def add(self, name: str, reason: BaseException | str) -> None:
        """Note that something failed.

        Raises:
            BaseException: the error is a defect of the program.
        """
        text = reason if isinstance(reason, str) else describe(reason)
        if text is None:
            raise reason  # type: ignore[misc]
        self.count += 1
        if len(self._lines) < _SHOWN:
            self._lines.append(f"{quoted(name)}: {text}")

    def report(self) -> int:
        """Print what failed, and return the exit status."""
        if not self.count:
            return 0
        for line in self._lines:
            print(f"coskit: {line}", file=sys.stderr)
        if self.count > len(self._lines):
            print(f"coskit: and {self.count - len(self._lines)} more", file=sys.stderr)
        if self.count > 1:
            print(f"coskit: {self.count} failed", file=sys.stderr)
        return 1
