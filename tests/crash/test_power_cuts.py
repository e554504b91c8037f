"""A server that loses what it has not synced keeps what it has acknowledged, and no halves.

The tests that leave out a sync show that these can fail.
"""

import filecmp
import random
from pathlib import Path

import pytest

from tests.crash.cuts import Recording, check_power_cut, recording
from tests.crash.kills import BrokenPromise
from tests.crash.server.disk import PowerCut, write_surviving
from tests.crash.server.servers import ForkServer

RELAXED = ("--durability", "relaxed")


# Room without content, and what every start writes anew: neither has to outlive a power cut.
PASSING = ("spare", "address.json")


def files_of(directory: Path) -> dict[str, Path]:
    return {
        str(path.relative_to(directory)): path
        for path in directory.rglob("*")
        if path.name not in PASSING
    }


def test_the_record_has_all_operations_on_the_disk(fork_server: ForkServer, tmp_path: Path) -> None:
    with recording(fork_server, "0", clients=2) as life:
        write_surviving(life.events, PowerCut(len(life.events), "all"), tmp_path / "expected")
        expected, there = files_of(tmp_path / "expected"), files_of(life.directory)
        assert expected.keys() == there.keys()
        for name, path in expected.items():
            if path.is_file():
                assert filecmp.cmp(path, there[name], shallow=False), name


@pytest.mark.parametrize(("clients", "changes_made", "cuts"), [(1, 10, 4), (4, 10, 6)])
def test_acknowledged_changes_outlive_a_power_cut(
    fork_server: ForkServer, clients: int, changes_made: int, cuts: int
) -> None:
    seed = f"ci/{clients}"
    with recording(fork_server, seed, clients=clients, changes_made=changes_made) as life:
        for cut in life.cuts(random.Random(seed), cuts):
            check_power_cut(fork_server, life, cut)


def test_relaxed_durability_undoes_the_last_changes_only_and_each_as_a_whole(
    fork_server: ForkServer,
) -> None:
    with recording(fork_server, "ci/relaxed", changes_made=20, options=RELAXED) as life:
        for cut in life.cuts(random.Random(0), 4):
            check_power_cut(fork_server, life, cut, relaxed=True)


@pytest.mark.parametrize(
    ("sync", "options"),
    [("sync draft", ()), ("sync fan", ()), ("sync log", ()), ("sync log", RELAXED)],
)
def test_a_sync_that_is_left_out_is_noticed(
    fork_server: ForkServer, sync: str, options: tuple[str, ...]
) -> None:
    with recording(fork_server, "ci/mutant", without=[sync], options=options) as life:
        assert is_caught(fork_server, life, relaxed=bool(options))


def is_caught(fork_server: ForkServer, life: Recording, *, relaxed: bool) -> bool:
    """Return whether one of many power cuts shows that promises are broken."""
    for cut in life.cuts(random.Random(0), 40):
        try:
            check_power_cut(fork_server, life, cut, relaxed=relaxed)
        except BrokenPromise:
            return True
    return False
