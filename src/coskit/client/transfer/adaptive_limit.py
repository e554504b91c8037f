"""How many parts of a client's transfers travel at a time: what throughput and refusals teach."""

import time
from collections.abc import Callable

_START = 4
_MOST = 64
_WINDOW = 1.0  # seconds over which throughput is measured
_GAIN = 1.05  # one more place has to bring this much, or it is given back
_REST = 10  # windows between two trials, once one more place has brought nothing
_RECOVERY = 1.0  # seconds after a refusal in which further ones count as the same


class AdaptiveLimit:
    """A limit that climbs while throughput grows and halves when the service says SlowDown.

    It belongs to one client, whose transfers share it. Threads may call it side by side: a lost
    update makes one measurement a little wrong, so there is no lock that a fork could inherit.

    Attributes:
        limit: parts that may be on their way at a time, 1 to 64.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = _START
        self._clock = clock
        self._since = 0.0
        self._bytes = 0
        self._best = 0.0
        self._trial = False
        self._rest = 0
        self._refused = float("-inf")

    def moved(self, size: int, busy: int) -> None:
        """Note that a part of `size` bytes has arrived.

        Args:
            size: its bytes.
            busy: parts that are on their way; unless the limit is used it teaches nothing.
        """
        now = self._clock()
        if busy < self.limit or not self._since:
            self._since, self._bytes = now, 0
            return
        self._bytes += size
        if now - self._since >= _WINDOW:
            self._judge(self._bytes / (now - self._since))
            self._since, self._bytes = now, 0

    def _judge(self, rate: float) -> None:
        if self._trial and rate < self._best * _GAIN:
            self._trial, self._rest = False, _REST
            self.limit = max(self.limit - 1, 1)
        elif self._rest:
            self._rest -= 1
        else:
            self._trial, self._best = True, rate
            self.limit = min(self.limit + 1, _MOST)

    def throttled(self) -> None:
        """Note that the service refused a request because there were too many."""
        now = self._clock()
        if now - self._refused >= _RECOVERY:
            self._refused = now
            self._trial, self._rest, self._best = False, _REST, 0.0
            self.limit = max(self.limit // 2, 1)
