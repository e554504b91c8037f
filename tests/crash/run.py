"""`make crash N=500`: N kills, half as many power cuts, and RESULTS.json if all promises held."""

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from coskit import __version__
from tests.crash.cuts import check_power_cut, recording
from tests.crash.kill_report import KillReport
from tests.crash.kills import all_targets, kill_series
from tests.crash.server.servers import ForkServer

# How many processes serve one directory; each number is a series of its own.
WORKERS = (1, 2)
_KILL_MODES = {"step": 5, "load": 3, "sudden": 1, "start": 1}  # modes with their shares
RESULTS = Path(__file__).with_name("RESULTS.json")
_LIVES = 8  # in one directory
_CUTS = 20  # of one recording


def options_for(workers: int) -> list[str]:
    """Return the options of a server with this number of processes."""
    return ["--workers", str(workers)] if workers > 1 else []


def kill_modes_for(workers: int) -> dict[str, int]:
    """Return the kill modes of a server with this number of processes, with their shares."""
    return _KILL_MODES | {"worker": 3} if workers > 1 else _KILL_MODES


def kill(fork_server: ForkServer, seed: str, count: int, workers: int) -> Iterator[KillReport]:
    """Kill servers; yield the report so far after each directory.

    Every step of every kind of change gets its turn before any has a second.
    """
    rng, report, options = random.Random(seed), KillReport(), options_for(workers)
    shares = kill_modes_for(workers)
    targets = all_targets(fork_server, seed, options)
    rng.shuffle(targets)
    first = {(target.kind, target.point): target for target in targets}
    turns = [*first.values(), *(t for t in targets if t not in first.values())]
    manners = rng.choices([*shares], [*shares.values()], k=count)
    for number in range(0, count, _LIVES):
        with kill_series(fork_server, f"{seed}/{number}", report, options) as lives:
            for kill_mode in manners[number : number + _LIVES]:
                if kill_mode == "step":
                    turns.append(turns[0])
                lives.live(kill_mode, turns.pop(0) if kill_mode == "step" else None)
            lives.end()
        print(f"{seed}: {report.kills} kills of {count}", flush=True)
        yield report


def cut(
    fork_server: ForkServer, seed: str, count: int, *, relaxed: bool
) -> Iterator[dict[str, object]]:
    """Simulate power cuts; yield the counts so far after each recording."""
    seen: Counter[str] = Counter()
    options = ("--durability", "relaxed") if relaxed else ()
    clients = 1 if relaxed else 4
    for number in range(0, count, _CUTS):
        rng = random.Random(f"{seed}/{number}")
        with recording(
            fork_server, f"{seed}/{number}", clients=clients, changes_made=25, options=options
        ) as life:
            for moment in life.cuts(rng, min(_CUTS, count - number)):
                check_power_cut(fork_server, life, moment, relaxed=relaxed)
                seen[moment.survivors] += 1
        print(f"{seed}: {seen.total()} power cuts of {count}", flush=True)
        yield {"cuts": seen.total(), "survivors": dict(sorted(seen.items()))}


def main() -> None:
    """Run all series and write the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", default="0")
    chosen = parser.parse_args()
    begin = time.monotonic()
    found: dict[str, Any] = {"version": __version__, "seed": chosen.seed, "seconds": 0, "lost": 0}

    def keep(kind: str, name: str, seen: Mapping[str, object]) -> None:
        """Save the results so far; a broken promise ends the run at once."""
        found.setdefault(kind, {})[name] = seen
        found["seconds"] = round(time.monotonic() - begin)
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")

    with ForkServer() as fork_server:
        for workers in WORKERS:
            seed = f"{chosen.seed}/kills/{workers}"
            for report in kill(fork_server, seed, chosen.kills, workers):
                keep("kills", f"{workers} worker{'s' * (workers > 1)}", report.as_json())
        for mode, share in (("strict", 0.4), ("relaxed", 0.1)):
            count = round(chosen.kills * share)
            seed = f"{chosen.seed}/{mode}"
            for seen in cut(fork_server, seed, count, relaxed=mode == "relaxed"):
                keep("power_cuts", mode, seen)
    print(f"nothing was lost; see {RESULTS.name}")


if __name__ == "__main__":
    main()
