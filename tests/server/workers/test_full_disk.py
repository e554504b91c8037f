"""A disk that takes no more: writes fail cleanly, reads go on, and room that comes back is used."""

import errno
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from coskit.server.http.connections.listeners import listening_socket
from coskit.server.store.blobs.files import FileWriter
from coskit.server.store.disk.disk_reserve import DiskReserve
from coskit.server.store.index.database import one
from coskit.server.store.index.sqlite import SqliteIndex
from tests.server.support.clocked_server import ClockedServer
from tests.server.support.http_client import HTTPClient
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"
MIB = 1 << 20
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")


@contextmanager
def no_file_larger_than(pid: int, size: int) -> Iterator[None]:
    """Have the kernel refuse what would make a file of a process larger."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@linux
def test_a_body_for_which_there_is_no_room_leaves_nothing(tmp_path: Path) -> None:
    with ForkedServer(tmp_path, buckets=[ROOM]) as server:
        http_client = HTTPClient.of(server)
        body = os.urandom(3 * MIB)
        assert http_client.request("PUT", f"/{ROOM}/a", {}, body).status == 200
        with no_file_larger_than(server.pid, MIB):
            for _ in range(3):
                reply = http_client.request("PUT", f"/{ROOM}/a", {}, body[::-1])
                assert reply.outcome == (503, "ServiceUnavailable")
                assert reply["Retry-After"] == "10"
                assert http_client.request("GET", f"/{ROOM}/a").body == body
        assert http_client.request("PUT", f"/{ROOM}/b", {}, body[::-1]).status == 200
        assert http_client.request("GET", f"/{ROOM}/b").body == body[::-1]
        assert server.stop() == 0
    files = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert (len(files), list((tmp_path / "tmp").iterdir())) == (2, [])


@linux
def test_an_index_that_cannot_be_written_is_still_read(tmp_path: Path) -> None:
    with ForkedServer(tmp_path, buckets=[ROOM]) as server:
        http_client = HTTPClient.of(server)
        assert http_client.request("PUT", f"/{ROOM}/kept", {}, b"kept").status == 200
        with no_file_larger_than(server.pid, 8192):
            for number in range(5):
                reply = http_client.request("PUT", f"/{ROOM}/{number}", {}, b"x" * 5000)
                assert reply.status in (500, 503), reply
                assert http_client.request("DELETE", f"/{ROOM}/kept").status in (500, 503)
                assert http_client.request("GET", f"/{ROOM}/kept").body == b"kept"
                assert http_client.request("GET", f"/{ROOM}/").texts("Key") == ["kept"]
            assert http_client.request("GET", "/-/ready").status == 200
        assert http_client.request("PUT", f"/{ROOM}/new", {}, b"new").status == 200
        assert http_client.request("GET", f"/{ROOM}/").texts("Key") == ["kept", "new"]
        assert server.stop() == 0
    with ForkedServer(tmp_path) as server:
        assert HTTPClient.of(server).request("GET", f"/{ROOM}/").texts("Key") == ["kept", "new"]


def can_mount() -> bool:
    """Return whether a file system of one's own can be had without being asked for rights."""
    if not shutil.which("unshare"):
        return False
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, timeout=20).returncode == 0


@contextmanager
def on_a_small_disk(directory: Path, size: str, *options: str) -> Iterator[HTTPClient]:
    """Run a server whose directory is a private file system."""
    mount = f'mount -t tmpfs -o size={size} none "$1" && shift && exec "$@"'
    with listening_socket("127.0.0.1", 0) as listener:
        command = ["unshare", "-rm", "sh", "-c", mount, "sh", str(directory)]
        command += [sys.executable, "-m", "coskit", "serve", str(directory), "--quiet"]
        command += ["--bucket", ROOM, "--fd", str(listener.fileno()), *options]
        keys = {"COSKIT_SECRET_ID": "id", "COSKIT_SECRET_KEY": "key"}
        process = subprocess.Popen(
            command, pass_fds=[listener.fileno()], env={**os.environ, **keys}
        )
        port = listener.getsockname()[1]
    try:
        yield HTTPClient(port, "id", "key")
    finally:
        process.terminate()
        assert process.wait() == 0


@linux
def test_a_disk_is_filled_and_emptied(tmp_path: Path) -> None:
    if not can_mount():
        pytest.skip("no file system can be mounted here")
    with on_a_small_disk(tmp_path, "24m", "--reserve=4MiB") as http_client:
        body, stored = os.urandom(MIB), 0
        while (reply := http_client.request("PUT", f"/{ROOM}/{stored}", {}, body)).status == 200:
            stored += 1
        assert reply.outcome == (503, "ServiceUnavailable")
        assert stored > 10
        small = 0
        while (
            reply := http_client.request("PUT", f"/{ROOM}/s{small}", {}, body[:60_000])
        ).status == 200:
            small += 1
        assert reply.outcome == (503, "ServiceUnavailable")
        assert http_client.request("GET", f"/{ROOM}/0").body == body
        assert len(http_client.request("GET", f"/{ROOM}/").texts("Key")) == stored + small
        for number in range(1, stored):
            assert http_client.request("DELETE", f"/{ROOM}/{number}").status == 204
        put_when_there_is_room(http_client, body)
        assert http_client.request("GET", f"/{ROOM}/again").body == body


