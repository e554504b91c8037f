"""Symbolic links: read as their target, with the rights to both, stored apart from it.

Sources: vendor: COSCLI symlink (the rights are `cos:PutSymlink` and `cos:GetSymlink`), the vendor's
SDKs for Python, Go (the target is percent-encoded) and Java; for what they leave open, the same
operation of OSS: codes of errors, links of links, rights at reading, versions.
"""

import itertools
import json
from pathlib import Path

import pytest

from coskit import Client
from coskit.compat import CosConfig, CosS3Client
from coskit.testing import LocalServer
from tests.server.support.accounts import FRIEND, OTHER, account_client
from tests.server.support.http_client import HTTPClient, Reply
from tests.server.support.s3 import S3HTTPClient
from tests.support.worlds import connect

TARGET, BUCKET = "x-cos-symlink-target", "x-cos-symlink-bucket"
_numbers = itertools.count(1)
NO_TARGET = (404, "SymlinkTargetNotExist")


def link(http_client: HTTPClient, room: str, name: str, target: str, **more: str) -> Reply:
    headers = {TARGET: target, **{key.replace("_", "-"): text for key, text in more.items()}}
    return http_client.request("PUT", f"/{room}/{name}?symlink", headers, b"")


def made(http_client: HTTPClient, **headers: str) -> str:
    name = f"links{next(_numbers)}-1250000000"
    returned = {key.replace("_", "-"): text for key, text in headers.items()}
    assert http_client.request("PUT", f"/{name}/", returned).status == 200
    return name


def versioned(http_client: HTTPClient, room: str, status: str = "Enabled") -> None:
    body = f"<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>".encode()
    assert http_client.request("PUT", f"/{room}/?versioning", {}, body).status == 200


READS = [
    ({}, 200, b"hello, world", {"Content-Type": "text/x", "x-cos-meta-a": "1"}),
    ({"range": "bytes=7-11"}, 206, b"world", {"Content-Range": "bytes 7-11/12"}),
    ({"if-none-match": '"0"'}, 200, b"hello, world", {}),
    ({"if-match": '"0"'}, 412, None, {}),
    ({"range": "bytes=99-"}, 416, None, {}),
]


@pytest.mark.parametrize(("headers", "status", "body", "returned"), READS)
def test_a_link_is_read_as_what_it_stands_for(
    http_client: HTTPClient,
    room: str,
    headers: dict[str, str],
    status: int,
    body: bytes | None,
    returned: dict[str, str],
) -> None:
    stored = {"content-type": "text/x", "x-cos-meta-a": "1"}
    put = http_client.request("PUT", f"/{room}/returned", stored, b"hello, world")
    assert link(http_client, room, "link", "returned").status == 200
    found = http_client.request("GET", f"/{room}/link", headers)
    assert found.status == status
    if body is None:
        return
    assert found.body == body
    assert {name: found[name] for name in returned} == returned
    assert (found["ETag"], found["x-cos-object-type"]) == (put["ETag"], "symlink")
    assert found["x-cos-hash-crc64ecma"] == put["x-cos-hash-crc64ecma"]
    head = http_client.request("HEAD", f"/{room}/link")
    assert (head.status, head["Content-Length"]) == (200, "12")
    assert (head["ETag"], head["x-cos-object-type"]) == (put["ETag"], "symlink")


def test_a_large_object_is_read_through_a_link(http_client: HTTPClient, room: str) -> None:
    content = bytes(range(256)) * 1024
    assert http_client.request("PUT", f"/{room}/large", {}, content).status == 200
    assert link(http_client, room, "to-large", "large").status == 200
    assert http_client.request("GET", f"/{room}/to-large").body == content
    assert (
        http_client.request("GET", f"/{room}/to-large", {"range": "bytes=-5"}).body == content[-5:]
    )


def test_s3_reads_it_too(http_client: HTTPClient, room: str) -> None:
    assert http_client.request("PUT", f"/{room}/s3", {}, b"of both").status == 200
    assert link(http_client, room, "s3-link", "s3").status == 200
    s3 = S3HTTPClient(http_client)
    assert s3.request("GET", f"/{room}/s3-link").body == b"of both"
    chosen = {"x-amz-object-attributes": "ObjectSize,ETag"}
    assert b"<ObjectSize>7<" in s3.request("GET", f"/{room}/s3-link?attributes", chosen).body
    source = {"x-amz-copy-source": f"/{room}/s3-link"}
    assert s3.request("PUT", f"/{room}/s3-copy", source, b"").status == 200
    assert s3.request("GET", f"/{room}/s3-copy").body == b"of both"
    # It is no operation of S3.
    asked = s3.request("PUT", f"/{room}/s3-other?symlink", {"x-amz-symlink-target": "s3"}, b"")
    assert asked.status == 501


