"""The traffic limit: duration of bodies, and limits out of bounds."""

import time
from collections.abc import Callable
from functools import partial

import pytest

from tests.server.support.wire import Headers, Peer, Reply

LIMIT = "x-cos-traffic-limit"
RATE = 8 << 20  # bits per second: a MiB takes a second
CONTENT = b"".join(f"{n:1024}".encode() for n in range(1024))


def timed(call: Callable[[], Reply]) -> tuple[Reply, float]:
    """Return an answer and the seconds that it took."""
    start = time.monotonic()
    return call(), time.monotonic() - start


@pytest.fixture
def object_(peer: Peer, bucket: str) -> str:
    """Store a MiB, encrypted by the server, and return where."""
    headers = {"x-cos-server-side-encryption": "AES256"}
    assert peer.ask("PUT", f"/{bucket}/key", headers, CONTENT).status == 200
    return f"/{bucket}/key"


def test_a_download_takes_its_time(peer: Peer, object_: str) -> None:
    reply, seconds = timed(lambda: peer.ask("GET", object_, {LIMIT: str(RATE)}))
    assert reply.body == CONTENT
    assert 0.9 <= seconds < 10
    query = f"{object_}?{LIMIT}={RATE}"
    reply, seconds = timed(lambda: peer.ask("GET", peer.url("GET", query), signed=False))
    assert reply.body == CONTENT
    assert 0.9 <= seconds < 10


def test_a_small_object_takes_its_time_too(peer: Peer, bucket: str) -> None:
    peer.ask("PUT", f"/{bucket}/small", {}, bytes(50_000))
    slow = {LIMIT: "819200", "range": "bytes=0-49999"}
    reply, seconds = timed(lambda: peer.ask("GET", f"/{bucket}/small", slow))
    assert (reply.status, len(reply.body)) == (206, 50_000)
    assert 0.4 <= seconds < 10


def test_an_upload_takes_its_time(peer: Peer, bucket: str) -> None:
    upload = peer.ask("POST", f"/{bucket}/parts?uploads").text("UploadId")
    for method, target in [
        ("PUT", f"/{bucket}/key"),
        ("PUT", f"/{bucket}/parts?partNumber=1&uploadId={upload}"),
        ("POST", f"/{bucket}/log?append&position=0"),
    ]:
        reply, seconds = timed(partial(peer.ask, method, target, {LIMIT: str(RATE)}, CONTENT))
        assert reply.status == 200
        assert 0.9 <= seconds < 10
    assert peer.ask("GET", f"/{bucket}/key").body == CONTENT


def test_the_bounds_belong_to_what_is_allowed(peer: Peer, object_: str) -> None:
    for limit in ("819200", "838860800"):
        headers = {LIMIT: limit, "range": "bytes=0-9"}
        assert peer.ask("GET", object_, headers).body == CONTENT[:10]


def test_a_reader_who_leaves_ends_the_reading(peer: Peer, object_: str) -> None:
    with peer.line() as line:
        line.send(peer.request("GET", object_, {LIMIT: "819200"}))
        assert line.socket.recv(1)
    assert peer.ask("DELETE", object_).status == 204


@pytest.mark.parametrize("limit", ["819199", "838860801", "0", "-819200", "1e6", "fast", "9" * 99])
def test_a_limit_out_of_bounds_is_refused(peer: Peer, object_: str, limit: str) -> None:
    refusals: list[tuple[str, str, Headers, bytes | None]] = [
        ("GET", object_, {LIMIT: limit}, None),
        ("GET", f"{object_}?{LIMIT}={limit}", {}, None),
        ("PUT", object_, {LIMIT: limit}, b"x"),
        ("PUT", f"{object_}?{LIMIT}={limit}", {}, b"x"),
        ("POST", f"{object_}-log?append&position=0", {LIMIT: limit}, b"x"),
    ]
    for method, target, headers, body in refusals:
        assert peer.ask(method, target, headers, body).outcome == (400, "InvalidArgument")
    assert peer.ask("GET", object_).body == CONTENT
