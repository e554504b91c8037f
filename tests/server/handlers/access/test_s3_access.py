"""S3 access settings: ACLs, the public access block, ownership."""

import pytest

from coskit.testing import LocalServer
from tests.server.support.accounts import FRIEND, account_client
from tests.server.support.http_client import OWNER, HTTPClient, Reply
from tests.server.support.s3 import S3HTTPClient
from tests.support.local import remove_bucket

DENIED = (403, "AccessDenied")
NO_ACLS = (400, "AccessControlListNotSupported")
SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@pytest.fixture
def s3(http_client: HTTPClient) -> S3HTTPClient:
    return S3HTTPClient(http_client)


@pytest.fixture
def friend(server: LocalServer) -> S3HTTPClient:
    return S3HTTPClient(account_client(server, FRIEND))


def blocking(*on: str) -> bytes:
    inner = "".join(f"<{name}>{str(name in on).lower()}</{name}>" for name in SWITCHES)
    tag = "PublicAccessBlockConfiguration"
    return f"<{tag}>{inner}</{tag}>".encode()


def open_policy(bucket: str, action: str = "s3:GetObject") -> bytes:
    return (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",'
        f' "Action": "{action}",'
        f' "Resource": ["arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"]}}]}}'
    ).encode()


def owning(kind: str) -> bytes:
    rule = f"<Rule><ObjectOwnership>{kind}</ObjectOwnership></Rule>"
    return f"<OwnershipControls>{rule}</OwnershipControls>".encode()


def owner_of(reply: Reply) -> str:
    return reply.body.partition(b"<Owner>")[2].partition(b"</ID>")[0].rpartition(b">")[2].decode()


def test_the_block_comes_back_as_it_was_put(s3: S3HTTPClient, bucket: str) -> None:
    target = f"/{bucket}/?publicAccessBlock"
    missing = (404, "NoSuchPublicAccessBlockConfiguration")
    assert s3.request("GET", target).outcome == missing
    assert s3.request("PUT", target, None, blocking("IgnorePublicAcls")).status == 200
    returned = s3.request("GET", target)
    assert [returned.text(name) for name in SWITCHES] == ["false", "true", "false", "false"]
    bad = blocking().replace(b"false", b"perhaps", 1)
    assert s3.request("PUT", target, None, bad).outcome == (400, "MalformedXML")
    for _ in range(2):
        assert s3.request("DELETE", target).status == 204
    assert s3.request("GET", target).outcome == missing


@pytest.mark.parametrize("acl", ["public-read", "public-read-write", "authenticated-read"])
def test_public_acls_can_be_refused_in_both_dialects(
    s3: S3HTTPClient, bucket: str, acl: str
) -> None:
    block = blocking("BlockPublicAcls")
    assert s3.request("PUT", f"/{bucket}/?publicAccessBlock", None, block).status == 200
    speakers: list[tuple[S3HTTPClient | HTTPClient, str]] = [
        (s3, "x-amz-acl"),
        (s3.http_client, "x-cos-acl"),
    ]
    for asking, header in speakers:
        for target, body in [("?acl", None), ("k", b"data")]:
            given = {header: acl}
            if asking is s3.http_client and target == "k" and acl == "public-read-write":
                continue  # objects of COS have no such ACL
            assert asking.request("PUT", f"/{bucket}/{target}", given, body).outcome == DENIED
        assert asking.request("PUT", f"/{bucket}/k", {header: "private"}, b"data").status == 200
        assert asking.request("PUT", f"/{bucket}/k?acl", {header: "public-read"}).outcome == DENIED


