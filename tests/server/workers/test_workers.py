"""Several processes over one directory: a client cannot tell, whichever of them it meets or loses.

COSKIT_MIXED_REQUESTS asks for more requests of a mixture.
"""

import json
import os
import random
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from coskit.testing import LocalServer
from tests.server.metrics.test_metrics import read as read_metrics
from tests.server.metrics.test_metrics import scrape
from tests.server.support.wire import Line, Peer
from tests.server.support.worker_servers import (
    ROOM,
    crowd,
    eventually,
    is_alive,
    lines_to_all,
    worker_at,
    workers_of,
)
from tests.server.workers.test_run import refused

MIXED = int(os.environ.get("COSKIT_MIXED_REQUESTS", "1000"))
PART = 1 << 20

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Run three workers, which die in none of the tests that use them."""
    directory = tmp_path_factory.mktemp("three") / "data"
    with crowd(directory, 3, "--durability=none") as server:
        yield server


def files(server: LocalServer, where: str = "blobs/*") -> list[Path]:
    """Return the files of bodies, or the names they have while they are written."""
    return list(server.directory.glob(f"{where}/*"))


def begin_upload(peer: Peer, line: Line, key: str, size: int = 8 << 20) -> None:
    """Send half of a body."""
    head = peer.request("PUT", f"/{ROOM}/{key}", {"content-length": str(size)})
    line.send(head + bytes(size // 2))


# What one worker has done all others see.


def test_what_one_worker_has_written_the_other_reads(three: LocalServer) -> None:
    peer = Peer.of(three)
    with lines_to_all(three, peer, 2) as (one, other):
        for number in range(1000):
            body = b"%d" % number
            assert one.ask(peer.request("PUT", f"/{ROOM}/a", {}, body)).status == 200
            assert other.ask(peer.request("GET", f"/{ROOM}/a")).body == body
            one, other = other, one


def test_buckets_and_their_settings_are_the_same_everywhere(three: LocalServer) -> None:
    peer = Peer.of(three)
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    with lines_to_all(three, peer, 3) as (one, other, third):
        assert other.ask(peer.request("HEAD", "/new-1250000000/")).status == 404
        assert one.ask(peer.request("PUT", "/new-1250000000/")).status == 200
        assert (
            other.ask(peer.request("PUT", "/new-1250000000/?versioning", {}, enabled)).status == 200
        )
        put = third.ask(peer.request("PUT", "/new-1250000000/a", {}, b"x"))
        target = f"/new-1250000000/a?versionId={put['x-cos-version-id']}"
        assert one.ask(peer.request("DELETE", target)).status == 204
        assert third.ask(peer.request("DELETE", "/new-1250000000/")).status == 204
        assert other.ask(peer.request("HEAD", "/new-1250000000/a")).outcome[0] == 404


def test_of_conditional_writes_to_different_workers_one_wins(three: LocalServer) -> None:
    peer = Peer.of(three)
    with lines_to_all(three, peer, 3) as lines:
        for number in range(100):
            for name, line in enumerate(lines):
                body = b"%d" % name
                headers = {"if-none-match": "*"}
                line.send(peer.request("PUT", f"/{ROOM}/race{number}", headers, body))
            statuses = [line.receive(b"PUT").status for line in lines]
            assert sorted(statuses) == [200, 412, 412]
            winner = b"%d" % statuses.index(200)
            assert peer.ask("GET", f"/{ROOM}/race{number}").body == winner


def test_the_ids_of_versions_ascend_over_all_workers(three: LocalServer) -> None:
    peer = Peer.of(three)
    name = "versions-1250000000"
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert peer.ask("PUT", f"/{name}/").status == 200
    assert peer.ask("PUT", f"/{name}/?versioning", {}, enabled).status == 200
    with lines_to_all(three, peer, 3) as lines:
        told = [
            line.ask(peer.request("PUT", f"/{name}/a", {}, b"x"))["x-cos-version-id"]
            for _ in range(30)
            for line in lines
        ]
    assert peer.ask("GET", f"/{name}/?versions").texts("VersionId") == told[::-1]


def test_a_body_that_is_deleted_while_another_worker_sends_it_arrives_whole(
    three: LocalServer,
) -> None:
    peer = Peer.of(three)
    parts = [bytes([number]) * PART for number in range(24)]
    put_parts(peer, "streamed", parts)
    kept = {file.name for file in files(three)}
    with lines_to_all(three, peer, 2) as (reader, other):
        reader.send(peer.request("GET", f"/{ROOM}/streamed"))
        reader.socket.recv(1)
        assert other.ask(peer.request("DELETE", f"/{ROOM}/streamed")).status == 204
        # What nobody reads goes at once; by then the deleter has looked at the others too.
        assert other.ask(peer.request("PUT", f"/{ROOM}/passing", {}, bytes(PART))).status == 200
        (passing,) = {file.name for file in files(three)} - kept
        assert other.ask(peer.request("DELETE", f"/{ROOM}/passing")).status == 204
        eventually(lambda: passing not in {file.name for file in files(three)})
        assert len(files(three)) == len(parts), "they went while they were being read"
        assert take(reader, len(parts) * PART) == b"".join(parts)
    eventually(lambda: not files(three))


def take(line: Line, size: int) -> bytes:
    """Return the body of an answer of which some of the head was read already."""
    received = bytearray()
    while b"\r\n\r\n" not in received or len(received) < received.index(b"\r\n\r\n") + 4 + size:
        piece = line.socket.recv(1 << 20)
        assert piece, f"the connection ended after {len(received)} bytes"
        received += piece
    return bytes(received.partition(b"\r\n\r\n")[2])


def put_parts(peer: Peer, key: str, parts: list[bytes]) -> None:
    """Make an object that lies in several files."""
    upload = peer.ask("POST", f"/{ROOM}/{key}?uploads").text("UploadId")
    done = b""
    for number, part in enumerate(parts, 1):
        target = f"/{ROOM}/{key}?partNumber={number}&uploadId={upload}"
        etag = peer.ask("PUT", target, {}, part)["ETag"]
        done += f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>".encode()
    document = b"<CompleteMultipartUpload>" + done + b"</CompleteMultipartUpload>"
    assert peer.ask("POST", f"/{ROOM}/{key}?uploadId={upload}", {}, document).status == 200


def test_a_mixture_of_requests_meets_no_error_of_the_server(three: LocalServer) -> None:
    peer = Peer.of(three)

    def work(name: int) -> set[int]:
        draw = random.Random(name)
        with peer.line() as line:
            return {mixed(line, draw) for _ in range(MIXED // 8)}

    def mixed(line: Line, draw: random.Random) -> int:
        key = f"/{ROOM}/mixed/{draw.randrange(20)}"
        kind = draw.randrange(6)
        if kind == 0:
            return line.ask(peer.request("DELETE", key)).status
        if kind == 1:
            return line.ask(peer.request("GET", f"/{ROOM}/?prefix=mixed/")).status
        if kind in (2, 3):
            body = bytes(draw.choice((10, 1000, 100_000)))
            return line.ask(peer.request("PUT", key, {}, body)).status
        return line.ask(peer.request("GET", key)).status

    with ThreadPoolExecutor(8) as pool:
        assert set().union(*pool.map(work, range(8))) == {200, 204, 404}


def test_metrics_are_the_sum_over_all_workers(three: LocalServer) -> None:
    peer = Peer.of(three)
    name = ("coskit_requests_total", (("operation", "PutObject"), ("status", "200")))
    before = scrape(peer).get(name, 0)
    with lines_to_all(three, peer, 3) as lines:
        for line in lines:
            for _ in range(5):
                assert line.ask(peer.request("PUT", f"/{ROOM}/counted", {}, b"x")).status == 200
        eventually(lambda: scrape(peer)[name] >= before + 15)
    ready = json.loads(peer.ask("GET", "/-/ready", signed=False).body)
    assert (ready["status"], ready["workers"]) == ("ready", 3)


# Workers that die.


def test_a_worker_that_dies_is_replaced_and_leaves_nothing_half(tmp_path: Path) -> None:
    with crowd(tmp_path / "data", 2) as server:
        peer = Peer.of(server)
        with lines_to_all(server, peer, 2) as (one, other):
            begin_upload(peer, one, "lost")
            begin_upload(peer, other, "kept")
            eventually(lambda: len(files(server, "tmp")) == 2)
            dying, living = worker_at(server, one), worker_at(server, other)
            os.kill(dying, signal.SIGKILL)
            eventually(lambda: len(workers_of(server)) == 2 and dying not in workers_of(server))
            # Its successor takes away what it was writing, and only that.
            eventually(lambda: len(files(server, "tmp")) == 1)
            assert living in workers_of(server)
            other.send(bytes(4 << 20))
            assert other.receive(b"PUT").status == 200
        eventually(lambda: not files(server, "tmp"))
        assert peer.ask("HEAD", f"/{ROOM}/lost").status == 404
        assert peer.ask("GET", f"/{ROOM}/kept").body == bytes(8 << 20)
        assert len(files(server)) == 1
        assert server.stop() == 0


def test_files_that_a_dead_worker_was_to_remove_go_when_nobody_reads_them(tmp_path: Path) -> None:
    parts = [bytes([number]) * PART for number in range(24)]
    with crowd(tmp_path / "data", 2) as server:
        peer = Peer.of(server)
        put_parts(peer, "streamed", parts)
        with lines_to_all(server, peer, 2) as (reader, deleter):
            reader.send(peer.request("GET", f"/{ROOM}/streamed"))
            reader.socket.recv(1)
            assert deleter.ask(peer.request("DELETE", f"/{ROOM}/streamed")).status == 204
            dying = worker_at(server, deleter)
            os.kill(dying, signal.SIGKILL)
            eventually(lambda: len(workers_of(server)) == 2 and dying not in workers_of(server))
            assert take(reader, len(parts) * PART) == b"".join(parts)
        eventually(lambda: not files(server))


def test_metrics_outlive_a_worker(tmp_path: Path) -> None:
    name = ("coskit_requests_total", (("operation", "PutObject"), ("status", "200")))
    with crowd(tmp_path / "data", 2, "--durability=none") as server:
        peer = Peer.of(server)
        with lines_to_all(server, peer, 2) as lines:
            for line in lines:
                assert line.ask(peer.request("PUT", f"/{ROOM}/a", {}, b"x")).status == 200
            # Published by both, since either scrape asks only one.
            eventually(lambda: all(scraped(peer, line)[name] == 2 for line in lines))
            os.kill(worker_at(server, lines[0]), signal.SIGKILL)
        eventually(lambda: len(workers_of(server)) == 2)
        for _ in range(10):
            assert scrape(peer)[name] == 2


def scraped(peer: Peer, line: Line) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return the metrics as one worker tells them."""
    return read_metrics(line.ask(peer.request("GET", "/-/metrics", signed=False)).body.decode())