TARGETS = [
    ("plain.txt", "plain.txt"),
    ("a/b c", "a/b%20c"),
    ("中文", "%E4%B8%AD%E6%96%87"),
    ("50%", "50%25"),
    ("a?b&c=d#e", "a%3Fb%26c%3Dd%23e"),
    ("a+b", "a%2Bb"),
]


@pytest.mark.parametrize(("key", "sent"), TARGETS)
def test_a_target_is_percent_encoded(
    http_client: HTTPClient, room: str, owner: Client, server: LocalServer, key: str, sent: str
) -> None:
    owner.put_object(room, key.encode(), key)
    assert link(http_client, room, "coded", sent).status == 200
    assert http_client.request("GET", f"/{room}/coded").body == key.encode()
    assert http_client.request("GET", f"/{room}/coded?symlink")[TARGET] == sent
    owner.put_symlink(room, "mine", key)
    assert owner.get_symlink(room, "mine")[TARGET] == key  # type: ignore[literal-required]
    assert owner.get_object(room, "mine")["Body"].read() == key.encode()
    config = CosConfig(
        SecretId=server.secret_id,
        SecretKey=server.secret_key,
        Endpoint=f"127.0.0.1:{server.port}",
        Scheme="http",
    )
    vendor = CosS3Client(config)
    vendor.put_symlink(room, "theirs", sent)
    assert vendor.get_symlink(room, "theirs")[TARGET] == sent
    assert vendor.get_object(room, "theirs")["Body"].get_raw_stream().read() == key.encode()


