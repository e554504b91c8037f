"""Bucket policies: stored as they are put, and applied before any ACL."""

import json
from typing import Any

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.testing import LocalServer
from tests.server.support import s3
from tests.server.support.accounts import FRIEND, SUB_ACCOUNT, account_client
from tests.server.support.http_client import OWNER, HTTPClient, Reply

DENIED = (403, "AccessDenied")
ANYONE = {"qcs": ["qcs::cam::anyone:anyone"]}
HELPER_ID = {"qcs": [f"qcs::cam::uin/{OWNER}:uin/77"]}
FRIEND_ID = {"qcs": [f"qcs::cam::uin/{FRIEND}:uin/{FRIEND}"]}


def resource(bucket: str, path: str = "*") -> str:
    return f"qcs::cos:ap-local:uid/{OWNER}:{bucket}/{path}"


def statement(bucket: str, effect: str, who: Any, *actions: str, path: str = "*") -> dict[str, Any]:
    return {
        "Effect": effect,
        "Principal": who,
        "Action": [f"name/cos:{action}" for action in actions],
        "Resource": [resource(bucket, path)],
    }


def put(http_client: HTTPClient, bucket: str, *statements: dict[str, Any]) -> None:
    body = json.dumps({"version": "2.0", "Statement": statements}).encode()
    reply = http_client.request("PUT", f"/{bucket}/?policy", {}, body)
    assert reply.outcome == (204, ""), reply.body


@pytest.fixture(scope="module")
def helper(server: LocalServer) -> HTTPClient:
    return account_client(server, SUB_ACCOUNT)


@pytest.fixture(scope="module")
def friend(server: LocalServer) -> HTTPClient:
    return account_client(server, FRIEND)


@pytest.fixture
def filled(http_client: HTTPClient, bucket: str) -> str:
    """Give a bucket with objects in two folders."""
    for key in ("open/a", "closed/a"):
        assert http_client.request("PUT", f"/{bucket}/{key}", {}, b"x").status == 200
    return bucket


def test_a_policy_comes_back_as_it_was_put(http_client: HTTPClient, bucket: str) -> None:
    target = f"/{bucket}/?policy"
    assert http_client.request("GET", target).outcome == (404, "NoSuchBucketPolicy")
    assert http_client.request("DELETE", target).status == 204
    body = json.dumps(
        {"Statement": [statement(bucket, "allow", ANYONE, "*")], "version": "2.0"}, indent=3
    ).encode()
    assert http_client.request("PUT", target, {}, body).status == 204
    got = http_client.request("GET", target)
    assert (got.status, got.body, got["Content-Type"]) == (200, body, "application/json")
    assert http_client.request("DELETE", target).status == 204
    assert http_client.request("GET", target).outcome == (404, "NoSuchBucketPolicy")


WRONG = [
    ("no JSON", b"{", "MalformedPolicy"),
    ("bad bytes", b"\xff\xfe", "MalformedPolicy"),
    ("nothing", b"", "MissingRequestBodyError"),
    ("an unknown key", ("ROOM", {"string_equal": {"cos:no": "x"}}, "ap-local"), "MalformedPolicy"),
    ("another bucket", ("other-1250000000", {}, "ap-local"), "MalformedPolicy"),
    ("another region", ("ROOM", {}, "ap-beijing"), "MalformedPolicy"),
    ("too much", b'{"Statement": "%s"}' % (b"x" * 20480), "MalformedPolicy"),
]


@pytest.mark.parametrize(("about", "what", "code"), WRONG, ids=lambda value: str(value)[:30])
def test_a_wrong_policy_leaves_the_old_one(
    http_client: HTTPClient, bucket: str, about: str, what: bytes | tuple[str, Any, str], code: str
) -> None:
    if isinstance(what, tuple):
        name, condition, region = what
        item = statement(name.replace("ROOM", bucket), "deny", ANYONE, "*")
        item["Resource"] = [text.replace("ap-local", region) for text in item["Resource"]]
        what = json.dumps({"Statement": [{**item, "Condition": condition}]}).encode()
    put(http_client, bucket, statement(bucket, "allow", ANYONE, "GetBucket"))
    old = http_client.request("GET", f"/{bucket}/?policy").body
    assert http_client.request("PUT", f"/{bucket}/?policy", {}, what).outcome == (400, code)
    assert http_client.request("GET", f"/{bucket}/?policy").body == old
    assert http_client.request("GET", f"/{bucket}/", signed=False).status == 200


