"""Metrics of all workers in shared memory, so that each worker can report their sum."""

import logging
import pickle
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from mmap import mmap
from struct import Struct

from coskit.server.metrics.counters import RequestMetrics, ServerStatus
from coskit.server.store.model import CommitStatistics

SPACE = 1 << 20  # bytes for each worker; only what is written to takes memory
_PAGES = (8, SPACE // 2)  # offsets of the two pages of a worker
_HEAD = Struct("<II")  # length and CRC32 of a page's data
_PAGE_CAPACITY = SPACE // 2 - _HEAD.size - 8
_ATTEMPTS = 3

_log = logging.getLogger("coskit.server")


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """The metrics of one worker, including its predecessors of the same number.

    Attributes:
        pid: the process id.
        metrics: the counters of its requests.
        status: its current status.
    """

    pid: int
    metrics: RequestMetrics
    status: ServerStatus


class SharedMetrics:
    """The reports of all workers; each writes its own.

    A report goes to one of two pages, and then a byte names that page, so that a worker killed
    during the write leaves its previous report.

    Args:
        memory: the shared memory, `SPACE` bytes for each worker.
        own: the number of this worker.

    Attributes:
        former: the last report of this worker's predecessor, or None.
    """

    def __init__(self, memory: mmap, own: int) -> None:
        self._memory = memory
        self._own = own
        self.former = self._read(own)

    def publish(self, report: WorkerReport) -> None:
        """Write this worker's report."""
        data = pickle.dumps(report)
        if len(data) > _PAGE_CAPACITY:
            _log.error("the metrics of a worker do not fit into shared memory: %d bytes", len(data))
            return
        start = self._own * SPACE
        page = 0 if self._memory[start] == 2 else 1
        at = start + _PAGES[page]
        self._memory[at : at + _HEAD.size + len(data)] = (
            _HEAD.pack(len(data), zlib.crc32(data)) + data
        )
        self._memory[start] = page + 1

    def others(self) -> list[WorkerReport]:
        """Return the last reports of the other workers."""
        numbers = range(len(self._memory) // SPACE)
        found = [self._read(number) for number in numbers if number != self._own]
        return [report for report in found if report is not None]

    def _read(self, number: int) -> WorkerReport | None:
        start = number * SPACE
        for _ in range(_ATTEMPTS):  # a page may be written while it is read
            page = self._memory[start]
            if not page:
                return None
            at = start + _PAGES[page - 1]
            length, crc = _HEAD.unpack(self._memory[at : at + _HEAD.size])
            data = self._memory[at + _HEAD.size : at + _HEAD.size + length]
            if zlib.crc32(data) == crc:
                report: WorkerReport = pickle.loads(data)  # noqa: S301 - this server has written it
                return report
        return None


def sum_reports(own: WorkerReport, others: Iterable[WorkerReport]) -> WorkerReport:
    """Return the sum of several reports, under the process id of one of them."""
    metrics, status = own.metrics.copy(), own.status
    for other in others:
        metrics.add(other.metrics)
        status = _both(status, other.status)
    return replace(own, metrics=metrics, status=status)


def without_current_state(report: WorkerReport) -> WorkerReport:
    """Return the report of a dead worker without its current state."""
    activity = replace(report.status.activity, waiting=0)
    status = replace(
        report.status,
        running=0,
        waiting=0,
        connections=0,
        is_draining=False,
        activity=activity,
        removals=(0, report.status.removals[1]),
    )
    return replace(report, status=status)


def _both(one: ServerStatus, other: ServerStatus) -> ServerStatus:
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
