"""PUT of a 1 KiB object to a responder that checksums and drops it."""

from benchmarks.small import Calls, modes

CALLS = Calls("put", modes(8_000))