def test_an_allow_gives_the_named_actions_to_the_named_principals(
    http_client: HTTPClient, helper: HTTPClient, friend: HTTPClient, filled: str
) -> None:
    put(
        http_client,
        filled,
        statement(filled, "allow", HELPER_ID, "GetObject", "PutObject", path="open/*"),
        statement(filled, "allow", FRIEND_ID, "PutBucketVersioning", "GetBucketPolicy"),
    )
    assert helper.request("GET", f"/{filled}/open/a").body == b"x"
    assert helper.request("PUT", f"/{filled}/open/b", {}, b"y").status == 200
    assert helper.request("GET", f"/{filled}/open/none").outcome == (404, "NoSuchKey")
    assert http_client.request("GET", f"/{filled}/open/b?acl").texts("ID")[0] == OWNER
    for method, target in [
        ("GET", "closed/a"),
        ("GET", "closed/none"),
        ("GET", ""),
        ("GET", "open/a?acl"),
        ("DELETE", "open/a"),
        ("PUT", "?versioning"),
    ]:
        assert helper.request(method, f"/{filled}/{target}").outcome == DENIED, target
    assert friend.request("GET", f"/{filled}/open/a").outcome == DENIED
    assert friend.request("GET", f"/{filled}/?policy").status == 200
    assert friend.request("DELETE", f"/{filled}/?policy").outcome == DENIED
    enable = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert friend.request("PUT", f"/{filled}/?versioning", {}, enable).status == 200
    assert http_client.request("GET", f"/{filled}/open/a", signed=False).outcome == DENIED


def test_a_deny_wins_over_acls_and_over_the_owner_but_for_the_policy_itself(
    http_client: HTTPClient, friend: HTTPClient, filled: str
) -> None:
    assert (
        http_client.request("PUT", f"/{filled}/?acl", {"x-cos-acl": "public-read"}, b"").status
        == 200
    )
    put(http_client, filled, statement(filled, "deny", "*", "GetObject", path="closed/*"))
    for asking, signed in ((http_client, True), (friend, True), (http_client, False)):
        assert asking.request("GET", f"/{filled}/closed/a", signed=signed).outcome == DENIED
        assert asking.request("GET", f"/{filled}/open/a", signed=signed).body == b"x"
    put(http_client, filled, statement(filled, "deny", "*", "*"))
    assert http_client.request("GET", f"/{filled}/").outcome == DENIED
    assert http_client.request("GET", f"/{filled}/?policy").status == 200
    assert friend.request("GET", f"/{filled}/?policy").outcome == DENIED
    assert http_client.request("DELETE", f"/{filled}/?policy").status == 204
    assert http_client.request("GET", f"/{filled}/closed/a").body == b"x"


def delete_many(http_client: HTTPClient, bucket: str, *keys: str) -> Reply:
    objects = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
    body = f"<Delete>{objects}</Delete>".encode()
    return http_client.request(
        "POST", f"/{bucket}/?delete", {"content-md5": content_md5(body)}, body
    )


def test_deleting_many_asks_for_each_key(
    http_client: HTTPClient, helper: HTTPClient, filled: str
) -> None:
    put(http_client, filled, statement(filled, "deny", "*", "DeleteObject", path="closed/*"))
    reply = delete_many(http_client, filled, "closed/a", "open/a")
    assert (reply.status, reply.texts("Code")) == (200, ["AccessDenied"])
    assert http_client.request("HEAD", f"/{filled}/closed/a").status == 200
    assert http_client.request("HEAD", f"/{filled}/open/a").status == 404
    allowed = statement(filled, "allow", HELPER_ID, "DeleteMultipleObjects", path="closed/*")
    put(http_client, filled, allowed)
    assert http_client.request("PUT", f"/{filled}/open/a", {}, b"x").status == 200
    assert delete_many(helper, filled, "closed/a", "open/a").texts("Code") == ["AccessDenied"]
    assert http_client.request("HEAD", f"/{filled}/closed/a").status == 404
    assert http_client.request("HEAD", f"/{filled}/open/a").status == 200


