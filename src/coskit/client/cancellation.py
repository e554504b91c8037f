"""How threads of one transfer learn that it is over: a failure elsewhere, Ctrl-C, a deadline."""

import threading
import time

from coskit.protocol.errors import TransferTimeout

# Seconds after which a waiting thread looks again; Ctrl-C has to end a transfer within one.
POLL_INTERVAL = 0.1
# Seconds that a transfer which has ended may still take to clean up.
CLEANUP_TIMEOUT = 5.0


class Cancelled(Exception):
    """This thread is to end, because its transfer has; no error, the transfer's own counts."""


class CancelToken:
    """The end of a transfer, or of a part of one, which ends with the whole.

    Args:
        outer: the whole, if this is a part.
        seconds: until its deadline, if it has one.
    """

    def __init__(self, outer: "CancelToken | None" = None, seconds: float | None = None) -> None:
        self._outer = outer
        self._seconds = seconds
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._stopped = threading.Event()

    def cancel(self) -> None:
        """End the transfer; its threads notice at their next glance."""
        self._stopped.set()

    def check(self) -> None:
        """Do nothing while the transfer goes on.

        Raises:
            Stopped: it was ended.
            TransferTimeout: its deadline has passed.
        """
        if self._stopped.is_set():
            raise Cancelled
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise TransferTimeout(f"The transfer's deadline of {self._seconds} s has passed")
        if self._outer is not None:
            self._outer.check()

    def pause(self, seconds: float) -> None:
        """Wait; raises what `check` raises, as soon as there is a reason."""
        end = time.monotonic() + seconds
        self.check()
        while (left := end - time.monotonic()) > 0:
            self._stopped.wait(min(left, POLL_INTERVAL))
            self.check()


class GraceToken(CancelToken):
    """The end of a transfer for a call whose answer has to be known: some seconds later.

    Args:
        outer: what ends it; its own `stop` does too.
    """

    def __init__(self, outer: CancelToken | None) -> None:
        super().__init__(outer)
        self._until: float | None = None

    def check(self) -> None:
        """See `Stop.check`."""
        try:
            super().check()
        except (Cancelled, TransferTimeout):
            now = time.monotonic()
            self._until = self._until or now + CLEANUP_TIMEOUT
            if now >= self._until:
                raise

    def pause(self, seconds: float) -> None:
        """See `Stop.pause`; nothing is waited for once the transfer has ended."""
        super().check()
        super().pause(seconds)


class _Current(threading.local):
    """The transfer that the current thread works for."""

    token: CancelToken | None = None


# A thread's own variable, as a contextvar is a task's.
current = _Current()
