"""`make interop`: every client's round, and matrix.json and the table as they then are."""

import argparse
import sys
import time

from tests.compatibility.interop.client_matrix import CLIENTS, Fleet
from tests.compatibility.interop.matrix import write


def main() -> None:
    """Run the rounds and print how they went."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="of drivers; all if none is given")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--times", action="store_true", help="print how long each ability took")
    parser.add_argument("--dry", action="store_true", help="write nothing down")
    chosen = parser.parse_args()
    names = chosen.names or [*CLIENTS]
    begin = time.perf_counter()
    rounds = {}
    with Fleet(names, chosen.jobs) as fleet:
        for name in names:
            shown = rounds[name] = fleet.result(name)
            counts = [sum(a["ok"] is v for a in shown.answers.values()) for v in (True, False)]
            print(
                f"{shown.title} {shown.version} ({shown.dialect}): {counts[0]} ok, {counts[1]} not"
            )
            for ability, answer in shown.answers.items():
                if answer["ok"] is False:
                    print(f"  {ability}: {answer['detail']}")
            if chosen.times:
                took = {a: answer.get("seconds", 0) for a, answer in shown.answers.items()}
                print(f"  {sum(took.values()):.1f} s: {took}", flush=True)
    if not chosen.dry:
        write(rounds)
    print(f"{time.perf_counter() - begin:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
