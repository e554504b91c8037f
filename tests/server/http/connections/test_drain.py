"""The end of a server: what runs is finished, what is idle is closed, and nobody waits for ever."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from coskit.testing import LocalServer
from tests.server.support.wire import Line, Peer
from tests.server.workers.test_run import serving

ROOM = "room-1250000000"
AWAITED = {"content-length": "4", "expect": "100-continue"}


@contextmanager
def uploading(peer: Peer, key: str = "a") -> Iterator[Line]:
    """Begin an upload that the server works on, and wait for its body."""
    with peer.line() as line:
        assert line.ask(peer.request("PUT", f"/{ROOM}/{key}", AWAITED)).status == 100
        yield line


def test_running_requests_finish_and_idle_connections_are_closed_at_once(tmp_path: Path) -> None:
    with LocalServer(tmp_path, buckets=[ROOM]) as server:
        peer = Peer.of(server)
        with peer.line() as idle, uploading(peer) as busy:
            assert idle.ask(peer.request("HEAD", f"/{ROOM}/")).status == 200
            os.kill(server.pid, signal.SIGTERM)
            assert idle.rest() == b"", "it was not closed while a request was running"
            busy.send(b"body")
            reply = busy.receive(b"PUT")
            assert (reply.status, reply.closes) == (200, True)
            assert busy.rest() == b""
        assert server.wait() == 0
    with LocalServer(tmp_path) as server:
        assert Peer.of(server).ask("GET", f"/{ROOM}/a").body == b"body"


def test_nobody_new_is_let_in(tmp_path: Path) -> None:
    with LocalServer(tmp_path, buckets=[ROOM]) as server:
        peer = Peer.of(server)
        with uploading(peer) as busy:
            os.kill(server.pid, signal.SIGTERM)
            assert is_refused(peer)
            busy.send(b"body")
            assert busy.receive(b"PUT").status == 200
        assert server.wait() == 0


def is_refused(peer: Peer) -> bool:
    """Return whether the server has stopped to take connections, within half a minute."""
    limit = time.monotonic() + 30
    while time.monotonic() < limit:
        try:
            with peer.line() as line, suppress(ConnectionResetError):
                line.rest()
        except ConnectionRefusedError:
            return True
    return False


def test_while_it_ends_it_says_that_it_is_not_ready(tmp_path: Path) -> None:
    with LocalServer(tmp_path, buckets=[ROOM]) as server:
        peer = Peer.of(server)
        body = bytes(32 << 20)
        assert peer.ask("PUT", f"/{ROOM}/large", {}, body).status == 200
        with peer.line() as line, peer.line() as idle:
            # The second request waits behind an answer that nobody reads yet.
            line.send(peer.request("GET", f"/{ROOM}/large"))
            line.send(peer.request("GET", "/-/ready", signed=False))
            assert idle.ask(peer.request("HEAD", f"/{ROOM}/")).status == 200
            os.kill(server.pid, signal.SIGTERM)
            assert idle.rest() == b""
            assert line.receive().body == body
            ready = line.receive()
            said = json.loads(ready.body)
            assert (ready.status, said["status"], said["draining"]) == (503, "draining", True)
        assert server.wait() == 0


def test_a_request_that_outlasts_the_grace_is_cut_off(tmp_path: Path) -> None:
    with LocalServer(tmp_path, buckets=[ROOM], options=["--grace=0.2s"]) as server:
        peer = Peer.of(server)
        with uploading(peer) as busy:
            os.kill(server.pid, signal.SIGTERM)
            assert busy.receive(b"PUT").outcome == (503, "ServiceUnavailable")
        assert server.wait() == 0
    with LocalServer(tmp_path) as server:
        assert Peer.of(server).ask("HEAD", f"/{ROOM}/a").status == 404


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    options = ["--bucket", ROOM, "--grace=10m"]
    for second in (signal.SIGTERM, signal.SIGINT):
        with serving(tmp_path / second.name, *options) as server:
            peer = server.peer()
            with peer.line() as idle, uploading(peer):
                assert idle.ask(peer.request("HEAD", f"/{ROOM}/")).status == 200
                server.process.send_signal(signal.SIGTERM)
                assert idle.rest() == b""
                server.process.send_signal(second)
                assert server.process.wait(30) != 0


def test_the_half_written_body_of_a_request_that_was_cut_off_is_gone(tmp_path: Path) -> None:
    with LocalServer(tmp_path, buckets=[ROOM], options=["--grace=0.2s"]) as server:
        peer = Peer.of(server)
        with peer.line() as line:
            headers = {"content-length": str(8 << 20)}
            line.send(peer.request("PUT", f"/{ROOM}/a", headers) + bytes(4 << 20))
            os.kill(server.pid, signal.SIGTERM)
            assert server.wait() == 0
    assert list((tmp_path / "tmp").iterdir()) == []
