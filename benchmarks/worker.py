"""Measure one contender in a process of its own and print the figures as JSON."""

import json
import os
import resource
import subprocess
import sys
import time
from functools import partial
from importlib import import_module
from pathlib import Path


def cpu() -> float:
    """Return the CPU seconds of this process and the programs that it ran."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in uses)


def peak() -> float:
    """Return the peak memory of this process in MiB.

    `ru_maxrss` starts with the parent process's memory, so it is used only as a last resort.
    """
    programs = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    if programs:  # this process only waited for them
        return programs
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def apart(
    scenario: str, mode: str, contender: str, place: str, operations: int
) -> dict[str, float]:
    """Run one contender in a process of its own and return its figures."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.worker"]
    command += [scenario, mode, contender, place, str(operations)]
    output = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent
    ).stdout
    figures: dict[str, float] = json.loads(output.splitlines()[-1])
    return figures


def main() -> None:
    """Run the contender of the command line."""
    scenario_name, mode, contender, place, operations = sys.argv[1:]
    scenario = import_module(f"benchmarks.scenarios.{scenario_name}")
    if hasattr(scenario, "CALLS"):
        run = scenario.CALLS.prepare(mode, contender, place)
    else:
        scenario.warm_up(mode, contender, place)
        run = partial(scenario.run, mode, contender, place)
    start, start_cpu = time.perf_counter(), cpu()
    run(int(operations))
    seconds, used = time.perf_counter() - start, cpu() - start_cpu
    figures = {
        "operations": int(operations),
        "seconds": seconds,
        "cpu": used,
        "peak_mib": peak(),
    }
    print(json.dumps(figures), flush=True)
    # A rival's native threads may abort at interpreter exit, after the measurement.
    os._exit(0)


if __name__ == "__main__":
    main()
