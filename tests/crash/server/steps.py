"""The steps of a server to the disk and back to its client, and the interface of observers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

# The steps that make a write durable and respond to it. All other steps are OTHER.
OTHER = "another"
STEPS = (
    *("open draft", "write draft", "link blob", "sync draft", "sync fan"),
    *("begin", "change", "commit", "write log", "sync log"),
    *("write index", "sync index", "truncate index"),
    *("deliver", "answer", "unlink draft", "unlink blob"),
    OTHER,
)


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        act: the operation: "open" (which makes a file), "write", "truncate", "sync", "link",
            "unlink", "rename", "mkdir", or one that does not change the disk.
        what: the kind of its object.
        path: the path of the file or directory inside the server's directory.
        handle: the file that was opened under the path, which may have lost the path since.
        target: the new name of a link or a rename.
        offset: the offset of a write, or the size of a truncation.
        data: the bytes of a write.
        halve: a function that makes the first half of a write.
    """

    act: str
    what: str = ""
    path: str = ""
    handle: int = 0
    target: str = ""
    offset: int = 0
    data: bytes = field(default=b"", repr=False)
    halve: Callable[[], object] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The step's name: one of `STEPS`, or another one."""
        return f"{self.act} {self.what}".strip()


class StepObserver(Protocol):
    """An observer of steps, called in the threads that make them."""

    def before(self, step: Step) -> None:
        """Handle a step that is about to be made."""
        ...

    def after(self, step: Step) -> None:
        """Handle a step that was made without failing."""
        ...

    def opened(self, handle: int, path: str) -> None:
        """Handle a new handle of the file that has this path now."""
        ...