def test_public_acls_can_be_ignored(s3: S3HTTPClient, friend: S3HTTPClient, bucket: str) -> None:
    public = {"x-amz-acl": "public-read"}
    assert s3.request("PUT", f"/{bucket}/?acl", public).status == 200
    assert s3.request("PUT", f"/{bucket}/k", public, b"data").status == 200
    for target in ("", "k"):
        assert friend.request("GET", f"/{bucket}/{target}").status == 200
    block = blocking("IgnorePublicAcls")
    assert s3.request("PUT", f"/{bucket}/?publicAccessBlock", None, block).status == 200
    for target in ("", "k"):
        for asking in (friend, friend.http_client):
            assert asking.request("GET", f"/{bucket}/{target}").outcome == DENIED
    granted = {"x-amz-grant-read": f"id={FRIEND}"}
    assert s3.request("PUT", f"/{bucket}/k?acl", granted).status == 200
    assert friend.request("GET", f"/{bucket}/k").body == b"data"


def test_public_policies_can_be_refused_or_restricted(
    s3: S3HTTPClient, friend: S3HTTPClient, bucket: str
) -> None:
    assert s3.request("PUT", f"/{bucket}/k", None, b"data").status == 200
    place, put = f"/{bucket}/?publicAccessBlock", ("PUT", f"/{bucket}/?policy", None)
    assert s3.request("PUT", place, None, blocking("BlockPublicPolicy")).status == 200
    assert s3.request(*put, open_policy(bucket)).outcome == DENIED
    named = open_policy(bucket).replace(b'"*"', f'{{"AWS": "{FRIEND}"}}'.encode(), 1)
    assert s3.request(*put, named).status == 204
    assert s3.request("PUT", place, None, blocking("RestrictPublicBuckets")).status == 200
    assert friend.request("GET", f"/{bucket}/k").body == b"data"
    assert s3.request(*put, open_policy(bucket)).status == 204
    for asking in (friend, friend.http_client):
        assert asking.request("GET", f"/{bucket}/k").outcome == DENIED
    assert s3.request("GET", f"/{bucket}/k", signed=False).outcome == DENIED
    assert s3.request("GET", f"/{bucket}/k").body == b"data"


@pytest.mark.parametrize("query", ["", "?versions", "?uploads", "?list-type=2"])
def test_no_listing_is_left_out_of_a_restriction(
    s3: S3HTTPClient, friend: S3HTTPClient, bucket: str, query: str
) -> None:
    assert (
        s3.request("PUT", f"/{bucket}/?policy", None, open_policy(bucket, "s3:List*")).status == 204
    )
    target = f"/{bucket}/{query}"
    anonymous = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    assert s3.request("GET", target, anonymous, signed=False).status == 200
    block = blocking("RestrictPublicBuckets")
    assert s3.request("PUT", f"/{bucket}/?publicAccessBlock", None, block).status == 200
    assert s3.request("GET", target, anonymous, signed=False).outcome == DENIED
    assert friend.request("GET", target).outcome == DENIED
    assert s3.request("GET", target).status == 200


def test_an_object_of_s3_is_private_in_a_public_bucket(
    s3: S3HTTPClient, friend: S3HTTPClient, bucket: str
) -> None:
    """In COS it has its bucket's ACL, unless the request names another."""
    assert s3.request("PUT", f"/{bucket}/?acl", {"x-amz-acl": "public-read"}).status == 200
    assert s3.request("PUT", f"/{bucket}/of-s3", None, b"data").status == 200
    assert s3.http_client.request("PUT", f"/{bucket}/of-cos", None, b"data").status == 200
    for asking in (friend, friend.http_client):
        assert asking.request("GET", f"/{bucket}/of-s3").outcome == DENIED
        assert asking.request("GET", f"/{bucket}/of-cos").body == b"data"


def test_an_anonymous_folder_does_not_restrict_the_objects_in_it(
    s3: S3HTTPClient, friend: S3HTTPClient, bucket: str
) -> None:
    assert s3.request("PUT", f"/{bucket}/?acl", {"x-amz-acl": "public-read-write"}).status == 200
    anonymous = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD", "content-length": "0"}
    assert s3.request("PUT", f"/{bucket}/dir/", anonymous, b"", signed=False).status == 200
    assert s3.http_client.request("PUT", f"/{bucket}/dir/k", None, b"data").status == 200
    assert friend.http_client.request("GET", f"/{bucket}/dir/k").body == b"data"


