"""GET of a 64 MiB object, its content in memory."""

from benchmarks.small import Calls

_COUNT = 24
CALLS = Calls(
    "get",
    {"1 thread": _COUNT, "4 threads": _COUNT, "async, 4 in flight": _COUNT},
    size=64 << 20,
)
