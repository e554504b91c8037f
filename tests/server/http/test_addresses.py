"""The target of a request: hosts, paths and queries in every spelling, and the key of each."""

from urllib.parse import quote

import pytest

from coskit.protocol.endpoint import encode_path
from tests.server.support.http_client import HTTPClient
from tests.support.keys import HOSTILE_KEYS, UNWRITABLE_KEYS


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("ROOM.cos.ap-guangzhou.myqcloud.com", "/kept"),
        ("ROOM.cos.ap-guangzhou.tencentcos.cn:8080", "/kept"),
        ("ROOM.cos.accelerate.myqcloud.com", "/kept"),
        ("ROOM.COS.AP-Guangzhou.MyQCloud.com", "/kept"),
        ("ROOM.localhost", "/kept"),
        ("ROOM.localhost:9000", "/kept"),
        ("cos.ap-guangzhou.myqcloud.com", "/ROOM/kept"),
        ("127.0.0.1", "/ROOM/kept"),
        ("127.0.0.1:9000", "/ROOM/kept"),
        ("[::1]:9000", "/ROOM/kept"),
        ("[::1]", "/ROOM/kept"),
        ("localhost", "/ROOM/kept"),
        ("localhost:9000", "/ROOM/kept"),
        ("storage.example.com", "/ROOM/kept"),
        ("", "/ROOM/kept"),
    ],
)
def test_a_host_names_the_bucket_or_leaves_it_to_the_path(
    http_client: HTTPClient, room: str, host: str, target: str
) -> None:
    here = host.replace("ROOM", room)
    assert http_client.request("GET", target.replace("ROOM", room), host=here).body == b"kept"
    bucket = target.replace("ROOM", room).removesuffix("kept")
    assert "kept" in http_client.request("GET", bucket, host=here).texts("Key")


@pytest.mark.parametrize(
    "host", ["service.cos.myqcloud.com", "cos.ap-local.myqcloud.com", "127.0.0.1"]
)
def test_a_host_without_bucket_lists_buckets(http_client: HTTPClient, room: str, host: str) -> None:
    reply = http_client.request("GET", "/", host=host)
    assert reply.text("ListAllMyBucketsResult")
    assert room in reply.texts("Name")
    assert set(reply.texts("Location")) == {"ap-local"}


def test_a_bucket_needs_no_slash_behind_it(http_client: HTTPClient, room: str) -> None:
    assert "kept" in http_client.request("GET", f"/{room}").texts("Key")
    assert http_client.request("HEAD", f"/{room}").status == 200


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("a+b", "a+b"),
        ("a%2Bb", "a+b"),
        ("a%20b", "a b"),
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("a//b", "a//b"),
        ("./a", "./a"),
        ("a/../b", "a/../b"),
        ("..%2Fa", "../a"),
        ("%41", "A"),
        ("%e4%b8%ad", "中"),
        ("a%", "a%"),
        ("a%zz", "a%zz"),
        ("a%3Facl", "a?acl"),
        ("a;b", "a;b"),
        ("a&b=c", "a&b=c"),
        ("a%00b", "a\0b"),
    ],
)
def test_a_path_is_decoded_once_and_never_tidied(
    http_client: HTTPClient, bucket: str, target: str, key: str
) -> None:
    assert http_client.request("PUT", f"/{bucket}/{target}", {}, b"x").status == 200
    listed = http_client.request("GET", f"/{bucket}/?encoding-type=url")
    assert listed.texts("Key") == [quote(key, safe="/-_.~")]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("prefix=a+b", ["a b"]),
        ("prefix=a%20b", ["a b"]),
        ("prefix=a%2Bb", ["a+b"]),
        ("prefix=a%252B", ["a%2B"]),
        ("prefix=", ["a b", "a%2B", "a+b"]),
        ("prefix", ["a b", "a%2B", "a+b"]),
        ("&&prefix=a%2Bb&", ["a+b"]),
        ("prefix=a%2Bb&prefix=none", ["a+b"]),
        ("x-unknown=1&prefix=a%2Bb", ["a+b"]),
        ("marker=a+b&max-keys=1", ["a%2B"]),
        ("delimiter=&marker=&max-keys=&encoding-type=", ["a b", "a%2B", "a+b"]),
    ],
)
def test_a_query_is_decoded_as_forms_are(
    http_client: HTTPClient, three: str, query: str, keys: list[str]
) -> None:
    assert http_client.request("GET", f"/{three}/?{query}").texts("Key") == keys


@pytest.fixture(scope="module")
def three(http_client: HTTPClient) -> str:
    """Create a bucket with three keys that a wrong decoder confuses."""
    name = "three-1250000000"
    http_client.request("PUT", f"/{name}/")
    for key in ("a b", "a+b", "a%2B"):
        assert http_client.request("PUT", f"/{name}/{quote(key)}", {}, b"x").status == 200
    return name


@pytest.mark.parametrize("flag", ["acl", "acl=", "acl=1", "acl&x-y=z"])
def test_a_sub_resource_is_there_with_or_without_a_value(
    http_client: HTTPClient, room: str, flag: str
) -> None:
    assert http_client.request("GET", f"/{room}/kept?{flag}").text("AccessControlPolicy")


@pytest.mark.parametrize("name", ["versionId", "VersionId", "versionid"])
def test_three_spellings_of_a_version(http_client: HTTPClient, room: str, name: str) -> None:
    assert http_client.request("GET", f"/{room}/kept?{name}=null").body == b"kept"
    assert http_client.request("GET", f"/{room}/kept?{name}=x").outcome == (
        400,
        "BucketVersionNotOpen",
    )


def test_every_hostile_key_is_one_object(http_client: HTTPClient, bucket: str) -> None:
    keys = [key for key in HOSTILE_KEYS if not key.startswith(("/", "\\"))]
    banned = [key for key in keys if any("\x18" <= char <= "\x1b" for char in key)]
    for key in keys:
        reply = http_client.request("PUT", f"/{bucket}{encode_path('/' + key)}", {}, key.encode())
        assert reply.status == (400 if key in banned else 200), key
    for key in set(keys) - set(banned):
        assert (
            http_client.request("GET", f"/{bucket}{encode_path('/' + key)}").body == key.encode()
        ), key
    expected = sorted(set(keys) - set(banned), key=str.encode)
    listed = http_client.request("GET", f"/{bucket}/?encoding-type=url").texts("Key")
    assert listed == [quote(key, safe="/-_.~") for key in expected]
    plain = http_client.request("GET", f"/{bucket}/")
    assert plain.status == 200
    assert len(plain.texts("Key")) == len(expected)
    assert set(UNWRITABLE_KEYS) & set(plain.texts("Key")) == set()
