"""Series of servers in one directory that are killed, and the checks after each kill.

The modes of a kill:

- "step": one client makes changes of all kinds in turn; the kill is at one step of one of them.
- "load": several clients make changes at once; the kill is at one occurrence of one point.
- "sudden": several clients make changes at once; the kill follows a number of acknowledged changes.
- "worker": as "load", but only the process that passes the point is killed; the others continue.
- "start": the kill is during the start, while the server cleans up after the one before.
"""

import random
import shutil
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from coskit import Client
from coskit.protocol.errors import CosClientError, CosException
from tests.crash.kill_report import KillReport, KillTarget
from tests.crash.server.servers import ForkServer, ServerProcess, findings, snapshot
from tests.crash.server.shared_memory import ANY, POINTS, SharedCounters
from tests.crash.workload.changes import BUCKETS, VERSIONED, Change
from tests.crash.workload.model import KeyState, Place
from tests.crash.workload.oracle import differences, happened, observe
from tests.crash.workload.workload import Workload

CLIENTS = 4
_CHANGES = 25  # of each client, without a kill
_CHECKPOINT = 40  # pages: a low number, for frequent checkpoints
_HALVED = ("write draft", "write log", "write index")
REACHABLE = tuple(
    point for point in POINTS if not point.startswith("halfway") or point[8:] in _HALVED
)

# Findings that a kill may leave until the next start.
LEFTOVERS = {"garbage", "unsettled", "unfinished"}


class BrokenPromise(AssertionError):
    """The server has broken a promise of durability."""


