"""More than a server can do at a time: some wait, the rest come back later, with bounded memory."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from coskit.cli.server.option_values import byte_count
from coskit.protocol.errors import SlowDown
from coskit.server.http.admission import Admission
from coskit.server.settings import Limits, Settings
from coskit.server.store.index.sqlite import SqliteIndex
from coskit.server.store.io.memory_share import LARGEST, SMALLEST, MemoryShare
from coskit.testing import LocalServer
from tests.server.http.connections.test_timeouts import metric, until
from tests.server.support.clocked_server import ClockedServer
from tests.server.support.http_client import Connection, HTTPClient
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"
MIB = 1 << 20
AWAITED = {"content-length": "4", "expect": "100-continue"}
linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


@contextmanager
def narrow(directory: Path, *options: str) -> Iterator[HTTPClient]:
    """Run a server that works on one request at a time."""
    options = ("--max-requests=1", *options)
    with ForkedServer(directory, buckets=[ROOM], options=options) as server:
        yield HTTPClient.of(server)


@contextmanager
def busy(http_client: HTTPClient) -> Iterator[Connection]:
    """Take a place in the server until the end, when what holds it is finished."""
    with http_client.connect() as connection:
        assert (
            connection.request(http_client.build_request("PUT", f"/{ROOM}/busy", AWAITED)).status
            == 100
        )
        yield connection
        connection.send(b"body")
        assert connection.receive(b"PUT").status == 200


def test_what_there_is_no_place_for_comes_back_later(tmp_path: Path) -> None:
    with narrow(tmp_path, "--max-waiting=0") as http_client, http_client.connect() as connection:
        with busy(http_client):
            for method in ("GET", "PUT"):
                reply = connection.request(
                    http_client.build_request(method, f"/{ROOM}/a", {}, b"body")
                )
                assert reply.outcome == (503, "SlowDown")
                assert reply["Retry-After"] in ("1", "2", "3")
                assert not reply.closes, "a small body is read over"
            assert metric(http_client, "coskit_requests_refused_total") == 2
        assert (
            connection.request(http_client.build_request("PUT", f"/{ROOM}/a", {}, b"body")).status
            == 200
        )


@pytest.mark.parametrize(
    "framing", [{"content-length": "1000000"}, {"transfer-encoding": "chunked"}]
)
def test_a_large_body_without_a_place_is_not_waited_for(
    tmp_path: Path, framing: dict[str, str]
) -> None:
    with (
        narrow(tmp_path, "--max-waiting=0") as http_client,
        busy(http_client),
        http_client.connect() as connection,
    ):
        reply = connection.request(http_client.build_request("PUT", f"/{ROOM}/a", framing))
        assert (reply.outcome, reply.closes) == ((503, "SlowDown"), True)
        assert connection.rest() == b""


def test_a_request_waits_for_its_turn(tmp_path: Path) -> None:
    with narrow(tmp_path, "--max-waiting=1") as http_client, http_client.connect() as waiting:
        with busy(http_client):
            waiting.send(http_client.build_request("GET", f"/{ROOM}/busy"))
            until(lambda: metric(http_client, "coskit_requests_waiting") == 1)
            assert http_client.request("GET", f"/{ROOM}/a").outcome == (503, "SlowDown")
        assert waiting.receive().body == b"body"


def test_no_request_waits_longer_than_the_queue_allows(tmp_path: Path) -> None:
    with narrow(tmp_path, "--timeout=queue=0.2s") as http_client, busy(http_client):
        assert http_client.request("GET", f"/{ROOM}/a").outcome == (503, "SlowDown")


def test_health_and_metrics_need_no_place(tmp_path: Path) -> None:
    with narrow(tmp_path, "--max-waiting=0") as http_client, busy(http_client):
        for name in ("live", "ready", "metrics"):
            assert http_client.request("GET", f"/-/{name}", signed=False).status == 200
        assert metric(http_client, "coskit_requests_running") == 1


def test_a_place_is_given_back_however_a_request_ends(tmp_path: Path) -> None:
    with narrow(tmp_path, "--max-waiting=0") as http_client:
        for _ in range(3):
            assert http_client.request("GET", f"/{ROOM}/none").status == 404
            assert http_client.request("GET", f"/{ROOM}/none", signed=False).status == 403
            with http_client.connect() as connection:
                connection.send(
                    http_client.build_request("PUT", f"/{ROOM}/a", {"content-length": "10"})
                    + b"12345"
                )
                connection.finish()
                assert connection.receive(b"PUT").outcome == (400, "IncompleteBody")
        assert metric(http_client, "coskit_requests_running") == 0


def run(limits: Limits, *steps: str) -> list[str]:
    """Return what becomes of requests that enter (`in`) and leave (`out`) in this order."""
    outcomes: dict[int, str] = {}

    async def enter(admission: Admission, number: int) -> None:
        try:
            await admission.enter()
        except SlowDown as error:
            outcomes[number] = error.headers["Retry-After"]
        else:
            outcomes[number] = "in"

    async def go() -> None:
        admission = Admission(limits, lambda first, last: first + last)
        tasks: list[asyncio.Task[None]] = []
        for step in steps:
            if step == "in":
                tasks.append(asyncio.create_task(enter(admission, len(tasks))))
            else:
                admission.leave()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        entered = sum(outcome == "in" for outcome in outcomes.values())
        assert admission.running == entered - steps.count("out"), "a place was lost or made up"
        assert admission.waiting == 0
        assert admission.refused == len(outcomes) - entered

    asyncio.run(go())
    return [outcomes.get(number, "waiting") for number in range(steps.count("in"))]


@pytest.mark.parametrize(
    ("steps", "outcomes"),
    [
        ("in", "in"),
        ("in in in", "in in waiting"),
        ("in in in in in", "in in waiting waiting 4"),
        ("in in in out", "in in in"),
        ("in in in in out out out in in", "in in in in in waiting"),
        ("in in in in in out in", "in in in waiting 4 waiting"),
    ],
)
def test_places_are_given_in_order(steps: str, outcomes: str) -> None:
    assert run(Limits(requests=2, waiting=2), *steps.split()) == outcomes.split()


def test_the_place_of_a_client_that_gives_up_goes_to_the_next() -> None:
    async def go() -> None:
        admission = Admission(Limits(requests=1))
        await admission.enter()
        first, second = (asyncio.create_task(admission.enter()) for _ in range(2))
        await asyncio.sleep(0)
        assert admission.waiting == 2
        admission.leave()
        first.cancel()
        await asyncio.wait((first, second))
        assert (first.cancelled(), second.exception(), admission.running) == (True, None, 1)

    asyncio.run(go())


def test_writes_are_turned_away_while_too_much_waits_for_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = 0
    monkeypatch.setattr(SqliteIndex, "backlog", lambda _: waiting)
    with ClockedServer(tmp_path) as server:
        assert server.request("PUT", "/b-1/a", {}, b"x").status == 200
        waiting = 1024
        assert server.request("PUT", "/b-1/a", {}, b"x").outcome == (503, "SlowDown")
        assert server.request("DELETE", "/b-1/a").outcome == (503, "SlowDown")
        assert server.request("GET", "/b-1/a").body == b"x"
        waiting = 1023
        assert server.request("PUT", "/b-1/a", {}, b"y").status == 200


def test_bodies_share_the_memory_there_is() -> None:
    room = MemoryShare(30 * MIB)
    assert room.share == LARGEST
    shares = []
    for _ in range(2000):
        room.enter()
        shares.append(room.share)
    assert shares[:10] == [LARGEST] * 10
    assert shares[99] == 30 * MIB // 300
    assert shares[-1] == SMALLEST
    for _ in range(2000):
        room.leave()
    assert (room.share, room.bodies) == (LARGEST, 0)


def memory(server: LocalServer) -> int:
    """Return the bytes that a server has in memory."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) << 10