@pytest.mark.parametrize("kind", ["sync", "async", "vendor"])
def test_each_client_makes_and_reads_links(
    server: LocalServer, owner: Client, room: str, tmp_path: Path, kind: str
) -> None:
    content = b"of a target" * 9000
    owner.put_object(room, content, "of/target")
    with connect(kind, server) as world:
        made = world.put_symlink(room, "of-link", "of/target")
        assert made["x-cos-request-id"]
        assert world.get_symlink(room, "of-link")[TARGET] == "of/target"
        assert world.read(world.get_object(room, "of-link")) == content
        world.download_file(room, "of-link", str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == content


REFUSED = [
    ({}, b"", (400, "InvalidArgument")),
    ({TARGET: "%ff"}, b"", (400, "InvalidArgument")),
    ({TARGET: "/k"}, b"", (400, "InvalidURI")),
    ({TARGET: "k" * 851}, b"", (400, "KeyTooLong")),
    ({TARGET: "k", BUCKET: "no/bucket"}, b"", (400, "InvalidArgument")),
    ({TARGET: "k"}, b"content", (400, "InvalidArgument")),
    ({TARGET: "k", "x-cos-meta-a": "1"}, b"", (501, "NotImplemented")),
    ({TARGET: "k", "x-cos-storage-class": "ARCHIVE"}, b"", (501, "NotImplemented")),
    ({TARGET: "k", "x-cos-server-side-encryption": "AES256"}, b"", (501, "NotImplemented")),
    ({TARGET: "k", "x-cos-acl": "nonsense"}, b"", (400, "InvalidArgument")),
]


@pytest.mark.parametrize(("headers", "body", "outcome"), REFUSED)
def test_a_link_is_refused(
    http_client: HTTPClient,
    room: str,
    headers: dict[str, str],
    body: bytes,
    outcome: tuple[int, str],
) -> None:
    assert http_client.request("PUT", f"/{room}/bad?symlink", headers, body).outcome == outcome
    assert http_client.request("GET", f"/{room}/bad").status == 404


def test_links_lead_one_step_and_never_in_a_circle(http_client: HTTPClient, room: str) -> None:
    assert link(http_client, room, "itself", "itself").status == 200
    assert link(http_client, room, "one", "other").status == 200
    assert link(http_client, room, "other", "one").status == 200
    for name in ("itself", "one", "other"):
        assert http_client.request("GET", f"/{room}/{name}").outcome == (400, "InvalidTargetType")
        assert http_client.request("HEAD", f"/{room}/{name}").status == 400


def test_a_link_may_be_made_before_its_target_and_outlive_it(
    http_client: HTTPClient, room: str
) -> None:
    assert link(http_client, room, "early", "later").status == 200
    assert http_client.request("GET", f"/{room}/early").outcome == NO_TARGET
    assert http_client.request("HEAD", f"/{room}/early").status == 404
    source = {"x-cos-copy-source": f"{room}.cos.ap-local.myqcloud.com/early"}
    assert http_client.request("PUT", f"/{room}/copy", source, b"").outcome == NO_TARGET
    assert http_client.request("PUT", f"/{room}/later", {}, b"1").status == 200
    assert http_client.request("GET", f"/{room}/early").body == b"1"
    assert http_client.request("PUT", f"/{room}/later", {}, b"22").status == 200
    assert http_client.request("GET", f"/{room}/early").body == b"22"
    assert http_client.request("DELETE", f"/{room}/later").status == 204
    assert http_client.request("GET", f"/{room}/early").outcome == NO_TARGET
    assert http_client.request("GET", f"/{room}/early?symlink")[TARGET] == "later"
    gone = {BUCKET: "gone-1250000000"}
    assert (
        http_client.request("PUT", f"/{room}/far?symlink", {TARGET: "k", **gone}, b"").status == 200
    )
    assert http_client.request("GET", f"/{room}/far").outcome == NO_TARGET


def test_deleting_and_replacing_a_link_leaves_its_target(
    http_client: HTTPClient, room: str
) -> None:
    assert http_client.request("PUT", f"/{room}/stays", {}, b"stays").status == 200
    assert link(http_client, room, "goes", "stays").status == 200
    assert http_client.request("DELETE", f"/{room}/goes").status == 204
    assert http_client.request("GET", f"/{room}/goes").outcome == (404, "NoSuchKey")
    assert http_client.request("GET", f"/{room}/goes?symlink").outcome == (404, "NoSuchKey")
    assert link(http_client, room, "goes", "stays").status == 200
    assert http_client.request("PUT", f"/{room}/goes", {}, b"content").status == 200
    assert http_client.request("GET", f"/{room}/goes").body == b"content"
    assert http_client.request("GET", f"/{room}/goes?symlink").outcome == (400, "NotSymlink")
    assert http_client.request("GET", f"/{room}/stays").body == b"stays"


def test_what_is_there_is_not_replaced_unasked(http_client: HTTPClient) -> None:
    room = made(http_client)
    assert http_client.request("PUT", f"/{room}/k", {}, b"k").status == 200
    refused = link(http_client, room, "k", "other", x_cos_forbid_overwrite="true")
    assert refused.outcome == (409, "FileAlreadyExists")
    refused = link(http_client, room, "k", "other", if_none_match="*")
    assert refused.status == 412
    assert http_client.request("GET", f"/{room}/k").body == b"k"
    first = link(http_client, room, "l", "k", x_cos_forbid_overwrite="true")
    assert first.status == 200
    second = link(http_client, room, "l", "k2", if_match=first["ETag"])
    assert second.status == 200
    # The link is another one now.
    assert link(http_client, room, "l", "k3", if_match=first["ETag"]).status == 412


def test_a_link_is_listed_and_has_versions(http_client: HTTPClient) -> None:
    room = made(http_client)
    versioned(http_client, room)
    assert http_client.request("PUT", f"/{room}/a", {}, b"of a").status == 200
    assert http_client.request("PUT", f"/{room}/b", {}, b"of b").status == 200
    old, new = link(http_client, room, "l", "a"), link(http_client, room, "l", "b")
    one, two = old["x-cos-version-id"], new["x-cos-version-id"]
    assert one != two
    assert b"<Key>l</Key>" in http_client.request("GET", f"/{room}/").body
    assert http_client.request("GET", f"/{room}/?versions").body.count(b"<Key>l</Key>") == 2
    latest = http_client.request("GET", f"/{room}/l")
    assert (latest.body, latest["x-cos-version-id"]) == (b"of b", two)
    first = http_client.request("GET", f"/{room}/l?versionId={one}")
    assert (first.body, first["x-cos-version-id"]) == (b"of a", one)
    assert http_client.request("GET", f"/{room}/l?symlink&versionId={one}")[TARGET] == "a"
    assert http_client.request("GET", f"/{room}/l?symlink&versionId=none").outcome == (
        404,
        "NoSuchVersion",
    )
    # It stands for the live object, whichever that is.
    assert http_client.request("PUT", f"/{room}/b", {}, b"newer").status == 200
    assert http_client.request("GET", f"/{room}/l").body == b"newer"
    assert http_client.request("DELETE", f"/{room}/b").status == 204
    assert http_client.request("GET", f"/{room}/l").outcome == NO_TARGET
    assert http_client.request("DELETE", f"/{room}/l").status == 204
    assert http_client.request("GET", f"/{room}/l?symlink").outcome == (404, "NoSuchKey")
    assert http_client.request("GET", f"/{room}/l?versionId={one}").body == b"of a"
    source = f"{room}.cos.ap-local.myqcloud.com/l?versionId={one}"
    copied = http_client.request("PUT", f"/{room}/c", {"x-cos-copy-source": source}, b"")
    assert copied["x-cos-copy-source-version-id"] == one
    assert http_client.request("GET", f"/{room}/c").body == b"of a"


# The ACL of the link, of its target, and what somebody else is answered.
RIGHTS = [
    ("public-read", "public-read", (200, "")),
    ("public-read", "private", (403, "AccessDenied")),
    ("private", "public-read", (403, "AccessDenied")),
    ("private", "private", (403, "AccessDenied")),
]


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize(("of_link", "of_target", "outcome"), RIGHTS)
def test_a_reader_may_read_both(
    server: LocalServer,
    http_client: HTTPClient,
    of_link: str,
    of_target: str,
    outcome: tuple[int, str],
    elsewhere: bool,
) -> None:
    room = made(http_client)
    there = made(http_client) if elsewhere else room
    assert (
        http_client.request("PUT", f"/{there}/k", {"x-cos-acl": of_target}, b"shown").status == 200
    )
    other = {"x_cos_symlink_bucket": there} if elsewhere else {}
    assert link(http_client, room, "l", "k", x_cos_acl=of_link, **other).status == 200
    assert http_client.request("GET", f"/{room}/l").body == b"shown"
    mine = f"mine{next(_numbers)}-{FRIEND}"
    friend = account_client(server, FRIEND)
    assert friend.request("PUT", f"/{mine}/").status == 200
    assert friend.request("GET", f"/{room}/l").outcome == outcome
    assert http_client.request("GET", f"/{room}/l", signed=False).outcome == outcome
    source = {"x-cos-copy-source": f"{room}.cos.ap-local.myqcloud.com/l"}
    assert friend.request("PUT", f"/{mine}/copy", source, b"").outcome == outcome
    assert friend.request("DELETE", f"/{mine}/copy").status == 204
    assert friend.request("DELETE", f"/{mine}/").status == 204


def test_a_link_of_ones_own_opens_nothing(
    server: LocalServer, http_client: HTTPClient, room: str
) -> None:
    thief = account_client(server, OTHER)
    mine = f"mine{next(_numbers)}-{OTHER}"
    assert thief.request("PUT", f"/{mine}/").status == 200
    for target in ("kept", "none"):
        asked = {TARGET: target, BUCKET: room}
        assert thief.request("PUT", f"/{mine}/l?symlink", asked, b"").status == 200
        # The response discloses neither that there is such an object nor where it is.
        assert thief.request("GET", f"/{mine}/l").outcome == (403, "AccessDenied")
        assert thief.request("HEAD", f"/{mine}/l").status == 403


POLICIES = [
    ("name/cos:PutObject", {"GET": 403, "PUT": 403}),
    ("name/cos:PutSymlink", {"GET": 403, "PUT": 200}),
    ("name/cos:GetSymlink", {"GET": 200, "PUT": 403}),
    ("name/cos:GetObject", {"GET": 403, "PUT": 403}),
]


@pytest.mark.parametrize(("action", "responses"), POLICIES)
def test_a_policy_names_the_rights_on_links(
    server: LocalServer, http_client: HTTPClient, action: str, responses: dict[str, int]
) -> None:
    room = made(http_client)
    friend = account_client(server, FRIEND)
    assert link(http_client, room, "l", "k").status == 200
    statement = {
        "Effect": "allow",
        "Principal": {"qcs": [f"qcs::cam::uin/{FRIEND}:uin/{FRIEND}"]},
        "Action": [action],
        "Resource": [f"qcs::cos:*:uid/1250000000:{room}/*"],
    }
    policy = json.dumps({"version": "2.0", "Statement": [statement]}).encode()
    assert http_client.request("PUT", f"/{room}/?policy", {}, policy).status in (200, 204)
    for method, status in responses.items():
        headers = {TARGET: "k"} if method == "PUT" else {}
        reply = friend.request(method, f"/{room}/l?symlink", headers, b"" if headers else None)
        assert reply.status == status