class KillSeries:
    """One directory in which servers run one after another.

    Args:
        fork_server: starts the servers.
        base: an empty directory.
        seed: the seed of all random choices.
        report: the counts to add to.
        options: options of the servers.
    """

    def __init__(
        self,
        fork_server: ForkServer,
        base: Path,
        seed: str,
        report: KillReport,
        options: Sequence[str] = (),
    ) -> None:
        self._fork_server = fork_server
        self._base = base
        self._directory = base / "data"
        self._counters = SharedCounters(base / "board")
        self._seed = seed
        self._random = random.Random(seed)
        self._report = report
        self._options = [*options, *(word for name in BUCKETS for word in ("--bucket", name))]
        self._world: dict[Place, KeyState] = {}
        self._unacknowledged: list[Change] = []
        self._lock = threading.Lock()
        self._lives = 0
        self._context = ""

    def live(self, kill_mode: str, target: KillTarget | None = None) -> None:
        """Run a server and kill it.

        Raises:
            BrokenPromise: the stored state is not what was promised.
        """
        self._lives += 1
        self._context = f"seed {self._seed!r}, life {self._lives}, {kill_mode} {target or ''}"
        self._counters.disarm()
        if kill_mode == "start":
            self._counters.kill_at(ANY, self._random.randint(1, 60 if self._lives > 1 else 700))
        with self._explained(), self._spawn() as server, server.client() as client:
            try:
                self._compare(client)
            except CosClientError:
                if kill_mode != "start":
                    raise
            if target:
                self._step(server, target)
            elif kill_mode in ("load", "worker"):
                point, occurrence = self._random.choice(REACHABLE), self._random.randint(1, 8)
                self._counters.kill_at(point, occurrence, alone=kill_mode == "worker")
                self._work(server, threading.Event(), 0)
            elif kill_mode == "sudden":
                self._sudden(server)
            if kill_mode == "worker" and self._counters.killed_at:
                with server.client() as other:
                    self._check_survivors(other)
            self._end_server(server, kill_mode)
            self._inspect(LEFTOVERS)

    def end(self) -> None:
        """Run a last server and stop it with SIGTERM.

        Raises:
            BrokenPromise: the stored state is not what was promised.
        """
        self._context = f"seed {self._seed!r}, the end"
        self._counters.disarm()
        with self._explained(), self._spawn() as server, server.client() as client:
            self._compare(client)
            self._require(server.end(signal.SIGTERM) == 0, f"status {server.status}")
            self._inspect(set())

    def targets(self) -> list[KillTarget]:
        """Return the steps of all kinds of changes, from a run without a kill."""
        found = []
        self._counters.disarm()
        with self._spawn() as server, server.client() as client:
            self._compare(client)
            before: dict[str, int] = {}
            for number, next_change in enumerate(Workload("dry", self._seed).each_kind()):
                change = next_change(self._world)
                self._world.update(change.do(client))
                now = self._counters.counts
                for point, count in now.items():
                    passed = count - before.get(point, 0)
                    found += [
                        KillTarget(number, change.kind, point, occurrence)
                        for occurrence in sorted({1, passed} - {0})
                        if passed
                    ]
                before = now
            self._require(server.end(signal.SIGTERM) == 0, f"status {server.status}")
        return found

    def close(self) -> None:
        """Close the shared counters."""
        self._counters.close()

    def _spawn(self) -> ServerProcess:
        return self._fork_server.start(
            self._directory, self._counters, options=self._options, checkpoint=_CHECKPOINT
        )

    # Clients.

    def _step(self, server: ServerProcess, target: KillTarget) -> None:
        """Make changes of all kinds in turn, until one gets no response."""
        workload = Workload(f"step{self._lives}", f"{self._seed}/{self._lives}")
        for number, next_change in enumerate(workload.each_kind()):
            if number == target.number:
                self._counters.kill_at(target.point, target.occurrence)
            if not self._ask(server, next_change(self._world)):
                return

    def _sudden(self, server: ServerProcess) -> None:
        """Kill the server after a random number of acknowledged changes."""
        enough = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(self._work, server, enough, self._random.randint(1, 80))
            enough.wait(60)
            server.end(signal.SIGKILL)
            work.result()

    def _work(self, server: ServerProcess, enough: threading.Event, limit: int) -> None:
        """Run several clients at once, until they get no response."""
        done = Counter[str]()

        def work(number: int) -> None:
            workload = Workload(f"load{number}", f"{self._seed}/{self._lives}/{number}")
            for _ in range(_CHANGES):
                with self._lock:
                    world = dict(self._world)
                if not self._ask(server, workload.next_change(world)):
                    break
                with self._lock:
                    done["changes"] += 1
                    if done["changes"] == limit:
                        enough.set()

        try:
            with ThreadPoolExecutor(CLIENTS) as pool:
                list(pool.map(work, range(CLIENTS)))
        finally:
            enough.set()

    def _ask(self, server: ServerProcess, change: Change) -> bool:
        """Request a change; return whether its response has come."""
        try:
            # A new connection for each change: on a used one libcurl may send a request twice, and
            # while other processes of the server run, both may be served.
            with server.client() as client:
                changes = change.do(client)
        except CosClientError:
            with self._lock:
                self._unacknowledged.append(change)
            return False
        with self._lock:
            self._world.update(changes)
            self._report.acknowledged += 1
        return True

    # Checks.

    def _compare(self, client: Client) -> None:
        """Compare the stored state with what was promised, and continue from it."""
        client.put_bucket_versioning(VERSIONED, "Enabled")
        seen = observe(client, BUCKETS)
        unacknowledged = [change for change in self._unacknowledged if change.changes]
        wrong, after = differences(seen, self._world, [change.changes for change in unacknowledged])
        self._require(not wrong, "\n".join(wrong))
        for change in unacknowledged:
            made = happened(change.changes, self._world, after)
            self._report.unheard["made" if made else "not made"] += 1
        self._report.checked += len(after)
        self._world = after
        self._unacknowledged = []

    def _check_survivors(self, client: Client) -> None:
        """Compare everything while the server runs without one of its processes."""
        self._report.cut.update(change.kind for change in self._unacknowledged)
        self._compare(client)

    def _end_server(self, server: ServerProcess, kill_mode: str) -> None:
        """Count a kill; kill the processes that it has not reached."""
        ends = self._counters.killed_at and kill_mode != "worker"
        status = server.wait() if ends else server.end(signal.SIGKILL)
        self._require(status == -signal.SIGKILL, f"status {status}")
        self._report.kills += 1
        self._report.manners[kill_mode] += 1
        self._report.points[self._counters.killed_at or "at any moment"] += 1
        self._report.cut.update(change.kind for change in self._unacknowledged)

    def _inspect(self, allowed: set[str]) -> None:
        """Check a copy of the directory; the next server recovers the original index."""
        copy = snapshot(self._directory, self._base / "copy")
        wrong = [line for line in findings(copy) if line.split()[0] not in allowed]
        shutil.rmtree(copy)
        self._require(not wrong, "\n".join(wrong))

    def _require(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise BrokenPromise(otherwise)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Add the seed, the run and the point of the kill to a failure."""
        try:
            yield
        except (AssertionError, CosException) as error:
            point = self._counters.killed_at or "at any moment"
            raise BrokenPromise(f"{self._context}, died {point}: {error}") from error


@contextmanager
def kill_series(
    fork_server: ForkServer, seed: str, report: KillReport, options: Sequence[str] = ()
) -> Iterator[KillSeries]:
    """Yield a series in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="coskit-crash-") as base:
        made = KillSeries(fork_server, Path(base), seed, report, options)
        try:
            yield made
        finally:
            made.close()


def all_targets(
    fork_server: ForkServer, seed: str, options: Sequence[str] = ()
) -> list[KillTarget]:
    """Return the steps of all kinds of changes."""
    with kill_series(fork_server, seed, KillReport(), options) as dry:
        return dry.targets()
