"""Rights of anonymous clients under each ACL of bucket and object."""

from dataclasses import dataclass

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from tests.server.support.bad_requests import Bad
from tests.server.support.http_client import HTTPClient, Reply

EVERYBODY = "http://cam.qcloud.com/groups/global/AllUsers"
MEMBERS = "http://cam.qcloud.com/groups/global/AuthenticatedUsers"
DELETE = b"<Delete><Object><Key>own</Key></Object></Delete>"
ENABLE = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
POLICY = (
    b"<AccessControlPolicy><Owner><ID>1250000000</ID></Owner><AccessControlList/>"
    b"</AccessControlPolicy>"
)


@dataclass(frozen=True)
class Place:
    """A bucket with an object of each ACL: inherited, private, public."""

    acl: str
    name: str


@pytest.fixture(scope="module")
def places(http_client: HTTPClient) -> dict[str, Place]:
    """Create a bucket for each canned ACL, with three objects in it."""
    made = {}
    for acl in ("private", "public-read", "public-read-write", "authenticated-read"):
        name = f"acl-{acl}-1250000000"
        assert http_client.request("PUT", f"/{name}/", {"x-cos-acl": acl}).status == 200
        for key, own in (("own", "default"), ("private", "private"), ("public", "public-read")):
            assert (
                http_client.request("PUT", f"/{name}/{key}", {"x-cos-acl": own}, b"x").status == 200
            )
        made[acl] = Place(acl, name)
    return made


READS = [
    ("GET", "/ROOM/own"),
    ("HEAD", "/ROOM/own"),
    ("GET", "/ROOM/private"),
    ("GET", "/ROOM/public"),
    ("HEAD", "/ROOM/public"),
    ("GET", "/ROOM/none"),
    ("HEAD", "/ROOM/none"),
    ("GET", "/ROOM/own?tagging"),
    ("GET", "/ROOM/private?tagging"),
    ("GET", "/ROOM/own?acl"),
    ("GET", "/ROOM/public?acl"),
    ("GET", "/ROOM/?acl"),
    ("GET", "/ROOM/"),
    ("HEAD", "/ROOM/"),
    ("GET", "/ROOM/?versions"),
    ("GET", "/ROOM/?uploads"),
    ("GET", "/ROOM/own?response-content-type=text/html"),
]
ALLOWED = {
    "private": "403 403 403 200 200 403 403 403 403 403 403 403 403 403 403 403 403",
    "public-read": "200 200 403 200 200 404 404 403 403 403 403 403 200 200 200 200 403",
    "public-read-write": "200 200 403 200 200 404 404 403 403 403 403 403 200 200 200 200 403",
    "authenticated-read": "403 403 403 200 200 403 403 403 403 403 403 403 403 403 403 403 403",
}


@pytest.mark.parametrize("acl", ALLOWED)
def test_what_an_anonymous_client_may_read(
    http_client: HTTPClient, places: dict[str, Place], acl: str
) -> None:
    found = {
        (method, target): anonymous_request(http_client, places[acl], method, target).status
        for method, target in READS
    }
    assert found == dict(zip(READS, map(int, ALLOWED[acl].split()), strict=True))


WRITES = [
    Bad("put", "PUT", "/ROOM/new", 200, "", {}, b"x"),
    Bad("overwrite", "PUT", "/ROOM/own", 200, "", {}, b"x"),
    Bad("overwrite what is private", "PUT", "/ROOM/private", 200, "", {}, b"x"),
    Bad("delete", "DELETE", "/ROOM/own", 204, ""),
    Bad(
        "delete many",
        "POST",
        "/ROOM/?delete",
        200,
        "",
        {"content-md5": content_md5(DELETE)},
        DELETE,
    ),
    Bad("copy", "PUT", "/ROOM/copy", 200, "", {"x-cos-copy-source": "ROOM.x/public"}, b""),
]
OWNERS_ALONE = [
    Bad("begin an upload", "POST", "/ROOM/new?uploads", 403, ""),
    Bad("remove tags", "DELETE", "/ROOM/public?tagging", 403, ""),
    Bad(
        "copy what is private",
        "PUT",
        "/ROOM/copy",
        403,
        "",
        {"x-cos-copy-source": "ROOM.x/private"},
        b"",
    ),
    Bad("change an ACL", "PUT", "/ROOM/public?acl", 403, "", {"x-cos-acl": "private"}, b""),
    Bad("change an ACL by document", "PUT", "/ROOM/public?acl", 403, "", {}, POLICY),
    Bad("change the bucket's ACL", "PUT", "/ROOM/?acl", 403, "", {"x-cos-acl": "private"}, b""),
    Bad("enable versioning", "PUT", "/ROOM/?versioning", 403, "", {}, ENABLE),
    Bad("delete the bucket", "DELETE", "/ROOM/", 403, ""),
    Bad("create the bucket", "PUT", "/ROOM/", 403, ""),
    Bad(
        "copy from a private bucket",
        "PUT",
        "/ROOM/copy",
        403,
        "",
        {"x-cos-copy-source": "acl-private-1250000000.x/own"},
        b"",
    ),
]


