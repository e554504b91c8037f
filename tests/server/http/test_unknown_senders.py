"""Anonymous clients cannot exhaust what others need, with any request that they do not finish."""

import resource
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from coskit.server.settings import Limits
from tests.server.dialects.test_post_object import BOUNDARY
from tests.server.http.connections.test_timeouts import metric, until
from tests.server.support.http_client import HTTPClient
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"
OPEN = "open-1250000000"
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", "content-length": "100000"}
LARGE = {"content-length": "1000000000"}
FIELD = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="key"\r\n\r\nk'.encode()
FILE = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nbegun'
CROWD = 24


def forged(http_client: HTTPClient, method: str, target: str, headers: dict[str, str]) -> bytes:
    """Return the head of a request whose signature is wrong."""
    head = http_client.build_request(method, target, headers)
    at = head.index(b"q-signature=") + len(b"q-signature=")
    return head[:at] + b"0" * 40 + head[at + 40 :]


# What each connection of the crowd sends, after which it sends no more.
BEGUN: dict[str, Callable[[HTTPClient], bytes]] = {
    "a form": lambda http_client: http_client.build_request(
        "POST", f"/{OPEN}/", FORM, signed=False
    ),
    "a field": lambda http_client: (
        http_client.build_request("POST", f"/{OPEN}/", FORM, signed=False) + FIELD
    ),
    "a file": lambda http_client: (
        http_client.build_request("POST", f"/{OPEN}/", FORM, signed=False)
        + FIELD
        + f"\r\n{FILE}".encode()
    ),
    "a form for a bucket that is closed": lambda http_client: (
        http_client.build_request("POST", f"/{ROOM}/", FORM, signed=False) + FIELD
    ),
    "a body": lambda http_client: (
        http_client.build_request("PUT", f"/{OPEN}/k", LARGE, signed=False) + b"begun"
    ),
    "a body of S3": lambda http_client: http_client.build_request(
        "PUT", f"/{OPEN}/k", {**LARGE, "x-amz-acl": "private"}, signed=False
    ),
    "a document": lambda http_client: http_client.build_request(
        "POST", f"/{OPEN}/?delete", {"content-length": "1000"}, signed=False
    ),
    "a body with a wrong signature": lambda http_client: forged(
        http_client, "PUT", f"/{OPEN}/k", LARGE
    ),
    "a form with a wrong signature": lambda http_client: (
        forged(http_client, "POST", f"/{OPEN}/", FORM) + FIELD
    ),
    "a body that is not allowed": lambda http_client: http_client.build_request(
        "PUT", f"/{ROOM}/k", LARGE, signed=False
    ),
    "a head": lambda http_client: b"PUT / HTTP/1.1\r\nhost: x\r\n",
    "nothing": lambda http_client: b"",
}


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HTTPClient]:
    """Return a client of a server that runs eight requests at a time and has no queue."""
    directory = tmp_path_factory.mktemp("narrow")
    options = ["--max-requests=8", "--max-waiting=0"]
    with ForkedServer(directory, buckets=[ROOM, OPEN], options=options) as server:
        http_client = HTTPClient.of(server)
        acl = {"x-cos-acl": "public-read-write"}
        assert http_client.request("PUT", f"/{OPEN}/?acl", acl).status == 200
        yield http_client


@pytest.mark.parametrize("kind", BEGUN)
def test_signed_requests_are_served_while_anonymous_ones_wait(
    narrow: HTTPClient, kind: str
) -> None:
    with ExitStack() as stack:
        for _ in range(CROWD):
            stack.enter_context(narrow.connect()).send(BEGUN[kind](narrow))
        until(lambda: metric(narrow, "coskit_connections") > CROWD)
        for _ in range(5):
            assert narrow.request("PUT", f"/{ROOM}/own", {}, b"own").status == 200
            assert narrow.request("GET", f"/{ROOM}/own").body == b"own"
    until(lambda: metric(narrow, "coskit_requests_running") == 0)
    assert narrow.request("GET", f"/{OPEN}/k", signed=False).status in (403, 404), (
        "nothing is stored"
    )


