"""Buckets named by the host, dots in them or not, and requests whose host is none or two."""

import time
from collections.abc import Iterator

import pytest

from coskit.protocol.s3.auth import sigv4
from tests.server.support.http_client import Connection, HTTPClient, Reply, received
from tests.server.support.s3 import request_s3

DOTTED = "dot.ted-1250000000"
HOSTS = (
    "BUCKET.localhost",
    "BUCKET.localhost:9000",
    "BUCKET.localhost.",
    "BUCKET.LocalHost",
    "BUCKET.cos.ap-local.myqcloud.com",
    "BUCKET.cos.ap-local.tencentcos.cn:8080",
    "BUCKET.cos.ap-local.storage.example",
    "BUCKET.s3.amazonaws.com",
    "BUCKET.s3.eu-west-1.amazonaws.com",
    "BUCKET.s3.ap-local.localhost",
)


def over_s3(
    http_client: HTTPClient, method: str, target: str, host: str, body: bytes | None = None
) -> Reply:
    """Send a request of S3 to a host."""
    request = received(method, target.encode(), {"host": host})
    added = sigv4.sign(request, http_client.credentials, int(time.time()), "ap-local")
    return http_client.request(method, target, added, body, signed=False, host=host)


@pytest.fixture(scope="module")
def dotted(http_client: HTTPClient) -> Iterator[str]:
    """Create a bucket with dots, as S3 allows, and one that its first segment could be."""
    for name in (DOTTED, "dot"):
        assert request_s3(http_client, "PUT", f"/{name}").status == 200
    yield DOTTED
    for name in (DOTTED, "dot"):
        for key in http_client.request("GET", f"/{name}/").texts("Key"):
            assert http_client.request("DELETE", f"/{name}/{key}").status == 204
        assert request_s3(http_client, "DELETE", f"/{name}").status == 204


def buckets(http_client: HTTPClient) -> list[str]:
    return http_client.request("GET", "/").texts("Name")


@pytest.mark.parametrize("pattern", HOSTS)
@pytest.mark.parametrize("dialect", ["COS", "S3"])
def test_a_bucket_with_dots_is_all_before_the_domain(
    http_client: HTTPClient, dotted: str, pattern: str, dialect: str
) -> None:
    host, before = pattern.replace("BUCKET", dotted), buckets(http_client)

    def send(method: str, target: str, body: bytes | None = None) -> Reply:
        if dialect == "S3":
            return over_s3(http_client, method, target, host, body)
        return http_client.request(method, target, {}, body, host=host)

    assert send("PUT", "/dir/k", b"data").status == 200
    assert send("GET", "/dir/k").body == b"data"
    assert http_client.request("GET", f"/{dotted}/dir/k").body == b"data"
    assert send("GET", "/").texts("Key") == ["dir/k"]
    assert send("PUT", "/dot", b"key").status == 200
    assert send("DELETE", "/dot").status == 204
    assert send("DELETE", "/dir/k").status == 204
    assert send("HEAD", "/").status == 200
    assert send("DELETE", "/none").status == 204
    assert buckets(http_client) == before


@pytest.mark.parametrize("pattern", HOSTS)
def test_a_bucket_that_is_missing_is_never_taken_from_the_path(
    http_client: HTTPClient, dotted: str, pattern: str
) -> None:
    host, before = pattern.replace("BUCKET", "no.such-1250000000"), buckets(http_client)
    for method, target in (("PUT", "/dot/k"), ("GET", "/dot"), ("DELETE", "/dot"), ("GET", "/")):
        body = b"x" if method == "PUT" else None
        assert http_client.request(method, target, {}, body, host=host).outcome == (
            404,
            "NoSuchBucket",
        )
        assert over_s3(http_client, method, target, host, body).outcome == (404, "NoSuchBucket")
    assert buckets(http_client) == before
    assert http_client.request("GET", "/dot/").texts("Key") == []


def test_another_host_of_the_public_service_is_no_address(
    http_client: HTTPClient, room: str
) -> None:
    host = f"{room}.ci.ap-local.myqcloud.com"
    assert http_client.request("GET", f"/{room}/kept", host=host).outcome == (404, "NoSuchBucket")


def raw(http_client: HTTPClient, *lines: str) -> Reply:
    """Send a head as it stands."""
    with Connection(http_client.port) as connection:
        return connection.request("\r\n".join([*lines, "", ""]).encode("latin-1"))


# RFC 9112 3.2: 400 for a request without Host, with several, or with one that is none.
NO_HOSTS = {
    "none": [],
    "two": ["Host: localhost", "Host: localhost"],
    "two that differ": ["Host: localhost", "host: other.localhost"],
    "three": ["Host: a", "Host: b", "HOST: c"],
    "a user": ["Host: user@localhost"],
    "a password": ["Host: user:password@localhost"],
    "a path": ["Host: localhost/x"],
    "a list": ["Host: localhost, localhost"],
    "a blank": ["Host: local host"],
    "an escape": ["Host: local%68ost"],
    "a bad port": ["Host: localhost:80a"],
    "empty labels": ["Host: a..localhost"],
    "bad bytes": ["Host: \xff.localhost"],
}


@pytest.mark.parametrize("lines", NO_HOSTS.values(), ids=NO_HOSTS)
def test_a_request_has_one_host(http_client: HTTPClient, lines: list[str]) -> None:
    reply = raw(http_client, "GET / HTTP/1.1", *lines)
    assert reply.status == 400
    assert reply.text("Code") in ("InvalidRequest", "InvalidURI")


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["GET /-/live HTTP/1.1", "Host: localhost"], 200),
        (["GET /-/live HTTP/1.1", "Host:"], 200),
        (["GET /-/live HTTP/1.1", "Host: LOCALHOST:9000"], 200),
        (["GET /-/live HTTP/1.1", "Host: [::1]:9000"], 200),
        (["GET /-/live HTTP/1.0"], 200),
        (["GET /-/live HTTP/1.0", "Host: a", "Host: b"], 400),
        (["GET http://localhost:9000/-/live HTTP/1.1", "Host: localhost:9000"], 200),
    ],
)
def test_hosts_that_http_allows(http_client: HTTPClient, lines: list[str], status: int) -> None:
    assert raw(http_client, *lines).status == status


def test_the_host_of_an_absolute_target_is_the_one_that_counts(
    http_client: HTTPClient, room: str
) -> None:
    # RFC 9112 3.2.2: the Host header is ignored
    for method, status in (("GET", 403), ("HEAD", 403)):
        target = f"http://{room}.localhost/kept"
        assert raw(http_client, f"{method} {target} HTTP/1.1", "Host: localhost").status == status
    missing = raw(
        http_client, "GET http://none-1250000000.localhost/k HTTP/1.1", f"Host: {room}.localhost"
    )
    assert missing.outcome == (404, "NoSuchBucket")
    assert raw(http_client, "GET http://u@localhost/ HTTP/1.1", "Host: localhost").status == 400
