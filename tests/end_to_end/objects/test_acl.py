"""ACLs of objects and buckets through each client, checked by unsigned requests."""

from typing import Any

import pytest

from coskit.testing import LocalServer
from tests.support.local import fetch
from tests.support.worlds import World, outcome

OWNER = "1250000000"
ALL_USERS = "http://cam.qcloud.com/groups/global/AllUsers"


def permissions(acl: Any) -> list[str]:
    """Return the permissions that an ACL grants, the owner's first."""
    return [grant["Permission"] for grant in acl["AccessControlList"]["Grant"]]


def anonymous_status(server: LocalServer, method: str, path: str, body: bytes | None = None) -> int:
    """Return the status of an unsigned request."""
    return fetch(server, method, f"http://127.0.0.1:{server.port}/{path}", body).status


def policy(*permitted: str) -> dict[str, Any]:
    """Return an ACL document that grants everyone permissions, as on the vendor's page."""
    return {
        "Owner": {"ID": OWNER, "DisplayName": OWNER},
        "AccessControlList": {
            "Grant": [
                {
                    "Grantee": {"Type": "Group", "URI": ALL_USERS},
                    "Permission": permission,
                }
                for permission in permitted
            ]
        },
    }


@pytest.mark.parametrize(
    ("acl", "reported", "granted", "status"),
    [
        ("private", "private", ["FULL_CONTROL"], 403),
        ("public-read", "public-read", ["FULL_CONTROL", "READ"], 200),
        ("default", "default", [], 403),
    ],
)
def test_a_canned_acl_of_an_object(
    world: World,
    server: LocalServer,
    bucket: str,
    acl: str,
    reported: str,
    granted: list[str],
    status: int,
) -> None:
    for key, options in (("at once", {"ACL": acl}), ("later", {})):
        world.put_object(Bucket=bucket, Key=key, Body=b"x", **options)
        if not options:
            world.put_object_acl(Bucket=bucket, Key=key, ACL=acl)
        found = world.get_object_acl(Bucket=bucket, Key=key)
        assert found["CannedACL"] == reported
        if granted:  # otherwise the vendor's client returns no list
            assert permissions(found) == granted
        address = f"{bucket}/{key.replace(' ', '%20')}"
        assert anonymous_status(server, "GET", address) == status
        assert anonymous_status(server, "HEAD", address) == status
        assert anonymous_status(server, "DELETE", address) == 403


@pytest.mark.parametrize(
    ("acl", "granted", "may_list", "may_write"),
    [
        ("private", ["FULL_CONTROL"], 403, 403),
        ("public-read", ["FULL_CONTROL", "READ"], 200, 403),
        ("public-read-write", ["FULL_CONTROL", "READ", "WRITE"], 200, 200),
    ],
)
def test_a_canned_acl_of_a_bucket(
    world: World,
    server: LocalServer,
    bucket: str,
    acl: str,
    granted: list[str],
    may_list: int,
    may_write: int,
) -> None:
    world.put_object(Bucket=bucket, Key="inherits", Body=b"x")
    world.put_object(Bucket=bucket, Key="hidden", Body=b"x", ACL="private")
    world.put_bucket_acl(Bucket=bucket, ACL=acl)
    found = world.get_bucket_acl(Bucket=bucket)
    assert (found["CannedACL"], permissions(found)) == (acl, granted)
    assert anonymous_status(server, "GET", f"{bucket}/") == may_list
    assert anonymous_status(server, "GET", f"{bucket}/inherits") == may_list
    assert anonymous_status(server, "GET", f"{bucket}/hidden") == 403
    assert anonymous_status(server, "PUT", f"{bucket}/new", b"x") == may_write


def test_an_acl_as_a_document(world: World, server: LocalServer, bucket: str) -> None:
    world.put_object(Bucket=bucket, Key="a", Body=b"x")
    world.put_object_acl(Bucket=bucket, Key="a", AccessControlPolicy=policy("READ"))
    assert permissions(world.get_object_acl(Bucket=bucket, Key="a")) == ["FULL_CONTROL", "READ"]
    assert anonymous_status(server, "GET", f"{bucket}/a") == 200
    world.put_bucket_acl(Bucket=bucket, AccessControlPolicy=policy("READ", "WRITE"))
    assert world.get_bucket_acl(Bucket=bucket)["CannedACL"] == "public-read-write"
    assert anonymous_status(server, "PUT", f"{bucket}/b", b"x") == 200


@pytest.mark.parametrize(
    ("option", "permission"),
    [("GrantRead", "READ"), ("GrantFullControl", "FULL_CONTROL")],
)
def test_a_grant_to_another_account(
    world: World, bucket: str, option: str, permission: str
) -> None:
    grant = {option: 'id="1250000001"'}
    world.put_object(Bucket=bucket, Key="a", Body=b"x", **grant)
    world.put_bucket_acl(Bucket=bucket, **grant)
    for acl in (
        world.get_object_acl(Bucket=bucket, Key="a"),
        world.get_bucket_acl(Bucket=bucket),
    ):
        _, given = acl["AccessControlList"]["Grant"]
        assert given["Permission"] == permission
        assert "1250000001" in given["Grantee"]["ID"]


def test_an_unknown_acl(world: World, bucket: str) -> None:
    world.put_object(Bucket=bucket, Key="a", Body=b"x", ACL="public-read")
    for call in (
        lambda: world.put_object_acl(Bucket=bucket, Key="a", ACL="open"),
        lambda: world.put_object(Bucket=bucket, Key="a", Body=b"y", ACL="open"),
        lambda: world.put_bucket_acl(Bucket=bucket, ACL="open"),
    ):
        assert outcome(call) == (400, "InvalidArgument")
    assert world.get_object_acl(Bucket=bucket, Key="a")["CannedACL"] == "public-read"
    assert outcome(lambda: world.get_object_acl(Bucket=bucket, Key="none")) == (404, "NoSuchKey")


def test_an_overwrite_forgets_the_acl(world: World, server: LocalServer, bucket: str) -> None:
    world.put_object(Bucket=bucket, Key="a", Body=b"x", ACL="public-read")
    world.put_object(Bucket=bucket, Key="a", Body=b"y")
    assert world.get_object_acl(Bucket=bucket, Key="a")["CannedACL"] == "default"
    assert anonymous_status(server, "GET", f"{bucket}/a") == 403
