"""Several processes over one directory: clients see one server, even if a process dies.

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
from tests.server.support.http_client import Connection, HTTPClient
from tests.server.support.worker_servers import (
    ROOM,
    connect_to_workers,
    eventually,
    is_alive,
    serve_with_workers,
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
    with serve_with_workers(directory, 3, "--durability=none") as server:
        yield server


def files(server: LocalServer, where: str = "blobs/*") -> list[Path]:
    """Return the files of bodies, or the names they have while they are written."""
    return list(server.directory.glob(f"{where}/*"))


def begin_upload(
    http_client: HTTPClient, connection: Connection, key: str, size: int = 8 << 20
) -> None:
    """Send half of a body."""
    head = http_client.build_request("PUT", f"/{ROOM}/{key}", {"content-length": str(size)})
    connection.send(head + bytes(size // 2))


# What one worker has done all others see.


def test_what_one_worker_has_written_the_other_reads(three: LocalServer) -> None:
    http_client = HTTPClient.of(three)
    with connect_to_workers(three, http_client, 2) as (one, other):
        for number in range(1000):
            body = b"%d" % number
            assert (
                one.request(http_client.build_request("PUT", f"/{ROOM}/a", {}, body)).status == 200
            )
            assert other.request(http_client.build_request("GET", f"/{ROOM}/a")).body == body
            one, other = other, one


def test_buckets_and_their_settings_are_the_same_everywhere(three: LocalServer) -> None:
    http_client = HTTPClient.of(three)
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    with connect_to_workers(three, http_client, 3) as (one, other, third):
        assert other.request(http_client.build_request("HEAD", "/new-1250000000/")).status == 404
        assert one.request(http_client.build_request("PUT", "/new-1250000000/")).status == 200
        assert (
            other.request(
                http_client.build_request("PUT", "/new-1250000000/?versioning", {}, enabled)
            ).status
            == 200
        )
        put = third.request(http_client.build_request("PUT", "/new-1250000000/a", {}, b"x"))
        target = f"/new-1250000000/a?versionId={put['x-cos-version-id']}"
        assert one.request(http_client.build_request("DELETE", target)).status == 204
        assert third.request(http_client.build_request("DELETE", "/new-1250000000/")).status == 204
        assert (
            other.request(http_client.build_request("HEAD", "/new-1250000000/a")).outcome[0] == 404
        )


def test_of_conditional_writes_to_different_workers_one_wins(three: LocalServer) -> None:
    http_client = HTTPClient.of(three)
    with connect_to_workers(three, http_client, 3) as connections:
        for number in range(100):
            for name, connection in enumerate(connections):
                body = b"%d" % name
                headers = {"if-none-match": "*"}
                connection.send(
                    http_client.build_request("PUT", f"/{ROOM}/race{number}", headers, body)
                )
            statuses = [connection.receive(b"PUT").status for connection in connections]
            assert sorted(statuses) == [200, 412, 412]
            winner = b"%d" % statuses.index(200)
            assert http_client.request("GET", f"/{ROOM}/race{number}").body == winner


def test_the_ids_of_versions_ascend_over_all_workers(three: LocalServer) -> None:
    http_client = HTTPClient.of(three)
    name = "versions-1250000000"
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert http_client.request("PUT", f"/{name}/").status == 200
    assert http_client.request("PUT", f"/{name}/?versioning", {}, enabled).status == 200
    with connect_to_workers(three, http_client, 3) as connections:
        reported = [
            connection.request(http_client.build_request("PUT", f"/{name}/a", {}, b"x"))[
                "x-cos-version-id"
            ]
            for _ in range(30)
            for connection in connections
        ]
    assert http_client.request("GET", f"/{name}/?versions").texts("VersionId") == reported[::-1]


def test_a_body_that_is_deleted_while_another_worker_sends_it_arrives_whole(
    three: LocalServer,
) -> None:
    http_client = HTTPClient.of(three)
    parts = [bytes([number]) * PART for number in range(24)]
    put_parts(http_client, "streamed", parts)
    kept = {file.name for file in files(three)}
    with connect_to_workers(three, http_client, 2) as (reader, other):
        reader.send(http_client.build_request("GET", f"/{ROOM}/streamed"))
        reader.socket.recv(1)
        assert other.request(http_client.build_request("DELETE", f"/{ROOM}/streamed")).status == 204
        # What nobody reads goes at once; by then the deleter has looked at the others too.
        assert (
            other.request(
                http_client.build_request("PUT", f"/{ROOM}/passing", {}, bytes(PART))
            ).status
            == 200
        )
        (passing,) = {file.name for file in files(three)} - kept
        assert other.request(http_client.build_request("DELETE", f"/{ROOM}/passing")).status == 204
        eventually(lambda: passing not in {file.name for file in files(three)})
        assert len(files(three)) == len(parts), "they went while they were being read"
        assert take(reader, len(parts) * PART) == b"".join(parts)
    eventually(lambda: not files(three))


def take(connection: Connection, size: int) -> bytes:
    """Return the body of a response of which a part of the head has been read."""
    received = bytearray()
    while b"\r\n\r\n" not in received or len(received) < received.index(b"\r\n\r\n") + 4 + size:
        piece = connection.socket.recv(1 << 20)
        assert piece, f"the connection ended after {len(received)} bytes"
        received += piece
    return bytes(received.partition(b"\r\n\r\n")[2])


def put_parts(http_client: HTTPClient, key: str, parts: list[bytes]) -> None:
    """Make an object that lies in several files."""
    upload = http_client.request("POST", f"/{ROOM}/{key}?uploads").text("UploadId")
    done = b""
    for number, part in enumerate(parts, 1):
        target = f"/{ROOM}/{key}?partNumber={number}&uploadId={upload}"
        etag = http_client.request("PUT", target, {}, part)["ETag"]
        done += f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>".encode()
    document = b"<CompleteMultipartUpload>" + done + b"</CompleteMultipartUpload>"
    assert (
        http_client.request("POST", f"/{ROOM}/{key}?uploadId={upload}", {}, document).status == 200
    )


def test_a_mixture_of_requests_meets_no_error_of_the_server(three: LocalServer) -> None:
    http_client = HTTPClient.of(three)

    def work(name: int) -> set[int]:
        draw = random.Random(name)
        with http_client.connect() as connection:
            return {mixed(connection, draw) for _ in range(MIXED // 8)}

    def mixed(connection: Connection, draw: random.Random) -> int:
        key = f"/{ROOM}/mixed/{draw.randrange(20)}"
        kind = draw.randrange(6)
        if kind == 0:
            return connection.request(http_client.build_request("DELETE", key)).status
        if kind == 1:
            return connection.request(
                http_client.build_request("GET", f"/{ROOM}/?prefix=mixed/")
            ).status
        if kind in (2, 3):
            body = bytes(draw.choice((10, 1000, 100_000)))
            return connection.request(http_client.build_request("PUT", key, {}, body)).status
        return connection.request(http_client.build_request("GET", key)).status

    with ThreadPoolExecutor(8) as pool:
        assert set().union(*pool.map(work, range(8))) == {200, 204, 404}


def test_metrics_are_the_sum_over_all_workers(three: LocalServer) -> None:
    http_client = HTTPClient.of(three)
    name = ("coskit_requests_total", (("operation", "PutObject"), ("status", "200")))
    before = scrape(http_client).get(name, 0)
    with connect_to_workers(three, http_client, 3) as connections:
        for connection in connections:
            for _ in range(5):
                assert (
                    connection.request(
                        http_client.build_request("PUT", f"/{ROOM}/counted", {}, b"x")
                    ).status
                    == 200
                )
        eventually(lambda: scrape(http_client)[name] >= before + 15)
    ready = json.loads(http_client.request("GET", "/-/ready", signed=False).body)
    assert (ready["status"], ready["workers"]) == ("ready", 3)


# Workers that die.


def test_a_worker_that_dies_is_replaced_and_leaves_nothing_half(tmp_path: Path) -> None:
    with serve_with_workers(tmp_path / "data", 2) as server:
        http_client = HTTPClient.of(server)
        with connect_to_workers(server, http_client, 2) as (one, other):
            begin_upload(http_client, one, "lost")
            begin_upload(http_client, other, "kept")
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
        assert http_client.request("HEAD", f"/{ROOM}/lost").status == 404
        assert http_client.request("GET", f"/{ROOM}/kept").body == bytes(8 << 20)
        assert len(files(server)) == 1
        assert server.stop() == 0


def test_files_left_by_a_dead_worker_are_removed_after_the_last_read(tmp_path: Path) -> None:
    parts = [bytes([number]) * PART for number in range(24)]
    with serve_with_workers(tmp_path / "data", 2) as server:
        http_client = HTTPClient.of(server)
        put_parts(http_client, "streamed", parts)
        with connect_to_workers(server, http_client, 2) as (reader, deleter):
            reader.send(http_client.build_request("GET", f"/{ROOM}/streamed"))
            reader.socket.recv(1)
            assert (
                deleter.request(http_client.build_request("DELETE", f"/{ROOM}/streamed")).status
                == 204
            )
            dying = worker_at(server, deleter)
            os.kill(dying, signal.SIGKILL)
            eventually(lambda: len(workers_of(server)) == 2 and dying not in workers_of(server))
            assert take(reader, len(parts) * PART) == b"".join(parts)
        eventually(lambda: not files(server))


def test_metrics_outlive_a_worker(tmp_path: Path) -> None:
    name = ("coskit_requests_total", (("operation", "PutObject"), ("status", "200")))
    with serve_with_workers(tmp_path / "data", 2, "--durability=none") as server:
        http_client = HTTPClient.of(server)
        with connect_to_workers(server, http_client, 2) as connections:
            for connection in connections:
                assert (
                    connection.request(
                        http_client.build_request("PUT", f"/{ROOM}/a", {}, b"x")
                    ).status
                    == 200
                )
            # Published by both, since either scrape asks only one.
            eventually(
                lambda: all(
                    scraped(http_client, connection)[name] == 2 for connection in connections
                )
            )
            os.kill(worker_at(server, connections[0]), signal.SIGKILL)
        eventually(lambda: len(workers_of(server)) == 2)
        for _ in range(10):
            assert scrape(http_client)[name] == 2


def scraped(
    http_client: HTTPClient, connection: Connection
) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return the metrics that one worker reports."""
    return read_metrics(
        connection.request(
            http_client.build_request("GET", "/-/metrics", signed=False)
        ).body.decode()
    )


