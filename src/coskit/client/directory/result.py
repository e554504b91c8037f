"""The result, the failures and the progress of a directory transfer."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coskit.client.settings.progress import Callback, Consumed
from coskit.client.transfer.progress import Progress
from coskit.protocol.errors import CosClientError

_SHOWN = 100  # the number of failures that a result lists


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
    """

    kind: str
    name: str
    size: int


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


class ResultCounter:
    """Counts the results of files, from any thread.

    Args:
        on_action: called for each transfer and deletion, one at a time.
    """

    def __init__(self, on_action: Callable[[FileAction], object] | None) -> None:
        self._on_action = on_action
        self._lock = threading.Lock()
        self._transferred = 0
        self._bytes = 0
        self._unchanged = 0
        self._deleted = 0
        self._failed = 0
        self._failures: list[FileFailure] = []

    def transferred(self, kind: str, name: str, size: int) -> None:
        """Count a transferred file."""
        with self._lock:
            self._transferred += 1
            self._bytes += size
            self._report(kind, name, size)

    def unchanged(self) -> None:
        """Count a file that is the same on both sides."""
        with self._lock:
            self._unchanged += 1

    def deleted(self, name: str) -> None:
        """Count a deleted file or object."""
        with self._lock:
            self._deleted += 1
            self._report("delete", name, 0)

    def _report(self, kind: str, name: str, size: int) -> None:
        if self._on_action is not None:
            self._on_action(FileAction(kind, name, size))

    def failed(self, failure: FileFailure) -> None:
        """Count a file whose transfer failed."""
        with self._lock:
            self._failed += 1
            if len(self._failures) < _SHOWN:
                self._failures.append(failure)

    def knows(self, error: BaseException) -> bool:
        """Return whether an error is that of a counted file."""
        return any(failure.error is error for failure in self._failures)

    @property
    def clean(self) -> bool:
        """True if no file has failed so far."""
        return not self._failed

    def result(self) -> DirectoryResult:
        """Return the numbers."""
        with self._lock:
            return DirectoryResult(
                self._transferred,
                self._bytes,
                self._unchanged,
                self._deleted,
                self._failed,
                tuple(self._failures),
            )


class DirectoryProgress:
    """The progress of a directory transfer, whose total grows while files are listed.

    Args:
        callback: called with growing numbers: the bytes transferred and the bytes known so far.
    """

    def __init__(self, callback: Callback | None) -> None:
        self._callback = callback
        self._known = 0
        self._lock = threading.Lock()
        self._progress = Progress(self._report if callback else None, None)

    def _report(self, consumed: Consumed, _total: int | None) -> None:
        if self._callback is not None:
            self._callback(consumed, self._known)

    def file(self, size: int) -> Callback | None:
        """Return the progress callback of one more file, or None if there is no callback."""
        if self._callback is None:
            return None
        with self._lock:
            self._known += size
        part, resumed = self._progress.part(), 0

        def report(consumed: Consumed, _total: int | None) -> None:
            nonlocal resumed
            if consumed.resumed > resumed:
                self._progress.resume(consumed.resumed - resumed)
                resumed = consumed.resumed
            part.at(consumed - resumed)

        return report
