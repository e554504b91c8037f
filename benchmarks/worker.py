"""One contender in a process of its own: warm up, measure, print the figures as JSON."""

import json
import os
import resource
import sys
import time
from importlib import import_module


def cpu() -> float:
    """Return the CPU seconds that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Run what the arguments name."""
    scenario_name, mode, contender, port, operations = sys.argv[1:]
    scenario = import_module(f"benchmarks.scenarios.{scenario_name}")
    scenario.run(mode, contender, int(port), 640)
    start, start_cpu = time.perf_counter(), cpu()
    scenario.run(mode, contender, int(port), int(operations))
    seconds, used = time.perf_counter() - start, cpu() - start_cpu
    print(json.dumps({"operations": int(operations), "seconds": seconds, "cpu": used}), flush=True)
    # A rival's native threads may abort while the interpreter ends, when all is measured.
    os._exit(0)


if __name__ == "__main__":
    main()
