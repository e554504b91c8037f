"""delete_objects of 10,000 keys, 1,000 with a request."""

from benchmarks.small import Calls

CALLS = Calls("delete", {"1 thread": 20}, without=("opendal",))
