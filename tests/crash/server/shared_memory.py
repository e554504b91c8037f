"""Memory that an observed server and its test share: the point of the kill, and counts.

It is a mapped file, so that the counts survive the server.
"""

import mmap
from pathlib import Path
from typing import Self

from tests.crash.server.steps import OTHER, STEPS

MOMENTS = ("before", "halfway", "after")
POINTS = tuple(f"{moment} {step}" for step in STEPS for moment in MOMENTS)
ANY = "anywhere"

_SIZE = 8  # bytes of a number
_ORDER, _LEFT, _ALONE, _FIRED, _EVENTS, _COUNTS = range(6)
_NOWHERE, _ANYWHERE = -1, -2


class SharedCounters:
    """Numbers in a file that several processes map.

    Attributes:
        file: the file's path.
    """

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(bytes(_SIZE * (_COUNTS + len(POINTS))))
        self.file = file
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 0)
        # Writes through this view are atomic: no process reads half a number.
        self._numbers = memoryview(self._map).cast("q")

    # For the test.

    def kill_at(self, point: str, occurrence: int, *, alone: bool = False) -> None:
        """Have the server killed at the nth occurrence of a point.

        Args:
            point: the point, or `ANY`.
            occurrence: the number of the occurrence, from 1 on.
            alone: whether to kill only the process that passes the point.
        """
        self._set(_ALONE, alone)
        self._set(_FIRED, _NOWHERE)
        self._set(_LEFT, occurrence)
        self._set(_ORDER, _ANYWHERE if point == ANY else POINTS.index(point))

    def disarm(self) -> None:
        """Cancel the kill and reset the counts."""
        self._set(_ORDER, _NOWHERE)
        self._set(_FIRED, _NOWHERE)
        for number in range(len(POINTS)):
            self._set(_COUNTS + number, 0)

    @property
    def killed_at(self) -> str:
        """The point at which the server was killed, "" if none was reached."""
        number = self._get(_FIRED)
        return POINTS[number] if number >= 0 else ""

    @property
    def counts(self) -> dict[str, int]:
        """The number of occurrences of each point."""
        found = {point: self._get(_COUNTS + n) for n, point in enumerate(POINTS)}
        return {point: count for point, count in found.items() if count}

    # For the server.

    def is_killed_at(self, moment: str, step: str) -> bool:
        """Count an occurrence; return whether to kill at it."""
        number = POINTS.index(f"{moment} {step if step in STEPS else OTHER}")
        self._set(_COUNTS + number, self._get(_COUNTS + number) + 1)
        if self._get(_ORDER) not in (number, _ANYWHERE):
            return False
        left = self._get(_LEFT) - 1
        self._set(_LEFT, left)
        if left:
            return False
        self._set(_ORDER, _NOWHERE)
        self._set(_FIRED, number)
        return True

    @property
    def only_this_process(self) -> bool:
        """True to kill only the process that passes the point."""
        return bool(self._get(_ALONE))

    @property
    def events(self) -> int:
        """The number of recorded events."""
        return self._get(_EVENTS)

    @events.setter
    def events(self, count: int) -> None:
        self._set(_EVENTS, count)

    def close(self) -> None:
        """Close the file."""
        self._numbers.release()
        self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _get(self, place: int) -> int:
        return int(self._numbers[place])

    def _set(self, place: int, value: int) -> None:
        self._numbers[place] = value
