"""The steps that a server makes towards the disk and back to its client, and who may watch them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

# What a server does to make a write durable and to answer it. What else it does is OTHER.
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
        act: what is done: "open" (which makes a file), "write", "truncate", "sync", "link",
            "unlink", "rename", "mkdir", or one of those that are nothing to a disk.
        what: to what kind of thing.
        path: of the file or directory, inside the server's.
        handle: the file that was opened under the path, which it may have no more.
        target: the new name of a link or a rename.
        offset: of a write; the size for "truncate".
        data: of a write.
        halve: makes the first half of a write.
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
        """What it is called: one of `STEPS`, or something else."""
        return f"{self.act} {self.what}".strip()


class Watcher(Protocol):
    """Sees steps, in whatever thread they are made."""

    def before(self, step: Step) -> None:
        """Take note that a step will be made."""
        ...

    def after(self, step: Step) -> None:
        """Take note that a step has been made and has not failed."""
        ...

    def opened(self, handle: int, path: str) -> None:
        """Take note that a handle means the file that has this path now."""
        ...