def test_workers_that_keep_dying_end_the_server(tmp_path: Path) -> None:
    with serve_with_workers(tmp_path / "data", 2) as server:
        with connect_to_workers(server, HTTPClient.of(server), 2):
            pids = workers_of(server)
        while is_alive(server.pid):
            for pid in workers_of(server)[:1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        assert server.wait() == 1
        assert not [pid for pid in pids if is_alive(pid)]


# The supervisor.


def test_a_signal_lets_all_workers_finish_their_requests(tmp_path: Path) -> None:
    with serve_with_workers(tmp_path / "data", 2) as server:
        http_client = HTTPClient.of(server)
        pids = workers_of(server)
        with connect_to_workers(server, http_client, 2) as connections:
            for number, connection in enumerate(connections):
                begin_upload(http_client, connection, f"{number}", 2 << 20)
            eventually(lambda: len(files(server, "tmp")) == 2)
            os.kill(server.pid, signal.SIGTERM)
            eventually(lambda: is_refused(http_client))
            for connection in connections:
                connection.send(bytes(1 << 20))
                assert connection.receive(b"PUT").status == 200
        assert server.wait() == 0
        assert not [pid for pid in pids if is_alive(pid)]
    assert not files(server, "tmp")


def is_refused(http_client: HTTPClient) -> bool:
    """Return whether connections are refused."""
    try:
        with http_client.connect() as connection:
            connection.finish()
            connection.rest()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it was waiting to be accepted when the socket was closed
        return False
    return False


def test_a_second_signal_ends_all_workers_at_once(tmp_path: Path) -> None:
    with serve_with_workers(tmp_path / "data", 2, "--grace=10m") as server:
        http_client = HTTPClient.of(server)
        with connect_to_workers(server, http_client, 2) as connections:
            for number, line in enumerate(connections):
                begin_upload(http_client, line, f"{number}")
            eventually(lambda: len(files(server, "tmp")) == 2)
            os.kill(server.pid, signal.SIGTERM)
            eventually(lambda: is_refused(http_client))
            os.kill(server.pid, signal.SIGTERM)
            assert server.wait() == 1


def test_no_worker_outlives_the_supervisor(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    with serve_with_workers(directory, 3) as server:
        http_client, pids = HTTPClient.of(server), workers_of(server)
        assert http_client.request("PUT", f"/{ROOM}/a", {}, b"x").status == 200
        with http_client.connect() as connection:
            assert connection.request(http_client.build_request("HEAD", f"/{ROOM}/")).status == 200
            begin_upload(http_client, connection, "half")
            eventually(lambda: len(files(server, "tmp")) == 1)
            server.stop(signal.SIGKILL)
            eventually(lambda: not [pid for pid in pids if is_alive(pid)])
    with serve_with_workers(directory, 2) as server:
        assert HTTPClient.of(server).request("GET", f"/{ROOM}/a").body == b"x"
        assert not files(server, "tmp")


def test_a_directory_that_workers_cannot_serve_is_refused(tmp_path: Path) -> None:
    with serve_with_workers(tmp_path / "used", 2):
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
    with serve_with_workers(
        tmp_path / "data", 3, "--durability=none", f"--access-log={file}"
    ) as server:
        http_client = HTTPClient.of(server)
        with connect_to_workers(server, http_client, 3) as connections:
            for _ in range(100):
                for connection in connections:
                    connection.send(http_client.build_request("HEAD", f"/{ROOM}/a"))
                for connection in connections:
                    assert connection.receive(b"HEAD").status == 404
            eventually(lambda: count(file) >= 300)
            file.rename(moved)
            os.kill(server.pid, signal.SIGHUP)

            def seen() -> set[str]:
                for connection in connections:
                    connection.request(http_client.build_request("HEAD", f"/{ROOM}/a"))
                logged = file.read_text().splitlines() if file.exists() else []
                return {json.loads(text)["request_id"][:16] for text in logged}

            eventually(lambda: len(seen()) == 3)
    assert count(moved) >= 300


def count(file: Path) -> int:
    """Return how many lines there are, each of which is JSON."""
    return len([json.loads(line) for line in file.read_text().splitlines(keepends=True)])
