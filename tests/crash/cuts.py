"""Recordings of a server's operations on the disk, and the checks of simulated power cuts."""

import random
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from coskit.protocol.errors import CosException
from tests.crash.kills import LEFTOVERS, BrokenPromise
from tests.crash.server.disk import SURVIVORS, PowerCut, write_surviving
from tests.crash.server.observers import Event, recorded
from tests.crash.server.servers import ForkServer, findings
from tests.crash.server.shared_memory import SharedCounters
from tests.crash.workload.changes import BUCKETS, VERSIONED, Change
from tests.crash.workload.model import Keys, KeyState, Place
from tests.crash.workload.oracle import differences, observe
from tests.crash.workload.workload import Workload

# Names that were not synced yet may be lost or come back: then a file has one name too few.
LEFT = {*LEFTOVERS, "orphan-file"}


@dataclass(frozen=True)
class History:
    """A change that was acknowledged.

    Attributes:
        begin: the number of events before the request.
        end: the number of events before the response.
        change: the requested change.
        changes: the resulting state of its keys.
    """

    begin: int
    end: int
    change: Change
    changes: Keys


@dataclass(frozen=True)
class Recording:
    """A recorded run of a server.

    Attributes:
        events: its operations on the disk.
        pasts: the changes of each client, in order.
        directory: the directory that it has left.
        start: the number of events before the buckets existed.
    """

    events: Sequence[Event]
    pasts: Sequence[Sequence[History]]
    directory: Path
    start: int

    def cuts(self, rng: random.Random, count: int) -> Iterator[PowerCut]:
        """Yield random power cuts, half of them right after the acknowledgement of a change."""
        ends = [past.end for pasts in self.pasts for past in pasts]
        for number in range(count):
            at = rng.choice(ends) if number % 2 else rng.randint(self.start, len(self.events))
            yield PowerCut(at, SURVIVORS[number // 2 % len(SURVIVORS)], rng.randrange(1 << 30))

    def world(self, at: int) -> tuple[Keys, list[Keys]]:
        """Return the promised state after a number of events, and the changes in progress."""
        world: dict[Place, KeyState] = {}
        unacknowledged = []
        for pasts in self.pasts:
            for past in pasts:
                if past.end <= at:
                    world.update(past.changes)
                elif past.begin < at and past.changes:
                    unacknowledged.append(past.change.changes)
        return world, unacknowledged


@contextmanager
def recording(
    fork_server: ForkServer,
    seed: str,
    *,
    clients: int = 1,
    changes_made: int = 0,
    without: Sequence[str] = (),
    options: Sequence[str] = (),
) -> Iterator[Recording]:
    """Record a server under load; its directories are removed with the context.

    Args:
        fork_server: starts the server.
        seed: the seed of the load.
        clients: the number of concurrent clients, each with keys of its own.
        changes_made: the number of changes of each client, besides one of every kind.
        without: names of steps that the server omits.
        options: options of the server.
    """
    with tempfile.TemporaryDirectory(prefix="coskit-cuts-") as base:
        directory, log = Path(base, "data"), Path(base, "log")
        named = [*options, *(word for name in BUCKETS for word in ("--bucket", name))]
        with (
            SharedCounters(Path(base, "board")) as counters,
            fork_server.start(
                directory, counters, log=log, without=without, options=named, checkpoint=40
            ) as server,
            server.client() as client,
        ):
            client.put_bucket_versioning(VERSIONED, "Enabled")
            start = counters.events

            def work(number: int) -> list[History]:
                workload = Workload(f"cut{number}", f"{seed}/{number}")
                world: dict[Place, KeyState] = {}
                pasts = []
                for next_change in [*workload.each_kind(), *[workload.next_change] * changes_made]:
                    change, begin = next_change(world), counters.events
                    changes = change.do(client)
                    pasts.append(History(begin, counters.events, change, changes))
                    world.update(changes)
                return pasts

            with ThreadPoolExecutor(clients) as pool:
                pasts = list(pool.map(work, range(clients)))
            assert server.end(signal.SIGTERM) == 0
        yield Recording(recorded(log), pasts, directory, start)


def check_power_cut(
    fork_server: ForkServer, life: Recording, cut: PowerCut, *, relaxed: bool = False
) -> None:
    """Check the state that a power cut leaves.

    Args:
        fork_server: starts the server that reads the state.
        life: the recorded run.
        cut: the power cut.
        relaxed: whether the last changes may be undone; then one client's changes are checked.

    Raises:
        BrokenPromise: it is not what was promised.
    """
    with tempfile.TemporaryDirectory(prefix="coskit-cut-") as base:
        left, copy = Path(base, "left"), Path(base, "copy")
        write_surviving(life.events, cut, left)
        shutil.copytree(left, copy)
        wrong = [line for line in findings(copy) if line.split()[0] not in LEFT]
        if wrong:
            raise BrokenPromise(f"{cut}: {'; '.join(wrong)}")
        # Where the last changes may be undone, the making of a bucket may be one of them.
        options = [word for name in BUCKETS for word in ("--bucket", name)] if relaxed else []
        with fork_server.start(left, options=options) as server, server.client() as client:
            try:
                seen = observe(client, BUCKETS)
            except CosException as error:
                raise BrokenPromise(f"{cut}: {error}") from error
            wrong = differences(seen, *life.world(cut.at))[0]
            if wrong and relaxed:
                moments = sorted({past.end for past in life.pasts[0] if past.end <= cut.at})
                worlds = (life.world(at)[0] for at in (*reversed(moments), 0))
                if any(not differences(seen, world)[0] for world in worlds):
                    wrong = []
            status = server.end(signal.SIGTERM)
        if wrong or status:
            raise BrokenPromise(f"{cut}: status {status}, {'; '.join(wrong)}")
        wrong = [line for line in findings(left) if not line.startswith("orphan-file")]
        if wrong:
            raise BrokenPromise(f"{cut}: after the next start {'; '.join(wrong)}")
