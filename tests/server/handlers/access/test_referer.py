"""Referer rules apply to unsigned requests.

Sources: vendor: PUT Bucket referer (the words; no referer is denied unless `Allow` is said), and
vendor: Setting Hotlink Protection (a listed name is a prefix, with and without scheme, of a port
only with that; `*` stands for subdomains; nothing is asked of who signs, in header or URL).
"""

import itertools
import json
import time

import pytest

from coskit.server.handlers.access.referer import _active_rules
from coskit.testing import LocalServer
from tests.server.support.accounts import FRIEND, account_client
from tests.server.support.http_client import HTTPClient

DENIED = (403, "AccessDenied")
_numbers = itertools.count(1)


def rules(
    kind: str, *domains: str, empty: str = "", status: str = "Enabled", signed: str = ""
) -> bytes:
    listed = "".join(f"<Domain>{domain}</Domain>" for domain in domains)
    more = f"<EmptyReferConfiguration>{empty}</EmptyReferConfiguration>" if empty else ""
    more += f"<VerifySignatureURL>{signed}</VerifySignatureURL>" if signed else ""
    return (
        f"<RefererConfiguration><Status>{status}</Status><RefererType>{kind}</RefererType>"
        f"<DomainList>{listed}</DomainList>{more}</RefererConfiguration>"
    ).encode()


def shown(http_client: HTTPClient, document: bytes = b"") -> str:
    """Create a public bucket with an object and such rules."""
    name = f"shown{next(_numbers)}-1250000000"
    assert http_client.request("PUT", f"/{name}/", {"x-cos-acl": "public-read-write"}).status == 200
    assert http_client.request("PUT", f"/{name}/k", {}, b"shown").status == 200
    if document:
        assert http_client.request("PUT", f"/{name}/?referer", {}, document).status == 200
    return name


# What is listed, a referer, and whether it is one of those.
LISTED = [
    ("www.example.com", "http://www.example.com/", True),
    ("www.example.com", "https://www.example.com/123?a=1", True),
    ("www.example.com", "http://www.example.com.cn/", True),
    ("www.example.com", "http://example.com/", False),
    ("www.example.com", "http://other.org/?www.example.com", False),
    ("www.example.com", "http://WWW.Example.COM/", True),
    ("example.com", "http://example.com:8080/", True),
    ("example.com:8080", "http://example.com/", False),
    ("example.com:8080", "http://example.com:8080/a", True),
    ("www.qq.com/example", "https://www.qq.com/example/1", True),
    ("www.qq.com/example", "https://www.qq.com/other", False),
    ("192.168.1.2:8080", "http://192.168.1.2:8080/a", True),
    ("192.168.1.2:8080", "http://192.168.1.2/a", False),
    ("192.168.1.2", "http://192x168y1z2/", False),
    ("*.example.com", "http://a.b.example.com/123", True),
    ("*.example.com", "https://a.example.com", True),
    ("*.example.com", "https://example.com/", True),
    ("*.example.com", "https://badexample.com/", False),
    ("*.example.com", "https://other.org/a.example.com", False),
    ("*.example.com", "https://other.org?x.example.com", False),
    ("http://example.com", "https://example.com/", True),
    ("img*.example.com", "https://img7.example.com/", True),
    ("img*.example.com", "https://www.example.com/", False),
    ("*", "https://anybody.org/", True),
    ("*", "https:///x", True),
    ("a*b*c", "https://a-b-c.example/", True),
    ("a*b*c", "https://a-b/c", False),
    ("a*b*c", "https://abcbc/", True),
    ("a*/x", "https://a.example/x", True),
    ("a*/x", "https://a.example/y/x", False),
    ("*.a*.b", "https://x.a.y.b/", True),
    ("*.a*.b", "https://a.b", True),
    ("*.a*.b", "https://x/.a.b", False),
    ("*.*", "https://anybody.org/", True),
    ("**.org", "https://anybody.org/", True),
]


@pytest.fixture(scope="module")
def bucket_of_rules(http_client: HTTPClient) -> str:
    return shown(http_client)


@pytest.mark.parametrize(("domain", "referer", "is_listed"), LISTED)
def test_a_page_is_listed(
    http_client: HTTPClient, bucket_of_rules: str, domain: str, referer: str, is_listed: bool
) -> None:
    for kind, is_admitted in (("White-List", is_listed), ("Black-List", not is_listed)):
        document = rules(kind, "unused.test", domain)
        assert (
            http_client.request("PUT", f"/{bucket_of_rules}/?referer", {}, document).status == 200
        )
        for method in ("GET", "HEAD"):
            target = f"/{bucket_of_rules}/k"
            reply = http_client.request(method, target, {"referer": referer}, signed=False)
            assert reply.status == (200 if is_admitted else 403), (kind, method)


def test_no_list_costs_more_than_its_length() -> None:
    """A bucket's owner sets the list and any client sends the header: neither may delay others."""
    pages = [
        "a*" * 8 + "b",
        "*." + "a*" * 7 + "b",
        "*" * 8 + "b",
        "a" * 1000 + "b",
        "*.a" * 8 + "b",
    ]
    listed = (pages * 20)[:100]
    document = {
        "Status": "Enabled",
        "RefererType": "White-List",
        "DomainList": {"Domain": listed},
    }
    compiled = _active_rules(json.dumps(document))
    assert compiled is not None
    for referer in ("a" * 60_000, "a." * 30_000, "." * 60_000, "a/" * 30_000):
        began = time.process_time()
        assert not compiled.admit(f"http://{referer}")
        assert time.process_time() - began < 0.05


