"""The results of the files of a directory transfer while it runs, and their progress."""

import threading
import time

from coskit.client.directory.result import (
    DirectoryResult,
    FileAction,
    FileCallbacks,
    FileFailure,
    FileInFlight,
)
from coskit.client.settings.progress import Callback, Consumed
from coskit.client.transfer.progress import Progress
from coskit.protocol.errors import TransferTimeout

_SHOWN = 100  # the number of failures that a result lists


class ResultCounter:
    """Counts the results of files, from any thread.

    Args:
        callbacks: the functions that are called for each file, one at a time.
        stop: whether the first failure ends the transfer.
        deadline: the seconds that the whole transfer may take; None sets no limit.
    """

    def __init__(
        self, callbacks: FileCallbacks, *, stop: bool = False, deadline: float | None = None
    ) -> None:
        self._callbacks = callbacks
        self._stop = stop
        self._ends = None if deadline is None else time.monotonic() + deadline
        self._lock = threading.Lock()
        self._transferred = 0
        self._bytes = 0
        self._unchanged = 0
        self._deleted = 0
        self._failed = 0
        self._failures: list[FileFailure] = []

    def started(self, kind: str, name: str, size: int) -> FileInFlight | None:
        """Report that the transfer of a file begins; return its progress if there is a callback."""
        if self._callbacks.start is None:
            return None
        file = FileInFlight(kind, name, size)
        with self._lock:
            self._callbacks.start(file)
        return file

    def transferred(self, action: FileAction) -> None:
        """Count a transferred file."""
        with self._lock:
            self._transferred += 1
            self._bytes += action.size
            self._report(action)

    def add(self, action: FileAction | None) -> None:
        """Count a transferred file, or None for a file that is the same on both sides."""
        if action is None:
            self.unchanged()
        else:
            self.transferred(action)

    def unchanged(self) -> None:
        """Count a file that is the same on both sides."""
        with self._lock:
            self._unchanged += 1

    def deleted(self, name: str, version: str = "") -> None:
        """Count a deleted file or object."""
        with self._lock:
            self._deleted += 1
            self._report(FileAction("delete", name, 0, version=version))

    def _report(self, action: FileAction) -> None:
        if self._callbacks.action is not None:
            self._callbacks.action(action)

    def fail(self, name: str, error: Exception) -> None:
        """Count a file that failed; raise its error if the transfer is to stop at the first one.

        Raises:
            Exception: the error, if it ends the transfer.
        """
        late = self._ends is not None and time.monotonic() >= self._ends
        if late and isinstance(error, TransferTimeout):
            raise error
        failure = FileFailure(name, error)
        with self._lock:
            self._failed += 1
            if len(self._failures) < _SHOWN:
                self._failures.append(failure)
            if self._callbacks.failure is not None:
                self._callbacks.failure(failure)
        if self._stop:
            raise error

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

    def file(self, size: int, flight: FileInFlight | None = None) -> Callback | None:
        """Return the progress callback of one more file, or None if there is no callback.

        Args:
            size: the bytes of the file; negative until its transfer reports them.
            flight: the progress of this file, if it is reported too.
        """
        if self._callback is None:
            return None if flight is None else flight.report
        self._add(max(size, 0))
        part, resumed, is_known = self._progress.part(), 0, size >= 0

        def report(consumed: Consumed, total: int | None) -> None:
            nonlocal resumed, is_known
            if not is_known and total is not None:
                self._add(total)
                is_known = True
            if flight is not None:
                flight.report(consumed, total)
            if consumed.resumed > resumed:
                self._progress.resume(consumed.resumed - resumed)
                resumed = consumed.resumed
            part.at(consumed - resumed)

        return report

    def _add(self, size: int) -> None:
        with self._lock:
            self._known += size
