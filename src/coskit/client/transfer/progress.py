"""How far a transfer has come, told to a caller's callback: monotonic, and from every thread."""

import threading

from coskit.client.settings.progress import Callback, Consumed


class Progress:
    """The progress of one transfer.

    A part that is sent again counts from its beginning again, but what was once told is never
    taken back: the callback hears of growing numbers only.
    """

    def __init__(self, callback: Callback | None, total: int | None) -> None:
        self._callback = callback
        self._total = total
        self._resumed = 0
        self._through = 0
        self._told = -1
        self._lock = threading.Lock()

    def start(self, total: int) -> None:
        """Count from the beginning, of `total` bytes."""
        with self._lock:
            self._total, self._resumed, self._through = total, 0, 0

    def resume(self, size: int) -> None:
        """Count bytes that an earlier, interrupted transfer has brought through."""
        with self._lock:
            self._resumed += size
            self._advance(size)

    def part(self) -> "PartProgress":
        """Return the progress of one part, none of which is through."""
        return PartProgress(self)

    def advance(self, size: int) -> None:
        """Count `size` more bytes; fewer, if negative."""
        if self._callback is not None:
            with self._lock:
                self._advance(size)

    def finish(self, total: int) -> None:
        """Tell that everything is through, unless that was told; a stream's total was not."""
        with self._lock:
            if self._total is None:
                self._told = min(self._told, total - 1)
            self._total = total
            self._through = total
            self._advance(0)

    def _advance(self, size: int) -> None:
        self._through += size
        if self._callback is not None and self._through > self._told:
            self._told = self._through
            self._callback(Consumed(self._through, self._resumed), self._total)


class PartProgress:
    """How far one part of a transfer has come."""

    def __init__(self, whole: Progress) -> None:
        self._whole = whole
        self._position = 0

    def at(self, position: int) -> None:
        """Note that the first `position` bytes of the part are through, and no more."""
        gained, self._position = position - self._position, position
        if gained:
            self._whole.advance(gained)

    def moved(self, size: int) -> None:
        """Note that `size` more bytes are through."""
        self.at(self._position + size)