def test_a_copy_is_a_get_of_its_source(
    http_client: HTTPClient, helper: HTTPClient, filled: str
) -> None:
    put(http_client, filled, statement(filled, "deny", "*", "GetObject", path="closed/*"))
    source = {"x-cos-copy-source": f"{filled}.x/closed/a"}
    assert http_client.request("PUT", f"/{filled}/copy", source, b"").outcome == DENIED
    put(
        http_client,
        filled,
        statement(filled, "allow", HELPER_ID, "GetObject", path="closed/*"),
        statement(filled, "allow", HELPER_ID, "PutObject", path="open/*"),
    )
    assert helper.request("PUT", f"/{filled}/open/copy", source, b"").status == 200
    assert helper.request("PUT", f"/{filled}/closed/copy", source, b"").outcome == DENIED
    source = {"x-cos-copy-source": f"{filled}.x/open/a"}
    assert helper.request("PUT", f"/{filled}/open/copy", source, b"").outcome == DENIED


# However a request names `closed/a`, the condition sees it.
SOURCES = [
    ("COS", "BUCKET.cos.ap-local.myqcloud.com/closed/a"),
    ("COS", "/BUCKET.cos.ap-local.myqcloud.com/closed/a"),
    ("COS", "BUCKET.cos.ap-local.myqcloud.com/%63losed/a"),
    ("COS", "BUCKET.cos.ap-local.myqcloud.com/closed%2Fa"),
    ("COS", "BUCKET.cos.elsewhere.tencentcos.cn/closed/a?versionId=null"),
    ("COS", "BUCKET.localhost:9000/closed/a"),
    ("COS", "/BUCKET/closed/a"),
    ("S3", "BUCKET/closed/a"),
    ("S3", "/BUCKET/%63%6Cosed/a"),
    ("S3", "BUCKET%2Fclosed%2Fa"),
    ("S3", "BUCKET/closed/a?versionId=null"),
]
CLOSED = (
    "BUCKET.cos.ap-local.myqcloud.com/closed/*",
    "BUCKET.cos.ap-local.tencentcos.cn/closed/*",
    "/BUCKET/closed/*",
    "*/closed/a",
)


@pytest.mark.parametrize(("dialect", "source"), SOURCES)
@pytest.mark.parametrize("pattern", CLOSED)
def test_a_condition_on_the_source_of_a_copy_sees_it_however_it_is_spelled(
    http_client: HTTPClient, filled: str, dialect: str, source: str, pattern: str
) -> None:
    value = [pattern.replace("BUCKET", filled)]
    denied = statement(filled, "deny", "*", "PutObject", path="copy")
    put(
        http_client,
        filled,
        {**denied, "Condition": {"string_like": {"cos:x-cos-copy-source": value}}},
    )

    def copy(text: str) -> Reply:
        named = text.replace("BUCKET", filled)
        if dialect == "S3":
            return s3.request_s3(
                http_client, "PUT", f"/{filled}/copy", {"x-amz-copy-source": named}
            )
        return http_client.request("PUT", f"/{filled}/copy", {"x-cos-copy-source": named}, b"")

    # The owner may do all but what a deny names.
    assert copy(source).outcome == DENIED
    for old in ("closed", "%63losed", "%63%6Cosed"):
        source = source.replace(old, "open")
    assert copy(source).status == 200
    put(
        http_client,
        filled,
        {**denied, "Condition": {"string_not_like": {"cos:x-cos-copy-source": value}}},
    )
    assert copy(source).outcome == DENIED


