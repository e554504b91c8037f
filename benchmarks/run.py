"""Run the scenarios, rivals in turn, and print and keep what they took."""

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
from benchmarks.worker import apart

HERE = Path(__file__).parent
SCENARIOS = (
    *("get_small", "transfer_large", "transfer_small"),
    *("server_small", "server_large", "server_list"),
)
PACKAGES = ("coskit", "cos-python-sdk-v5", "obstore", "opendal", "pycurl", "fastcrc", "requests")


def main() -> None:
    """Measure, print a table for each mode, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=SCENARIOS)
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender runs")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the operations")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/<name>.json")
    options = parser.parse_args()
    for name in options.scenarios:
        scenario = import_module(f"benchmarks.scenarios.{name}")
        result = {"scenario": name, "machine": machine()}
        if name.startswith("transfer_"):
            result |= transfers.measure(name, scenario, options.rounds, options.scale)
        elif name.startswith("server_"):
            result["modes"] = scenario.measure(options.rounds, options.scale)
            servers.show(scenario.__doc__, result["modes"])
        else:
            result["modes"] = requests_of(name, scenario, options.rounds, options.scale)
        if options.save:
            file = HERE / "results" / f"{name}.json"
            file.write_text(json.dumps(result, indent=2) + "\n")
            print(f"\nwrote {file.relative_to(HERE.parent)}")


def requests_of(name: str, scenario: Any, rounds: int, scale: float) -> dict[str, Any]:
    """Return what single requests to the responder took, by mode."""
    modes: dict[str, Any] = {}
    with stub() as port:
        for mode in scenario.MODES:
            operations = int(scenario.OPERATIONS[mode] * scale)
            modes[mode] = measure(name, mode, scenario, port, operations, rounds)
            show(scenario.__doc__, mode, modes[mode])
    return modes


@contextmanager
def stub() -> Iterator[int]:
    """Run the responder and give its port."""
    command = [sys.executable, "-m", "benchmarks.stub"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def measure(
    name: str, mode: str, scenario: Any, port: int, operations: int, rounds: int
) -> dict[str, dict[str, float]]:
    """Return op/s and CPU per operation of each contender, the median over the rounds.

    The contenders take turns, so that a slow moment of the machine meets them all.
    """
    runs: dict[str, list[dict[str, float]]] = {who: [] for who in scenario.contenders(mode)}
    for _ in range(rounds):
        for who, done in runs.items():
            done.append(apart(name, mode, who, str(port), operations))
    return {
        who: {
            "operations_per_second": statistics.median(
                r["operations"] / r["seconds"] for r in done
            ),
            "cpu_microseconds": statistics.median(r["cpu"] / r["operations"] * 1e6 for r in done),
        }
        for who, done in runs.items()
    }


def show(title: str | None, mode: str, figures: dict[str, dict[str, float]]) -> None:
    """Print a table; the ratio is coskit's op/s over the rival's."""
    print(f"\n{title}\n{mode}:")
    print(f"  {'':20}{'op/s':>10}{'CPU µs/op':>12}{'coskit is':>12}")
    own = figures["coskit"]["operations_per_second"]
    for who, row in figures.items():
        ratio = own / row["operations_per_second"]
        print(
            f"  {who:20}{row['operations_per_second']:>10,.0f}{row['cpu_microseconds']:>12.0f}"
            f"{f'{ratio:.2f}x' if who != 'coskit' else '':>12}"
        )


def machine() -> dict[str, Any]:
    """Describe what the figures were taken on."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=HERE.parent, check=False
    ).stdout.strip()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": dict(versions()),
    }


def versions() -> Iterator[tuple[str, str]]:
    """Yield name and version of each package that takes part and is here."""
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            yield name, version(name)


def cpu_name() -> str:
    """Return the processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