@linux
def test_slow_uploads_and_downloads_take_bounded_memory(tmp_path: Path) -> None:
    count, limit = 100, 16 * MIB
    options = ["--memory=16MiB"]
    with LocalServer(tmp_path, buckets=[ROOM], options=options) as server, ExitStack() as stack:
        http_client = HTTPClient.of(server)
        large = bytes(8 * MIB)
        assert http_client.request("PUT", f"/{ROOM}/large", {}, large).status == 200
        assert len(http_client.request("GET", f"/{ROOM}/large").body) == len(large)
        before = memory(server)
        for number in range(count):
            connection = stack.enter_context(http_client.connect())
            connection.send(
                http_client.build_request(
                    "PUT", f"/{ROOM}/{number}", {"content-length": str(4 * MIB)}
                )
            )
            connection.send(large[: 2 * MIB])
            connection = stack.enter_context(http_client.connect())
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            connection.send(http_client.build_request("GET", f"/{ROOM}/large"))
        until(lambda: metric(http_client, "coskit_requests_running") == 2 * count)
        grown = memory(server) - before
        # Besides: what the sockets' readers hold of each body, and the requests themselves.
        assert grown < 2 * limit + 2 * count * 400_000, f"it has grown by {grown >> 20} MiB"


@pytest.mark.parametrize(
    "text", ["", "1", "MiB", "0MiB", "-1MiB", "1.5MiB", "1 MiB", "1TB", "1mib"]
)
def test_a_size_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a size is written like"):
        byte_count(text)


def test_settings_bear_what_is_usual() -> None:
    assert Settings(Path(), {}).limits == Limits(head=20, idle=75, body=60, response=120, grace=30)
    assert (byte_count("256MiB"), byte_count("1KiB"), byte_count("7B")) == (256 * MIB, 1024, 7)
