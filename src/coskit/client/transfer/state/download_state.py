"""The state of a download: the parts that have arrived, kept in a journal for the next one."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from coskit.client.transfer.parts import PartRange
from coskit.client.transfer.ranges import FoundObject, plan_ranges
from coskit.client.transfer.state.journal import Journal
from coskit.protocol.codec.checksums.md5_crc64 import crc64_combine

_PAUSE = 0.5  # seconds between two saves, each of which syncs the disk


@dataclass(frozen=True, slots=True)
class PartDone:
    """A part that is written to the target.

    Attributes:
        crc64: the CRC64 of the bytes that the service sent.
        mark: the mark that the target gave its section.
    """

    crc64: int
    mark: str


@dataclass(frozen=True, slots=True)
class SavedDownload:
    """The saved state of an interrupted download.

    Attributes:
        found: the object of the download.
        step: the bytes of a part.
        target: the state of the target.
        parts: the parts that had arrived, by number.
    """

    found: FoundObject
    step: int
    target: Mapping[str, str]
    parts: Mapping[int, PartDone]

    def first_missing(self) -> PartRange | None:
        """Return `step` bytes from the first missing part on, or None if no part is missing."""
        for part in plan_ranges(self.found.size, self.step):
            if part.number not in self.parts:
                return replace(part, length=self.step)
        return None


def saved_download(journal: Journal | None) -> SavedDownload | None:
    """Return the state in a journal, or None if there is no usable one."""
    state: Mapping[str, Any] = journal.state if journal is not None else {}
    try:
        size, etag, version, crc64 = state["object"]
        parts = {int(number): PartDone(*values) for number, values in state["parts"].items()}
        return SavedDownload(
            FoundObject(size, etag, version, crc64), state["step"], state["target"], parts
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


class DownloadState:
    """The parts of one download that have arrived; several threads may add parts.

    Args:
        journal: the journal that keeps the state, if any.
        saved: the object, the size of its parts, the state of the target, and the parts so far.
        clock: returns seconds.
    """

    def __init__(
        self,
        journal: Journal | None,
        saved: SavedDownload,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._saved_download = saved
        self._parts = dict(saved.parts)
        self._clock = clock
        self._saved_at = float("-inf")
        self._known = False
        self._closed = False
        self._lock = threading.Lock()

    def __contains__(self, part: PartRange) -> bool:
        return part.number in self._parts

    def begin(self, target: Mapping[str, str]) -> None:
        """Start without parts and save that, so that the next download finds the partial file.

        Args:
            target: the state of the target that is about to begin.
        """
        with self._lock:
            self._saved_download, self._parts = replace(self._saved_download, target=target), {}
            self._save()

    def cut(self, step: int, target: Mapping[str, str]) -> None:
        """Set the size of a part and the state of the target, which has begun."""
        with self._lock:
            self._saved_download = replace(self._saved_download, step=step, target=target)
            self._saved_at = float("-inf")

    def lose(self, part: PartRange) -> None:
        """Remove a part that is damaged."""
        with self._lock:
            del self._parts[part.number]

    def add(self, part: PartRange, arrived: PartDone) -> None:
        """Add a part that has arrived; save the state if the last save was a while ago."""
        with self._lock:
            self._parts[part.number] = arrived
            if self._clock() - self._saved_at >= _PAUSE:
                self._save()

    def crc64(self, parts: Iterable[PartRange]) -> int:
        """Return the CRC64 of the whole object, after all parts have arrived."""
        whole = 0
        for part in parts:
            whole = crc64_combine(whole, self._parts[part.number].crc64, part.length)
        return whole

    def keep(self) -> bool:
        """Save for the last time; return whether the next download can use the state."""
        with self._lock:
            if self._parts:
                self._save()
            # An older save is still usable: the journal names the partial file.
            useful = bool(self._parts and self._known and not self._closed)
            self._closed = True
        if not useful:
            self._remove()
        return useful

    def drop(self) -> None:
        """Remove the state, so that the next download starts again."""
        with self._lock:
            self._closed = True
        self._remove()

    def _remove(self) -> None:
        if self._journal is not None:
            self._journal.remove()

    def _save(self) -> None:
        if self._journal is None or self._closed:
            return
        found = self._saved_download.found
        written = self._journal.save(
            {
                "object": [found.size, found.etag, found.version, found.crc64],
                "step": self._saved_download.step,
                "target": dict(self._saved_download.target),
                "parts": {
                    str(number): [part.crc64, part.mark]
                    for number, part in sorted(self._parts.items())
                },
            }
        )
        self._known = self._known or written
        self._saved_at = self._clock()
