"""A server that is killed at any step of any change keeps what it has acknowledged, and no halves.

`make crash N=500` kills more of them.
"""

import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from coskit.protocol.errors import CosClientError
from tests.crash.kill_report import Tally
from tests.crash.kills import all_targets, chain
from tests.crash.run import WORKERS, manners_for, options_for
from tests.crash.server.servers import Nursery, findings
from tests.crash.server.shared_memory import Board
from tests.crash.workload.changes import BUCKETS, PLAIN, SMALL
from tests.crash.workload.model import NOTHING, Place, Slot
from tests.crash.workload.oracle import complaints, observe
from tests.crash.workload.workload import Author

MORE = 3  # kills besides one of each manner
OPTIONS = [word for name in BUCKETS for word in ("--bucket", name)]


@pytest.mark.parametrize("workers", WORKERS)
def test_what_was_acknowledged_outlives_every_death(nursery: Nursery, workers: int) -> None:
    options, luck, tally = options_for(workers), random.Random(workers), Tally()
    targets, manners = all_targets(nursery, "ci", options), manners_for(workers)
    with chain(nursery, f"ci/{workers}", tally, options) as lives:
        for manner in (*manners, *luck.choices([*manners], [*manners.values()], k=MORE)):
            lives.live(manner, luck.choice(targets) if manner == "step" else None)
        lives.end()
    assert tally.kills == len(manners) + MORE, tally.report()


def test_every_kind_of_change_passes_the_steps_that_make_it_durable(nursery: Nursery) -> None:
    points: dict[str, set[str]] = {}
    for target in all_targets(nursery, "0"):
        points.setdefault(target.kind, set()).add(target.point)
    for kind in points.keys() - {"refused create"}:
        ways = {"before commit", "halfway write log", "before sync log", "after sync log"}
        assert points[kind] >= {*ways, "after commit", "before answer"}, kind
    body = {"halfway write draft", "before link blob", "after sync draft", "after sync fan"}
    for kind in ("put large", "overwrite large", "create large", "append", "part", "part again"):
        assert points[kind] >= body, kind
    assert "before answer" in points["refused create"]


def test_a_page_of_the_index_that_is_half_written_is_no_damage(
    nursery: Nursery, tmp_path: Path
) -> None:
    """Its log has the page, and is not read past by who looks at pages."""
    data = tmp_path / "data"
    with nursery.start(data, options=OPTIONS) as server, server.client() as client:
        for number in range(20):
            client.put_object(PLAIN, b"before", f"{number}")
        assert server.end(signal.SIGTERM) == 0
    with (
        Board(tmp_path / "board") as board,
        nursery.start(data, board, checkpoint=20) as server,
        server.client() as client,
    ):
        board.arm("halfway write index", 3)
        with suppress(CosClientError):
            for number in range(1000):
                client.put_object(PLAIN, b"after", f"{number % 20}")
        assert board.fired == "halfway write index"
        assert server.wait() == -signal.SIGKILL
    assert findings(data) == []


def test_the_oracle_sees_a_change_that_is_gone_or_half_there(
    nursery: Nursery, tmp_path: Path
) -> None:
    world: dict[Place, Slot] = {}
    with nursery.start(tmp_path / "data", options=OPTIONS) as server, server.client() as client:
        author = Author("w", "0")
        a, b = (PLAIN, "w/a"), (PLAIN, "w/b")
        for place in (a, b):
            world |= author.put(world, place, SMALL).do(client)
        seen = observe(client, BUCKETS)
        assert complaints(seen, world)[0] == []
        both = author.delete_many(world, (a, b))
        assert complaints(seen, world, [both.changes])[0] == []
        client.delete_object(*a)
        seen = observe(client, BUCKETS)
        assert len(complaints(seen, world)[0]) == 1
        assert len(complaints(seen, world, [both.changes])[0]) == 1
        client.delete_object(*b)
        wrong, after = complaints(observe(client, BUCKETS), world, [both.changes])
        assert (wrong, after) == ([], {a: NOTHING, b: NOTHING})
        client.put_object(PLAIN, b"strange", "strange")
        assert len(complaints(observe(client, BUCKETS), world, [both.changes])[0]) == 1
        assert server.end(signal.SIGTERM) == 0


def test_a_commit_that_is_left_out_is_noticed(nursery: Nursery, tmp_path: Path) -> None:
    """A kill undoes nothing that was written, be it synced or not; so this is what it can show."""
    world: dict[Place, Slot] = {}
    with nursery.start(tmp_path / "data", options=OPTIONS) as server, server.client() as client:
        observe(client, BUCKETS)
        assert server.end(signal.SIGTERM) == 0
    with (
        Board(tmp_path / "board") as board,
        nursery.start(tmp_path / "data", board, without=["commit"]) as server,
        server.client() as client,
    ):
        world |= Author("w", "0").put(world, (PLAIN, "w/a"), SMALL).do(client)
        server.end(signal.SIGKILL)
    with nursery.start(tmp_path / "data") as server, server.client() as client:
        wrong, _ = complaints(observe(client, BUCKETS), world)
    assert [line.split(":")[0] for line in wrong] == [f"{PLAIN}/w/a"]