CONDITIONS: list[tuple[dict[str, Any], str, dict[str, str], int]] = [
    ({"ip_equal": {"qcs:ip": "127.0.0.0/8"}}, "", {}, 200),
    ({"ip_equal": {"qcs:ip": "10.0.0.0/8"}}, "", {}, 403),
    ({"string_equal": {"cos:prefix": "open/"}}, "?prefix=open/", {}, 200),
    ({"string_equal": {"cos:prefix": "open/"}}, "?prefix=", {}, 403),
    ({"string_equal": {"cos:prefix": "open/"}}, "", {}, 403),
    ({"string_equal": {"cos:prefix": "open/"}}, "?prefix=open/&prefix=", {}, 200),
    ({"string_equal": {"cos:prefix": "open/"}}, "?prefix=&prefix=open/", {}, 403),
    ({"numeric_less_than_equal": {"cos:max-keys": "5"}}, "?max-keys=5", {}, 200),
    ({"numeric_less_than_equal": {"cos:max-keys": "5"}}, "?max-keys=6", {}, 403),
    ({"bool_equal": {"cos:secure-transport": "true"}}, "", {}, 403),
    ({"bool_equal": {"cos:secure-transport": "true"}}, "", {"x-forwarded-proto": "https"}, 403),
    ({"ip_equal": {"qcs:ip": "10.0.0.0/8"}}, "", {"x-forwarded-for": "10.0.0.1"}, 403),
]


@pytest.mark.parametrize(("condition", "query", "headers", "status"), CONDITIONS, ids=str)
def test_a_condition_is_asked_of_the_request(
    http_client: HTTPClient,
    filled: str,
    condition: dict[str, Any],
    query: str,
    headers: dict[str, str],
    status: int,
) -> None:
    put(
        http_client,
        filled,
        statement(filled, "allow", ANYONE, "GetBucket") | {"Condition": condition},
    )
    assert http_client.request("GET", f"/{filled}/{query}", headers, signed=False).status == status


def test_attributes_need_the_right_to_head_the_object(
    http_client: HTTPClient, helper: HTTPClient, filled: str
) -> None:
    target, names = f"/{filled}/closed/a?attributes", {"x-amz-object-attributes": "ETag"}
    everything = statement(filled, "allow", HELPER_ID, "*")
    for rules, status in (
        ([statement(filled, "allow", HELPER_ID, "HeadObject")], 200),
        ([statement(filled, "allow", HELPER_ID, "GetObject")], 403),
        ([everything, statement(filled, "deny", "*", "GetObject", "HeadObject")], 403),
        ([everything, statement(filled, "deny", "*", "GetObjectAttributes")], 403),
        ([everything, statement(filled, "deny", "*", "GetObject")], 200),
    ):
        put(http_client, filled, *rules)
        assert s3.request_s3(helper, "GET", target, names).status == status, rules
        assert helper.request("HEAD", f"/{filled}/closed/a").status == (
            200 if "GetObjectAttributes" in str(rules) else status
        )


def test_a_writer_may_be_held_to_an_acl_and_a_class(
    http_client: HTTPClient, helper: HTTPClient, bucket: str
) -> None:
    condition = {
        "string_equal": {"cos:x-cos-acl": "private"},
        "string_equal_if_exist": {"cos:x-cos-storage-class": ["STANDARD", "STANDARD_IA"]},
    }
    put(
        http_client,
        bucket,
        statement(bucket, "allow", HELPER_ID, "PutObject") | {"Condition": condition},
    )
    for headers, status in [
        ({"x-cos-acl": "private"}, 200),
        ({"x-cos-acl": "private", "x-cos-storage-class": "STANDARD_IA"}, 200),
        ({"x-cos-acl": "private", "x-cos-storage-class": "ARCHIVE"}, 403),
        ({"x-cos-acl": "public-read"}, 403),
        ({}, 403),
    ]:
        assert helper.request("PUT", f"/{bucket}/a", headers, b"x").status == status, headers
