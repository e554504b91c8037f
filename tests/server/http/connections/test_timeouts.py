"""Slow clients: a client without progress is disconnected, and nothing of its request is stored."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from coskit.cli.server.option_values import timeouts
from coskit.server.http.connections.timeouts import ConnectionState, TimeoutMonitor
from coskit.server.settings import Limits
from tests.server.support.http_client import Connection, HTTPClient, Reply
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HTTPClient]:
    """Give a server that waits for nothing longer than half a second."""
    options = [f"--timeout={name}=0.5s" for name in ("head", "idle", "body", "response")]
    directory = tmp_path_factory.mktemp("impatient")
    with ForkedServer(directory, buckets=[ROOM], options=options) as server:
        yield HTTPClient.of(server)


def test_an_endless_head_gets_a_response_and_is_closed(impatient: HTTPClient) -> None:
    with impatient.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nhost: x\r\n")
        assert connection.receive().outcome == (400, "RequestTimeout")
        assert connection.rest() == b""


def test_a_second_head_that_does_not_end_is_closed_too(impatient: HTTPClient) -> None:
    with impatient.connect() as connection:
        assert connection.request(impatient.build_request("HEAD", f"/{ROOM}/")).status == 200
        connection.send(b"GET / HTTP/1.1\r\nhost: x\r\n")
        assert connection.receive().outcome == (400, "RequestTimeout")
        assert connection.rest() == b""


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n"], ids=["silent", "blank lines"])
def test_a_connection_without_a_request_is_closed(impatient: HTTPClient, sent: bytes) -> None:
    with impatient.connect() as connection:
        connection.send(sent)
        assert connection.rest() == b""


def test_a_connection_is_closed_some_time_after_its_last_request(impatient: HTTPClient) -> None:
    with impatient.connect() as connection:
        assert connection.request(impatient.build_request("HEAD", f"/{ROOM}/")).status == 200
        assert connection.rest() == b""


@pytest.mark.parametrize("begun", [0, 5, 100_000], ids=lambda size: f"after {size} bytes")
@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
def test_a_stalled_body_is_a_timeout_and_stores_nothing(
    impatient: HTTPClient, begun: int, chunked: bool
) -> None:
    framing = {"transfer-encoding": "chunked"} if chunked else {"content-length": "200000"}
    start = b"30d40\r\n" if chunked else b""
    with impatient.connect() as connection:
        connection.send(
            impatient.build_request("PUT", f"/{ROOM}/stalled", framing) + start + b"x" * begun
        )
        reply = connection.receive()
        assert (reply.outcome, reply.closes) == ((400, "RequestTimeout"), True)
        assert connection.rest() == b""
    assert impatient.request("HEAD", f"/{ROOM}/stalled").status == 404


def test_a_body_that_was_asked_for_and_does_not_come_is_a_timeout(impatient: HTTPClient) -> None:
    headers = {"content-length": "10", "expect": "100-continue"}
    with impatient.connect() as connection:
        assert (
            connection.request(impatient.build_request("PUT", f"/{ROOM}/awaited", headers)).status
            == 100
        )
        assert connection.receive().outcome == (400, "RequestTimeout")


def test_a_body_that_drips_is_a_timeout(tmp_path: Path) -> None:
    options = ["--timeout=body=1s", "--slowest=100KiB"]
    with ForkedServer(tmp_path, buckets=[ROOM], options=options) as server:
        http_client = HTTPClient.of(server)
        with http_client.connect() as connection:
            connection.send(
                http_client.build_request("PUT", f"/{ROOM}/drips", {"content-length": "1000000"})
            )
            assert drip(connection).outcome == (400, "RequestTimeout")
        assert http_client.request("HEAD", f"/{ROOM}/drips").status == 404


def drip(connection: Connection) -> Reply:
    """Send a byte now and then until a response arrives, and return it."""
    connection.socket.settimeout(0.02)
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        with suppress(TimeoutError):
            if connection.socket.recv(1, socket.MSG_PEEK):
                connection.socket.settimeout(20)
                return connection.receive()
        connection.send(b"x")
    raise AssertionError("a body of 50 bytes per second was taken for half a minute")


def test_a_client_that_does_not_read_its_response_is_disconnected(tmp_path: Path) -> None:
    options = ["--timeout=response=0.5s"]
    with ForkedServer(tmp_path, buckets=[ROOM], options=options) as server:
        http_client = HTTPClient.of(server)
        body = bytes(32 << 20)
        assert http_client.request("PUT", f"/{ROOM}/large", {}, body).status == 200
        with http_client.connect() as connection:
            connection.send(http_client.build_request("GET", f"/{ROOM}/large"))
            until(lambda: metric(http_client, "coskit_request_seconds_count", "GetObject") == 1)
            assert metric(http_client, "coskit_requests_running") == 0
            received = 0
            with suppress(ConnectionError):
                while data := connection.socket.recv(1 << 20):
                    received += len(data)
            assert received < len(body)


def metric(http_client: HTTPClient, name: str, operation: str = "") -> float:
    """Return one metric of the server."""
    text = http_client.request("GET", "/-/metrics", signed=False).body.decode()
    label = f'{{operation="{operation}"}}' if operation else ""
    found = re.search(rf"^{re.escape(name + label)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0


def until(condition: object, seconds: float = 30) -> None:
    """Wait for a condition."""
    assert callable(condition)
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.02)


def test_a_half_closed_connection_gets_its_responses(impatient: HTTPClient) -> None:
    requests = [impatient.build_request("PUT", f"/{ROOM}/half", {}, b"body")]
    requests.append(impatient.build_request("GET", f"/{ROOM}/half"))
    with impatient.connect() as connection:
        connection.send(b"".join(requests))
        connection.finish()
        assert connection.receive(b"PUT").status == 200
        assert connection.receive().body == b"body"
        assert connection.rest() == b""


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-length": "10"}, b""),
        ({"content-length": "10"}, b"12345"),
        ({"content-length": str(4 << 20)}, b"x" * (2 << 20)),
        ({"transfer-encoding": "chunked"}, b"5\r\n12345\r\n"),
    ],
    ids=["nothing", "half", "two of four MiB", "no last chunk"],
)
def test_a_body_that_ends_early_gets_an_error_response(
    impatient: HTTPClient, headers: dict[str, str], body: bytes
) -> None:
    with impatient.connect() as connection:
        connection.send(impatient.build_request("PUT", f"/{ROOM}/cut", headers) + body)
        connection.finish()
        assert connection.receive(b"PUT").outcome == (400, "IncompleteBody")
        assert connection.rest() == b""
    assert impatient.request("HEAD", f"/{ROOM}/cut").status == 404


def test_the_refusal_of_a_large_body_reaches_a_client_that_still_sends(
    impatient: HTTPClient,
) -> None:
    headers = {"content-length": str(6 << 30)}
    with impatient.connect() as connection:
        connection.send(impatient.build_request("PUT", f"/{ROOM}/huge", headers) + bytes(8 << 20))
        reply = connection.receive(b"PUT")
        assert (reply.outcome, reply.closes) == ((400, "EntityTooLarge"), True)
        assert connection.rest() == b""


class Client:
    """A connection whose state a test sets."""

    def __init__(self) -> None:
        self.now = ConnectionState("idle", 0, 0)
        self.ended = ""

    def state(self) -> ConnectionState:
        return self.now

    def time_out(self, phase: str) -> None:
        self.ended = phase


class WatchedConnection:
    """A watch over one connection, on a clock of its own."""

    def __init__(self) -> None:
        self.client = Client()
        self._seconds = 0.0
        self._watch = TimeoutMonitor([self.client], Limits(), lambda: self._seconds)
        self._watch.check()

    def see(self, state: ConnectionState, seconds: int) -> str:
        """Look once a second while the connection is in a state; return how it was ended."""
        for _ in range(seconds):
            self.client.now = state
            self._seconds += 1
            self._watch.check()
        return self.client.ended


@pytest.mark.parametrize(
    ("phase", "limit"), [("idle", 75), ("head", 20), ("body", 60), ("response", 120), ("last", 2)]
)
def test_each_state_has_its_limit(phase: str, limit: int) -> None:
    watching = WatchedConnection()
    assert watching.see(ConnectionState(phase, 1, 7), limit) == ""
    assert watching.see(ConnectionState(phase, 1, 7), 1) == phase


def test_the_servers_own_work_has_no_limit() -> None:
    assert WatchedConnection().see(ConnectionState("work", 1, 0), 10_000) == ""


def test_a_response_that_is_read_byte_by_byte_is_not_stalled() -> None:
    watching = WatchedConnection()
    assert [watching.see(ConnectionState("response", 9999 - n, 5), 100) for n in range(50)] == [
        ""
    ] * 50


@pytest.mark.parametrize(("rate", "ended"), [(1024, ""), (1023, "body")])
def test_a_body_has_to_come_with_so_many_bytes_per_second(rate: int, ended: str) -> None:
    watching = WatchedConnection()
    for second in range(200):
        watching.see(ConnectionState("body", 1, second * rate), 1)
    assert watching.client.ended == ended


def test_time_in_which_the_server_did_not_take_the_body_does_not_count() -> None:
    watching = WatchedConnection()
    for second in range(60):
        watching.see(ConnectionState("body", 1, second), 1)
        watching.see(ConnectionState("work", 1, second), 1)
    assert watching.client.ended == ""


def test_each_body_is_measured_by_itself() -> None:
    watching = WatchedConnection()
    for request in range(10):
        for second in range(50):
            watching.see(ConnectionState("body", request, request * 50 + second), 1)
    assert watching.client.ended == ""


@pytest.mark.parametrize("option", ["body", "body=", "body=0s", "bodies=1s", "=1s", "body=1"])
def test_a_timeout_that_makes_no_sense_is_refused(option: str) -> None:
    with pytest.raises(ValueError, match=r"as body=30s|30s, 1h or 1d"):
        timeouts([option])
