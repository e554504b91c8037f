"""Servers that are killed again and again, and what is found after each death.

A chain is one directory in which servers live one after another. Each death has its manner:

- "step": one client makes changes of all kinds in turn; the server dies at one step of one of them.
- "load": several clients work at once; the server dies at one passage of one point.
- "sudden": several clients work at once; the server dies when so many changes were acknowledged.
- "worker": as "load", but only the process dies that passes there; the others serve on.
- "start": the server dies while it starts and clears up after the one before.
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
from tests.crash.kill_report import Tally, Target
from tests.crash.server.servers import Nursery, Victim, findings, snapshot
from tests.crash.server.shared_memory import ANY, POINTS, Board
from tests.crash.workload.changes import BUCKETS, VERSIONED, Deed
from tests.crash.workload.model import Place, Slot
from tests.crash.workload.oracle import complaints, happened, observe
from tests.crash.workload.workload import Author

AUTHORS = 4
_DEEDS = 25  # of each author, if nothing happens
_CHECKPOINT = 40  # pages: the log goes to the index now and then
_HALVED = ("write draft", "write log", "write index")
REACHABLE = tuple(
    point for point in POINTS if not point.startswith("halfway") or point[8:] in _HALVED
)

# What a sudden death may leave, until the next start.
LEFTOVERS = {"garbage", "unsettled", "unfinished"}


class Lost(AssertionError):
    """A promise was broken."""


class Chain:
    """One directory with a life after another in it.

    Args:
        nursery: makes servers.
        base: an empty directory.
        seed: of all that is chosen.
        tally: where it counts.
        options: of the server.
    """

    def __init__(
        self, nursery: Nursery, base: Path, seed: str, tally: Tally, options: Sequence[str] = ()
    ) -> None:
        self._nursery = nursery
        self._base = base
        self._directory = base / "data"
        self._board = Board(base / "board")
        self._seed = seed
        self._random = random.Random(seed)
        self._tally = tally
        self._options = [*options, *(word for name in BUCKETS for word in ("--bucket", name))]
        self._world: dict[Place, Slot] = {}
        self._flying: list[Deed] = []
        self._lock = threading.Lock()
        self._lives = 0
        self._told = ""

    def live(self, manner: str, target: Target | None = None) -> None:
        """Have a server live and die.

        Raises:
            Lost: what is there is not what was promised.
        """
        self._lives += 1
        self._told = f"seed {self._seed!r}, life {self._lives}, {manner} {target or ''}"
        self._board.disarm()
        if manner == "start":
            self._board.arm(ANY, self._random.randint(1, 60 if self._lives > 1 else 700))
        with self._explained(), self._spawn() as victim, victim.client() as client:
            try:
                self._look(client)
            except CosClientError:
                if manner != "start":
                    raise
            if target:
                self._step(victim, target)
            elif manner in ("load", "worker"):
                point, passage = self._random.choice(REACHABLE), self._random.randint(1, 8)
                self._board.arm(point, passage, alone=manner == "worker")
                self._work(victim, threading.Event(), 0)
            elif manner == "sudden":
                self._sudden(victim)
            if manner == "worker" and self._board.fired:
                with victim.client() as other:
                    self._bear(other)
            self._bury(victim, manner)
            self._inspect(LEFTOVERS)

    def end(self) -> None:
        """Have a last server live and end in peace.

        Raises:
            Lost: what is there is not what was promised.
        """
        self._told = f"seed {self._seed!r}, the end"
        self._board.disarm()
        with self._explained(), self._spawn() as victim, victim.client() as client:
            self._look(client)
            self._claim(victim.end(signal.SIGTERM) == 0, f"status {victim.status}")
            self._inspect(set())

    def targets(self) -> list[Target]:
        """Return the steps of all kinds of changes; a life without a death."""
        found = []
        self._board.disarm()
        with self._spawn() as victim, victim.client() as client:
            self._look(client)
            before: dict[str, int] = {}
            for number, think in enumerate(Author("dry", self._seed).each_kind()):
                deed = think(self._world)
                self._world.update(deed.do(client))
                now = self._board.counts
                for point, count in now.items():
                    passed = count - before.get(point, 0)
                    found += [
                        Target(number, deed.kind, point, passage)
                        for passage in sorted({1, passed} - {0})
                        if passed
                    ]
                before = now
            self._claim(victim.end(signal.SIGTERM) == 0, f"status {victim.status}")
        return found

    def close(self) -> None:
        """Let go of everything."""
        self._board.close()

    def _spawn(self) -> Victim:
        return self._nursery.start(
            self._directory, self._board, options=self._options, checkpoint=_CHECKPOINT
        )

    # What clients do.

    def _step(self, victim: Victim, target: Target) -> None:
        """Make changes of all kinds in turn, until one is not answered."""
        author = Author(f"step{self._lives}", f"{self._seed}/{self._lives}")
        for number, think in enumerate(author.each_kind()):
            if number == target.number:
                self._board.arm(target.point, target.passage)
            if not self._ask(victim, think(self._world)):
                return

    def _sudden(self, victim: Victim) -> None:
        """Kill the server when so many changes were acknowledged."""
        enough = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(self._work, victim, enough, self._random.randint(1, 80))
            enough.wait(60)
            victim.end(signal.SIGKILL)
            work.result()

    def _work(self, victim: Victim, enough: threading.Event, limit: int) -> None:
        """Let several clients make changes at once, until they are not answered."""
        done = Counter[str]()

        def work(number: int) -> None:
            author = Author(f"load{number}", f"{self._seed}/{self._lives}/{number}")
            for _ in range(_DEEDS):
                with self._lock:
                    world = dict(self._world)
                if not self._ask(victim, author.think(world)):
                    break
                with self._lock:
                    done["deeds"] += 1
                    if done["deeds"] == limit:
                        enough.set()

        try:
            with ThreadPoolExecutor(AUTHORS) as pool:
                list(pool.map(work, range(AUTHORS)))
        finally:
            enough.set()

    def _ask(self, victim: Victim, deed: Deed) -> bool:
        """Have a change made; tell whether its answer has come."""
        try:
            # On a connection that it has used before libcurl may ask twice, and where others of
            # the server's processes live on, if only for a moment, it may twice be heard.
            with victim.client() as client:
                changes = deed.do(client)
        except CosClientError:
            with self._lock:
                self._flying.append(deed)
            return False
        with self._lock:
            self._world.update(changes)
            self._tally.acknowledged += 1
        return True

    # What is found.

    def _look(self, client: Client) -> None:
        """Compare everything with what was promised, and go on from what is there."""
        client.put_bucket_versioning(VERSIONED, "Enabled")
        seen = observe(client, BUCKETS)
        flying = [deed for deed in self._flying if deed.changes]
        wrong, after = complaints(seen, self._world, [deed.changes for deed in flying])
        self._claim(not wrong, "\n".join(wrong))
        for deed in flying:
            made = happened(deed.changes, self._world, after)
            self._tally.unheard["made" if made else "not made"] += 1
        self._tally.checked += len(after)
        self._world = after
        self._flying = []

    def _bear(self, client: Client) -> None:
        """Compare everything while the server lives on without one of its processes."""
        self._tally.cut.update(deed.kind for deed in self._flying)
        self._look(client)

    def _bury(self, victim: Victim, manner: str) -> None:
        """Count a death; who has not been reached by it dies now."""
        ends = self._board.fired and manner != "worker"
        status = victim.wait() if ends else victim.end(signal.SIGKILL)
        self._claim(status == -signal.SIGKILL, f"status {status}")
        self._tally.kills += 1
        self._tally.manners[manner] += 1
        self._tally.points[self._board.fired or "at any moment"] += 1
        self._tally.cut.update(deed.kind for deed in self._flying)

    def _inspect(self, allowed: set[str]) -> None:
        """Check a copy of the directory: its own index is for the next server to recover."""
        copy = snapshot(self._directory, self._base / "copy")
        wrong = [line for line in findings(copy) if line.split()[0] not in allowed]
        shutil.rmtree(copy)
        self._claim(not wrong, "\n".join(wrong))

    def _claim(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise Lost(otherwise)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Add to a failure how it came about."""
        try:
            yield
        except (AssertionError, CosException) as error:
            point = self._board.fired or "at any moment"
            raise Lost(f"{self._told}, died {point}: {error}") from error


@contextmanager
def chain(
    nursery: Nursery, seed: str, tally: Tally, options: Sequence[str] = ()
) -> Iterator[Chain]:
    """Give a chain in a directory that goes with it."""
    with tempfile.TemporaryDirectory(prefix="coskit-crash-") as base:
        made = Chain(nursery, Path(base), seed, tally, options)
        try:
            yield made
        finally:
            made.close()


def all_targets(nursery: Nursery, seed: str, options: Sequence[str] = ()) -> list[Target]:
    """Return the steps of all kinds of changes."""
    with chain(nursery, seed, Tally(), options) as dry:
        return dry.targets()
