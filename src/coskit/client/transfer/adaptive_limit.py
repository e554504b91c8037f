"""The number of parts that a client transfers at a time, adapted to throughput and refusals."""

import time
from collections.abc import Callable

_START = 4
_MAX_LIMIT = 64
_WINDOW = 1.0  # seconds over which throughput is measured
_GAIN = 1.05  # the growth of throughput that keeps one more part
_TRIAL_PAUSE = 10  # windows between two trials after a trial without gain
_RECOVERY = 1.0  # seconds in which further refusals count as the same one


class AdaptiveLimit:
    """A limit that grows while throughput grows, and halves when the service returns SlowDown.

    The transfers of one client share it. Threads call it without a lock: a lost update makes one
    measurement slightly wrong, and a fork cannot inherit a locked lock.

    Attributes:
        limit: the number of parts that may be in flight, 1 to 64.
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
        """Record that a part of `size` bytes was transferred.

        Args:
            size: the bytes of the part.
            busy: the number of parts in flight; a measurement below the limit is ignored.
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
            self._trial, self._rest = False, _TRIAL_PAUSE
            self.limit = max(self.limit - 1, 1)
        elif self._rest:
            self._rest -= 1
        else:
            self._trial, self._best = True, rate
            self.limit = min(self.limit + 1, _MAX_LIMIT)

    def throttled(self) -> None:
        """Record that the service refused a request because there were too many."""
        now = self._clock()
        if now - self._refused >= _RECOVERY:
            self._refused = now
            self._trial, self._rest, self._best = False, _TRIAL_PAUSE, 0.0
            self.limit = max(self.limit // 2, 1)
