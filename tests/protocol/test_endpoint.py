"""Addresses in both styles, encoded and decoded, and paths that no proxy rewrites."""

import re
from itertools import product
from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.endpoint import (
    Endpoint,
    decode_path,
    decode_query,
    encode_path,
    encode_query,
    is_banned_key,
    is_bucket_name,
    parse_endpoint,
    region_endpoint,
    resolve,
)
from coskit.protocol.errors import InvalidURI, NoSuchBucket, ParameterError
from tests.protocol.strategies import keys, texts
from tests.support.keys import HOSTILE_KEYS

BUCKET = "b-1250000000"
SERVICE = "service.cos.myqcloud.com"
ENDPOINTS = [
    ("https://cos.example.com", Endpoint("https", "cos.example.com", False, "cos.example.com")),
    ("cos.example.com", Endpoint("https", "cos.example.com", False, "cos.example.com")),
    ("http://cos.example.com/", Endpoint("http", "cos.example.com", False, "cos.example.com")),
    ("HTTP://Example.com:80", Endpoint("http", "example.com:80", False, "example.com:80")),
    ("http://127.0.0.1:9000", Endpoint("http", "127.0.0.1:9000", True, "127.0.0.1:9000")),
    ("127.0.0.1", Endpoint("https", "127.0.0.1", True, "127.0.0.1")),
    ("http://[::1]:9000", Endpoint("http", "[::1]:9000", True, "[::1]:9000")),
    ("http://localhost:9000", Endpoint("http", "localhost:9000", True, "localhost:9000")),
    ("localhost:9000", Endpoint("https", "localhost:9000", True, "localhost:9000")),
    ("http://cos.localhost", Endpoint("http", "cos.localhost", False, "cos.localhost")),
]


@pytest.mark.parametrize(("text", "endpoint"), ENDPOINTS)
def test_an_endpoint(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text) == endpoint


def test_an_endpoints_style_may_be_given() -> None:
    assert not parse_endpoint("http://127.0.0.1", path_style=False).path_style
    assert parse_endpoint("https://cos.example.com", path_style=True).path_style


NO_ENDPOINTS = (
    "",
    "http://",
    "ftp://host",
    "host/path",
    "http://host/path",
    "host?a=1",
    "host#a",
    "a b",
    "http://user@host",
    "host:port",
    "host:123456",
    "http://[::1",
    "a\r\nb",
    "\u017f.com",
)


@pytest.mark.parametrize("text", NO_ENDPOINTS, ids=ascii)
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="Endpoint"):
        parse_endpoint(text)


def test_a_password_in_an_endpoint_is_not_repeated() -> None:
    with pytest.raises(ParameterError) as refusal:
        parse_endpoint("http://user:hidden@host")
    assert "hidden" not in str(refusal.value)


def test_a_regions_endpoint() -> None:
    host = "cos.ap-guangzhou.myqcloud.com"
    assert region_endpoint("ap-guangzhou") == Endpoint("https", host, False, SERVICE)
    assert region_endpoint("cos.ap-guangzhou", "http") == Endpoint("http", host, False, SERVICE)
    assert region_endpoint("cos.accelerate").host == "cos.accelerate.myqcloud.com"


@pytest.mark.parametrize("region", ["", "a b", "a/b", "a:1", "a@b", "a\n", "\u017f"], ids=ascii)
def test_what_is_no_region_is_refused(region: str) -> None:
    with pytest.raises(ParameterError, match="Region"):
        region_endpoint(region)


HOSTED, PATHED = region_endpoint("ap-guangzhou"), parse_endpoint("http://127.0.0.1:9000")
ADDRESSES = [
    (HOSTED, None, None, SERVICE, "/"),
    (HOSTED, BUCKET, None, f"{BUCKET}.cos.ap-guangzhou.myqcloud.com", "/"),
    (HOSTED, BUCKET, "a/b", f"{BUCKET}.cos.ap-guangzhou.myqcloud.com", "/a/b"),
    (HOSTED, BUCKET, "/a", f"{BUCKET}.cos.ap-guangzhou.myqcloud.com", "//a"),
    (PATHED, None, None, "127.0.0.1:9000", "/"),
    (PATHED, BUCKET, None, "127.0.0.1:9000", f"/{BUCKET}/"),
    (PATHED, BUCKET, "a/b", "127.0.0.1:9000", f"/{BUCKET}/a/b"),
    (PATHED, BUCKET, "/a", "127.0.0.1:9000", f"/{BUCKET}//a"),
]


