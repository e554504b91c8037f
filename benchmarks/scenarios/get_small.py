"""GET of a 1 KiB object: the client's cost per request without network cost."""

from benchmarks.small import Calls, modes

CALLS = Calls("get", modes(8_000))
