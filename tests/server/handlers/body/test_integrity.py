"""Damage over the wire: an error and never wrong bytes; other objects stay readable."""

import json
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from coskit.server.store.blobs.block_checksums import BLOCK
from coskit.server.store.maintenance.fsck import check
from coskit.testing import LocalServer
from tests.server.store.io.test_damage import flip
from tests.server.support.http_client import HTTPClient
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"
BODY = random.Random(11).randbytes(40 * BLOCK + 99)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def server(directory: Path) -> Iterator[LocalServer]:
    with ForkedServer(directory, buckets=[ROOM]) as running:
        yield running


def store(server: LocalServer, directory: Path, key: str, body: bytes) -> Path:
    """Put an object and return its file."""
    before = set((directory / "blobs").glob("*/*"))
    assert HTTPClient.of(server).request("PUT", f"/{ROOM}/{key}", {}, body).status == 200
    (file,) = set((directory / "blobs").glob("*/*")) - before
    return file


def test_a_damaged_beginning_is_an_error_before_the_head(
    server: LocalServer, directory: Path
) -> None:
    http_client = HTTPClient.of(server)
    flip(store(server, directory, "key", BODY), 10)
    for headers in ({}, {"Range": "bytes=5-20"}):
        reply = http_client.request("GET", f"/{ROOM}/key", headers)
        assert reply.outcome == (500, "InternalError")
        assert "damaged" in reply.text("Message")
    assert http_client.request("HEAD", f"/{ROOM}/key").status == 200


def test_damage_farther_on_cuts_the_connection_before_it(
    server: LocalServer, directory: Path
) -> None:
    http_client, place = HTTPClient.of(server), 30 * BLOCK + 5
    flip(store(server, directory, "key", BODY), place)
    with http_client.connect() as connection:
        connection.send(http_client.build_request("GET", f"/{ROOM}/key"))
        head, _, body = connection.rest().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert BODY.startswith(body)
    assert 0 < len(body) <= place // BLOCK * BLOCK
    again = http_client.request(
        "GET", f"/{ROOM}/key", {"Range": "bytes=0-9"}
    )  # it is marked by now
    assert again.outcome == (500, "InternalError")


def test_others_are_served_and_an_overwrite_makes_good(
    server: LocalServer, directory: Path
) -> None:
    http_client = HTTPClient.of(server)
    file = store(server, directory, "key", BODY)
    store(server, directory, "other", BODY[::-1])
    file.unlink()
    assert http_client.request("GET", f"/{ROOM}/key").status == 500
    assert http_client.request("GET", f"/{ROOM}/other").body == BODY[::-1]
    assert http_client.request("PUT", f"/{ROOM}/key", {}, BODY).status == 200
    assert http_client.request("GET", f"/{ROOM}/key").body == BODY
    assert http_client.request("DELETE", f"/{ROOM}/key").status == 204


def test_a_damaged_index_is_served_as_far_as_it_can_be_read(directory: Path) -> None:
    """A server that would not start, or a loop of starts, would keep back what is right."""
    with ForkedServer(directory, buckets=[ROOM]) as server:
        http_client = HTTPClient.of(server)
        for n in range(300):
            assert (
                http_client.request("PUT", f"/{ROOM}/{n:03}", {}, b"%03d" % n * 500).status == 200
            )
    index = directory / "index.db"
    for page in range(150, index.stat().st_size // 4096, 7):
        flip(index, page * 4096 + 99)
    with ForkedServer(directory, buckets=[ROOM]) as server:
        http_client = HTTPClient.of(server)
        replies = {n: http_client.request("GET", f"/{ROOM}/{n:03}") for n in range(300)}
        assert {reply.status for reply in replies.values()} == {200, 500}
        assert all(
            reply.body == b"%03d" % n * 500 for n, reply in replies.items() if reply.status == 200
        )
        assert all(
            reply.outcome == (500, "InternalError")
            for reply in replies.values()
            if reply.status != 200
        )
        assert http_client.request("GET", "/-/live").status == 200


@pytest.mark.parametrize("mode", ["strict", "relaxed", "none"])
def test_the_durability_is_reported(directory: Path, mode: str) -> None:
    with ForkedServer(directory, buckets=[ROOM], options=["--durability", mode]) as server:
        ready = HTTPClient.of(server).request("GET", "/-/ready")
        assert json.loads(ready.body)["durability"] == mode
        assert HTTPClient.of(server).request("PUT", f"/{ROOM}/a", {}, BODY).status == 200
        assert HTTPClient.of(server).request("GET", f"/{ROOM}/a").body == BODY


def test_a_server_scrubs_by_itself(directory: Path) -> None:
    with ForkedServer(directory, buckets=[ROOM], options=["--scrub-rate", "0"]) as server:
        flip(store(server, directory, "key", BODY), 7)
        http_client = HTTPClient.of(server)
        beyond = {"Range": f"bytes={20 * BLOCK}-{20 * BLOCK + 9}"}
        assert http_client.request("GET", f"/{ROOM}/key", beyond).status == 206
    with ForkedServer(directory) as server:
        http_client = HTTPClient.of(server)
        for _ in range(3000):  # until the scrub, which begins at the start, has come by
            if http_client.request("GET", f"/{ROOM}/key", beyond).status == 500:
                return
        pytest.fail("the scrub has not marked the damage")


@pytest.mark.parametrize("mode", ["strict", "relaxed", "none"])
def test_a_killed_process_loses_nothing_in_any_mode(directory: Path, mode: str) -> None:
    options = ["--durability", mode]
    with ForkedServer(directory, buckets=[ROOM], options=options) as server:
        http_client = HTTPClient.of(server)
        for n in range(20):
            assert http_client.request("PUT", f"/{ROOM}/{n:02}", {}, BODY[: n * 9000]).status == 200
        assert http_client.request("DELETE", f"/{ROOM}/19").status == 204
        server.stop(signal.SIGKILL)
    with ForkedServer(directory) as server:
        http_client = HTTPClient.of(server)
        for n in range(19):
            assert http_client.request("GET", f"/{ROOM}/{n:02}").body == BODY[: n * 9000]
        assert len(http_client.request("GET", f"/{ROOM}/").texts("Key")) == 19
    assert list(check(directory, exclusive=True)) == []
