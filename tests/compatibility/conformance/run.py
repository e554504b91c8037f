"""Run a public suite against this server and compare it with its baseline."""

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.compatibility.conformance import ceph, mint, vendor
from tests.compatibility.conformance.baseline import (
    Outcome,
    baseline_file,
    by_mark,
    read_baseline,
    read_reasons,
    render,
    status_of,
    totals,
    unexplained,
)


def main() -> int:
    """Run a suite, print its results, and write the baseline if all of it ran."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", choices=[ceph.SUITE, mint.SUITE, vendor.SUITE], required=True)
    parser.add_argument("--path", type=Path, required=True, help="a checkout of the suite")
    parser.add_argument(
        "--python", type=Path, help="the Python with the suite's packages; by default PATH/.venv's"
    )
    parser.add_argument("--commit", help="the checkout's commit, if git cannot tell")
    parser.add_argument(
        "--select", default="", help="run only these: a pytest -k expression, or a part"
    )
    parser.add_argument("--lanes", type=int, default=2, help="number of s3-tests cases at a time")
    parser.add_argument("--log", type=Path, help="file for all results, as JSON lines")
    parser.add_argument(
        "--option", action="append", default=[], help="a further option of the server"
    )
    asked = parser.parse_args()
    path = asked.path.resolve()
    # Not resolved: a virtual environment's Python is a link.
    python = (asked.python or path / ".venv/bin/python").absolute()
    if asked.suite == ceph.SUITE:
        outcomes = ceph.run(ceph.Checkout(path, python), asked.select, asked.lanes, asked.option)
    elif asked.suite == vendor.SUITE:
        outcomes = vendor.run(path, asked.select, asked.option)
    else:
        outcomes = mint.run(path, python.parent, asked.select, asked.option)
    if asked.log:
        asked.log.write_text("".join(json.dumps(vars(outcome)) + "\n" for outcome in outcomes))
    reasons = read_reasons(asked.suite)
    _tell(asked.suite, outcomes)
    missing = unexplained(outcomes, reasons)
    for outcome in missing:
        print(f"no reason: {outcome.case}: {outcome.detail}")
    print(f"{totals(outcomes, reasons)}")
    if not asked.select:
        origin = {"commit": asked.commit or _commit(path)}
        baseline_file(asked.suite).write_text(render(asked.suite, origin, outcomes, reasons))
    return 1 if missing else 0


def _tell(suite: str, outcomes: list[Outcome]) -> None:
    for mark, counted in by_mark(outcomes).items():
        print(f"{mark:34} {_numbers(counted)}")
    if not baseline_file(suite).exists():
        return
    before = {case: status_of(entry) for case, entry in read_baseline(suite)["cases"].items()}
    for outcome in outcomes:
        was = before.get(outcome.case)
        if was == "pass" and outcome.status != "pass":
            print(f"no longer passes: {outcome.case}: {outcome.detail}")
        elif was == "fail" and outcome.status == "pass":
            print(f"passes now: {outcome.case}")


def _numbers(counted: Counter[str]) -> str:
    return ", ".join(f"{counted[name]} {name}" for name in ("pass", "fail", "skip"))


def _commit(path: Path) -> str:
    output = subprocess.run(
        ["git", "-C", str(path), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    return output.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
