"""Run all clients and write matrix.json and the table in the docs (`make interop`)."""

import argparse
import sys
import time

from tests.compatibility.interop.client_matrix import CLIENTS, ClientMatrix
from tests.compatibility.interop.matrix import write


def main() -> None:
    """Run the rounds and print their results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="names of drivers, by default all")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--times", action="store_true", help="print how long each ability took")
    parser.add_argument("--dry", action="store_true", help="write no files")
    chosen = parser.parse_args()
    names = chosen.names or [*CLIENTS]
    begin = time.perf_counter()
    rounds = {}
    with ClientMatrix(names, chosen.jobs) as client_matrix:
        for name in names:
            shown = rounds[name] = client_matrix.result(name)
            counts = [sum(a["ok"] is v for a in shown.results.values()) for v in (True, False)]
            print(
                f"{shown.title} {shown.version} ({shown.dialect}): {counts[0]} ok, {counts[1]} not"
            )
            for ability, response in shown.results.items():
                if response["ok"] is False:
                    print(f"  {ability}: {response['detail']}")
            if chosen.times:
                took = {a: response.get("seconds", 0) for a, response in shown.results.items()}
                print(f"  {sum(took.values()):.1f} s: {took}", flush=True)
    if not chosen.dry:
        write(rounds)
    print(f"{time.perf_counter() - begin:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
