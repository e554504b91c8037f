"""What a server has done since its start, counted in plain numbers."""

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from typing import Self

from coskit.server.store.maintenance.scrub import ScrubRun
from coskit.server.store.model import CommitStatistics, StoreTotals

# Upper bounds, in seconds, of the classes of latency; the last class has none.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Latency:
    """How long the requests of one operation took: how many in which class, and all together."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        self.seconds = 0.0


class Metrics:
    """Counts requests; used on the event loop.

    Attributes:
        requests: how many, by operation and status; 0 is the status of one that got no answer.
        latencies: from head to end of answer, by operation.
        received: bytes of their bodies.
        sent: bytes of the answers' bodies.
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

    def add(self, other: "Metrics") -> None:
        """Count all that another one has counted."""
        for kind, count in other.requests.items():
            self.requests[kind] += count
        for operation, latency in other.latencies.items():
            mine = self.latencies[operation]
            mine.counts = [a + b for a, b in zip(mine.counts, latency.counts, strict=True)]
            mine.seconds += latency.seconds
        self.received += other.received
        self.sent += other.sent

    def copy(self) -> Self:
        """Return the numbers as they are now, for another thread."""
        copied = type(self)()
        copied.add(self)
        return copied


@dataclass(frozen=True, slots=True)
class Situation:
    """What a server is doing at the moment of a scrape.

    Attributes:
        running: requests being worked on.
        waiting: requests that wait for their turn.
        refused: requests that were turned away since the start.
        connections: that are open.
        is_draining: whether the server is about to end.
        unlogged: lines that the access log has lost.
        activity: what the index has done since the start.
        removals: files that wait to be removed, and removals that have failed since the start.
        census: what the store held when it was last counted, or None.
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
