"""Rights that no ACL grants, and ACL documents that name another owner.

Sources: AWS, "Access control list (ACL) overview", "Mapping of ACL permissions and access policy
permissions": WRITE on a bucket grants s3:PutObject, and s3:DeleteObjectVersion to the bucket's
owner only; READ grants s3:ListBucket, s3:ListBucketVersions and s3:ListBucketMultipartUploads.
AWS, RestoreObject: "The bucket owner has this permission by default and can grant this permission
to others". AWS, PutBucketAcl and PutObjectAcl: the Owner of the document is the owner.
"""

import json

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.testing import LocalServer
from tests.server.support.accounts import FRIEND, OTHER, account_client
from tests.server.support.http_client import OWNER, HTTPClient
from tests.server.support.s3 import S3HTTPClient

DENIED = (403, "AccessDenied")
RESTORE = b"<RestoreRequest><Days>1</Days></RestoreRequest>"
VERSIONS = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


@pytest.fixture
def open_bucket(http_client: HTTPClient, bucket: str) -> str:
    """Create a bucket with versions that everyone may read and write."""
    assert http_client.request("PUT", f"/{bucket}/?versioning", {}, VERSIONS).status == 200
    assert (
        http_client.request(
            "PUT", f"/{bucket}/?acl", {"x-cos-acl": "public-read-write"}, b""
        ).status
        == 200
    )
    return bucket


def allow(http_client: HTTPClient, bucket: str, action: str) -> None:
    """Let everyone do one action in a bucket."""
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": action,
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]}).encode()
    assert (
        S3HTTPClient(http_client).request("PUT", f"/{bucket}/?policy", None, document).status == 204
    )


def test_a_restore_needs_a_policy(
    server: LocalServer, http_client: HTTPClient, open_bucket: str
) -> None:
    friend, target = account_client(server, FRIEND), f"/{open_bucket}/k?restore"
    archived = {"x-cos-storage-class": "ARCHIVE"}
    assert http_client.request("PUT", f"/{open_bucket}/k", archived, b"x").status == 200
    assert http_client.request("POST", target, {}, RESTORE, signed=False).outcome == DENIED
    assert friend.request("POST", target, {}, RESTORE).outcome == DENIED
    assert S3HTTPClient(friend).request("POST", target, None, RESTORE).outcome == DENIED
    allow(http_client, open_bucket, "s3:RestoreObject")
    assert http_client.request("POST", target, {}, RESTORE, signed=False).status == 202


def test_a_version_is_removed_by_the_bucket_owner_or_by_a_policy(
    server: LocalServer, http_client: HTTPClient, open_bucket: str
) -> None:
    friend = account_client(server, FRIEND)
    version = friend.request("PUT", f"/{open_bucket}/k", {}, b"x")["x-cos-version-id"]
    document = f"<Delete><Object><Key>k</Key><VersionId>{version}</VersionId></Object></Delete>"
    many = ("POST", f"/{open_bucket}/?delete", {"content-md5": content_md5(document.encode())})
    target = f"/{open_bucket}/k?versionId={version}"
    for signed in (True, False):
        assert friend.request("DELETE", target, signed=signed).outcome == DENIED
        returned = friend.request(*many, document.encode(), signed=signed)
        assert returned.texts("Code") == ["AccessDenied"]
    assert S3HTTPClient(friend).request("DELETE", target).outcome == DENIED
    assert (
        friend.request("DELETE", f"/{open_bucket}/k").status == 204
    )  # which makes a delete marker
    assert http_client.request("GET", target).body == b"x"
    allow(http_client, open_bucket, "s3:DeleteObjectVersion")
    assert friend.request("DELETE", target, signed=False).status == 204
    assert http_client.request("GET", target).status == 404


def test_the_versioning_state_is_the_owners_to_read(
    server: LocalServer, http_client: HTTPClient, open_bucket: str
) -> None:
    target = f"/{open_bucket}/?versioning"
    assert account_client(server, FRIEND).request("GET", target).outcome == DENIED
    assert http_client.request("GET", target).text("Status") == "Enabled"
    allow(http_client, open_bucket, "s3:GetBucketVersioning")
    assert http_client.request("GET", target, signed=False).text("Status") == "Enabled"


def acl_of(owner: str) -> bytes:
    inner = f"<Owner>{owner}</Owner><AccessControlList></AccessControlList>"
    return f"<AccessControlPolicy>{inner}</AccessControlPolicy>".encode()


@pytest.mark.parametrize("dialect", ["cos", "s3"])
@pytest.mark.parametrize("target", ["?acl", "k?acl"])
def test_an_acl_document_names_the_owner(
    http_client: HTTPClient, bucket: str, target: str, dialect: str
) -> None:
    asking = http_client if dialect == "cos" else S3HTTPClient(http_client)
    assert (
        http_client.request("PUT", f"/{bucket}/k", {"x-cos-acl": "public-read"}, b"x").status == 200
    )
    assert (
        http_client.request("PUT", f"/{bucket}/?acl", {"x-cos-acl": "public-read"}, b"").status
        == 200
    )
    for other in (f"<ID>{FRIEND}</ID>", f"<ID>qcs::cam::uin/{OWNER}:uin/77</ID>", "<ID>1</ID>"):
        assert asking.request("PUT", f"/{bucket}/{target}", None, acl_of(other)).outcome == DENIED
        assert len(http_client.request("GET", f"/{bucket}/{target}").texts("Permission")) == 2
    for same in (f"<ID>{OWNER}</ID>", f"<ID>qcs::cam::uin/{OWNER}:uin/{OWNER}</ID>"):
        assert asking.request("PUT", f"/{bucket}/{target}", None, acl_of(same)).status == 200


def test_the_owner_of_anothers_object_is_its_writer(
    server: LocalServer, http_client: HTTPClient, open_bucket: str
) -> None:
    friend, target = account_client(server, FRIEND), f"/{open_bucket}/theirs?acl"
    assert friend.request("PUT", f"/{open_bucket}/theirs", {}, b"x").status == 200
    assert friend.request("PUT", target, {}, acl_of(f"<ID>{OWNER}</ID>")).outcome == DENIED
    assert friend.request("PUT", target, {}, acl_of(f"<ID>{FRIEND}</ID>")).status == 200


def test_a_bucket_name_ends_in_the_appid_of_no_other_account(server: LocalServer) -> None:
    """Source: vendor, "Bucket overview": a name is `<BucketName>-<APPID>`, the owner's APPID."""
    friend, other = account_client(server, FRIEND), account_client(server, OTHER)
    for asking in (friend, S3HTTPClient(friend)):
        for appid in (OWNER, OTHER):
            assert asking.request("PUT", f"/squat-{appid}/").outcome == DENIED
        assert asking.request("GET", "/").texts("Name").count(f"squat-{OWNER}") == 0
        for name in (f"mine-{FRIEND}", "mine-99", "mine"):  # the last two are no account's
            assert asking.request("PUT", f"/{name}/").status == 200
            assert asking.request("DELETE", f"/{name}/").status == 204
    assert other.request("PUT", f"/squat-{OTHER}/").status == 200
    assert other.request("DELETE", f"/squat-{OTHER}/").status == 204
