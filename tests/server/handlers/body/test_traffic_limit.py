"""The traffic limit: duration of bodies, and limits out of bounds."""

import time
from collections.abc import Callable
from functools import partial

import pytest

from tests.server.support.http_client import Headers, HTTPClient, Reply

LIMIT = "x-cos-traffic-limit"
RATE = 8 << 20  # bits per second: a MiB takes a second
CONTENT = b"".join(f"{n:1024}".encode() for n in range(1024))


def timed(call: Callable[[], Reply]) -> tuple[Reply, float]:
    """Return a response and the seconds that it took."""
    start = time.monotonic()
    return call(), time.monotonic() - start


@pytest.fixture
def object_(http_client: HTTPClient, bucket: str) -> str:
    """Store a MiB, encrypted by the server, and return where."""
    headers = {"x-cos-server-side-encryption": "AES256"}
    assert http_client.request("PUT", f"/{bucket}/key", headers, CONTENT).status == 200
    return f"/{bucket}/key"


def test_a_download_takes_its_time(http_client: HTTPClient, object_: str) -> None:
    reply, seconds = timed(lambda: http_client.request("GET", object_, {LIMIT: str(RATE)}))
    assert reply.body == CONTENT
    assert 0.9 <= seconds < 10
    query = f"{object_}?{LIMIT}={RATE}"
    reply, seconds = timed(
        lambda: http_client.request("GET", http_client.url("GET", query), signed=False)
    )
    assert reply.body == CONTENT
    assert 0.9 <= seconds < 10


def test_a_small_object_takes_its_time_too(http_client: HTTPClient, bucket: str) -> None:
    http_client.request("PUT", f"/{bucket}/small", {}, bytes(50_000))
    slow = {LIMIT: "819200", "range": "bytes=0-49999"}
    reply, seconds = timed(lambda: http_client.request("GET", f"/{bucket}/small", slow))
    assert (reply.status, len(reply.body)) == (206, 50_000)
    assert 0.4 <= seconds < 10


def test_an_upload_takes_its_time(http_client: HTTPClient, bucket: str) -> None:
    upload = http_client.request("POST", f"/{bucket}/parts?uploads").text("UploadId")
    for method, target in [
        ("PUT", f"/{bucket}/key"),
        ("PUT", f"/{bucket}/parts?partNumber=1&uploadId={upload}"),
        ("POST", f"/{bucket}/log?append&position=0"),
    ]:
        reply, seconds = timed(
            partial(http_client.request, method, target, {LIMIT: str(RATE)}, CONTENT)
        )
        assert reply.status == 200
        assert 0.9 <= seconds < 10
    assert http_client.request("GET", f"/{bucket}/key").body == CONTENT


def test_the_bounds_belong_to_what_is_allowed(http_client: HTTPClient, object_: str) -> None:
    for limit in ("819200", "838860800"):
        headers = {LIMIT: limit, "range": "bytes=0-9"}
        assert http_client.request("GET", object_, headers).body == CONTENT[:10]


def test_a_reader_who_leaves_ends_the_reading(http_client: HTTPClient, object_: str) -> None:
    with http_client.connect() as connection:
        connection.send(http_client.build_request("GET", object_, {LIMIT: "819200"}))
        assert connection.socket.recv(1)
    assert http_client.request("DELETE", object_).status == 204


@pytest.mark.parametrize("limit", ["819199", "838860801", "0", "-819200", "1e6", "fast", "9" * 99])
def test_a_limit_out_of_bounds_is_refused(
    http_client: HTTPClient, object_: str, limit: str
) -> None:
    refusals: list[tuple[str, str, Headers, bytes | None]] = [
        ("GET", object_, {LIMIT: limit}, None),
        ("GET", f"{object_}?{LIMIT}={limit}", {}, None),
        ("PUT", object_, {LIMIT: limit}, b"x"),
        ("PUT", f"{object_}?{LIMIT}={limit}", {}, b"x"),
        ("POST", f"{object_}-log?append&position=0", {LIMIT: limit}, b"x"),
    ]
    for method, target, headers, body in refusals:
        assert http_client.request(method, target, headers, body).outcome == (
            400,
            "InvalidArgument",
        )
    assert http_client.request("GET", object_).body == CONTENT
