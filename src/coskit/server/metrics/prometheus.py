"""The numbers of a server in the text format of Prometheus."""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate

from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from coskit._version import __version__
from coskit.server.metrics.counters import SECONDS, RequestMetrics, ServerStatus
from coskit.server.store.maintenance.scrub import ScrubRun
from coskit.server.store.model import GROUPS

_STARTED = "process_start_time_seconds"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(metrics: RequestMetrics, status: ServerStatus, pids: Sequence[int] = ()) -> bytes:
    """Return the metrics in text, with figures on these processes, or on this one."""
    return generate_latest(_Collector(metrics, status, pids))


class _Collector(Collector):
    """The metric families of one scrape."""

    def __init__(self, metrics: RequestMetrics, status: ServerStatus, pids: Sequence[int]) -> None:
        self._metrics = metrics
        self._status = status
        self._pids = pids or (os.getpid(),)

    def collect(self) -> Iterable[Metric]:
        """Return the metric families."""
        yield from _of_requests(self._metrics)
        yield from _of_pressure(self._status)
        yield from _of_the_store(self._status)
        if self._status.scrubbed is not None:
            yield from _of_the_scrub(self._status.scrubbed)
        info = GaugeMetricFamily("coskit_info", "Always 1, with the version.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        yield from _of_processes(self._pids)


def _of_requests(metrics: RequestMetrics) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "coskit_requests",
        "Requests by operation and status; status 0 got no answer.",
        labels=["operation", "status"],
    )
    for (operation, status), count in sorted(metrics.requests.items()):
        requests.add_metric([operation, str(status)], count)
    yield requests
    latencies = HistogramMetricFamily(
        "coskit_request_seconds",
        "From the head of a request to the end of its answer.",
        labels=["operation"],
    )
    for operation, latency in sorted(metrics.latencies.items()):
        latencies.add_metric([operation], _buckets(SECONDS, latency.counts), latency.seconds)
    yield latencies
    yield _counter("coskit_received_bytes", "Bytes of request bodies.", metrics.received)
    yield _counter("coskit_sent_bytes", "Bytes of response bodies.", metrics.sent)


def _of_pressure(now: ServerStatus) -> Iterator[Metric]:
    yield _gauge("coskit_connections", "Open connections.", now.connections)
    yield _gauge("coskit_requests_running", "Requests being worked on.", now.running)
    yield _gauge("coskit_requests_waiting", "Requests that wait for their turn.", now.waiting)
    yield _counter("coskit_requests_refused", "Requests answered SlowDown.", now.refused)
    yield _gauge("coskit_draining", "1 while the server ends.", now.is_draining)
    yield _counter("coskit_access_log_lost", "Lines the access log has lost.", now.unlogged)


def _of_the_store(now: ServerStatus) -> Iterator[Metric]:
    done = now.activity
    yield _gauge("coskit_commits_waiting", "Changes that wait for the index.", done.waiting)
    yield _counter("coskit_commits_failed", "Commits that failed.", done.failed)
    groups = HistogramMetricFamily("coskit_commit_changes", "Changes committed together.")
    groups.add_metric([], _buckets(GROUPS, done.groups), done.changes)
    yield groups
    yield _counter("coskit_commit_seconds", "Time spent in commits.", done.seconds)
    waiting, failed = now.removals
    yield _gauge("coskit_removals_waiting", "Files that are to be removed.", waiting)
    yield _counter("coskit_removals_failed", "Removals of files that have failed.", failed)
    if now.census is not None:
        count, size = now.census.blobs, now.census.bytes
        yield _gauge("coskit_blobs", "Stored bodies and parts, those shared by copies once.", count)
        yield _gauge("coskit_blob_bytes", "Bytes of stored bodies and parts.", size)
        yield _gauge("coskit_index_bytes", "Size of the index.", now.census.index)
        yield _gauge("coskit_free_bytes", "Room left on the disk.", now.census.free)


def _of_the_scrub(found: ScrubRun) -> Iterator[Metric]:
    yield _gauge("coskit_scrub_ended_seconds", "When the last scrub ended.", found.ended / 1000)
    yield _gauge("coskit_scrub_blobs", "Blobs that the last scrub has read.", found.blobs)
    yield _gauge("coskit_scrub_bytes", "Bytes that the last scrub has read.", found.bytes)
    yield _gauge("coskit_damaged_blobs", "Blobs it found damaged or missing.", found.damaged)
    yield _gauge("coskit_damaged_pages", "Pages of the index it found bad.", found.damaged_pages)


def _of_processes(pids: Sequence[int]) -> Iterator[Metric]:
    """Yield the sums over all processes, with the start time of the first one."""
    sums: dict[str, Metric] = {}
    for pid in pids:
        for family in ProcessCollector(pid=partial(int, pid), registry=None).collect():
            known = sums.setdefault(family.name, family)
            if known is not family:
                together = min if family.name == _STARTED else sum
                values = (known.samples[0].value, family.samples[0].value)
                known.samples[0] = known.samples[0]._replace(value=together(values))
    yield from sums.values()


def _buckets(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    names = [*(f"{float(bound)}" for bound in bounds), "+Inf"]
    return list(zip(names, accumulate(counts), strict=True))


def _counter(name: str, about: str, value: float) -> Metric:
    return CounterMetricFamily(name, about, value=value)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)
