"""Unknown query parameters: a request that has one is never routed as if it had not."""

from collections.abc import Callable

import pytest

from coskit.protocol.codec.routing import match
from coskit.protocol.errors import (
    CosServiceError,
    InvalidArgument,
    MethodNotAllowed,
    NotImplementedOperation,
)
from coskit.protocol.model import Operation
from coskit.server.dialects.dialect import COS, S3
from tests.support.published import OTHER_COS_PARAMETERS, cos_parameters, s3_parameters

PUBLISHED = sorted(s3_parameters() | cos_parameters() | OTHER_COS_PARAMETERS)
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH")
LEVELS = {"service": (None, None), "bucket": ("b", None), "object": ("b", "k")}
DIALECTS = {"COS": COS.match, "S3": S3.match}
# Names that leave a request what it is (vendor: GET Object).
OF_ANSWERS = {f"response-{name}" for name in (
    "cache-control", "content-disposition", "content-encoding", "content-language", "content-type",
    "expires",
)}  # fmt: skip
REFUSALS = (NotImplementedOperation, MethodNotAllowed, InvalidArgument)
Match = Callable[..., Operation]


def known(row: Operation) -> set[str]:
    return {p.wire for p in row.params if p.place == "query"} | ({row.flag} if row.flag else set())


def spellings(name: str) -> set[str]:
    return {name, name.upper(), name.lower(), name.capitalize()} - {"Expires"}  # of signatures


def test_the_published_apis_were_found() -> None:
    assert {"metrics", "publicAccessBlock", "renameObject", "annotation"} <= s3_parameters()
    assert {"response-control", "symlink", "ci-process", "live"} <= cos_parameters()
    assert len(PUBLISHED) > 150


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_parameter_is_one_of_the_row_or_the_request_is_none(
    dialect: str, name: str
) -> None:
    for method in METHODS:
        for bucket, key in LEVELS.values():
            for spelling in spellings(name):
                for more in ((), ("acl",), ("uploadId", "partNumber")):
                    try:
                        row = DIALECTS[dialect](method, bucket, key, (spelling, *more), ("host",))
                    except REFUSALS:
                        continue
                    is_known = spelling in known(row) | OF_ANSWERS
                    assert is_known, (method, bucket, key, spelling, more)


UNKNOWN = [
    ("DELETE", "bucket", "response-control"),
    ("DELETE", "bucket", "metrics"),
    ("DELETE", "bucket", "publicAccessBlock"),
    ("DELETE", "bucket", "anything"),
    ("PUT", "bucket", "symlink"),
    ("PUT", "object", "renameObject"),
    ("PUT", "object", "annotation"),
    ("PUT", "object", "versionId"),
    ("PUT", "object", "unsed"),
    ("PUT", "bucket", "prefix"),
    ("POST", "object", "ci-process"),
    ("GET", "object", "ci-process"),
    ("GET", "object", "imageMogr2/thumbnail/!50p"),
    ("GET", "object", "v"),
    ("GET", "object", ""),
    ("GET", "bucket", "response-control"),
    ("GET", "service", "acl2"),
    ("HEAD", "object", "Response-Content-Type"),
    ("DELETE", "object", "UPLOADID"),
    ("DELETE", "object", "TAGGING"),
    ("DELETE", "object", "version-id"),
    ("DELETE", "bucket", "CORS"),
    ("GET", "object", "X-COS-Traffic-Limit"),
    ("GET", "object", "x-cos-Traffic-Limit"),
    ("GET", "object", "Q-Signature"),
    ("GET", "object", "q-Signature"),
]


@pytest.mark.parametrize(("method", "level", "name"), UNKNOWN)
def test_an_unknown_parameter_is_not_implemented(method: str, level: str, name: str) -> None:
    for other in ((), ("q-signature", "x-id")):
        with pytest.raises(CosServiceError) as refusal:
            match(method, *LEVELS[level], (name, *other), ("host",))
        assert refusal.value.status == 501, name
        assert name[:20].encode("ascii", "backslashreplace").decode() in str(refusal.value)


Q_SIGN = (
    "q-sign-algorithm", "q-ak", "q-sign-time", "q-key-time", "q-header-list", "q-url-param-list",
    "q-signature", "x-cos-security-token",
)  # fmt: skip
V4 = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
      "X-Amz-Security-Token", "X-Amz-Signature", "X-Amz-Content-Sha256")  # fmt: skip
V2 = ("AWSAccessKeyId", "Signature", "Expires", "x-amz-security-token", "content-md5",
      "content-type")  # fmt: skip
HARMLESS: list[tuple[str, Match, str, str, tuple[str, ...], str]] = [
    ("q-sign in a URL", COS.match, "PUT", "object", Q_SIGN, "PutObject"),
    ("q-sign as one parameter, as the Java and Go SDKs can", COS.match, "GET", "object",
     ("sign", "x-cos-security-token"), "GetObject"),
    ("version 4 in a URL", S3.match, "PUT", "object", (*V4, "x-id"), "PutObject"),
    ("headers in a URL of version 4", S3.match, "PUT", "object",
     (*V4, "x-amz-acl", "X-Amz-Meta-A", "X-Amz-User-Agent", "x-amz-checksum-crc32"), "PutObject"),
    ("version 2 in a URL", S3.match, "PUT", "object", V2, "PutObject"),
    ("the operation's name, as @aws-sdk and aws-sdk-go-v2 send it", S3.match, "GET", "object",
     ("x-id",), "GetObject"),
    ("a traffic limit", COS.match, "GET", "object", ("x-cos-traffic-limit",), "GetObject"),
    ("what the answer is to say", COS.match, "GET", "object", tuple(OF_ANSWERS), "GetObject"),
    ("what the answer is to say, of an ACL", S3.match, "GET", "object",
     ("acl", "response-expires"), "GetObjectAcl"),
    ("a test of the vendor's", COS.match, "GET", "object", ("acl", "unsed"), "GetObjectAcl"),
    ("the names that go to S3's log", S3.match, "GET", "bucket", ("x-user", "x-job"),
     "ListObjects"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("find", "method", "level", "names", "name"),
    [row[1:] for row in HARMLESS],
    ids=[row[0] for row in HARMLESS],
)
def test_some_parameters_leave_a_request_what_it_is(
    find: Match, method: str, level: str, names: tuple[str, ...], name: str
) -> None:
    assert find(method, *LEVELS[level], names, ("host",)).name == name


def test_a_header_of_version_2_in_a_query_is_none_of_another_signature() -> None:
    with pytest.raises(NotImplementedOperation):
        S3.match("PUT", "b", "k", ("content-type", "X-Amz-Signature"), ("host",))


@pytest.mark.parametrize(
    ("dialect", "header"),
    [
        ("COS", "x-amz-copy-source"),
        ("S3", "x-cos-copy-source"),
        ("S3", "x-amz-write-offset-bytes"),
    ],
)
def test_a_header_that_asks_for_another_operation_never_makes_a_plain_put(
    dialect: str, header: str
) -> None:
    with pytest.raises(NotImplementedOperation, match=header):
        DIALECTS[dialect]("PUT", "b", "k", (), ("host", header))