@pytest.mark.parametrize("row", WRITES, ids=lambda row: row.about)
def test_what_an_anonymous_client_may_write(
    http_client: HTTPClient, places: dict[str, Place], row: Bad
) -> None:
    for acl, place in places.items():
        reply = anonymous_request(http_client, place, row.method, str(row.target), row)
        assert reply.status == (row.status if acl == "public-read-write" else 403), acl
    for key in ("own", "private"):
        for place in places.values():
            own = {"x-cos-acl": "default" if key == "own" else "private"}
            assert http_client.request("PUT", f"/{place.name}/{key}", own, b"x").status == 200


@pytest.mark.parametrize("row", OWNERS_ALONE, ids=lambda row: row.about)
def test_what_an_anonymous_client_may_never_do(
    http_client: HTTPClient, places: dict[str, Place], row: Bad
) -> None:
    for place in places.values():
        reply = anonymous_request(http_client, place, row.method, str(row.target), row)
        assert reply.outcome == (403, "AccessDenied")
    assert http_client.request("GET", f"/{places['private'].name}/?versioning").text("Status") == ""


def test_an_empty_bucket_is_still_its_owners(http_client: HTTPClient, bucket: str) -> None:
    assert (
        http_client.request(
            "PUT", f"/{bucket}/?acl", {"x-cos-acl": "public-read-write"}, b""
        ).status
        == 200
    )
    assert http_client.request("DELETE", f"/{bucket}/", signed=False).outcome == (
        403,
        "AccessDenied",
    )
    assert http_client.request("HEAD", f"/{bucket}/").status == 200


@pytest.mark.parametrize(
    ("permission", "who", "allowed"),
    [
        ("READ", EVERYBODY, {"GET /ROOM/own", "GET /ROOM/"}),
        ("WRITE", EVERYBODY, {"DELETE /ROOM/none"}),
        ("READ_ACP", EVERYBODY, {"GET /ROOM/?acl", "GET /ROOM/own?acl"}),
        ("WRITE_ACP", EVERYBODY, {"PUT /ROOM/own?acl"}),
        ("READ", MEMBERS, set()),
        ("READ", "1260000000", set()),
    ],
)
def test_a_grant_gives_what_it_names(
    http_client: HTTPClient, bucket: str, permission: str, who: str, allowed: set[str]
) -> None:
    tag = "URI" if who.startswith("http") else "ID"
    policy = (
        "<AccessControlPolicy><Owner><ID>1250000000</ID></Owner><AccessControlList><Grant>"
        f"<Grantee><{tag}>{who}</{tag}></Grantee><Permission>{permission}</Permission>"
        "</Grant></AccessControlList></AccessControlPolicy>"
    )
    assert http_client.request("PUT", f"/{bucket}/?acl", {}, policy.encode()).status == 200
    assert http_client.request("PUT", f"/{bucket}/own", {}, b"x").status == 200
    tried = [
        ("GET", "/ROOM/own"),
        ("GET", "/ROOM/"),
        ("DELETE", "/ROOM/none"),
        ("GET", "/ROOM/?acl"),
        ("GET", "/ROOM/own?acl"),
        ("PUT", "/ROOM/own?acl"),
    ]
    done = {
        f"{method} {target}"
        for method, target in tried
        if anonymous_request(http_client, Place("", bucket), method, target).status < 300
    }
    assert done == allowed


def test_an_acl_is_returned_as_it_was_given(http_client: HTTPClient, bucket: str) -> None:
    http_client.request("PUT", f"/{bucket}/a", {}, b"x")
    inherited = http_client.request("GET", f"/{bucket}/a?acl")
    assert inherited["x-cos-acl"] == "default"
    assert inherited.text("Grant") == ""
    given = {"x-cos-grant-read": 'id="1", id="qcs::cam::uin/2:uin/3"', "x-cos-acl": "public-read"}
    assert http_client.request("PUT", f"/{bucket}/a?acl", given, b"").status == 200
    returned = http_client.request("GET", f"/{bucket}/a?acl")
    assert returned.texts("Permission") == ["FULL_CONTROL", "READ", "READ", "READ"]
    assert returned.texts("ID") == ["1250000000", "1250000000", "1", "2/3"]
    assert returned.texts("URI") == [EVERYBODY]
    assert (
        http_client.request("PUT", f"/{bucket}/a?acl", {"x-cos-acl": "default"}, b"").status == 200
    )
    assert http_client.request("GET", f"/{bucket}/a?acl")["x-cos-acl"] == "default"


def anonymous_request(
    http_client: HTTPClient, place: Place, method: str, target: str, row: Bad | None = None
) -> Reply:
    """Ask without a signature."""
    headers = row.headers if row else {}
    sent = {name: value.replace("ROOM", place.name) for name, value in headers.items()}
    body = row.body if row else None
    if row is None and method == "PUT" and target.endswith("?acl"):
        sent["x-cos-acl"] = "default"  # without an ACL nobody may ask for one
    return http_client.request(method, target.replace("ROOM", place.name), sent, body, signed=False)
