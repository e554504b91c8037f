"""Headers with a right of their own need that right in every writing request.

Sources: S3's PutObject, CopyObject, CreateMultipartUpload and CreateBucket ("Permissions": the
headers of ACLs, tags, retention and legal hold each need their action); COS's actions
`PutObjectACL`, `PutObjectTagging`.
"""

import itertools
import json
from typing import Any

import pytest

from coskit.protocol.auth.signature import TOKEN
from coskit.testing import LocalServer
from tests.server.auth.test_session_tokens import temporary
from tests.server.dialects.test_post_object import BOUNDARY, form, post
from tests.server.dialects.test_s3_post_object import fourth
from tests.server.support.accounts import FRIEND, account_client
from tests.server.support.http_client import OWNER, HTTPClient, Reply
from tests.server.support.s3 import S3HTTPClient

DENIED = (403, "AccessDenied")
UNTIL = "2099-01-01T00:00:00Z"
_numbers = itertools.count(1)

# The right, a header of S3 that sets what it is about, and the header's twin in COS.
RIGHTS = [
    ("PutObjectAcl", {"x-amz-acl": "public-read"}, {"x-cos-acl": "public-read"}),
    ("PutObjectAcl", {"x-amz-acl": "authenticated-read"}, {"x-cos-acl": "authenticated-read"}),
    ("PutObjectAcl", {"x-amz-grant-read": f"id={FRIEND}"}, {"x-cos-grant-read": f'id="{FRIEND}"'}),
    (
        "PutObjectAcl",
        {"x-amz-grant-full-control": f"id={FRIEND}"},
        {"x-cos-grant-full-control": f'id="{FRIEND}"'},
    ),
    (
        "PutObjectAcl",
        {"x-amz-grant-write-acp": f"id={FRIEND}"},
        {"x-cos-grant-write-acp": f'id="{FRIEND}"'},
    ),
    ("PutObjectTagging", {"x-amz-tagging": "a=b"}, {"x-cos-tagging": "a=b"}),
    (
        "PutObjectRetention",
        {"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": UNTIL},
        None,
    ),
    ("PutObjectLegalHold", {"x-amz-object-lock-legal-hold": "ON"}, None),
]
CASES = [
    pytest.param(name, headers, dialect, id=f"{dialect}-{name}-{next(iter(headers))}")
    for name, amz, cos in RIGHTS
    for dialect, headers in (("s3", amz), ("cos", cos))
    if headers
]
WAYS = ("put", "copy", "initiate", "append", "form")


@pytest.fixture(scope="module")
def s3(http_client: HTTPClient) -> S3HTTPClient:
    return S3HTTPClient(http_client)


@pytest.fixture(scope="module")
def friend(server: LocalServer) -> HTTPClient:
    return account_client(server, FRIEND)


@pytest.fixture(scope="module")
def locked_bucket(s3: S3HTTPClient) -> str:
    """Give a bucket with object lock and a source to copy; it stays, for what is locked stays."""
    name = f"rights{next(_numbers)}-1250000000"
    lock = {"x-amz-bucket-object-lock-enabled": "true"}
    assert s3.request("PUT", f"/{name}/", lock).status == 200
    assert s3.request("PUT", f"/{name}/source", None, b"x").status == 200
    return name


@pytest.fixture(scope="module")
def commons(s3: S3HTTPClient) -> str:
    """Give a bucket with object lock that all may write."""
    name = f"rights{next(_numbers)}-1250000000"
    opened = {"x-amz-bucket-object-lock-enabled": "true", "x-amz-acl": "public-read-write"}
    assert s3.request("PUT", f"/{name}/", opened).status == 200
    return name


def of_s3(bucket: str, effect: str, *actions: str) -> dict[str, Any]:
    return {
        "Effect": effect,
        "Principal": {"AWS": FRIEND},
        "Action": [f"s3:{action}" for action in actions],
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }


def of_cos(bucket: str, effect: str, *actions: str) -> dict[str, Any]:
    return {
        "Effect": effect.lower(),
        "Principal": {"qcs": [f"qcs::cam::uin/{FRIEND}:uin/{FRIEND}"]},
        "Action": [f"name/cos:{action}" for action in actions],
        "Resource": [f"qcs::cos:ap-local:uid/{OWNER}:{bucket}/*"],
    }