def test_an_acl_names_only_accounts_that_there_are(s3: S3HTTPClient, bucket: str) -> None:
    invalid = (400, "InvalidArgument")
    granted = {"x-amz-grant-read": "id=nobody"}
    assert s3.request("PUT", f"/{bucket}/?acl", granted).outcome == invalid
    assert s3.request("PUT", f"/{bucket}/k", granted, b"data").outcome == invalid
    assert s3.request("HEAD", f"/{bucket}/k").status == 404


@pytest.mark.parametrize("acl", ["log-delivery-write", "aws-exec-read"])
def test_acls_for_services_that_are_not_here_open_nothing(
    s3: S3HTTPClient, friend: S3HTTPClient, bucket: str, acl: str
) -> None:
    assert s3.request("PUT", f"/{bucket}/?acl", {"x-amz-acl": acl}).status == 200
    assert friend.request("PUT", f"/{bucket}/k", None, b"data").outcome == DENIED
    assert friend.request("GET", f"/{bucket}/?acl").outcome == DENIED
    assert s3.request("GET", f"/{bucket}/?acl").status == 200


def test_without_acls_the_owner_owns_all(
    s3: S3HTTPClient, friend: S3HTTPClient, bucket: str
) -> None:
    place = f"/{bucket}/?ownershipControls"
    assert s3.request("GET", place).outcome == (404, "OwnershipControlsNotFoundError")
    assert s3.request("PUT", f"/{bucket}/?policy", None, open_policy(bucket, "s3:*")).status == 204
    given = {"x-amz-grant-read": f"id={OWNER}"}
    assert friend.request("PUT", f"/{bucket}/before", given, b"data").status == 200
    assert s3.request("PUT", place, None, owning("BucketOwnerEnforced")).status == 200
    assert s3.request("GET", place).text("ObjectOwnership") == "BucketOwnerEnforced"
    for acl, outcome in [
        (None, (200, "")),
        ("bucket-owner-full-control", (200, "")),
        ("private", NO_ACLS),
        ("public-read", NO_ACLS),
    ]:
        headers = {"x-amz-acl": acl} if acl else {}
        assert friend.request("PUT", f"/{bucket}/k", headers, b"data").outcome == outcome
        assert friend.request("POST", f"/{bucket}/k?uploads", headers).outcome == outcome
        if acl:
            cos = {"x-cos-acl": acl}
            assert (
                friend.http_client.request("PUT", f"/{bucket}/k", cos, b"data").outcome == outcome
            )
    for key in ("k", "before"):
        returned = s3.request("GET", f"/{bucket}/{key}?acl")
        assert owner_of(returned) == OWNER
        assert returned.texts("Permission") == ["FULL_CONTROL"]
    for target in ("?acl", "k?acl"):
        assert s3.request("PUT", f"/{bucket}/{target}", {"x-amz-acl": "private"}).outcome == NO_ACLS
        assert s3.http_client.request(
            "PUT", f"/{bucket}/{target}", {"x-cos-acl": "private"}
        ).outcome == (NO_ACLS)
    assert s3.request("DELETE", f"/{bucket}/?policy").status == 204
    assert friend.request("GET", f"/{bucket}/before").outcome == DENIED
    for _ in range(2):
        assert s3.request("DELETE", place).status == 204
    assert friend.request("GET", f"/{bucket}/before").body == b"data"


def test_the_owner_may_be_given_what_others_store(
    s3: S3HTTPClient, friend: S3HTTPClient, bucket: str
) -> None:
    place = f"/{bucket}/?ownershipControls"
    assert s3.request("PUT", place, None, owning("BucketOwnerPreferred")).status == 200
    assert s3.request("PUT", f"/{bucket}/?policy", None, open_policy(bucket, "s3:*")).status == 204
    for acl, owner in [(None, FRIEND), ("private", FRIEND), ("bucket-owner-full-control", OWNER)]:
        headers = {"x-amz-acl": acl} if acl else {}
        assert friend.request("PUT", f"/{bucket}/k", headers, b"data").status == 200
        assert owner_of(friend.request("GET", f"/{bucket}/k?acl")) == owner


