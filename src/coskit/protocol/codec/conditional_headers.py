"""Guards: headers by which a request asks not to be done, and which rows obey which of them.

A guard that is ignored lets something happen that its sender has ruled out, so that each of them is
obeyed or refused.
"""

from functools import cache

from coskit.protocol.model import Operation

BUCKET_OWNER = "x-amz-expected-bucket-owner"
SOURCE_OWNER = "x-amz-source-expected-bucket-owner"
_OF_TARGET = ("if-match", "if-none-match", "if-unmodified-since")
_OF_SOURCE = tuple(
    f"x-cos-copy-source-if-{name}"
    for name in ("match", "none-match", "modified-since", "unmodified-since")
)
_SIZE = "x-amz-mp-object-size"
# Of these "false" asks for nothing; of the others it is a value.
FLAGS = frozenset(("x-cos-forbid-overwrite", "x-amz-object-lock-event-hold"))
# Guards of COS; a request of S3 that has one has not signed it.
COS_GUARDS = frozenset(("x-cos-forbid-overwrite", *_OF_SOURCE))
# In a request of S3 those of a copy's source have got their names of COS.
_AMZ_OF_SOURCE = frozenset(name.replace("x-cos-", "x-amz-") for name in _OF_SOURCE)
GUARDS = COS_GUARDS | _AMZ_OF_SOURCE | frozenset(_OF_TARGET) | frozenset(
    """x-amz-bucket-object-lock-token x-amz-expected-bucket-owner x-amz-if-match-initiated-time
    x-amz-if-match-last-modified-time x-amz-if-match-size x-amz-mfa x-amz-mp-object-size
    x-amz-object-if-match x-amz-object-lock-event-hold x-amz-object-lock-event-hold-duration-days
    x-amz-object-lock-event-hold-duration-years x-amz-rename-source x-amz-rename-source-if-match
    x-amz-rename-source-if-modified-since x-amz-rename-source-if-none-match
    x-amz-rename-source-if-unmodified-since x-amz-source-expected-bucket-owner
    x-amz-write-offset-bytes""".split()
)  # fmt: skip
_READING = ("GET", "HEAD")


@cache
def unobeyed(operation: Operation) -> frozenset[str]:
    """Return the guards that a row does not obey, in the names of COS.

    If-None-Match spares a reader what it has already, and a whole answer is right too (RFC 9110
    13.1.2). If-Modified-Since has no meaning elsewhere (RFC 9110 13.1.3).
    """
    done = {param.wire for param in operation.params if param.place == "header"}
    if operation.level != "service" and operation.name != "CreateBucket":
        done.add(BUCKET_OWNER)
    if any(param.place == "source" for param in operation.params):
        done.add(SOURCE_OWNER)
    if operation.method in _READING:
        done.add("if-none-match")
    elif "if-none-match" in done:
        done.add("if-unmodified-since")
    if operation.name == "CompleteMultipartUpload":
        done.add(_SIZE)
    return GUARDS - done