def put_when_there_is_room(http_client: HTTPClient, body: bytes) -> None:
    """Put an object; the files of deleted objects are removed a moment after the response."""
    limit = time.monotonic() + 30
    while (reply := http_client.request("PUT", f"/{ROOM}/again", {}, body)).status != 200:
        assert reply.outcome == (503, "ServiceUnavailable")
        assert time.monotonic() < limit, "there is still no room"


@linux
def test_a_body_is_refused_before_it_is_sent_where_it_has_no_room(tmp_path: Path) -> None:
    with ForkedServer(tmp_path, buckets=[ROOM], options=["--reserve=1000000GiB"]) as server:
        http_client = HTTPClient.of(server)
        headers = {"content-length": "1000000", "expect": "100-continue"}
        with http_client.connect() as connection:
            reply = connection.request(http_client.build_request("PUT", f"/{ROOM}/a", headers))
        assert (reply.outcome, reply.closes) == ((503, "ServiceUnavailable"), True)
        assert http_client.request("GET", f"/{ROOM}/a").status == 404
        assert http_client.request("DELETE", f"/{ROOM}/a").status == 204


def test_a_full_index_refuses_a_commit_and_takes_the_next(tmp_path: Path) -> None:
    with ClockedServer(tmp_path) as server:
        assert server.request("PUT", "/b-1/kept", {}, b"kept").status == 200
        index = cast(SqliteIndex, server._store.index)._writing
        full = one(index, "PRAGMA page_count")[0]
        usual = one(index, "PRAGMA max_page_count")[0]
        index.execute(f"PRAGMA max_page_count = {full}")
        for _ in range(2):
            reply = server.request("PUT", "/b-1/large", {}, bytes(60_000))
            assert reply.outcome == (503, "ServiceUnavailable")
            assert reply["Retry-After"] == "10"
        assert server.request("GET", "/b-1/kept").body == b"kept"
        assert server.request("GET", "/b-1/").texts("Key") == ["kept"]
        index.execute(f"PRAGMA max_page_count = {usual}")
        assert server.request("PUT", "/b-1/large", {}, bytes(60_000)).status == 200
        assert server.request("GET", "/b-1/").texts("Key") == ["kept", "large"]


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (errno.ENOSPC, (503, "ServiceUnavailable")),
        (errno.EDQUOT, (503, "ServiceUnavailable")),
        (errno.EIO, (500, "InternalError")),
        (errno.EROFS, (500, "InternalError")),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else value[1],
)
def test_a_failing_disk_is_an_error_response(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, outcome: tuple[int, str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with ClockedServer(tmp_path) as server:
        with monkeypatch.context() as patched:
            patched.setattr(FileWriter, "write", fail)
            assert server.request("PUT", "/b-1/a", {}, bytes(100_000)).outcome == outcome
            assert server.request("PUT", "/b-1/small", {}, b"small").status == 200
        assert server.request("GET", "/b-1/").texts("Key") == ["small"]
        assert server.request("PUT", "/b-1/a", {}, bytes(100_000)).status == 200


@linux
def test_a_disk_filled_by_other_programs_allows_reads_and_deletes(
    tmp_path: Path,
) -> None:
    if not can_mount():
        pytest.skip("no file system can be mounted here")
    program = "tests.server.support.full_disk"
    mount = f'mount -t tmpfs -o size=24m none "$1" && exec "$0" -m {program} "$1"'
    command = ["unshare", "-rm", "sh", "-c", mount, sys.executable, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout) == (0, "all was done\n"), done.stderr


def test_spare_room_is_taken_and_given_back_in_parts(tmp_path: Path) -> None:
    reserve = DiskReserve(tmp_path, MIB)
    reserve.fill()
    file = tmp_path / "spare"
    assert (file.stat().st_size, file.stat().st_mode & 0o777) == (MIB, 0o600)
    assert file.stat().st_blocks * 512 >= MIB, "the room is not taken"
    for _ in range(20):
        reserve.release()
    assert file.stat().st_size == 0
    reserve.release_if_short()
    reserve.fill(at_end=True)
    assert file.stat().st_size == MIB
    DiskReserve(tmp_path / "none", 0).release()


def test_a_commit_that_finds_the_disk_full_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ClockedServer(tmp_path) as server:
        index = cast(SqliteIndex, server._store.index)
        full, usual = (
            one(index._writing, f"PRAGMA {name}")[0] for name in ("page_count", "max_page_count")
        )
        index._writing.execute(f"PRAGMA max_page_count = {full}")
        asked: list[int] = []

        def make_room(attempt: int) -> None:
            asked.append(attempt)
            if attempt == 2:
                index._writing.execute(f"PRAGMA max_page_count = {usual}")

        monkeypatch.setattr(index._writer, "_make_room", make_room)
        assert server.request("PUT", "/b-1/large", {}, bytes(60_000)).status == 200
        assert asked == [0, 1, 2]
        assert server.request("GET", "/b-1/").texts("Key") == ["large"]
