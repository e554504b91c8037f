"""The rights that a request needs for its headers, besides the right of its row."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from coskit.protocol import operations as cos
from coskit.protocol.model import Operation
from coskit.protocol.s3.extra_operations import SUBRESOURCES

_S3 = {row.name: row for row in SUBRESOURCES}


def _as_header_right(row: Operation) -> Operation:
    """Return a row as the right to set by a header what the row sets by a document."""
    params = tuple(param for param in row.params if param.place not in ("xml", "json"))
    return replace(row, params=params, body=None)


SET_ACL = _as_header_right(cos.PUT_OBJECT_ACL)
SET_BUCKET_ACL = _as_header_right(cos.PUT_BUCKET_ACL)
SET_TAGS = _as_header_right(cos.PUT_OBJECT_TAGGING)
_SET_BUCKET_TAGS = _as_header_right(cos.PUT_BUCKET_TAGGING)
_SET_RETENTION = _as_header_right(_S3["PutObjectRetention"])
_SET_HOLD = _as_header_right(_S3["PutObjectLegalHold"])
_SET_BUCKET_LOCK = _as_header_right(_S3["PutObjectLockConfiguration"])
_SET_VERSIONING = _as_header_right(cos.PUT_BUCKET_VERSIONING)
_SET_OWNERSHIP = _as_header_right(_S3["PutBucketOwnershipControls"])

ACL_HEADERS = ("x-cos-acl", *(f"x-cos-grant-{name}" for name in (
    "full-control", "read", "read-acp", "write", "write-acp"
)))  # fmt: skip
_OBJECT_HEADERS: Mapping[str, tuple[Operation, ...]] = {
    **dict.fromkeys(ACL_HEADERS, (SET_ACL,)),
    "x-cos-tagging": (SET_TAGS,),
    "x-amz-object-lock-mode": (_SET_RETENTION,),
    "x-amz-object-lock-retain-until-date": (_SET_RETENTION,),
    "x-amz-object-lock-legal-hold": (_SET_HOLD,),
}
_BUCKET_HEADERS: Mapping[str, tuple[Operation, ...]] = {
    **dict.fromkeys(ACL_HEADERS, (SET_BUCKET_ACL,)),
    "x-cos-tagging": (_SET_BUCKET_TAGS,),
    # Object lock enables versioning.
    "x-amz-bucket-object-lock-enabled": (_SET_BUCKET_LOCK, _SET_VERSIONING),
    "x-amz-object-ownership": (_SET_OWNERSHIP,),
}
_NO_EFFECT = ("", "false", "default")


def header_rights(operation: Operation, headers: Mapping[str, str]) -> tuple[Operation, ...]:
    """Return the rights, as rows, that a request's headers need.

    Args:
        operation: the request's row. A row that is such a right itself needs no other.
        headers: the headers by lower-case name, in the names of COS.
    """
    table = _header_table(operation)
    if table.keys().isdisjoint(headers):
        return ()
    found: dict[Operation, None] = {}
    for name, rights in table.items():
        if headers.get(name, "").lower() not in _NO_EFFECT:
            found.update(dict.fromkeys(rights))
    return tuple(found)


@cache
def _header_table(operation: Operation) -> Mapping[str, tuple[Operation, ...]]:
    """Return the headers of a row that need a right of their own."""
    known = _BUCKET_HEADERS if operation.level == "bucket" else _OBJECT_HEADERS
    return {
        param.wire: known[param.wire]
        for param in operation.params
        if param.place == "header"
        and param.wire in known
        and known[param.wire][0].name != operation.name
    }
