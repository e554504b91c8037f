"""`make crash N=500`: so many kills, half as many power cuts, and RESULTS.json when all held."""

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from coskit import __version__
from tests.crash.cuts import endure, recording
from tests.crash.kill_report import Tally
from tests.crash.kills import all_targets, chain
from tests.crash.server.servers import Nursery

# How many processes serve one directory; each number is a series of its own.
WORKERS = (1, 2)
_MANNERS = {"step": 5, "load": 3, "sudden": 1, "start": 1}  # manners of death, by their share
RESULTS = Path(__file__).with_name("RESULTS.json")
_LIVES = 8  # in one directory
_CUTS = 20  # of one recording


def options_for(workers: int) -> list[str]:
    """Return what tells a server how many processes it is to have."""
    return ["--workers", str(workers)] if workers > 1 else []


def manners_for(workers: int) -> dict[str, int]:
    """Return the manners of death of a server with so many processes, by their share."""
    return _MANNERS | {"worker": 3} if workers > 1 else _MANNERS


def kill(nursery: Nursery, seed: str, count: int, workers: int) -> Iterator[Tally]:
    """Kill servers, and tell after each directory how it went so far.

    Every step of every kind of change gets its turn before any has a second.
    """
    luck, tally, options = random.Random(seed), Tally(), options_for(workers)
    shares = manners_for(workers)
    targets = all_targets(nursery, seed, options)
    luck.shuffle(targets)
    first = {(target.kind, target.point): target for target in targets}
    turns = [*first.values(), *(t for t in targets if t not in first.values())]
    manners = luck.choices([*shares], [*shares.values()], k=count)
    for number in range(0, count, _LIVES):
        with chain(nursery, f"{seed}/{number}", tally, options) as lives:
            for manner in manners[number : number + _LIVES]:
                if manner == "step":
                    turns.append(turns[0])
                lives.live(manner, turns.pop(0) if manner == "step" else None)
            lives.end()
        print(f"{seed}: {tally.kills} kills of {count}", flush=True)
        yield tally


def cut(nursery: Nursery, seed: str, count: int, *, relaxed: bool) -> Iterator[dict[str, object]]:
    """Cut the power of servers, and tell after each recording what survived so far."""
    seen: Counter[str] = Counter()
    options = ("--durability", "relaxed") if relaxed else ()
    clients = 1 if relaxed else 4
    for number in range(0, count, _CUTS):
        luck = random.Random(f"{seed}/{number}")
        with recording(
            nursery, f"{seed}/{number}", clients=clients, deeds=25, options=options
        ) as life:
            for moment in life.cuts(luck, min(_CUTS, count - number)):
                endure(nursery, life, moment, relaxed=relaxed)
                seen[moment.survivors] += 1
        print(f"{seed}: {seen.total()} power cuts of {count}", flush=True)
        yield {"cuts": seen.total(), "survivors": dict(sorted(seen.items()))}


def main() -> None:
    """Run all and write down what was seen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", default="0")
    chosen = parser.parse_args()
    begin = time.monotonic()
    found: dict[str, Any] = {"version": __version__, "seed": chosen.seed, "seconds": 0, "lost": 0}

    def keep(kind: str, name: str, seen: Mapping[str, object]) -> None:
        """Write down what was seen so far; the first loss would have ended the run."""
        found.setdefault(kind, {})[name] = seen
        found["seconds"] = round(time.monotonic() - begin)
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")

    with Nursery() as nursery:
        for workers in WORKERS:
            seed = f"{chosen.seed}/kills/{workers}"
            for tally in kill(nursery, seed, chosen.kills, workers):
                keep("kills", f"{workers} worker{'s' * (workers > 1)}", tally.report())
        for mode, share in (("strict", 0.4), ("relaxed", 0.1)):
            count = round(chosen.kills * share)
            seed = f"{chosen.seed}/{mode}"
            for seen in cut(nursery, seed, count, relaxed=mode == "relaxed"):
                keep("power_cuts", mode, seen)
    print(f"nothing was lost; see {RESULTS.name}")


if __name__ == "__main__":
    main()
