"""The progress of a transfer, reported to a callback: monotonic, and from any thread."""

import threading

from coskit.client.settings.progress import Callback, Consumed


class Progress:
    """The progress of one transfer.

    A part that is sent again counts from its beginning, but reported numbers never decrease: the
    callback is called with growing numbers only.
    """

    def __init__(self, callback: Callback | None, total: int | None) -> None:
        self._callback = callback
        self._total = total
        self._resumed = 0
        self._through = 0
        self._reported = -1
        self._lock = threading.Lock()

    def start(self, total: int) -> None:
        """Start to count `total` bytes."""
        with self._lock:
            self._total, self._resumed, self._through = total, 0, 0

    def resume(self, size: int) -> None:
        """Count bytes that an earlier, interrupted transfer has transferred."""
        with self._lock:
            self._resumed += size
            self._advance(size)

    def part(self) -> "PartProgress":
        """Return the progress of one part, at 0 bytes."""
        return PartProgress(self)

    def advance(self, size: int) -> None:
        """Add `size` bytes, which may be negative."""
        if self._callback is not None:
            with self._lock:
                self._advance(size)

    def finish(self, total: int) -> None:
        """Report that everything is transferred, unless that was reported with the total."""
        with self._lock:
            if self._total is None:
                self._reported = min(self._reported, total - 1)
            self._total = total
            self._through = total
            self._advance(0)

    def _advance(self, size: int) -> None:
        self._through += size
        if self._callback is not None and self._through > self._reported:
            self._reported = self._through
            self._callback(Consumed(self._through, self._resumed), self._total)


class PartProgress:
    """The progress of one part of a transfer."""

    def __init__(self, whole: Progress) -> None:
        self._whole = whole
        self._position = 0

    def at(self, position: int) -> None:
        """Set the number of transferred bytes of the part."""
        gained, self._position = position - self._position, position
        if gained:
            self._whole.advance(gained)

    def moved(self, size: int) -> None:
        """Add `size` transferred bytes."""
        self.at(self._position + size)
