"""A server that is killed at any step of any change keeps what it has acknowledged, and no halves.

`make crash N=500` kills more of them.
"""

import random
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from coskit.protocol.errors import CosClientError
from tests.crash.kill_report import KillReport
from tests.crash.kills import all_targets, kill_series
from tests.crash.run import WORKERS, kill_modes_for, options_for
from tests.crash.server.servers import ForkServer, findings
from tests.crash.server.shared_memory import SharedCounters
from tests.crash.workload.changes import BUCKETS, PLAIN, SMALL
from tests.crash.workload.model import NOTHING, KeyState, Place
from tests.crash.workload.oracle import differences, observe
from tests.crash.workload.workload import Workload

MORE = 3  # kills besides one of each manner
OPTIONS = [word for name in BUCKETS for word in ("--bucket", name)]


@pytest.mark.parametrize("workers", WORKERS)
def test_acknowledged_changes_outlive_every_kill(fork_server: ForkServer, workers: int) -> None:
    options, rng, report = options_for(workers), random.Random(workers), KillReport()
    targets, manners = all_targets(fork_server, "ci", options), kill_modes_for(workers)
    with kill_series(fork_server, f"ci/{workers}", report, options) as lives:
        for kill_mode in (*manners, *rng.choices([*manners], [*manners.values()], k=MORE)):
            lives.live(kill_mode, rng.choice(targets) if kill_mode == "step" else None)
        lives.end()
    assert report.kills == len(manners) + MORE, report.as_json()


def test_every_kind_of_change_passes_the_steps_that_make_it_durable(
    fork_server: ForkServer,
) -> None:
    points: dict[str, set[str]] = {}
    for target in all_targets(fork_server, "0"):
        points.setdefault(target.kind, set()).add(target.point)
    for kind in points.keys() - {"refused create"}:
        ways = {"before commit", "halfway write log", "before sync log", "after sync log"}
        assert points[kind] >= {*ways, "after commit", "before answer"}, kind
    body = {"halfway write draft", "before link blob", "after sync draft", "after sync fan"}
    for kind in ("put large", "overwrite large", "create large", "append", "part", "part again"):
        assert points[kind] >= body, kind
    assert "before answer" in points["refused create"]


def test_a_page_of_the_index_that_is_half_written_is_no_damage(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    """Its log has the page, and is not read past by who looks at pages."""
    data = tmp_path / "data"
    with fork_server.start(data, options=OPTIONS) as server, server.client() as client:
        for number in range(20):
            client.put_object(PLAIN, b"before", f"{number}")
        assert server.end(signal.SIGTERM) == 0
    with (
        SharedCounters(tmp_path / "board") as counters,
        fork_server.start(data, counters, checkpoint=20) as server,
        server.client() as client,
    ):
        counters.kill_at("halfway write index", 3)
        with suppress(CosClientError):
            for number in range(1000):
                client.put_object(PLAIN, b"after", f"{number % 20}")
        assert counters.killed_at == "halfway write index"
        assert server.wait() == -signal.SIGKILL
    assert findings(data) == []


def test_the_oracle_sees_a_change_that_is_gone_or_half_there(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    world: dict[Place, KeyState] = {}
    with fork_server.start(tmp_path / "data", options=OPTIONS) as server, server.client() as client:
        workload = Workload("w", "0")
        a, b = (PLAIN, "w/a"), (PLAIN, "w/b")
        for place in (a, b):
            world |= workload.put(world, place, SMALL).do(client)
        seen = observe(client, BUCKETS)
        assert differences(seen, world)[0] == []
        both = workload.delete_many(world, (a, b))
        assert differences(seen, world, [both.changes])[0] == []
        client.delete_object(*a)
        seen = observe(client, BUCKETS)
        assert len(differences(seen, world)[0]) == 1
        assert len(differences(seen, world, [both.changes])[0]) == 1
        client.delete_object(*b)
        wrong, after = differences(observe(client, BUCKETS), world, [both.changes])
        assert (wrong, after) == ([], {a: NOTHING, b: NOTHING})
        client.put_object(PLAIN, b"strange", "strange")
        assert len(differences(observe(client, BUCKETS), world, [both.changes])[0]) == 1
        assert server.end(signal.SIGTERM) == 0


def test_a_commit_that_is_left_out_is_noticed(fork_server: ForkServer, tmp_path: Path) -> None:
    """A kill undoes nothing that was written, be it synced or not; so this is what it can show."""
    world: dict[Place, KeyState] = {}
    with fork_server.start(tmp_path / "data", options=OPTIONS) as server, server.client() as client:
        observe(client, BUCKETS)
        assert server.end(signal.SIGTERM) == 0
    with (
        SharedCounters(tmp_path / "board") as counters,
        fork_server.start(tmp_path / "data", counters, without=["commit"]) as server,
        server.client() as client,
    ):
        world |= Workload("w", "0").put(world, (PLAIN, "w/a"), SMALL).do(client)
        server.end(signal.SIGKILL)
    with fork_server.start(tmp_path / "data") as server, server.client() as client:
        wrong, _ = differences(observe(client, BUCKETS), world)
    assert [line.split(":")[0] for line in wrong] == [f"{PLAIN}/w/a"]
