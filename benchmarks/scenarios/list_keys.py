"""Listing of a bucket of 100,000 keys, page by page, every entry read."""

from benchmarks.small import Calls

CALLS = Calls("list", {"1 thread": 3}, without=("opendal",))
