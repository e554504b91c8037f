"""The end of a server: running requests finish, idle connections close, no client waits forever."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.server.support.http_client import Connection, HTTPClient
from tests.server.workers.test_run import serving
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"
AWAITED = {"content-length": "4", "expect": "100-continue"}


@contextmanager
def uploading(http_client: HTTPClient, key: str = "a") -> Iterator[Connection]:
    """Begin an upload that the server works on, and wait for its body."""
    with http_client.connect() as connection:
        assert (
            connection.request(http_client.build_request("PUT", f"/{ROOM}/{key}", AWAITED)).status
            == 100
        )
        yield connection


def test_running_requests_finish_and_idle_connections_are_closed_at_once(tmp_path: Path) -> None:
    with ForkedServer(tmp_path, buckets=[ROOM]) as server:
        http_client = HTTPClient.of(server)
        with http_client.connect() as idle, uploading(http_client) as busy:
            assert idle.request(http_client.build_request("HEAD", f"/{ROOM}/")).status == 200
            os.kill(server.pid, signal.SIGTERM)
            assert idle.rest() == b"", "it was not closed while a request was running"
            busy.send(b"body")
            reply = busy.receive(b"PUT")
            assert (reply.status, reply.closes) == (200, True)
            assert busy.rest() == b""
        assert server.wait() == 0
    with ForkedServer(tmp_path) as server:
        assert HTTPClient.of(server).request("GET", f"/{ROOM}/a").body == b"body"


def test_no_new_request_is_admitted(tmp_path: Path) -> None:
    with ForkedServer(tmp_path, buckets=[ROOM]) as server:
        http_client = HTTPClient.of(server)
        with uploading(http_client) as busy:
            os.kill(server.pid, signal.SIGTERM)
            assert is_refused(http_client)
            busy.send(b"body")
            assert busy.receive(b"PUT").status == 200
        assert server.wait() == 0


def is_refused(http_client: HTTPClient) -> bool:
    """Return whether the server has stopped to take connections, within half a minute."""
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        try:
            with http_client.connect() as connection, suppress(ConnectionResetError):
                connection.rest()
        except ConnectionRefusedError:
            return True
    return False


def test_while_it_ends_it_says_that_it_is_not_ready(tmp_path: Path) -> None:
    with ForkedServer(tmp_path, buckets=[ROOM]) as server:
        http_client = HTTPClient.of(server)
        body = bytes(32 << 20)
        assert http_client.request("PUT", f"/{ROOM}/large", {}, body).status == 200
        with http_client.connect() as connection, http_client.connect() as idle:
            # The second request waits behind an answer that nobody reads yet.
            connection.send(http_client.build_request("GET", f"/{ROOM}/large"))
            connection.send(http_client.build_request("GET", "/-/ready", signed=False))
            assert idle.request(http_client.build_request("HEAD", f"/{ROOM}/")).status == 200
            os.kill(server.pid, signal.SIGTERM)
            assert idle.rest() == b""
            assert connection.receive().body == body
            ready = connection.receive()
            said = json.loads(ready.body)
            assert (ready.status, said["status"], said["draining"]) == (503, "draining", True)
        assert server.wait() == 0


def test_a_request_that_outlasts_the_grace_is_cut_off(tmp_path: Path) -> None:
    with ForkedServer(tmp_path, buckets=[ROOM], options=["--grace=0.2s"]) as server:
        http_client = HTTPClient.of(server)
        with uploading(http_client) as busy:
            os.kill(server.pid, signal.SIGTERM)
            assert busy.receive(b"PUT").outcome == (503, "ServiceUnavailable")
        assert server.wait() == 0
    with ForkedServer(tmp_path) as server:
        assert HTTPClient.of(server).request("HEAD", f"/{ROOM}/a").status == 404


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    options = ["--bucket", ROOM, "--grace=10m"]
    for second in (signal.SIGTERM, signal.SIGINT):
        with serving(tmp_path / second.name, *options) as server:
            http_client = server.http_client()
            with http_client.connect() as idle, uploading(http_client):
                assert idle.request(http_client.build_request("HEAD", f"/{ROOM}/")).status == 200
                server.process.send_signal(signal.SIGTERM)
                assert idle.rest() == b""
                server.process.send_signal(second)
                assert server.process.wait(30) != 0


def test_the_half_written_body_of_a_request_that_was_cut_off_is_gone(tmp_path: Path) -> None:
    with ForkedServer(tmp_path, buckets=[ROOM], options=["--grace=0.2s"]) as server:
        http_client = HTTPClient.of(server)
        with http_client.connect() as connection:
            headers = {"content-length": str(8 << 20)}
            connection.send(
                http_client.build_request("PUT", f"/{ROOM}/a", headers) + bytes(4 << 20)
            )
            os.kill(server.pid, signal.SIGTERM)
            assert server.wait() == 0
    assert list((tmp_path / "tmp").iterdir()) == []
