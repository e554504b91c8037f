"""GET of a 1 KiB object: what a client costs per request when the network costs nothing."""

from benchmarks.small import Calls, modes

CALLS = Calls("get", modes(8_000))
