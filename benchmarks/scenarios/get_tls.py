"""GET of a 1 KiB object over TLS, on kept connections."""

from benchmarks.small import Calls

TLS = True
CALLS = Calls(
    "get",
    {"1 thread": 4_000, "4 threads": 8_000, "async, 64 in flight": 8_000},
    without=("cos-python-sdk-v5", "opendal", "minio"),
    tls=True,
)
