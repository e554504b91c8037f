"""Routing: the operation of a request, and the refusal of a request without one."""

import pytest

from coskit.protocol.codec.encode_request import encode_request
from coskit.protocol.codec.routing import match
from coskit.protocol.endpoint import decode_query
from coskit.protocol.errors import (
    CosServiceError,
    InvalidArgument,
    MethodNotAllowed,
    NotImplementedOperation,
)
from coskit.protocol.model import Operation
from coskit.protocol.operations import OPERATIONS

COPY = "x-cos-copy-source"


def route(method: str, target: str, *headers: str) -> Operation:
    """Route a target: `/` is the service, `/b` a bucket, `/b/k` an object."""
    path, _, query = target.partition("?")
    bucket, _, key = path.removeprefix("/").partition("/")
    names = [name for name, _ in decode_query(query.encode())]
    return match(method, bucket or None, key or None, names, headers)


FOUND = [
    ("GET", "/", "ListBuckets", ""),
    ("GET", "/?max-keys=1&marker=b", "ListBuckets", ""),
    ("PUT", "/b", "CreateBucket", ""),
    ("HEAD", "/b", "HeadBucket", "READ"),
    ("DELETE", "/b", "DeleteBucket", "OWNER"),
    ("GET", "/b", "ListObjects", "READ"),
    ("GET", "/b?prefix=acl&delimiter=%2F", "ListObjects", "READ"),
    ("GET", "/b?versions", "ListObjectsVersions", "READ"),
    ("GET", "/b?versions=&prefix=a", "ListObjectsVersions", "READ"),
    ("GET", "/b?uploads", "ListMultipartUploads", "READ"),
    ("GET", "/b?location", "GetBucketLocation", "OWNER"),
    ("GET", "/b?versioning", "GetBucketVersioning", "OWNER"),
    ("PUT", "/b?versioning", "PutBucketVersioning", "OWNER"),
    ("GET", "/b?acl", "GetBucketAcl", "READ_ACP"),
    ("PUT", "/b?cors", "PutBucketCors", "OWNER"),
    ("GET", "/b?lifecycle", "GetBucketLifecycle", "OWNER"),
    ("DELETE", "/b?policy", "DeleteBucketPolicy", "OWNER"),
    ("GET", "/b?tagging", "GetBucketTagging", "OWNER"),
    ("PUT", "/b?acl", "PutBucketAcl", "WRITE_ACP"),
    ("POST", "/b?delete", "DeleteObjects", "WRITE"),
    ("GET", "/b/k", "GetObject", "READ"),
    ("GET", "/b/k?versionId=v&response-expires=x", "GetObject", "READ"),
    ("GET", "/b/acl", "GetObject", "READ"),
    ("GET", "/b/k%3Facl", "GetObject", "READ"),
    ("HEAD", "/b/k", "HeadObject", "READ"),
    ("PUT", "/b/k", "PutObject", "WRITE"),
    ("DELETE", "/b/k", "DeleteObject", "WRITE"),
    ("DELETE", "/b/k?versionId=v", "DeleteObject", "WRITE"),
    ("GET", "/b/k?acl", "GetObjectAcl", "READ_ACP"),
    ("GET", "/b/k?acl=&versionId=v", "GetObjectAcl", "READ_ACP"),
    ("PUT", "/b/k?acl", "PutObjectAcl", "WRITE_ACP"),
    ("GET", "/b/k?tagging", "GetObjectTagging", "OWNER"),
    ("PUT", "/b/k?tagging", "PutObjectTagging", "OWNER"),
    ("DELETE", "/b/k?tagging", "DeleteObjectTagging", "OWNER"),
    ("POST", "/b/k?uploads", "CreateMultipartUpload", "WRITE"),
    ("PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart", "WRITE"),
    ("PUT", "/b/k?uploadId=u&partNumber=1", "UploadPart", "WRITE"),
    ("GET", "/b/k?uploadId=u&max-parts=1", "ListParts", "WRITE"),
    ("GET", "/b/k?uploadId=", "ListParts", "WRITE"),
    ("POST", "/b/k?uploadId=u", "CompleteMultipartUpload", "WRITE"),
    ("DELETE", "/b/k?uploadId=u", "AbortMultipartUpload", "WRITE"),
    ("POST", "/b/k?restore&versionId=v", "RestoreObject", "OWNER"),
    ("POST", "/b/k?append&position=0", "AppendObject", "WRITE"),
    ("POST", "/b/k?append", "AppendObject", "WRITE"),
]


