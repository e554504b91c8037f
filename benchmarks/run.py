"""Run scenarios with the contenders in turns; print, save and plot the figures."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import servers, transfers
from benchmarks.figures import Row, plot, rows_of
from benchmarks.worker import apart

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PLOTS = HERE.parent / "docs" / "benchmarks"
SINGLE = (
    *("get_small", "put_small", "head_small", "get_1mib", "put_1mib", "get_64mib", "put_64mib"),
    *("list_keys", "delete_keys", "get_tls", "start"),
)
SCENARIOS = (
    *SINGLE,
    *("transfer_large", "transfer_small"),
    *("server_small", "server_large", "server_list"),
    "cli",
)
# The scenarios of `--quick`, enough to detect a slowdown.
QUICK = ("get_small", "put_small", "list_keys", "start")
QUICK_MODES = ("1 thread", "16 threads", "async, 64 in flight")
QUICK_CONTENDERS = ("coskit", "obstore", "cos-python-sdk-v5", "aioboto3")
PACKAGES = (
    *("coskit", "aioboto3", "boto3", "cos-python-sdk-v5", "fastcrc", "minio", "obstore"),
    *("opendal", "pycurl", "requests"),
)


def main() -> None:
    """Measure, print a table for each mode, write the results and the plots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", help="all by default")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender runs")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the operations")
    parser.add_argument("--quick", action="store_true", help="little of everything, in two minutes")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/<name>.json")
    options = parser.parse_args()
    names = [name for name in (*options.scenarios, *options.only) if name]
    if options.quick:
        options.rounds, options.scale = 1, options.scale / 4
    about = machine()
    for name in names or (QUICK if options.quick else SCENARIOS):
        scenario = import_module(f"benchmarks.scenarios.{name}")
        result: dict[str, Any] = {"scenario": name, "machine": about}
        result |= measured(name, scenario, options)
        if options.save:
            keep(RESULTS / f"{name}.json", result)
        if not options.quick:
            plot(PLOTS / f"{name}.svg", scenario.__doc__, result["modes"])
            keep_latest(name, rows_of(name, result["modes"]), about)


def measured(name: str, scenario: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of a scenario's contenders, by mode."""
    if hasattr(scenario, "CALLS"):
        return {"modes": calls_of(name, scenario, options)}
    if name.startswith("transfer_"):
        return transfers.measure(name, scenario, options.rounds, options.scale)
    modes = scenario.measure(options.rounds, options.scale)
    getattr(scenario, "show", servers.show)(scenario.__doc__, modes)
    return {"modes": modes}


def calls_of(name: str, scenario: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of single requests to the responder, by mode."""
    modes: dict[str, Any] = {}
    print(f"\n{name}: {scenario.__doc__}")
    with stub(tls=getattr(scenario, "TLS", False)) as port:
        for mode, operations in scenario.CALLS.operations.items():
            if options.quick and mode not in QUICK_MODES:
                continue
            who = scenario.CALLS.contenders(mode)
            if options.quick:
                who = [one for one in who if one in QUICK_CONTENDERS]
            count = max(int(operations * options.scale), 1)
            modes[mode] = in_turn(name, mode, who, port, count, options.rounds)
            show(mode, modes[mode])
    return modes


@contextmanager
def stub(*, tls: bool = False) -> Iterator[int]:
    """Run the responder and yield its port."""
    command = [sys.executable, "-m", "benchmarks.stub", *(["--tls"] if tls else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def in_turn(
    name: str, mode: str, contenders: list[str], port: int, operations: int, rounds: int
) -> dict[str, dict[str, float]]:
    """Return the medians of op/s and CPU per operation of each contender, and their spread.

    The contenders take turns, so that a slow moment of the machine affects all of them.
    """
    runs: dict[str, list[dict[str, float]]] = {who: [] for who in contenders}
    for _ in range(rounds):
        for who, done in runs.items():
            done.append(apart(name, mode, who, str(port), operations))
    return {who: summary(done) for who, done in runs.items()}


def summary(done: list[dict[str, float]]) -> dict[str, float]:
    """Return the medians over the rounds, and the spread of the rates in percent."""
    rates = [run["operations"] / run["seconds"] for run in done]
    middle = statistics.median(rates)
    return {
        "operations_per_second": middle,
        "cpu_microseconds": statistics.median(r["cpu"] / r["operations"] * 1e6 for r in done),
        "peak_mib": statistics.median(r["peak_mib"] for r in done),
        "spread_percent": (max(rates) - min(rates)) / middle * 100,
    }


def show(mode: str, figures: dict[str, dict[str, float]]) -> None:
    """Print a table with the ratios of op/s and of operations per second of CPU."""
    print(f"{mode}:")
    heads = ("op/s", "spread", "CPU µs/op", "peak MiB", "coskit is", "per CPU")
    print(f"  {'':20}" + "".join(f"{head:>11}" for head in heads))
    own = figures["coskit"]
    for who, row in figures.items():
        cells = [
            f"{row['operations_per_second']:,.{0 if row['operations_per_second'] > 99 else 1}f}",
            f"{row['spread_percent']:.0f}%",
            f"{row['cpu_microseconds']:,.0f}",
            f"{row['peak_mib']:.0f}",
        ]
        if who != "coskit":
            cells.append(f"{own['operations_per_second'] / row['operations_per_second']:.2f}x")
            cells.append(f"{row['cpu_microseconds'] / own['cpu_microseconds']:.2f}x")
        print(f"  {who:20}" + "".join(f"{cell:>11}" for cell in cells), flush=True)


def keep_latest(scenario: str, rows: list[Row], about: dict[str, Any]) -> None:
    """Replace the rows of a scenario in latest.json."""
    file = RESULTS / "latest.json"
    older = json.loads(file.read_text())["results"] if file.exists() else []
    kept = [row for row in older if row["scenario"].partition(":")[0] != scenario]
    dated = [{**row, "commit": about["commit"], "date": about["date"]} for row in rows]
    keep(file, {"machine": about, "commit": about["commit"], "results": [*kept, *dated]})


def keep(file: Path, result: dict[str, Any]) -> None:
    """Write a scenario's raw figures."""
    file.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\nwrote {file.relative_to(HERE.parent)}")


def machine() -> dict[str, Any]:
    """Return a description of the machine."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": dict(versions()),
    }


def commit() -> str:
    """Return the measured commit, with a plus sign for uncommitted changes."""

    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=HERE.parent, check=False
        ).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "src")
    return git("rev-parse", "HEAD") + ("+" if changed else "")


def versions() -> Iterator[tuple[str, str]]:
    """Yield name and version of each installed contender."""
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            yield name, version(name)


def cpu_name() -> str:
    """Return the processor's name, if the system reports it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
