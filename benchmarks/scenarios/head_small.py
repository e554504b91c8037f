"""HEAD of an object: a request without bodies."""

from benchmarks.small import Calls, modes

CALLS = Calls("head", modes(8_000))