@pytest.mark.parametrize(("method", "target", "name", "permission"), FOUND)
def test_a_request_is_an_operation(method: str, target: str, name: str, permission: str) -> None:
    row = route(method, target, "host", "x-cos-acl")
    assert (row.name, row.permission) == (name, permission)


WITH_A_SOURCE = [
    ("/b/k", "CopyObject"),
    ("/b/k?partNumber=1&uploadId=u", "UploadPartCopy"),
    ("/b/k?acl", "PutObjectAcl"),
]


@pytest.mark.parametrize(("target", "name"), WITH_A_SOURCE)
def test_a_copy_source_makes_a_put_a_copy(target: str, name: str) -> None:
    assert route("PUT", target, "host", COPY).name == name


NOT_IMPLEMENTED, NOT_ALLOWED, INVALID = NotImplementedOperation, MethodNotAllowed, InvalidArgument
REFUSED: list[tuple[str, str, type[CosServiceError]]] = [
    ("GET", "/b?list-type=2", NOT_IMPLEMENTED),
    ("GET", "/b?unknown=1", NOT_IMPLEMENTED),
    ("PUT", "/b/k?retention", NOT_IMPLEMENTED),
    ("POST", "/b/k?select&select-type=2", NOT_IMPLEMENTED),
    ("GET", "/b?acl&website", INVALID),
    ("GET", "/b?metrics", NOT_IMPLEMENTED),
    ("GET", "/b?acl&metrics", NOT_IMPLEMENTED),
    ("PUT", "/b?notification", NOT_IMPLEMENTED),
    ("POST", "/b?restore", NOT_IMPLEMENTED),
    ("GET", "/?acl", NOT_IMPLEMENTED),
    ("POST", "/", NOT_ALLOWED),
    ("DELETE", "/", NOT_ALLOWED),
    ("POST", "/b", NOT_ALLOWED),
    ("PATCH", "/b", NOT_ALLOWED),
    ("POST", "/b/k", NOT_ALLOWED),
    ("PATCH", "/b/k", NOT_ALLOWED),
    ("get", "/b/k", NOT_ALLOWED),
    ("POST", "/b/k?acl", NOT_ALLOWED),
    ("DELETE", "/b?acl", NOT_ALLOWED),
    ("HEAD", "/b/k?acl", NOT_ALLOWED),
    ("GET", "/b?delete", NOT_ALLOWED),
    ("POST", "/b?uploads", NOT_ALLOWED),
    ("DELETE", "/b?versioning", NOT_ALLOWED),
    ("GET", "/b/k?uploads", NOT_ALLOWED),
    ("PUT", "/b/k?append", NOT_ALLOWED),
    ("PUT", "/b/k?partNumber=1", INVALID),
    ("PUT", "/b/k?uploadId=u", INVALID),
    ("GET", "/b/k?partNumber=1", INVALID),
    ("DELETE", "/b/k?partNumber=1", INVALID),
    ("HEAD", "/b/k?uploadId=u", INVALID),
    ("GET", "/b/k?uploadId=u&partNumber=1", INVALID),
    ("POST", "/b/k?uploadId=u&partNumber=1", INVALID),
    ("DELETE", "/b?uploadId=u", INVALID),
    ("PUT", "/b/k?acl&tagging", INVALID),
    ("DELETE", "/b/k?tagging&uploadId=u", INVALID),
    ("GET", "/b?versions&uploads", INVALID),
]


@pytest.mark.parametrize(("method", "target", "error"), REFUSED)
def test_a_request_is_no_operation(method: str, target: str, error: type[CosServiceError]) -> None:
    with pytest.raises(CosServiceError) as refusal:
        route(method, target)
    assert type(refusal.value) is error


def test_no_row_hides_another() -> None:
    for row in OPERATIONS:
        params = {p.name: _any(p.place, p.kind) for p in row.params if p.required and not p.choices}
        params |= {p.name: p.choices[0] for p in row.params if p.required and p.choices}
        call = encode_request(row, params)
        names = [name for name, _ in call.query]
        assert match(row.method, call.bucket, call.key, names, call.headers) is row


def _any(place: str, kind: str) -> object:
    if place == "source":
        return {"Bucket": "b", "Key": "k", "Region": "r"}
    return {} if place in ("xml", "json") else 1 if kind == "int" else "x"