WRITING = {
    "s3": ("PutObject", "GetObject"),
    "cos": ("PutObject", "GetObject", "InitiateMultipartUpload", "AppendObject"),
}


def put_policy(s3: S3HTTPClient, bucket: str, language: str, *more: tuple[str, str]) -> None:
    """Let the friend write, and besides what is named: ("Allow", "PutObjectAcl")."""
    make, version = (of_s3, "2012-10-17") if language == "s3" else (of_cos, "2.0")
    statements = [make(bucket, "Allow", *WRITING[language])]
    statements += [make(bucket, *extra) for extra in more]
    body = json.dumps({"Version": version, "Statement": statements}).encode()
    reply = s3.request("PUT", f"/{bucket}/?policy", None, body)
    assert reply.status == 204, reply.body


def write(
    who: HTTPClient,
    dialect: str,
    way: str,
    bucket: str,
    headers: dict[str, str],
    *,
    signed: bool = True,
) -> Reply:
    """Store something with headers, in one of WAYS."""
    key = f"k{next(_numbers)}"
    ask = S3HTTPClient(who).request if dialect == "s3" else who.request
    target = f"/{bucket}/{key}"
    if way == "copy":
        prefix = "x-amz" if dialect == "s3" else "x-cos"
        host = bucket if dialect == "s3" else f"{bucket}.cos.ap-local.myqcloud.com"
        directive = {f"{prefix}-tagging-directive": "REPLACE" if dialect == "s3" else "Replaced"}
        source = {f"{prefix}-copy-source": f"{host}/source", **directive}
        return ask("PUT", target, {**headers, **source}, b"", signed=signed)
    if way == "initiate":
        return ask("POST", f"{target}?uploads", headers, b"", signed=signed)
    if way == "append":
        return ask("POST", f"{target}?append&position=0", headers, b"x", signed=signed)
    if way == "form":
        return send_form(who, dialect, bucket, key, headers, signed=signed)
    return ask("PUT", target, headers, b"x", signed=signed)


def send_form(
    who: HTTPClient, dialect: str, bucket: str, key: str, headers: dict[str, str], *, signed: bool
) -> Reply:
    """Send the headers as fields of a form, which in S3 its policy signs and in COS its request."""
    fields = {"key": key, **headers}
    if tags := fields.pop("x-amz-tagging", ""):
        name, _, value = tags.partition("=")
        tag = f"<Tag><Key>{name}</Key><Value>{value}</Value></Tag>"
        fields["tagging"] = f"<Tagging><TagSet>{tag}</TagSet></Tagging>"
    pairs = list(fields.items())
    if dialect == "s3" and signed:
        named: dict[str, Any] = {name.replace("-", "_"): text for name, text in fields.items()}
        return post(who, bucket, form(fourth(who, bucket, **named)))
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    return who.request("POST", f"/{bucket}", headers, form(pairs), signed=signed)


def ways(dialect: str, headers: dict[str, str]) -> tuple[str, ...]:
    """Return the ways to write that take these headers."""
    left_out = {"append"} if dialect == "s3" or "x-cos-tagging" in headers else set()
    return tuple(way for way in WAYS if way not in left_out)


@pytest.mark.parametrize("language", ["s3", "cos"])
@pytest.mark.parametrize(("name", "headers", "dialect"), CASES)
def test_a_header_asks_for_its_right(
    s3: S3HTTPClient, friend: HTTPClient, locked_bucket: str, name: str, headers: dict[str, str],
    dialect: str, language: str,
) -> None:  # fmt: skip
    put_policy(s3, locked_bucket, language)
    for way in ways(dialect, headers):
        assert write(friend, dialect, way, locked_bucket, headers).outcome == DENIED, way
        plain = write(friend, dialect, way, locked_bucket, {})
        assert way == "append" or plain.status in (200, 204), (way, plain.body)
    put_policy(s3, locked_bucket, language, ("Allow", "*"), ("Deny", name))
    for way in ways(dialect, headers):
        assert write(friend, dialect, way, locked_bucket, headers).outcome == DENIED, way
    put_policy(s3, locked_bucket, language, ("Allow", name))
    for way in ways(dialect, headers):
        given = write(friend, dialect, way, locked_bucket, headers)
        # An object that grows is not for a bucket with versions.
        assert given.status in (200, 204) or way == "append", (way, given.body)
        assert given.outcome != DENIED, way


