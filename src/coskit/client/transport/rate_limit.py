"""A limit of the bytes per second that all transfers of a client share."""

import threading
import time
from collections.abc import Callable

# Pieces this short let parallel transfers take turns several times a second.
_PIECES_PER_SECOND = 20
_LEAST_PIECE = 1024


class RateLimit:
    """A limit of bytes per second; each piece of content waits until its bytes are due.

    Args:
        rate: the bytes per second.
        clock: returns the seconds.

    Attributes:
        piece: the largest number of bytes that should be taken at a time.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.piece = max(int(rate / _PIECES_PER_SECOND), _LEAST_PIECE)
        self._rate = rate
        self._clock = clock
        self._due = clock()
        self._lock = threading.Lock()

    def delay(self, size: int) -> float:
        """Take a number of bytes; return the seconds until they are due."""
        with self._lock:
            now = self._clock()
            # What was not used in the past is not made up for, except for the last piece.
            earliest = now - self.piece / self._rate
            self._due = max(self._due, earliest) + size / self._rate
            return max(self._due - now, 0.0)