@pytest.mark.parametrize(
    "body",
    [owning("Nobody"), b"<OwnershipControls/>", owning("ObjectWriter").replace(b"Rule", b"R")],
)
def test_an_ownership_that_there_is_not_is_refused(
    s3: S3HTTPClient, bucket: str, body: bytes
) -> None:
    place = f"/{bucket}/?ownershipControls"
    assert s3.request("PUT", place, None, body).outcome == (400, "MalformedXML")


def test_an_open_bucket_cannot_do_without_acls(
    s3: S3HTTPClient, server: LocalServer, bucket: str
) -> None:
    refused = (400, "InvalidBucketAclWithObjectOwnership")
    place, enforced = f"/{bucket}/?ownershipControls", owning("BucketOwnerEnforced")
    assert s3.request("PUT", f"/{bucket}/?acl", {"x-amz-acl": "public-read"}).status == 200
    assert s3.request("PUT", place, None, enforced).outcome == refused
    name = f"owned-{bucket}"
    headers = {"x-amz-object-ownership": "BucketOwnerEnforced"}
    opened = {**headers, "x-amz-acl": "public-read"}
    assert s3.request("PUT", f"/{name}", opened).outcome == refused
    assert s3.request("PUT", f"/{name}", {"x-amz-object-ownership": "X"}).outcome == (
        400,
        "InvalidArgument",
    )
    assert s3.request("PUT", f"/{name}", headers).status == 200
    returned = s3.request("GET", f"/{name}/?ownershipControls")
    assert returned.text("ObjectOwnership") == "BucketOwnerEnforced"
    with server.client() as client:
        remove_bucket(client, name)


SETTINGS = [
    ("accelerate", (200, "")),
    ("logging", (200, "")),
    ("notification", (200, "")),
    ("replication", (404, "ReplicationConfigurationNotFoundError")),
    ("website", (404, "NoSuchWebsiteConfiguration")),
]


@pytest.mark.parametrize(("name", "outcome"), SETTINGS)
def test_settings_that_are_not_here_are_not_set_and_cannot_be(
    s3: S3HTTPClient, bucket: str, name: str, outcome: tuple[int, str]
) -> None:
    assert s3.request("GET", f"/{bucket}/?{name}").outcome == outcome
    assert s3.request("PUT", f"/{bucket}/?{name}", None, b"<X/>").outcome == (501, "NotImplemented")


def test_what_cannot_be_sealed_is_not_stored_where_all_is_to_be(
    s3: S3HTTPClient, bucket: str
) -> None:
    default = "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"  # noqa: E501
    tag = "ServerSideEncryptionConfiguration"
    body = f"<{tag}><Rule>{default}</Rule></{tag}>".encode()
    assert s3.request("PUT", f"/{bucket}/?encryption", None, body).status == 200
    grown = s3.http_client.request("POST", f"/{bucket}/k?append&position=0", None, b"data")
    assert grown.outcome == (501, "NotImplemented")
    assert s3.request("HEAD", f"/{bucket}/k").status == 404


def test_the_owner_pays(s3: S3HTTPClient, bucket: str) -> None:
    place, tag = f"/{bucket}/?requestPayment", "RequestPaymentConfiguration"
    assert s3.request("GET", place).text("Payer") == "BucketOwner"
    for payer, outcome in [
        ("BucketOwner", (200, "")),
        ("Requester", (501, "NotImplemented")),
        ("Nobody", (400, "MalformedXML")),
    ]:
        body = f"<{tag}><Payer>{payer}</Payer></{tag}>".encode()
        assert s3.request("PUT", place, None, body).outcome == outcome


@pytest.mark.parametrize(
    "name", ["publicAccessBlock", "ownershipControls", "object-lock", "policyStatus", "logging"]
)
def test_settings_are_for_the_owner(
    s3: S3HTTPClient, friend: S3HTTPClient, bucket: str, name: str
) -> None:
    assert friend.request("GET", f"/{bucket}/?{name}").outcome == DENIED
    assert s3.request("GET", f"/{bucket}/?{name}").status in (200, 404)