@pytest.mark.parametrize(("endpoint", "bucket", "key", "host", "path"), ADDRESSES)
def test_an_address_there_and_back(
    endpoint: Endpoint, bucket: str | None, key: str | None, host: str, path: str
) -> None:
    assert endpoint.address(bucket, key) == (host, path)
    assert resolve(host, path) == (bucket, key)


RESOLVED = [
    (f"{BUCKET}.cos.ap-x.myqcloud.com", "/k", BUCKET, "k"),
    (f"{BUCKET}.cos.ap-x.myqcloud.com:8080", "/k", BUCKET, "k"),
    (f"{BUCKET.upper()}.COS.ap-x.myqcloud.com", "/K", BUCKET, "K"),
    (f"{BUCKET}.cos.ap-x.tencentcos.cn", "/", BUCKET, None),
    (f"{BUCKET}.cos.accelerate.myqcloud.com", "/a//b", BUCKET, "a//b"),
    (f"{BUCKET}.localhost:9000", "/k", BUCKET, "k"),
    (f"{BUCKET}.localhost", "", BUCKET, None),
    ("cos.ap-x.myqcloud.com", f"/{BUCKET}/k", BUCKET, "k"),
    ("cos.ap-x.myqcloud.com", f"/{BUCKET}", BUCKET, None),
    ("cos.ap-x.myqcloud.com", "/", None, None),
    (SERVICE, "/", None, None),
    ("service.cos.ap-x.myqcloud.com", "/", None, None),
    ("localhost:9000", f"/{BUCKET}/", BUCKET, None),
    ("localhost:9000", f"/{BUCKET}//k", BUCKET, "/k"),
    ("localhost", f"/{BUCKET}/a/../b", BUCKET, "a/../b"),
    ("127.0.0.1:9000", f"/{BUCKET}/k/", BUCKET, "k/"),
    ("[::1]:9000", f"/{BUCKET}/k", BUCKET, "k"),
    ("[::1]", f"/{BUCKET}/k", BUCKET, "k"),
    ("a.b.localhost", f"/{BUCKET}/k", "a.b", f"{BUCKET}/k"),
    ("", f"/{BUCKET}/k", BUCKET, "k"),
    (f"{BUCKET}.storage.example", "/k", BUCKET, "k"),
    (f"{BUCKET}.storage.example:80", "/k", BUCKET, "k"),
    (f"{BUCKET}.cos.ap-x.storage.example", "/k", BUCKET, "k"),
    ("storage.example", f"/{BUCKET}/k", BUCKET, "k"),
    ("cos.ap-x.storage.example", f"/{BUCKET}/k", BUCKET, "k"),
    (f"{BUCKET}.other.example", "/b/k", "b", "k"),
    (f"{BUCKET}xstorage.example", "/b/k", "b", "k"),
]


@pytest.mark.parametrize(("host", "path", "bucket", "key"), RESOLVED)
def test_what_an_address_names(host: str, path: str, bucket: str | None, key: str | None) -> None:
    assert resolve(host, path, ["storage.example"]) == (bucket, key)


# vendor: "Regions and Access Endpoints"; S3: "Virtual hosting of general purpose buckets".
DOMAINS = (
    "localhost",
    "cos.localhost",
    "cos.ap-local.localhost",
    "s3.localhost",
    "s3.ap-local.localhost",
    "cos.ap-guangzhou.myqcloud.com",
    "cos-internal.ap-guangzhou.tencentcos.cn",
    "cosv6.ap-guangzhou.myqcloud.com",
    "cos.accelerate.myqcloud.com",
    "cos.ap-guangzhou.tencentcos.cn",
    "cos.ap-local.cloud.example.org",
    "cos.example.org",
    "s3.amazonaws.com",
    "s3.eu-west-1.amazonaws.com",
    "s3-eu-west-1.amazonaws.com",
    "s3.dualstack.eu-west-1.amazonaws.com",
    "s3-accelerate.amazonaws.com",
    "s3.cn-north-1.amazonaws.com.cn",
    "s3.ap-local.cloud.example.org",
    "s3.example.org",
    "storage.example",
    "cos.ap-x.storage.example",
    "s3.ap-x.storage.example",
    "deep.storage.example",
)
BUCKETS = (BUCKET, f"dot.ted-{BUCKET[-10:]}", "a.b.c", "dotted.name", "abc", "s3.my.data", "x-y.z")
BASES = ["storage.example", "deep.storage.example"]