def test_workers_that_keep_dying_end_the_server(tmp_path: Path) -> None:
    with crowd(tmp_path / "data", 2) as server:
        with lines_to_all(server, Peer.of(server), 2):
            pids = workers_of(server)
        while is_alive(server.pid):
            for pid in workers_of(server)[:1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        assert server.wait() == 1
        assert not [pid for pid in pids if is_alive(pid)]


# The supervisor.


def test_a_signal_lets_all_workers_finish_their_requests(tmp_path: Path) -> None:
    with crowd(tmp_path / "data", 2) as server:
        peer = Peer.of(server)
        pids = workers_of(server)
        with lines_to_all(server, peer, 2) as lines:
            for number, line in enumerate(lines):
                begin_upload(peer, line, f"{number}", 2 << 20)
            eventually(lambda: len(files(server, "tmp")) == 2)
            os.kill(server.pid, signal.SIGTERM)
            eventually(lambda: is_refused(peer))
            for line in lines:
                line.send(bytes(1 << 20))
                assert line.receive(b"PUT").status == 200
        assert server.wait() == 0
        assert not [pid for pid in pids if is_alive(pid)]
    assert not files(server, "tmp")


def is_refused(peer: Peer) -> bool:
    """Return whether nobody takes connections any more."""
    try:
        with peer.line() as line:
            line.finish()
            line.rest()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it was waiting to be accepted when the socket was closed
        return False
    return False


def test_a_second_signal_ends_all_workers_at_once(tmp_path: Path) -> None:
    with crowd(tmp_path / "data", 2, "--grace=10m") as server:
        peer = Peer.of(server)
        with lines_to_all(server, peer, 2) as lines:
            for number, line in enumerate(lines):
                begin_upload(peer, line, f"{number}")
            eventually(lambda: len(files(server, "tmp")) == 2)
            os.kill(server.pid, signal.SIGTERM)
            eventually(lambda: is_refused(peer))
            os.kill(server.pid, signal.SIGTERM)
            assert server.wait() == 1


def test_no_worker_outlives_the_supervisor(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    with crowd(directory, 3) as server:
        peer, pids = Peer.of(server), workers_of(server)
        assert peer.ask("PUT", f"/{ROOM}/a", {}, b"x").status == 200
        with peer.line() as line:
            assert line.ask(peer.request("HEAD", f"/{ROOM}/")).status == 200
            begin_upload(peer, line, "half")
            eventually(lambda: len(files(server, "tmp")) == 1)
            server.stop(signal.SIGKILL)
            eventually(lambda: not [pid for pid in pids if is_alive(pid)])
    with crowd(directory, 2) as server:
        assert Peer.of(server).ask("GET", f"/{ROOM}/a").body == b"x"
        assert not files(server, "tmp")


def test_a_directory_that_workers_cannot_serve_is_refused(tmp_path: Path) -> None:
    with crowd(tmp_path / "used", 2):
        complaint = refused(tmp_path / "used", "--workers=2")
    assert complaint.endswith(": another server has the directory open\n")
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "accounts.json").write_text("[")
    assert f"coskit: cannot serve {bad}: {bad / 'accounts.json'}" in refused(bad, "--workers=2")
    options = ["--workers=2", "--bucket=Capitals-1"]
    assert "A bucket name must have" in refused(tmp_path / "new", *options, status=2)


def test_all_workers_write_whole_lines_to_one_log_and_follow_it(tmp_path: Path) -> None:
    file, moved = tmp_path / "access.log", tmp_path / "moved.log"
    with crowd(tmp_path / "data", 3, "--durability=none", f"--access-log={file}") as server:
        peer = Peer.of(server)
        with lines_to_all(server, peer, 3) as lines:
            for _ in range(100):
                for line in lines:
                    line.send(peer.request("HEAD", f"/{ROOM}/a"))
                for line in lines:
                    assert line.receive(b"HEAD").status == 404
            eventually(lambda: count(file) >= 300)
            file.rename(moved)
            os.kill(server.pid, signal.SIGHUP)

            def seen() -> set[str]:
                for line in lines:
                    line.ask(peer.request("HEAD", f"/{ROOM}/a"))
                logged = file.read_text().splitlines() if file.exists() else []
                return {json.loads(text)["request_id"][:16] for text in logged}

            eventually(lambda: len(seen()) == 3)
    assert count(moved) >= 300


def count(file: Path) -> int:
    """Return how many lines there are, each of which is JSON."""
    return len([json.loads(line) for line in file.read_text().splitlines(keepends=True)])
