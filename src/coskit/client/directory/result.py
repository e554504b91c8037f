"""What a transfer of many files did: its result, its failures, its progress."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coskit.client.settings.progress import Callback, Consumed
from coskit.client.transfer.progress import Progress
from coskit.protocol.errors import CosClientError

_SHOWN = 100  # failures that a result lists; more than that nobody reads


@dataclass(frozen=True, slots=True)
class FileFailure:
    """A file or an object that did not get through.

    Attributes:
        name: its path below the directory, or its key below the folder.
        error: why.
    """

    name: str
    error: Exception

    def __str__(self) -> str:
        return f"{self.name!r}: {type(self.error).__name__}: {self.error}"


@dataclass(frozen=True, slots=True)
class FileAction:
    """What was done about one file, or would have been, were it not a dry run.

    Attributes:
        kind: `upload`, `download`, `copy` or `delete`.
        name: its path below the directory, or its key below the folder.
        size: in bytes; 0 for a deletion.
    """

    kind: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class DirectoryResult:
    """What a transfer of many files did; after a dry run, what it would have done.

    Attributes:
        transferred: files that were uploaded, downloaded or copied.
        transferred_bytes: their bytes.
        unchanged: files that were the same on both sides.
        deleted: files or objects that were deleted.
        failed: files that did not get through.
        failures: the first hundred of them.
    """

    transferred: int = 0
    transferred_bytes: int = 0
    unchanged: int = 0
    deleted: int = 0
    failed: int = 0
    failures: tuple[FileFailure, ...] = ()


class DirectoryTransferError(CosClientError):
    """Not everything got through; the error of the first file that did not is the cause.

    Attributes:
        result: what was done nevertheless.
        failures: the first hundred files that did not get through.
    """

    def __init__(self, result: DirectoryResult) -> None:
        more = f" and {result.failed - 1} more" if result.failed > 1 else ""
        super().__init__(f"{result.failures[0]}{more}")
        self.result = result
        self.failures = result.failures

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.result,)


class ResultCounter:
    """Counts what becomes of each file, from every thread.

    Args:
        on_action: hears of everything that is done, one thing at a time.
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
        """Count a file that got through."""
        with self._lock:
            self._transferred += 1
            self._bytes += size
            self._tell(kind, name, size)

    def unchanged(self) -> None:
        """Count a file that is the same on both sides."""
        with self._lock:
            self._unchanged += 1

    def deleted(self, name: str) -> None:
        """Count a file or object that is gone."""
        with self._lock:
            self._deleted += 1
            self._tell("delete", name, 0)

    def _tell(self, kind: str, name: str, size: int) -> None:
        if self._on_action is not None:
            self._on_action(FileAction(kind, name, size))

    def failed(self, failure: FileFailure) -> None:
        """Count a file that did not get through."""
        with self._lock:
            self._failed += 1
            if len(self._failures) < _SHOWN:
                self._failures.append(failure)

    def knows(self, error: BaseException) -> bool:
        """Return whether this is the error of a file that was counted."""
        return any(failure.error is error for failure in self._failures)

    @property
    def clean(self) -> bool:
        """Whether everything got through so far."""
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
    """The progress of many files, whose number of bytes becomes known as they are found.

    Args:
        callback: hears of growing numbers of bytes: those through, and those known so far.
    """

    def __init__(self, callback: Callback | None) -> None:
        self._callback = callback
        self._known = 0
        self._lock = threading.Lock()
        self._progress = Progress(self._tell if callback else None, None)

    def _tell(self, consumed: Consumed, _total: int | None) -> None:
        if self._callback is not None:
            self._callback(consumed, self._known)

    def file(self, size: int) -> Callback | None:
        """Return what hears of the progress of one more file, or None if nobody listens."""
        if self._callback is None:
            return None
        with self._lock:
            self._known += size
        part, resumed = self._progress.part(), 0

        def tell(consumed: Consumed, _total: int | None) -> None:
            nonlocal resumed
            if consumed.resumed > resumed:
                self._progress.resume(consumed.resumed - resumed)
                resumed = consumed.resumed
            part.at(consumed - resumed)

        return tell
