"""Counters of a server since its start, and its current status."""

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from typing import Self

from coskit.server.store.maintenance.scrub import ScrubRun
from coskit.server.store.model import CommitStatistics, StoreTotals

# Upper bounds of the latency buckets in seconds; the last bucket has none.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Latency:
    """The latencies of one operation: the number of requests in each bucket, and their sum."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        self.seconds = 0.0


class RequestMetrics:
    """Counters of requests; used on the event loop.

    Attributes:
        requests: the number by operation and status; status 0 is a request without a response.
        latencies: the seconds from a head to the end of its response, by operation.
        received: the bytes of the requests' bodies.
        sent: the bytes of the responses' bodies.
    """

    def __init__(self) -> None:
        self.requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.latencies: defaultdict[str, Latency] = defaultdict(Latency)
        self.received = 0
        self.sent = 0

    def record(self, operation: str, status: int, seconds: float, received: int, sent: int) -> None:
        """Count one request."""
        self.requests[operation, status] += 1
        latency = self.latencies[operation]
        latency.counts[bisect_left(SECONDS, seconds)] += 1
        latency.seconds += seconds
        self.received += received
        self.sent += sent

    def add(self, other: "RequestMetrics") -> None:
        """Add the counters of another process."""
        for kind, count in other.requests.items():
            self.requests[kind] += count
        for operation, latency in other.latencies.items():
            mine = self.latencies[operation]
            mine.counts = [a + b for a, b in zip(mine.counts, latency.counts, strict=True)]
            mine.seconds += latency.seconds
        self.received += other.received
        self.sent += other.sent

    def copy(self) -> Self:
        """Return a copy for another thread."""
        copied = type(self)()
        copied.add(self)
        return copied


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """The status of a server at the moment of a scrape.

    Attributes:
        running: the number of running requests.
        waiting: the number of requests that wait for their turn.
        refused: the number of requests refused since the start.
        connections: the number of open connections.
        is_draining: whether the server is about to end.
        unlogged: the number of lines that the access log has lost.
        activity: the counters of the index since the start.
        removals: the files that wait to be removed, and the failed removals since the start.
        census: the contents of the store when they were last counted, or None.
        scrubbed: the last complete scrub, or None.
    """

    running: int
    waiting: int
    refused: int
    connections: int
    is_draining: bool
    unlogged: int
    activity: CommitStatistics
    removals: tuple[int, int]
    census: StoreTotals | None
    scrubbed: ScrubRun | None
