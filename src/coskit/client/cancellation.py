"""Cancellation of the threads of a transfer: after a failure, Ctrl-C or a deadline."""

import threading
import time

from coskit.protocol.errors import TransferTimeout

# Seconds between two checks of a waiting thread; Ctrl-C has to end a transfer within a second.
POLL_INTERVAL = 0.1
# Seconds that the cleanup after a transfer may take.
CLEANUP_TIMEOUT = 5.0


class Cancelled(Exception):
    """Raised in a thread whose transfer was cancelled; the transfer raises its own error."""


class CancelToken:
    """The cancellation of a transfer, or of a part of it that is cancelled with the whole.

    Args:
        outer: the token of the whole, if this is a part.
        seconds: the seconds until the deadline, if there is one.
    """

    def __init__(self, outer: "CancelToken | None" = None, seconds: float | None = None) -> None:
        self._outer = outer
        self._seconds = seconds
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Cancel the transfer; its threads notice at their next check."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise if the transfer is cancelled or its deadline has passed.

        Raises:
            Cancelled: the transfer was cancelled.
            TransferTimeout: the deadline passed.
        """
        if self._cancelled.is_set():
            raise Cancelled
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise TransferTimeout(f"The transfer's deadline of {self._seconds} s has passed")
        if self._outer is not None:
            self._outer.check()

    def pause(self, seconds: float) -> None:
        """Wait; raise as soon as `check` does."""
        end = time.monotonic() + seconds
        self.check()
        while (left := end - time.monotonic()) > 0:
            self._cancelled.wait(min(left, POLL_INTERVAL))
            self.check()


class GraceToken(CancelToken):
    """A cancellation that takes effect some seconds later, for a call whose response is needed.

    Args:
        outer: the token of the transfer; cancelling this token has an effect too.
    """

    def __init__(self, outer: CancelToken | None) -> None:
        super().__init__(outer)
        self._until: float | None = None

    def check(self) -> None:
        """See `CancelToken.check`."""
        try:
            super().check()
        except (Cancelled, TransferTimeout):
            now = time.monotonic()
            self._until = self._until or now + CLEANUP_TIMEOUT
            if now >= self._until:
                raise

    def pause(self, seconds: float) -> None:
        """See `CancelToken.pause`; raise at once if the transfer is cancelled."""
        super().check()
        super().pause(seconds)


class _Current(threading.local):
    """The token of the transfer that the current thread works for."""

    token: CancelToken | None = None


# A thread's own variable, as a contextvar is a task's.
current = _Current()
