"""Descriptors run out: requests come back later, and what was deleted goes once it can."""

import asyncio
import errno
import os
import resource
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from coskit.server.store.blobs import blob_lifetime
from coskit.server.store.blobs.files import FileBlobs
from coskit.server.store.maintenance.fsck import check
from coskit.server.store.recovery import open_store
from coskit.server.store.store import Store
from tests.server.http.connections.test_timeouts import metric, until
from tests.server.support.clocked_server import ClockedServer
from tests.server.support.http_client import HTTPClient
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"
LARGE = bytes(100_000)
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")


@contextmanager
def no_descriptor_left(pid: int) -> Iterator[None]:
    """Have the kernel refuse a process any further descriptor."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = max(int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir())
    # Gaps below are filled by nobody else: what is open stays open.
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(used, 3), before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def blobs(directory: Path) -> list[Path]:
    return [path for path in (directory / "blobs").rglob("*") if path.is_file()]


async def all_removed(store: Store) -> None:
    """Wait until no file is to be removed."""
    async with asyncio.timeout(20):
        while store.lifetime.waiting:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


@linux
def test_deleted_bytes_go_when_descriptors_come_back(tmp_path: Path) -> None:
    with ForkedServer(tmp_path, buckets=[ROOM]) as server:
        http_client = HTTPClient.of(server)
        for number in range(9):
            assert http_client.request("PUT", f"/{ROOM}/{number}", {}, LARGE).status == 200
        with http_client.connect() as connection:
            assert connection.request(http_client.build_request("GET", f"/{ROOM}/8")).body == LARGE
            with no_descriptor_left(server.pid):
                for number in range(8):
                    deleted = connection.request(
                        http_client.build_request("DELETE", f"/{ROOM}/{number}")
                    )
                    assert deleted.status == 204
                for method, body in (("GET", None), ("PUT", LARGE)):
                    reply = connection.request(
                        http_client.build_request(method, f"/{ROOM}/8", {}, body)
                    )
                    assert reply.outcome == (503, "ServiceUnavailable")
                    assert int(reply["Retry-After"]) > 0
                found = list(check(tmp_path, exclusive=False, deep=False))
                assert [finding.kind for finding in found] == ["garbage"] * 8
            assert connection.request(http_client.build_request("GET", f"/{ROOM}/8")).body == LARGE
        assert metric(http_client, "coskit_removals_failed_total") >= 1
        until(lambda: len(blobs(tmp_path)) == 1)
        until(lambda: metric(http_client, "coskit_removals_waiting") == 0)
        assert list(check(tmp_path, exclusive=False, deep=True)) == []
        assert server.stop() == 0


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOSPC])
def test_a_removal_that_fails_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(blob_lifetime, "_RETRY_DELAY", 0.02)
    left = [number] * 3
    discard = FileBlobs.discard

    def failing(self: FileBlobs, blob_ids: Sequence[str]) -> None:
        if left:
            raise OSError(left.pop(), os.strerror(number))
        discard(self, blob_ids)

    with ClockedServer(tmp_path) as server:
        monkeypatch.setattr(FileBlobs, "discard", failing)
        for name in "abc":
            assert server.request("PUT", f"/b-1/{name}", {}, LARGE).status == 200
        for name in "ab":
            assert server.request("DELETE", f"/b-1/{name}").status == 204
        store = server._store

        server._runner.run(all_removed(store))
        assert (store.lifetime.waiting, store.lifetime.failed) == (0, 3)
        assert store.index.garbage() == []
    assert len(blobs(tmp_path)) == 1


def test_the_daily_scan_removes_leftover_garbage(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await open_store(tmp_path)
        (tmp_path / "blobs" / "00" / "00left").write_bytes(b"left")
        index = store.index
        index._writing.execute("INSERT INTO garbage VALUES ('00left', 0)")  # type: ignore[attr-defined]
        assert index.garbage() == ["00left"]
        await store.orphans.once()
        await all_removed(store)
        await store.close()

    asyncio.run(asyncio.wait_for(scenario(), 20))
    assert blobs(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (errno.EMFILE, (503, "ServiceUnavailable")),
        (errno.ENFILE, (503, "ServiceUnavailable")),
        (errno.EIO, (500, "InternalError")),
    ],
)
def test_a_file_that_cannot_be_opened_is_an_error_response(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, outcome: tuple[int, str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with ClockedServer(tmp_path) as server:
        assert server.request("PUT", "/b-1/a", {}, LARGE).status == 200
        with monkeypatch.context() as patched:
            patched.setattr(FileBlobs, "create", fail)
            patched.setattr(FileBlobs, "open", fail)
            for method in ("GET", "PUT"):
                reply = server.request(method, "/b-1/a", {}, LARGE)
                assert reply.outcome == outcome
                assert ("Retry-After" in reply) == (outcome[0] == 503)
        assert server.request("GET", "/b-1/a").body == LARGE
