"""Conditional headers, by which a request asks not to be done, and the rows that obey them.

An ignored condition lets something happen that the client has ruled out. So a request with a
condition that its row does not obey is refused.
"""

from functools import cache

from coskit.protocol.model import Operation

BUCKET_OWNER = "x-amz-expected-bucket-owner"
SOURCE_OWNER = "x-amz-source-expected-bucket-owner"
READ_CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
NOT_MODIFIED_CONDITIONS = ("if-none-match", "if-modified-since")  # a read answers them with 304
# If-Modified-Since has no meaning for anything but reads (RFC 9110 13.1.3).
WRITE_CONDITIONS = ("if-match", "if-none-match", "if-unmodified-since")
_OF_SOURCE = tuple(f"x-cos-copy-source-{name}" for name in READ_CONDITIONS)
_SIZE = "x-amz-mp-object-size"
# "false" in these headers asks for nothing; in the others it is a value.
FLAGS = frozenset(("x-cos-forbid-overwrite", "x-amz-object-lock-event-hold"))
# Conditions of COS; an S3 request that has one has not signed it.
COS_CONDITIONAL_HEADERS = frozenset(("x-cos-forbid-overwrite", *_OF_SOURCE))
# In an S3 request the conditions on a copy's source have their COS names already.
_AMZ_OF_SOURCE = frozenset(name.replace("x-cos-", "x-amz-") for name in _OF_SOURCE)
_OF_S3 = frozenset(
    """x-amz-bucket-object-lock-token x-amz-expected-bucket-owner x-amz-if-match-initiated-time
    x-amz-if-match-last-modified-time x-amz-if-match-size x-amz-mfa x-amz-mp-object-size
    x-amz-object-if-match x-amz-object-lock-event-hold x-amz-object-lock-event-hold-duration-days
    x-amz-object-lock-event-hold-duration-years x-amz-rename-source x-amz-rename-source-if-match
    x-amz-rename-source-if-modified-since x-amz-rename-source-if-none-match
    x-amz-rename-source-if-unmodified-since x-amz-source-expected-bucket-owner
    x-amz-write-offset-bytes""".split()
)
CONDITIONAL_HEADERS = (
    COS_CONDITIONAL_HEADERS | _AMZ_OF_SOURCE | _OF_S3 | frozenset(WRITE_CONDITIONS)
)
_READING = ("GET", "HEAD")


@cache
def unsupported_conditions(operation: Operation) -> frozenset[str]:
    """Return the conditional headers that a row does not obey, under their COS names.

    A read may ignore If-None-Match: it only saves a transfer (RFC 9110 13.1.2).
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
    return CONDITIONAL_HEADERS - done
