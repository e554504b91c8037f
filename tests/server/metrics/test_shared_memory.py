"""Metrics of workers in shared memory: whole reports, and right sums."""

import mmap
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from coskit.server.metrics.counters import RequestMetrics, ServerStatus
from coskit.server.metrics.shared_memory import (
    SPACE,
    SharedMetrics,
    WorkerReport,
    sum_reports,
    without_current_state,
)
from coskit.server.store.maintenance.scrub import ScrubRun
from coskit.server.store.model import CommitStatistics, StoreTotals

GROUPS = (1, 0, 2, 0, 0, 0, 0, 0, 0, 1)
BUSY = ServerStatus(
    running=3,
    waiting=2,
    refused=1,
    connections=9,
    is_draining=True,
    unlogged=4,
    activity=CommitStatistics(5, 70, GROUPS, 6, 0.5),
    removals=(2, 3),
    census=StoreTotals(10, 20, 30, 40),
    scrubbed=ScrubRun(1_000, 2_000, 50, 60, 70, 80, 90),
)


@pytest.fixture
def memory() -> Iterator[mmap.mmap]:
    """Give the shared_metrics of two workers."""
    with closing(mmap.mmap(-1, 2 * SPACE)) as shared:
        yield shared


def report(requests: int, pid: int = 7) -> WorkerReport:
    metrics = RequestMetrics()
    for _ in range(requests):
        metrics.record("GetObject", 200, 0.003, 10, 20)
    return WorkerReport(pid, metrics, BUSY)


def counted(found: WorkerReport) -> int:
    return found.metrics.requests["GetObject", 200]


def test_what_one_has_published_last_the_other_reads(memory: mmap.mmap) -> None:
    one, other = SharedMetrics(memory, 0), SharedMetrics(memory, 1)
    assert other.others() == []
    for requests in (1, 2, 3):
        one.publish(report(requests))
        (found,) = other.others()
        assert (found.pid, counted(found), found.status) == (7, requests, BUSY)
        assert found.metrics.latencies["GetObject"].counts[2] == requests
    assert one.others() == []


def test_a_successor_finds_what_its_predecessor_had_counted(memory: mmap.mmap) -> None:
    SharedMetrics(memory, 0).publish(report(5))
    successor = SharedMetrics(memory, 0)
    assert successor.former
    assert counted(successor.former) == 5
    assert SharedMetrics(memory, 1).former is None


def test_a_report_that_is_not_finished_does_not_hide_the_one_before(memory: mmap.mmap) -> None:
    shared_metrics = SharedMetrics(memory, 0)
    for requests in (1, 2):
        shared_metrics.publish(report(requests))
        # The next one goes to the other page, which is named only when it is whole.
        other_page = (SPACE // 2, 8)[memory[0] - 1]
        memory[other_page : other_page + 100] = b"\xff" * 100
        assert [counted(found) for found in SharedMetrics(memory, 1).others()] == [requests]


def test_a_torn_page_is_never_read(memory: mmap.mmap) -> None:
    shared_metrics = SharedMetrics(memory, 0)
    shared_metrics.publish(report(1))
    at = (8, SPACE // 2)[memory[0] - 1]
    memory[at + 50] ^= 1
    assert SharedMetrics(memory, 1).others() == []


def test_a_report_that_does_not_fit_leaves_the_one_before(memory: mmap.mmap) -> None:
    shared_metrics = SharedMetrics(memory, 0)
    shared_metrics.publish(report(1))
    large = report(2)
    for number in range(100_000):
        large.metrics.requests[f"{number}", 200] = 1
    shared_metrics.publish(large)
    assert [counted(found) for found in SharedMetrics(memory, 1).others()] == [1]


def test_a_sum_has_all_that_each_has_counted(memory: mmap.mmap) -> None:
    later = replace(BUSY, is_draining=False, scrubbed=ScrubRun(1_000, 3_000, 1))
    found = sum_reports(report(1, pid=1), [report(2, pid=2), replace(report(3), status=later)])
    now = found.status
    assert (found.pid, counted(found), found.metrics.received, found.metrics.sent) == (
        1,
        6,
        60,
        120,
    )
    assert found.metrics.latencies["GetObject"].counts[2] == 6
    assert (now.running, now.waiting, now.refused, now.connections) == (9, 6, 3, 27)
    assert (now.unlogged, now.is_draining, now.census) == (12, True, BUSY.census)
    assert now.activity == CommitStatistics(15, 210, tuple(3 * count for count in GROUPS), 18, 1.5)
    assert now.scrubbed == later.scrubbed


def test_the_dead_are_doing_nothing(memory: mmap.mmap) -> None:
    found = without_current_state(report(4))
    now = found.status
    assert (now.running, now.waiting, now.connections, now.is_draining) == (0, 0, 0, False)
    assert (now.activity.waiting, now.activity.changes, now.refused) == (0, 70, 1)
    assert counted(found) == 4
