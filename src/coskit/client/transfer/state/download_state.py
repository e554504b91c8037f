"""Which parts of an object have arrived, as a journal keeps it for the next download."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from coskit.client.transfer.parts import PartRange
from coskit.client.transfer.ranges import FoundObject, plan_ranges
from coskit.client.transfer.state.journal import Journal
from coskit.protocol.codec.checksums.md5_crc64 import crc64_combine

_PAUSE = 0.5  # seconds from one save to the next: each costs a sync of the disk


@dataclass(frozen=True, slots=True)
class PartDone:
    """A part that is where it belongs.

    Attributes:
        crc64: of the bytes that the service sent.
        mark: what the target knows its section by.
    """

    crc64: int
    mark: str


@dataclass(frozen=True, slots=True)
class SavedDownload:
    """What an interrupted download has left.

    Attributes:
        found: the object that it was about.
        step: bytes of a part.
        target: the state of what it wrote to.
        parts: those that had arrived, by number.
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
    """Return what a journal says, or None if it says nothing that can be used."""
    state: Mapping[str, Any] = journal.state if journal is not None else {}
    try:
        size, etag, version, crc64 = state["object"]
        parts = {int(number): PartDone(*told) for number, told in state["parts"].items()}
        return SavedDownload(
            FoundObject(size, etag, version, crc64), state["step"], state["target"], parts
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


class DownloadState:
    """The parts of one download; threads add to them side by side.

    Args:
        journal: where they are kept, if anywhere.
        left: the object, the size of its parts, the target's state, and the parts that are here.
        clock: seconds.
    """

    def __init__(
        self,
        journal: Journal | None,
        left: SavedDownload,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._left = left
        self._parts = dict(left.parts)
        self._clock = clock
        self._saved = float("-inf")
        self._known = False
        self._closed = False
        self._lock = threading.Lock()

    def __contains__(self, part: PartRange) -> bool:
        return part.number in self._parts

    def begin(self, target: Mapping[str, str]) -> None:
        """Start with nothing; that is saved, so that no sudden death leaves a file nobody knows.

        Args:
            target: the state of what is about to be made.
        """
        with self._lock:
            self._left, self._parts = replace(self._left, target=target), {}
            self._save()

    def cut(self, step: int, target: Mapping[str, str]) -> None:
        """Note how large a part is, now that the target is made and has this state."""
        with self._lock:
            self._left = replace(self._left, step=step, target=target)
            self._saved = float("-inf")

    def lose(self, part: PartRange) -> None:
        """Note that a part is damaged."""
        with self._lock:
            del self._parts[part.number]

    def add(self, part: PartRange, arrived: PartDone) -> None:
        """Note that a part has arrived; it is saved if the last save is a while ago."""
        with self._lock:
            self._parts[part.number] = arrived
            if self._clock() - self._saved >= _PAUSE:
                self._save()

    def crc64(self, parts: Iterable[PartRange]) -> int:
        """Return the CRC64 of the whole object, of which all parts have arrived."""
        whole = 0
        for part in parts:
            whole = crc64_combine(whole, self._parts[part.number].crc64, part.length)
        return whole

    def keep(self) -> bool:
        """Save for the last time; return whether there is anything for the next download."""
        with self._lock:
            if self._parts:
                self._save()
            # A journal that names what was written is of use even if it was saved a while ago.
            useful = bool(self._parts and self._known and not self._closed)
            self._closed = True
        if not useful:
            self._remove()
        return useful

    def drop(self) -> None:
        """Leave nothing for the next download."""
        with self._lock:
            self._closed = True
        self._remove()

    def _remove(self) -> None:
        if self._journal is not None:
            self._journal.remove()

    def _save(self) -> None:
        if self._journal is None or self._closed:
            return
        found = self._left.found
        saved = self._journal.save(
            {
                "object": [found.size, found.etag, found.version, found.crc64],
                "step": self._left.step,
                "target": dict(self._left.target),
                "parts": {
                    str(number): [part.crc64, part.mark]
                    for number, part in sorted(self._parts.items())
                },
            }
        )
        self._known = self._known or saved
        self._saved = self._clock()