@pytest.mark.parametrize(("name", "headers", "dialect"), CASES)
def test_the_owner_may_be_denied_it_too(
    s3: S3HTTPClient, locked_bucket: str, name: str, headers: dict[str, str], dialect: str
) -> None:
    deny = of_s3(locked_bucket, "Deny", name) | {"Principal": "*"}
    body = json.dumps({"Version": "2012-10-17", "Statement": [deny]}).encode()
    assert s3.request("PUT", f"/{locked_bucket}/?policy", None, body).status == 204
    assert write(s3.http_client, dialect, "put", locked_bucket, headers).outcome == DENIED
    assert write(s3.http_client, dialect, "put", locked_bucket, {}).status == 200


@pytest.mark.parametrize(("name", "headers", "dialect"), CASES)
def test_an_anonymous_writer_may_not_set_it_in_a_public_bucket(
    http_client: HTTPClient, commons: str, name: str, headers: dict[str, str], dialect: str
) -> None:
    expected = 403
    if headers in ({"x-amz-acl": "public-read"}, {"x-cos-acl": "public-read"}):
        expected = 200  # it opens no more than the bucket does already
    reply = write(http_client, dialect, "put", commons, headers, signed=False)
    assert reply.status == expected, name


HARMLESS = [
    ("s3", {"x-amz-acl": "private"}),
    ("s3", {"x-amz-acl": "bucket-owner-full-control"}),
    ("s3", {"x-amz-grant-full-control": f"id={OWNER}"}),
    ("cos", {"x-cos-acl": "private"}),
    ("cos", {"x-cos-acl": "default"}),
    ("cos", {"x-cos-acl": "bucket-owner-full-control"}),
    ("cos", {"x-cos-grant-read": f'id="{OWNER}"'}),
]


@pytest.mark.parametrize(("dialect", "headers"), HARMLESS, ids=str)
def test_an_acl_that_opens_nothing_is_part_of_writing(
    s3: S3HTTPClient, friend: HTTPClient, locked_bucket: str, dialect: str, headers: dict[str, str]
) -> None:
    put_policy(s3, locked_bucket, "cos")
    assert write(friend, dialect, "put", locked_bucket, headers).status == 200


def test_an_account_with_write_access_may_publish_and_tag_its_own_objects(
    http_client: HTTPClient, friend: HTTPClient, bucket: str
) -> None:
    grant = {"x-cos-grant-write": f'id="{FRIEND}"'}
    assert http_client.request("PUT", f"/{bucket}/?acl", grant, b"").status == 200
    for headers in ({"x-cos-acl": "public-read"}, {"x-cos-tagging": "a=b"}):
        assert write(friend, "cos", "put", bucket, headers).status == 200
        assert write(http_client, "cos", "put", bucket, headers, signed=False).outcome == DENIED


CREATIONS = [
    ("PutBucketAcl", {"x-cos-acl": "public-read"}),
    ("PutBucketTagging", {"x-cos-tagging": "a=b"}),
]


@pytest.mark.parametrize(("name", "headers"), CREATIONS)
def test_a_temporary_key_creates_buckets_with_what_it_may_set(
    server: LocalServer, name: str, headers: dict[str, str]
) -> None:
    bucket = f"made{next(_numbers)}-1250000000"
    for actions, status in ((["PutBucket"], 403), (["PutBucket", name], 200)):
        policy = {
            "statement": [
                {
                    "effect": "allow",
                    "action": [f"name/cos:{action}" for action in actions],
                    "resource": "*",
                }
            ]
        }
        holder = temporary(server, policy=json.dumps(policy))
        sent = {TOKEN: holder.credentials.token, **headers}
        assert holder.request("PUT", f"/{bucket}/", sent, b"").status == status
