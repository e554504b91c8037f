"""What the workers of a server have counted, each for all to see in memory that they share."""

import logging
import pickle
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from mmap import mmap
from struct import Struct

from coskit.server.metrics.counters import Metrics, Situation
from coskit.server.store.model import CommitStatistics

SPACE = 1 << 20  # bytes for each worker; only what is written to takes memory
_PAGES = (8, SPACE // 2)  # where the two pages of a worker begin
_HEAD = Struct("<II")  # length and CRC32 of what is on a page
_ROOM = SPACE // 2 - _HEAD.size - 8
_ATTEMPTS = 3

_log = logging.getLogger("coskit.server")


@dataclass(frozen=True, slots=True)
class Report:
    """What one worker has counted, its predecessors of the same number included.

    Attributes:
        pid: its process.
        metrics: of its requests.
        situation: what it is doing.
    """

    pid: int
    metrics: Metrics
    situation: Situation


class Board:
    """Reports of all workers; each writes its own.

    A report goes to one of two pages, and then a byte names that page: whoever is killed meanwhile
    leaves the report before it.

    Args:
        memory: `SPACE` bytes for each worker.
        own: the number of this one.

    Attributes:
        former: what its predecessor has counted, if there was one.
    """

    def __init__(self, memory: mmap, own: int) -> None:
        self._memory = memory
        self._own = own
        self.former = self._read(own)

    def publish(self, report: Report) -> None:
        """Let all see what this worker has counted."""
        data = pickle.dumps(report)
        if len(data) > _ROOM:
            _log.error("the metrics of a worker do not fit the board: %d bytes", len(data))
            return
        start = self._own * SPACE
        page = 0 if self._memory[start] == 2 else 1
        at = start + _PAGES[page]
        self._memory[at : at + _HEAD.size + len(data)] = (
            _HEAD.pack(len(data), zlib.crc32(data)) + data
        )
        self._memory[start] = page + 1

    def others(self) -> list[Report]:
        """Return what the other workers have published last."""
        numbers = range(len(self._memory) // SPACE)
        found = [self._read(number) for number in numbers if number != self._own]
        return [report for report in found if report is not None]

    def _read(self, number: int) -> Report | None:
        start = number * SPACE
        for _ in range(_ATTEMPTS):  # a page may be written to while it is read
            page = self._memory[start]
            if not page:
                return None
            at = start + _PAGES[page - 1]
            length, crc = _HEAD.unpack(self._memory[at : at + _HEAD.size])
            data = self._memory[at + _HEAD.size : at + _HEAD.size + length]
            if zlib.crc32(data) == crc:
                report: Report = pickle.loads(data)  # noqa: S301 - this server has written it
                return report
        return None


def total(own: Report, others: Iterable[Report]) -> Report:
    """Return the sum of what several workers have counted, as what one of them reports."""
    metrics, situation = own.metrics.copy(), own.situation
    for other in others:
        metrics.add(other.metrics)
        situation = _both(situation, other.situation)
    return replace(own, metrics=metrics, situation=situation)


def past(report: Report) -> Report:
    """Return a report without what its worker was doing when it died."""
    activity = replace(report.situation.activity, waiting=0)
    situation = replace(
        report.situation,
        running=0,
        waiting=0,
        connections=0,
        is_draining=False,
        activity=activity,
        removals=(0, report.situation.removals[1]),
    )
    return replace(report, situation=situation)


def _both(one: Situation, other: Situation) -> Situation:
    scrubs = [run for run in (one.scrubbed, other.scrubbed) if run is not None]
    return replace(
        one,
        running=one.running + other.running,
        waiting=one.waiting + other.waiting,
        refused=one.refused + other.refused,
        connections=one.connections + other.connections,
        is_draining=one.is_draining or other.is_draining,
        unlogged=one.unlogged + other.unlogged,
        activity=_sum((one.activity, other.activity)),
        removals=(one.removals[0] + other.removals[0], one.removals[1] + other.removals[1]),
        scrubbed=max(scrubs, key=lambda run: run.ended, default=None),
    )


def _sum(activities: Sequence[CommitStatistics]) -> CommitStatistics:
    return CommitStatistics(
        waiting=sum(activity.waiting for activity in activities),
        changes=sum(activity.changes for activity in activities),
        groups=tuple(map(sum, zip(*(activity.groups for activity in activities), strict=True))),
        failed=sum(activity.failed for activity in activities),
        seconds=sum(activity.seconds for activity in activities),
    )
