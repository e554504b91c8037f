"""Policies in the language of S3 over the wire: they apply to requests of both dialects."""

import json
from typing import Any

import pytest

from coskit.testing import LocalServer
from tests.server.support.accounts import FRIEND, account_client
from tests.server.support.http_client import HTTPClient
from tests.server.support.s3 import S3HTTPClient

DENIED = (403, "AccessDenied")


@pytest.fixture
def s3(http_client: HTTPClient) -> S3HTTPClient:
    return S3HTTPClient(http_client)


@pytest.fixture
def friend(server: LocalServer) -> S3HTTPClient:
    return S3HTTPClient(account_client(server, FRIEND))


def policy(bucket: str, *statements: dict[str, Any]) -> bytes:
    usual = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{FRIEND}:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    document = {"Version": "2012-10-17", "Statement": [usual | more for more in statements]}
    return json.dumps(document).encode()


def put(s3: S3HTTPClient, bucket: str, *statements: dict[str, Any]) -> None:
    reply = s3.request("PUT", f"/{bucket}/?policy", None, policy(bucket, *statements))
    assert reply.status == 204, reply.body


def test_a_policy_comes_back_as_it_was_put_in_both_dialects(s3: S3HTTPClient, bucket: str) -> None:
    assert s3.request("GET", f"/{bucket}/?policy").outcome == (404, "NoSuchBucketPolicy")
    put(s3, bucket, {})
    for asking in (s3, s3.http_client):
        assert asking.request("GET", f"/{bucket}/?policy").body == policy(bucket, {})


def test_a_policy_lets_in_only_the_principals_it_names(
    s3: S3HTTPClient, friend: S3HTTPClient, bucket: str
) -> None:
    assert s3.request("PUT", f"/{bucket}/k", None, b"data").status == 200
    assert friend.request("GET", f"/{bucket}/k").outcome == DENIED
    put(s3, bucket, {})
    for asking in (friend, friend.http_client):
        assert asking.request("GET", f"/{bucket}/k").body == b"data"
        assert asking.request("PUT", f"/{bucket}/k", None, b"mine").outcome == DENIED
    assert s3.request("GET", f"/{bucket}/k", signed=False).outcome == DENIED


