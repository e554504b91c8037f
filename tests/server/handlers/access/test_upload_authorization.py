"""Multipart uploads belong to the initiator, the bucket's owner and accounts of a policy.

Source: S3, "Multipart upload API and permissions"; S3's error "Anonymous users cannot initiate
multipart uploads".
"""

import json

import pytest

from coskit.testing import LocalServer
from tests.server.support.accounts import FRIEND, OTHER, OTHER_SUB_ACCOUNT, account_client
from tests.server.support.http_client import OWNER, HTTPClient, Reply
from tests.server.support.s3 import S3HTTPClient
from tests.support.ids import stable_id

DENIED = (403, "AccessDenied")
STEPS = ("part", "copy a part", "list parts", "complete", "abort")


@pytest.fixture(params=["cos", "s3"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def commons(http_client: HTTPClient, bucket: str) -> str:
    """Give a bucket that all may write."""
    assert (
        http_client.request(
            "PUT", f"/{bucket}/?acl", {"x-cos-acl": "public-read-write"}, b""
        ).status
        == 200
    )
    assert http_client.request("PUT", f"/{bucket}/source", {}, b"x").status == 200
    return bucket


def ask(who: HTTPClient, dialect: str, *request: object, signed: bool = True) -> Reply:
    method, target, headers, body = (*request, None, None)[:4]
    asking = S3HTTPClient(who) if dialect == "s3" else who
    return asking.request(method, target, headers or {}, body, signed=signed)  # type: ignore[arg-type]


def begin(who: HTTPClient, bucket: str, key: str = "k") -> str:
    reply = who.request("POST", f"/{bucket}/{key}?uploads", {}, b"")
    assert reply.status == 200, reply.body
    return reply.text("UploadId")


def step(
    who: HTTPClient, dialect: str, name: str, bucket: str, upload: str, *, signed: bool = True
) -> Reply:
    """Do one of STEPS."""
    target = f"/{bucket}/k?uploadId={upload}"
    numbered = f"/{bucket}/k?partNumber=1&uploadId={upload}"
    if name == "part":
        return ask(who, dialect, "PUT", numbered, {}, b"x", signed=signed)
    if name == "copy a part":
        prefix = "x-amz" if dialect == "s3" else "x-cos"
        host = bucket if dialect == "s3" else f"{bucket}.cos.ap-local.myqcloud.com"
        source = {f"{prefix}-copy-source": f"{host}/source"}
        return ask(who, dialect, "PUT", numbered, source, b"", signed=signed)
    if name == "list parts":
        return ask(who, dialect, "GET", target, signed=signed)
    if name == "abort":
        return ask(who, dialect, "DELETE", target, signed=signed)
    etag = "9dd4e461268c8034f5c8564e155c67a6"  # of b"x"
    body = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    ).encode()
    return ask(who, dialect, "POST", target, {}, body, signed=signed)


@pytest.mark.parametrize("name", STEPS)
def test_no_other_account_continues_an_upload(
    server: LocalServer, http_client: HTTPClient, commons: str, dialect: str, name: str
) -> None:
    friend, other = account_client(server, FRIEND), account_client(server, OTHER)
    for owner in (http_client, friend):
        upload = begin(owner, commons)
        assert step(owner, dialect, "part", commons, upload).status == 200
        assert step(other, dialect, name, commons, upload).outcome == DENIED
        assert step(other, dialect, name, commons, upload, signed=False).outcome == DENIED
        assert step(owner, dialect, name, commons, upload).status in (200, 204)
        assert step(owner, dialect, "abort", commons, upload).status in (204, 404)


@pytest.mark.parametrize("name", STEPS)
def test_the_buckets_owner_goes_on_with_every_upload(
    server: LocalServer, http_client: HTTPClient, commons: str, dialect: str, name: str
) -> None:
    friend = account_client(server, FRIEND)
    upload = begin(friend, commons)
    assert step(friend, dialect, "part", commons, upload).status == 200
    assert step(http_client, dialect, name, commons, upload).status in (200, 204)


def test_who_may_write_no_more_lists_and_aborts_and_nothing_else(
    server: LocalServer, http_client: HTTPClient, commons: str, dialect: str
) -> None:
    friend = account_client(server, FRIEND)
    upload = begin(friend, commons)
    assert step(friend, dialect, "part", commons, upload).status == 200
    assert (
        http_client.request("PUT", f"/{commons}/?acl", {"x-cos-acl": "private"}, b"").status == 200
    )
    for name in ("part", "complete"):
        assert step(friend, dialect, name, commons, upload).outcome == DENIED
    for name in ("list parts", "abort"):
        assert step(friend, dialect, name, commons, upload).status in (200, 204)


@pytest.mark.parametrize(
    ("actions", "allowed"),
    [
        ({"s3:PutObject"}, {"part", "complete"}),
        ({"s3:ListMultipartUploadParts"}, {"list parts"}),
        ({"s3:AbortMultipartUpload"}, {"abort"}),
        ({"name/cos:UploadPart"}, {"part", "copy a part"}),
        ({"name/cos:ListParts"}, {"list parts"}),
        ({"name/cos:CompleteMultipartUpload"}, {"complete"}),
        ({"name/cos:AbortMultipartUpload"}, {"abort"}),
    ],
    ids=stable_id,
)
def test_a_policy_lets_others_go_on(
    server: LocalServer, http_client: HTTPClient, bucket: str, actions: set[str], allowed: set[str]
) -> None:
    other = account_client(server, OTHER)
    is_s3 = next(iter(actions)).startswith("s3:")
    assert (
        http_client.request("PUT", f"/{bucket}/source", {"x-cos-acl": "public-read"}, b"x").status
        == 200
    )
    cos_id = {"qcs": [f"qcs::cam::uin/{OTHER}:uin/{OTHER}"]}
    path = f"qcs::cos:*:uid/{OWNER}:{bucket}/*"
    statement = {
        "Effect": "Allow" if is_s3 else "allow",
        "Principal": {"AWS": OTHER} if is_s3 else cos_id,
        "Action": list(actions),
        "Resource": [f"arn:aws:s3:::{bucket}/*" if is_s3 else path],
    }
    document = {"Version": "2012-10-17" if is_s3 else "2.0", "Statement": [statement]}
    body = json.dumps(document).encode()
    assert http_client.request("PUT", f"/{bucket}/?policy", {}, body).status == 204
    for name in STEPS:
        upload = begin(http_client, bucket)
        assert step(http_client, "cos", "part", bucket, upload).status == 200
        found = step(other, "cos", name, bucket, upload)
        expected = name in allowed or (name == "copy a part" and "s3:PutObject" in actions)
        assert (found.outcome != DENIED) is expected, (name, found.body)
        http_client.request("DELETE", f"/{bucket}/k?uploadId={upload}")


def test_an_anonymous_client_does_not_start_an_upload(
    http_client: HTTPClient, commons: str, dialect: str
) -> None:
    target = f"/{commons}/k?uploads"
    assert ask(http_client, dialect, "POST", target, {}, b"", signed=False).outcome == DENIED


def test_the_initiator_is_returned_and_is_not_the_future_owner(
    server: LocalServer, http_client: HTTPClient, bucket: str
) -> None:
    grant = {"x-cos-grant-write": f'id="{OTHER_SUB_ACCOUNT}"'}
    assert http_client.request("PUT", f"/{bucket}/?acl", grant, b"").status == 200
    helper, account = account_client(server, OTHER_SUB_ACCOUNT), account_client(server, OTHER)
    upload = begin(helper, bucket)
    for target in ("?uploads", f"k?uploadId={upload}"):
        returned = http_client.request("GET", f"/{bucket}/{target}").body
        assert b"<Initiator><ID>%s</ID>" % OTHER_SUB_ACCOUNT.encode() in returned
        assert b"<Owner><ID>%s</ID>" % OTHER.encode() in returned
    assert step(account, "cos", "list parts", bucket, upload).status == 200  # its sub-account's
    assert step(helper, "cos", "abort", bucket, upload).status == 204
