"""Run a program and print its seconds, its CPU seconds and its peak memory in MiB, as JSON.

It is run as a small process of its own: the peak memory that the system reports of a program starts
with that of the process that started it.
"""

import json
import os
import sys
import time


def main() -> None:
    """Run the program of the command line; end with its exit status."""
    out = [
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
    ]
    begun = time.perf_counter()
    child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=out)
    _, status, usage = os.wait4(child, 0)
    figures = {
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
    }
    print(json.dumps(figures))
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