def test_a_list_is_bounded(http_client: HTTPClient, bucket_of_rules: str) -> None:
    for domains, status in (
        (["a.b"] * 100, 200),
        (["a.b"] * 101, 400),
        (["a" * 1024], 200),
        (["a" * 1025], 400),
        (["a*" * 8], 200),
        (["a*" * 9], 400),
    ):
        document = rules("White-List", *domains)
        assert (
            http_client.request("PUT", f"/{bucket_of_rules}/?referer", {}, document).status
            == status
        )


EMPTY = [
    ("White-List", "", 403),
    ("White-List", "Deny", 403),
    ("White-List", "Allow", 200),
    ("Black-List", "", 403),
    ("Black-List", "Deny", 403),
    ("Black-List", "Allow", 200),
]


@pytest.mark.parametrize(("kind", "empty", "status"), EMPTY)
def test_no_referer_is_admitted_if_that_is_said(
    http_client: HTTPClient, kind: str, empty: str, status: int
) -> None:
    name = shown(http_client, rules(kind, "example.com", empty=empty))
    for headers in ({}, {"referer": ""}):
        assert http_client.request("GET", f"/{name}/k", headers, signed=False).status == status


def test_disabled_or_removed_rules_refuse_no_request(http_client: HTTPClient) -> None:
    name = shown(http_client, rules("White-List", "example.com", status="Disabled"))
    bad = {"referer": "http://other.org/"}
    assert http_client.request("GET", f"/{name}/k", bad, signed=False).status == 200
    assert (
        http_client.request("PUT", f"/{name}/?referer", {}, rules("White-List", "a.b")).status
        == 200
    )
    assert http_client.request("GET", f"/{name}/k", bad, signed=False).outcome == DENIED
    assert http_client.request("PUT", f"/{name}/?referer", {}, b"").status == 200
    assert http_client.request("GET", f"/{name}/k", bad, signed=False).status == 200


# How a request is signed, whether rules are to ask signed URLs, and what it is answered.
SIGNED = [
    ("header", "", 200),
    ("header", "Enabled", 200),
    ("url", "", 200),
    ("url", "Disabled", 200),
    ("url", "Enabled", 403),
    ("none", "", 403),
]


@pytest.mark.parametrize(("how", "asked", "status"), SIGNED)
def test_who_signs_is_asked_only_if_that_is_said(
    http_client: HTTPClient, how: str, asked: str, status: int
) -> None:
    name = shown(http_client, rules("White-List", "example.com", signed=asked))
    bad, good = {"referer": "http://other.org/"}, {"referer": "http://example.com/"}
    target = http_client.url("GET", f"/{name}/k") if how == "url" else f"/{name}/k"
    assert http_client.request("GET", target, bad, signed=how == "header").status == status
    assert http_client.request("GET", target, good, signed=how == "header").status == 200


def test_every_unsigned_request_is_checked(http_client: HTTPClient) -> None:
    name = shown(http_client, rules("White-List", "example.com"))
    bad, good = {"referer": "http://other.org/"}, {"referer": "http://example.com/"}
    asked = [("GET", "", None), ("PUT", "new", b"new"), ("DELETE", "new", None)]
    for method, key, body in asked:
        assert (
            http_client.request(method, f"/{name}/{key}", bad, body, signed=False).outcome == DENIED
        )
    for method, key, body in asked:
        assert http_client.request(method, f"/{name}/{key}", good, body, signed=False).status in (
            200,
            204,
        )


def test_a_form_is_asked_by_the_page_that_it_came_from(http_client: HTTPClient) -> None:
    name = shown(http_client, rules("White-List", "example.com"))
    body = (
        b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nformed\r\n'
        b'--b\r\nContent-Disposition: form-data; name="referer"\r\n\r\nhttp://example.com/\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--b--\r\n'
    )
    for page, status in (("http://other.org/", 403), ("http://example.com/", 204)):
        headers = {"content-type": "multipart/form-data; boundary=b", "referer": page}
        assert (
            http_client.request("POST", f"/{name}/", headers, body, signed=False).status == status
        )


def test_neither_links_nor_copies_lead_around_the_rules(
    server: LocalServer, http_client: HTTPClient
) -> None:
    guarded = shown(http_client, rules("White-List", "example.com"))
    friend = account_client(server, FRIEND)
    open_room = f"open{next(_numbers)}-{FRIEND}"
    assert friend.request("PUT", f"/{open_room}/", {"x-cos-acl": "public-read-write"}).status == 200
    pointer = {"x-cos-symlink-target": "k", "x-cos-symlink-bucket": guarded}
    assert friend.request("PUT", f"/{open_room}/l?symlink", pointer, b"").status == 200
    bad = {"referer": "http://other.org/"}
    good = {"referer": "http://example.com/"}
    assert http_client.request("GET", f"/{open_room}/l", bad, signed=False).outcome == DENIED
    assert http_client.request("GET", f"/{open_room}/l", good, signed=False).body == b"shown"
    source = {"x-cos-copy-source": f"{guarded}.cos.ap-local.myqcloud.com/k"}
    for page, status in ((bad, 403), (good, 200)):
        reply = http_client.request("PUT", f"/{open_room}/c", {**source, **page}, b"", signed=False)
        assert reply.status == status