def test_an_anonymous_request_beyond_the_share_gets_503(narrow: HTTPClient) -> None:
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(narrow.connect()).send(BEGUN["a body"](narrow))
        until(lambda: metric(narrow, "coskit_requests_running") == 4)
        reply = narrow.request("PUT", f"/{OPEN}/k", {}, b"body", signed=False)
        assert reply.outcome == (503, "SlowDown")
        assert "Retry-After" in reply
    until(lambda: metric(narrow, "coskit_requests_running") == 0)
    assert narrow.request("PUT", f"/{OPEN}/later", {}, b"body", signed=False).status == 200


def test_an_anonymous_request_that_waits_holds_no_place(tmp_path: Path) -> None:
    options = ["--max-requests=2", "--max-waiting=9", "--timeout=queue=20s"]
    with ForkedServer(tmp_path, buckets=[OPEN], options=options) as server, ExitStack() as stack:
        http_client = HTTPClient.of(server)
        assert (
            http_client.request("PUT", f"/{OPEN}/?acl", {"x-cos-acl": "public-read-write"}).status
            == 200
        )
        first, second = (stack.enter_context(http_client.connect()) for _ in range(2))
        first.send(
            http_client.build_request("PUT", f"/{OPEN}/a", {"content-length": "4"}, signed=False)
        )
        until(lambda: metric(http_client, "coskit_requests_running") == 1)
        second.send(http_client.build_request("PUT", f"/{OPEN}/b", {}, b"body", signed=False))
        for _ in range(5):
            assert http_client.request("PUT", f"/{OPEN}/own", {}, b"own").status == 200
        first.send(b"body")
        assert first.receive(b"PUT").status == 200
        assert second.receive(b"PUT").status == 200


def test_anonymous_clients_have_less_time_for_a_body(tmp_path: Path) -> None:
    options = ["--timeout=stranger=0.3s"]
    with ForkedServer(tmp_path, buckets=[OPEN], options=options) as server, ExitStack() as stack:
        http_client = HTTPClient.of(server)
        assert (
            http_client.request("PUT", f"/{OPEN}/?acl", {"x-cos-acl": "public-read-write"}).status
            == 200
        )
        own = stack.enter_context(http_client.connect())
        own.send(http_client.build_request("PUT", f"/{OPEN}/own", {"content-length": "4"}))
        for kind in ("a form", "a field", "a file", "a body", "a document"):
            with http_client.connect() as connection:
                connection.send(BEGUN[kind](http_client))
                assert connection.receive().outcome[0] == 400, kind
        own.send(b"body")
        assert own.receive(b"PUT").status == 200
        # Of two requests of one connection each has the time of whoever sent it.
        assert (
            own.request(http_client.build_request("GET", f"/{OPEN}/no", signed=False)).status == 404
        )
        assert (
            own.request(http_client.build_request("PUT", f"/{OPEN}/own", {}, b"body")).status == 200
        )


def test_a_thousand_stalled_forms_block_no_request(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2048:
        pytest.skip("no process may have so many connections")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    try:
        with ForkedServer(tmp_path, buckets=[ROOM]) as server, ExitStack() as stack:
            http_client = HTTPClient.of(server)
            for _ in range(1100):
                stack.enter_context(http_client.connect()).send(BEGUN["a form"](http_client))
            until(lambda: metric(http_client, "coskit_connections") > 1100)
            assert http_client.request("PUT", f"/{ROOM}/own", {}, b"own").status == 200
            assert http_client.request("GET", f"/{ROOM}/own").body == b"own"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("limits", "share"),
    [
        (Limits(), 512),
        (Limits(requests=1), 1),
        (Limits(requests=9, anonymous_requests=2), 2),
        (Limits(requests=9, anonymous_requests=4).shared(3), 2),
        (Limits(requests=9).shared(3), 1),
    ],
)
def test_the_share_of_anonymous_requests(limits: Limits, share: int) -> None:
    assert limits.for_anonymous().requests == share
