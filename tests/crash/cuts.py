"""A server whose steps towards the disk are recorded, and what each power cut would have left."""

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
from tests.crash.kills import LEFTOVERS, Lost
from tests.crash.server.disk import SURVIVORS, Cut, leave
from tests.crash.server.observers import Event, recorded
from tests.crash.server.servers import Nursery, findings
from tests.crash.server.shared_memory import Board
from tests.crash.workload.changes import BUCKETS, VERSIONED, Deed
from tests.crash.workload.model import Place, Slot, World
from tests.crash.workload.oracle import complaints, observe
from tests.crash.workload.workload import Author

# Names that were not synced yet may be lost or come back: then a file has one name too few.
LEFT = {*LEFTOVERS, "orphan-file"}


@dataclass(frozen=True)
class Past:
    """A change that was acknowledged.

    Attributes:
        begin: how much had been recorded when it was asked for.
        end: how much when its answer came.
        deed: what was asked for.
        changes: what it has made of keys.
    """

    begin: int
    end: int
    deed: Deed
    changes: World


@dataclass(frozen=True)
class Recording:
    """A life of a server.

    Attributes:
        events: what it did to the disk.
        pasts: the changes of each client, in order.
        directory: what it has left.
        start: how much was recorded when the buckets were there.
    """

    events: Sequence[Event]
    pasts: Sequence[Sequence[Past]]
    directory: Path
    start: int

    def cuts(self, luck: random.Random, count: int) -> Iterator[Cut]:
        """Yield power cuts: half of them at the moment when a change has been acknowledged."""
        ends = [past.end for pasts in self.pasts for past in pasts]
        for number in range(count):
            at = luck.choice(ends) if number % 2 else luck.randint(self.start, len(self.events))
            yield Cut(at, SURVIVORS[number // 2 % len(SURVIVORS)], luck.randrange(1 << 30))

    def world(self, at: int) -> tuple[World, list[World]]:
        """Return what must be there after so many events, and what was under way."""
        world: dict[Place, Slot] = {}
        flying = []
        for pasts in self.pasts:
            for past in pasts:
                if past.end <= at:
                    world.update(past.changes)
                elif past.begin < at and past.changes:
                    flying.append(past.deed.changes)
        return world, flying


@contextmanager
def recording(
    nursery: Nursery,
    seed: str,
    *,
    clients: int = 1,
    deeds: int = 0,
    without: Sequence[str] = (),
    options: Sequence[str] = (),
) -> Iterator[Recording]:
    """Record a server under load; its directories go with the context.

    Args:
        nursery: makes servers.
        seed: of the load.
        clients: that work at once, each on keys of its own.
        deeds: that each makes besides one of every kind.
        without: names of steps that the server leaves out.
        options: of the server.
    """
    with tempfile.TemporaryDirectory(prefix="coskit-cuts-") as base:
        directory, log = Path(base, "data"), Path(base, "log")
        named = [*options, *(word for name in BUCKETS for word in ("--bucket", name))]
        with (
            Board(Path(base, "board")) as board,
            nursery.start(
                directory, board, log=log, without=without, options=named, checkpoint=40
            ) as victim,
            victim.client() as client,
        ):
            client.put_bucket_versioning(VERSIONED, "Enabled")
            start = board.events

            def work(number: int) -> list[Past]:
                author = Author(f"cut{number}", f"{seed}/{number}")
                world: dict[Place, Slot] = {}
                pasts = []
                for think in [*author.each_kind(), *[author.think] * deeds]:
                    deed, begin = think(world), board.events
                    changes = deed.do(client)
                    pasts.append(Past(begin, board.events, deed, changes))
                    world.update(changes)
                return pasts

            with ThreadPoolExecutor(clients) as pool:
                pasts = list(pool.map(work, range(clients)))
            assert victim.end(signal.SIGTERM) == 0
        yield Recording(recorded(log), pasts, directory, start)


def endure(nursery: Nursery, life: Recording, cut: Cut, *, relaxed: bool = False) -> None:
    """Look at what a power cut has left.

    Args:
        nursery: makes servers.
        life: what was cut.
        cut: when and how.
        relaxed: whether the last changes may be undone; those of one client are looked at then.

    Raises:
        Lost: it is not what was promised.
    """
    with tempfile.TemporaryDirectory(prefix="coskit-cut-") as base:
        left, copy = Path(base, "left"), Path(base, "copy")
        leave(life.events, cut, left)
        shutil.copytree(left, copy)
        wrong = [line for line in findings(copy) if line.split()[0] not in LEFT]
        if wrong:
            raise Lost(f"{cut}: {'; '.join(wrong)}")
        # Where the last changes may be undone, the making of a bucket may be one of them.
        options = [word for name in BUCKETS for word in ("--bucket", name)] if relaxed else []
        with nursery.start(left, options=options) as victim, victim.client() as client:
            try:
                seen = observe(client, BUCKETS)
            except CosException as error:
                raise Lost(f"{cut}: {error}") from error
            wrong = complaints(seen, *life.world(cut.at))[0]
            if wrong and relaxed:
                moments = sorted({past.end for past in life.pasts[0] if past.end <= cut.at})
                worlds = (life.world(at)[0] for at in (*reversed(moments), 0))
                if any(not complaints(seen, world)[0] for world in worlds):
                    wrong = []
            status = victim.end(signal.SIGTERM)
        if wrong or status:
            raise Lost(f"{cut}: status {status}, {'; '.join(wrong)}")
        wrong = [line for line in findings(left) if not line.startswith("orphan-file")]
        if wrong:
            raise Lost(f"{cut}: after the next start {'; '.join(wrong)}")
