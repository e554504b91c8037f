"""GET of a 1 MiB object, its content in memory."""

from benchmarks.small import Calls

_COUNT = 600
CALLS = Calls(
    "get",
    {"1 thread": _COUNT, "4 threads": _COUNT, "async, 4 in flight": _COUNT},
    size=1 << 20,
)
