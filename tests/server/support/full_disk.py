"""Program that fills the disk beside a server and checks reads and deletions, on a small disk."""

import os
import sys
from contextlib import suppress
from pathlib import Path

from tests.server.http.connections.test_timeouts import until
from tests.server.support.http_client import HTTPClient
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"
BODY = bytes(100_000)
OPTIONS = ["--reserve=4MiB"]


def fill(directory: Path) -> None:
    """Take the last byte of the disk, as another program would."""
    fd = os.open(directory / "other", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for size in (1 << 16, 1 << 12, 1):
        with suppress(OSError):
            while True:
                os.write(fd, bytes(size))
    os.close(fd)
    assert os.statvfs(directory).f_bavail == 0


def expect_reads_and_deletions(http_client: HTTPClient, disk: Path, names: list[str]) -> None:
    """Read all, delete half in two ways, with the disk full before each."""
    for name in names:
        assert http_client.request("GET", f"/{ROOM}/{name}").body == BODY
    for name in names[::2]:
        fill(disk)
        reply = http_client.request("DELETE", f"/{ROOM}/{name}")
        assert reply.status == 204, reply
        assert http_client.request("GET", f"/{ROOM}/{name}").status == 404
    fill(disk)
    assert http_client.request("PUT", f"/{ROOM}/new", {}, b"small").outcome == (
        503,
        "ServiceUnavailable",
    )
    assert len(http_client.request("GET", f"/{ROOM}/").texts("Key")) == len(names[1::2])


def main(disk: Path) -> None:
    directory = disk / "data"
    names = [f"{number:02}" for number in range(40)]
    with ForkedServer(directory, buckets=[ROOM], options=OPTIONS) as server:
        http_client = HTTPClient.of(server)
        for name in names:
            assert http_client.request("PUT", f"/{ROOM}/{name}", {}, BODY).status == 200
        until(lambda: (directory / "spare").exists())
        expect_reads_and_deletions(http_client, disk, names)
        assert server.stop() == 0
    left = names[1::2]
    for again in (left, left[1::2]):  # from the second start on nothing is held any more
        fill(disk)
        with ForkedServer(directory, options=OPTIONS) as server:
            expect_reads_and_deletions(HTTPClient.of(server), disk, again)
            assert server.stop() == 0
    (disk / "other").unlink()
    with ForkedServer(directory, options=OPTIONS) as server:
        http_client = HTTPClient.of(server)
        assert http_client.request("PUT", f"/{ROOM}/new", {}, BODY).status == 200
        until(lambda: (directory / "spare").stat().st_size > 0)
        assert server.stop() == 0
    print("all was done")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