# In an unknown domain, the first label that may be a service's is one.
NAMED = [
    (name, domain)
    for name in BUCKETS
    for domain in DOMAINS
    if not (name.startswith("s3.") and domain.endswith("example.org"))
]


@pytest.mark.parametrize(("name", "domain"), NAMED)
def test_all_before_the_domain_is_the_bucket(name: str, domain: str) -> None:
    for host in (f"{name}.{domain}", f"{name}.{domain}.", f"{name}.{domain}".upper()):
        for port in ("", ":80", ":9000", ":"):
            for path, key in (("/a/b", "a/b"), ("/a", "a"), ("/", None), ("", None)):
                assert resolve(host + port, path, BASES) == (name, key), host + port


@pytest.mark.parametrize(
    "domain",
    [name for name in DOMAINS if name not in ("deep.storage.example",)] + ["other.example"],
)
def test_a_domain_alone_leaves_the_bucket_to_the_path(domain: str) -> None:
    for host in (domain, f"{domain}:9000", domain.upper(), f"{domain}."):
        assert resolve(host, f"/{BUCKET}/k", BASES) == (BUCKET, "k")
        assert resolve(host, "/", BASES) == (None, None)


@pytest.mark.parametrize(
    "host",
    [
        f"{BUCKET}.cos-website.ap-x.myqcloud.com",
        f"{BUCKET}.ci.ap-x.myqcloud.com",
        f"{BUCKET}.file.myqcloud.com",
        f"{BUCKET}.sts.eu-west-1.amazonaws.com",
        f"{BUCKET}.myqcloud.com:9000",
    ],
)
def test_another_host_of_a_public_service_names_no_bucket(host: str) -> None:
    for path in ("/", "/b", "/b/k"):
        with pytest.raises(NoSuchBucket):
            resolve(host, path)


# RFC 9110 7.2 and RFC 3986 3.2.2: a name or an address, and a port; no user.
NO_HOSTS = (
    "user@localhost",
    f"{BUCKET}@localhost",
    f"user:password@{BUCKET}.localhost",
    "localhost:port",
    "localhost:123456",
    "local host",
    "localhost/",
    f"{BUCKET}.localhost/x",
    "localhost?x",
    "localhost#x",
    "localhost,localhost",
    "a..localhost",
    ".localhost",
    "[::1",
    "::1",
    "[localhost]",
    "local%68ost",
    "a\\b",
    "a\tb",
    "a\x00",
    "\u4e2d.localhost",
    "\udcff.localhost",
    "\u212a.localhost",
    ":80",
    f"{'a' * 300}.localhost",
)


@pytest.mark.parametrize("host", NO_HOSTS, ids=ascii)
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(InvalidURI):
        resolve(host, f"/{BUCKET}/k")


def test_a_key_without_a_bucket_is_refused() -> None:
    for path in ("//k", "///", "//a/b"):
        with pytest.raises(InvalidURI):
            resolve("localhost", path)


def without_dot_segments(path: str) -> str:
    """Return a path as RFC 3986, 5.2.4 has it resolved."""
    rest, out = path, ""
    while rest:
        if rest.startswith(("../", "./")):
            rest = rest.partition("/")[2]
        elif rest.startswith("/./") or rest == "/.":
            rest = "/" + rest[3:]
        elif rest.startswith("/../") or rest == "/..":
            rest, out = "/" + rest[4:], out.rpartition("/")[0]
        elif rest in (".", ".."):
            rest = ""
        else:
            segment = re.match(r"/?[^/]*", rest)
            assert segment
            rest, out = rest[segment.end() :], out + segment[0]
    return out


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        ("/a/b/c/./../../g", "/a/g"),
        ("mid/content=5/../6", "mid/6"),
        ("/..", "/"),
        ("/.", "/"),
        ("/a/..", "/"),
        ("/a/.", "/a/"),
        ("//a", "//a"),
    ],
)
def test_the_resolver_of_these_tests(path: str, resolved: str) -> None:
    assert without_dot_segments(path) == resolved


DOTTED = sorted(
    {"/" + "/".join(s) for n in range(1, 5) for s in product(("", ".", "..", "a."), repeat=n)}
)


@pytest.mark.parametrize("prefix", ["", f"/{BUCKET}"])
def test_dot_segments_survive_proxies(prefix: str) -> None:
    for path in (prefix + dotted for dotted in DOTTED):
        encoded = encode_path(path)
        assert decode_path(encoded.encode()) == path
        if path not in ("/.", "/.."):
            assert without_dot_segments(encoded) == encoded
            assert urljoin("http://host/", "http://host" + encoded) == "http://host" + encoded


