"""The result, the failures and the callbacks of a directory transfer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coskit.client.settings.progress import Consumed
from coskit.protocol.errors import CosClientError


@dataclass(frozen=True, slots=True)
class FileFailure:
    """A file or an object whose transfer failed.

    Attributes:
        name: the path below the directory, or the key below the folder.
        error: the error.
    """

    name: str
    error: Exception

    def __str__(self) -> str:
        return f"{self.name!r}: {type(self.error).__name__}: {self.error}"


@dataclass(frozen=True, slots=True)
class FileAction:
    """The transfer or deletion of one file; in a dry run it was not done.

    Attributes:
        kind: `upload`, `download`, `copy` or `delete`.
        name: the path below the directory, or the key below the folder.
        size: the size in bytes; 0 for a deletion.
        new_name: the name at the destination, if it is another one.
        version: the version of an object that was deleted, if it has one.
        replaces: whether another file is replaced; only `sync` knows that.
    """

    kind: str
    name: str
    size: int
    new_name: str = ""
    version: str = ""
    replaces: bool = False


class FileInFlight:
    """A file whose transfer has begun; its numbers grow and may be read from any thread.

    Attributes:
        kind: `upload`, `download` or `copy`.
        name: the path below the directory, or the key below the folder.
        size: the size in bytes; -1 until it is known.
        transferred: the bytes transferred so far.
        resumed: the part of `transferred` that an earlier, interrupted transfer brought.
    """

    __slots__ = ("kind", "name", "resumed", "size", "transferred")

    def __init__(self, kind: str, name: str, size: int) -> None:
        self.kind = kind
        self.name = name
        self.size = size
        self.transferred = 0
        self.resumed = 0

    def report(self, consumed: Consumed, total: int | None) -> None:
        """Note the progress of the file; a `Callback`."""
        self.transferred, self.resumed = int(consumed), consumed.resumed
        if total is not None:
            self.size = total


@dataclass(frozen=True, slots=True)
class FileCallbacks:
    """The functions that a program wants called for each file, one call at a time.

    Attributes:
        start: called with a `FileInFlight` when the transfer of a file begins.
        action: called with a `FileAction` for each transferred or deleted file.
        failure: called with a `FileFailure` for each file that failed.
    """

    start: Callable[[FileInFlight], object] | None = None
    action: Callable[[FileAction], object] | None = None
    failure: Callable[[FileFailure], object] | None = None


@dataclass(frozen=True, slots=True)
class DirectoryResult:
    """The numbers of a directory transfer; in a dry run, nothing was done.

    Attributes:
        transferred: the number of files that were uploaded, downloaded or copied.
        transferred_bytes: the bytes of these files.
        unchanged: the number of files that were the same on both sides.
        deleted: the number of files or objects that were deleted.
        failed: the number of files whose transfer failed.
        failures: the first hundred failures.
    """

    transferred: int = 0
    transferred_bytes: int = 0
    unchanged: int = 0
    deleted: int = 0
    failed: int = 0
    failures: tuple[FileFailure, ...] = ()


class DirectoryTransferError(CosClientError):
    """A directory transfer that failed for some files; the first file's error is the cause.

    Attributes:
        result: the numbers of the transfer.
        failures: the first hundred failures.
    """

    def __init__(self, result: DirectoryResult) -> None:
        more = f" and {result.failed - 1} more" if result.failed > 1 else ""
        super().__init__(f"{result.failures[0]}{more}")
        self.result = result
        self.failures = result.failures

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.result,)