@pytest.mark.parametrize("other", [False, True], ids=["s3", "cos"])
def test_a_deny_holds_for_the_owner_in_both_dialects(
    s3: S3HTTPClient, bucket: str, other: bool
) -> None:
    put(s3, bucket, {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject"})
    asking = s3.http_client if other else s3
    assert asking.request("PUT", f"/{bucket}/k", None, b"data").outcome == DENIED
    assert asking.request("DELETE", f"/{bucket}/?policy").status == 204
    assert asking.request("PUT", f"/{bucket}/k", None, b"data").status == 200


def test_a_policy_of_cos_holds_for_requests_of_s3(
    s3: S3HTTPClient, friend: S3HTTPClient, bucket: str
) -> None:
    assert s3.request("PUT", f"/{bucket}/k", None, b"data").status == 200
    document = {
        "version": "2.0",
        "Statement": [
            {
                "Effect": "allow",
                "Principal": {"qcs": [f"qcs::cam::uin/{FRIEND}:root"]},
                "Action": "name/cos:GetObject",
                "Resource": f"qcs::cos:*:uid/1250000000:{bucket}/*",
            }
        ],
    }
    body = json.dumps(document).encode()
    assert s3.request("PUT", f"/{bucket}/?policy", None, body).status == 204
    assert friend.request("GET", f"/{bucket}/k").body == b"data"
    assert friend.request("DELETE", f"/{bucket}/k").outcome == DENIED


@pytest.mark.parametrize("cos", [False, True], ids=["s3", "cos"])
def test_encryption_that_is_demanded_is_demanded_in_both_dialects(
    s3: S3HTTPClient, bucket: str, cos: bool
) -> None:
    condition = {"Null": {"s3:x-amz-server-side-encryption": "true"}}
    change = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Condition": condition}
    put(s3, bucket, change)
    asking, prefix = (s3.http_client, "x-cos") if cos else (s3, "x-amz")
    assert asking.request("PUT", f"/{bucket}/k", None, b"data").outcome == DENIED
    sealed = {f"{prefix}-server-side-encryption": "AES256"}
    assert asking.request("PUT", f"/{bucket}/k", sealed, b"data").status == 200


def test_tags_of_an_object_decide(s3: S3HTTPClient, friend: S3HTTPClient, bucket: str) -> None:
    for key in ("open", "shut"):
        tags = {"x-amz-tagging": f"kind={key}"}
        assert s3.request("PUT", f"/{bucket}/{key}", tags, b"data").status == 200
    put(s3, bucket, {"Condition": {"StringEquals": {"s3:ExistingObjectTag/kind": "open"}}})
    for asking in (friend, friend.http_client):
        assert asking.request("GET", f"/{bucket}/open").body == b"data"
        assert asking.request("GET", f"/{bucket}/shut").outcome == DENIED
        assert asking.request("GET", f"/{bucket}/none").outcome == DENIED


def test_a_version_is_another_right_than_the_live_object(
    s3: S3HTTPClient, friend: S3HTTPClient, bucket: str
) -> None:
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert s3.request("PUT", f"/{bucket}/?versioning", None, enabled).status == 200
    version = s3.request("PUT", f"/{bucket}/k", None, b"old")["x-amz-version-id"]
    assert s3.request("PUT", f"/{bucket}/k", None, b"new").status == 200
    put(s3, bucket, {"Action": ["s3:GetObject", "s3:DeleteObject"]})
    old = f"/{bucket}/k?versionId={version}"
    assert friend.request("GET", f"/{bucket}/k").body == b"new"
    assert friend.request("GET", old).outcome == DENIED
    assert friend.request("DELETE", old).outcome == DENIED
    entries = f"<Object><Key>k</Key><VersionId>{version}</VersionId></Object><Object><Key>k</Key></Object>"  # noqa: E501
    many = friend.request(
        "POST", f"/{bucket}/?delete", None, f"<Delete>{entries}</Delete>".encode()
    )
    assert many.texts("Code") == ["AccessDenied"]
    assert many.texts("DeleteMarker") == ["true"]
    assert s3.request("GET", old).body == b"old"


def test_a_listing_is_of_the_bucket_and_its_prefix_a_condition(
    s3: S3HTTPClient, friend: S3HTTPClient, bucket: str
) -> None:
    put(
        s3,
        bucket,
        {
            "Action": "s3:ListBucket",
            "Resource": f"arn:aws:s3:::{bucket}",
            "Condition": {"StringLike": {"s3:prefix": "home/*"}},
        },
    )
    assert friend.request("GET", f"/{bucket}/?list-type=2&prefix=home/x").status == 200
    assert friend.request("GET", f"/{bucket}/?prefix=home/x").status == 200
    assert friend.request("GET", f"/{bucket}/?list-type=2").outcome == DENIED
    assert friend.request("GET", f"/{bucket}/?prefix=home/x&versions").outcome == DENIED


def test_a_copy_needs_a_right_at_both_ends(
    s3: S3HTTPClient, friend: S3HTTPClient, bucket: str
) -> None:
    assert s3.request("PUT", f"/{bucket}/open/k", None, b"data").status == 200
    assert s3.request("PUT", f"/{bucket}/shut/k", None, b"data").status == 200
    get = {"Resource": f"arn:aws:s3:::{bucket}/open/*"}
    condition = {"StringLike": {"s3:x-amz-copy-source": f"{bucket}/*"}}
    store = {"Action": "s3:PutObject", "Condition": condition}
    put(s3, bucket, get, store)
    for source, outcome in [("open/k", (200, "")), ("shut/k", DENIED)]:
        headers = {"x-amz-copy-source": f"/{bucket}/{source}"}
        assert friend.request("PUT", f"/{bucket}/copy", headers).outcome == outcome
    assert friend.request("PUT", f"/{bucket}/copy", None, b"data").outcome == DENIED


@pytest.mark.parametrize(
    "change",
    [
        {"Resource": "arn:aws:s3:::another/*"},
        {"Principal": {"AWS": "nobody in particular"}},
        {"Action": "GetObject"},
        {"Condition": {"StringEquals": {"s3:nothing": "x"}}},
        {"Effect": "Perhaps"},
    ],
)
def test_a_policy_that_would_not_be_applied_is_refused(
    s3: S3HTTPClient, bucket: str, change: dict[str, Any]
) -> None:
    reply = s3.request("PUT", f"/{bucket}/?policy", None, policy(bucket, change))
    assert reply.outcome == (400, "MalformedPolicy")
    assert s3.request("GET", f"/{bucket}/?policy").outcome == (404, "NoSuchBucketPolicy")


def test_the_policy_status_says_whether_the_bucket_is_public(s3: S3HTTPClient, bucket: str) -> None:
    def status() -> str:
        return s3.request("GET", f"/{bucket}/?policyStatus").text("IsPublic")

    assert status() == "false"
    put(s3, bucket, {})
    assert status() == "false"
    put(s3, bucket, {"Principal": "*"})
    assert status() == "true"
    near = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    put(s3, bucket, {"Principal": "*", "Condition": near})
    assert status() == "false"
    assert s3.request("PUT", f"/{bucket}/?acl", {"x-amz-acl": "public-read"}).status == 200
    assert status() == "true"


@pytest.mark.parametrize(
    "document",
    [
        "{}",
        "[]",
        '"text"',
        "1",
        "null",
        '{"a": 1}',
        "{",
        '{"Version": "2012-10-17"}',
        '{"Version": "2012-10-17", "Statement": []}',
        '{"Version": "2012-10-17", "Statement": {}}',
        '{"Version": "2012-10-17", "Statement": "Allow"}',
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}',
        '{"Version": "2020-01-01", "Statement": []}',
        '{"Version": "2012-10-17", "Statement": [], "Statement": []}',
        '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}]}',
    ],
)
def test_what_is_no_policy_is_refused(s3: S3HTTPClient, bucket: str, document: str) -> None:
    """Source: AWS, PutBucketPolicy and Error Responses: MalformedPolicy, 400."""
    for asking in (s3, s3.http_client):
        reply = asking.request("PUT", f"/{bucket}/?policy", None, document.encode())
        assert reply.outcome == (400, "MalformedPolicy")
    assert s3.request("GET", f"/{bucket}/?policy").outcome == (404, "NoSuchBucketPolicy")