@given(key=keys | st.text(st.sampled_from("./a%"), max_size=12))
def test_a_path_is_decoded_to_what_was_encoded(key: str) -> None:
    encoded = encode_path(f"/{key}")
    assert re.fullmatch(r"/([A-Za-z0-9_.~/-]|%[0-9A-F]{2})*", encoded)
    assert decode_path(encoded.encode()) == f"/{key}"
    if key not in (".", ".."):
        assert without_dot_segments(encoded) == encoded


@pytest.mark.parametrize(
    ("path", "encoded"),
    [
        ("/dir/\u4e2d\u6587 a+b(1).txt", "/dir/%E4%B8%AD%E6%96%87%20a%2Bb%281%29.txt"),
        ("/a//b/~c-d_e.f", "/a//b/~c-d_e.f"),
        ("/a/../b", "/a%2F..%2Fb"),
        ("/../b", "/..%2Fb"),
        ("/a/..", "/a%2F.."),
        ("/a./b", "/a./b"),
        ("/a/.b", "/a/.b"),
        ("/%2e%2e/", "/%252e%252e/"),
    ],
)
def test_an_encoded_path(path: str, encoded: str) -> None:
    assert encode_path(path) == encoded


def test_a_path_is_decoded_once_and_a_plus_stays() -> None:
    assert decode_path(b"/a%252Fb%2Fc+d") == "/a%2Fb/c+d"
    assert decode_path("/\u4e2d".encode()) == "/\u4e2d"
    assert decode_path(b"/%zz%") == "/%zz%"


@pytest.mark.parametrize("raw", [b"/%FF", b"/\xff", b"/%ED%A0%80", b"/%C0%AF"])
def test_an_address_that_is_not_utf_8_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidURI):
        decode_path(raw)
    for query in (b"a=" + raw, raw + b"=a"):
        with pytest.raises(InvalidURI):
            decode_query(query)


QUERIES = [
    (b"", ()),
    (b"&&", ()),
    (b"acl", (("acl", ""),)),
    (b"acl=", (("acl", ""),)),
    (b"prefix=a+b%2B%20c", (("prefix", "a b+ c"),)),
    (b"a=1&a=2", (("a", "1"), ("a", "2"))),
    (b"a=b=c", (("a", "b=c"),)),
    (b"=b", (("", "b"),)),
    (b"%61%3D=%26", (("a=", "&"),)),
    (b"VersionId=v", (("versionId", "v"),)),
    (b"versionid=v", (("versionId", "v"),)),
    (b"versionId=v", (("versionId", "v"),)),
]


@pytest.mark.parametrize(("raw", "pairs"), QUERIES)
def test_a_query(raw: bytes, pairs: tuple[tuple[str, str], ...]) -> None:
    assert decode_query(raw) == pairs


@given(pairs=st.lists(st.tuples(texts.filter(lambda name: name.lower() != "versionid"), texts)))
def test_a_query_is_decoded_to_what_was_encoded(pairs: list[tuple[str, str]]) -> None:
    raw = encode_query(pairs)
    assert raw.isascii()
    assert "+" not in raw
    assert decode_query(raw.encode()) == tuple(pairs)


@pytest.mark.parametrize("name", ["a", "a-1250000000", "0", "A-1", "a--b", "a" * 63])
def test_a_bucket_name(name: str) -> None:
    assert is_bucket_name(name)


NO_BUCKETS = ("", "-", "-a", "a-", "a_b", "a.b", "a b", "a/b", "..", "a\n", "a" * 64)
NOT_ASCII = ("\u4e2d", "\u017f", "\u212a")  # the last two are s and K to a careless `re.IGNORECASE`


@pytest.mark.parametrize("name", NO_BUCKETS + NOT_ASCII, ids=ascii)
def test_what_is_no_bucket_name(name: str) -> None:
    assert not is_bucket_name(name)


@pytest.mark.parametrize("key", ["/", "/a", "\\a", "\x18", "a\x1b", "a\n\x19"], ids=ascii)
def test_a_banned_key(key: str) -> None:
    assert is_banned_key(key)


@pytest.mark.parametrize("key", ["a/", "a\\b", "\x17", "\x1c", "..", "a\nb", " /"], ids=ascii)
def test_a_key_that_is_not_banned(key: str) -> None:
    assert not is_banned_key(key)


def test_most_hostile_keys_are_not_banned() -> None:
    assert [key for key in HOSTILE_KEYS if is_banned_key(key)] == ["//x"]
