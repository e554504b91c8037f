"""What a server that is watched and its test share: orders to die, and counts of what happened.

It is a mapped file, so that whatever becomes of the server, what it has noted is there.
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


class Board:
    """A file of numbers that several processes see.

    Attributes:
        file: where it is.
    """

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(bytes(_SIZE * (_COUNTS + len(POINTS))))
        self.file = file
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 0)
        # Through this a number is written at once: nobody reads half of it.
        self._numbers = memoryview(self._map).cast("q")

    # What the test does.

    def arm(self, point: str, passage: int, *, alone: bool = False) -> None:
        """Have the server die when it passes a point, or `ANY`, for the so many-th time.

        Args:
            point: where.
            passage: the how manieth.
            alone: whether only the process dies that is there, and none of its kin.
        """
        self._set(_ALONE, alone)
        self._set(_FIRED, _NOWHERE)
        self._set(_LEFT, passage)
        self._set(_ORDER, _ANYWHERE if point == ANY else POINTS.index(point))

    def disarm(self) -> None:
        """Let the server live; forget what was counted."""
        self._set(_ORDER, _NOWHERE)
        self._set(_FIRED, _NOWHERE)
        for number in range(len(POINTS)):
            self._set(_COUNTS + number, 0)

    @property
    def fired(self) -> str:
        """The point at which the server has died, "" if not by an order."""
        number = self._get(_FIRED)
        return POINTS[number] if number >= 0 else ""

    @property
    def counts(self) -> dict[str, int]:
        """How often each point has been passed."""
        found = {point: self._get(_COUNTS + n) for n, point in enumerate(POINTS)}
        return {point: count for point, count in found.items() if count}

    # What the server does.

    def dies_at(self, moment: str, step: str) -> bool:
        """Count a passage; tell whether it is the last."""
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
    def dies_alone(self) -> bool:
        """Whether only one process is to die."""
        return bool(self._get(_ALONE))

    @property
    def events(self) -> int:
        """How much has been recorded."""
        return self._get(_EVENTS)

    @events.setter
    def events(self, count: int) -> None:
        self._set(_EVENTS, count)

    def close(self) -> None:
        """Let go of the file."""
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
