"""With any umask and any directory, stored files are readable by their owner only."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from coskit.server.store.maintenance.backup import back_up
from coskit.server.store.maintenance.export import export
from coskit.testing import LocalServer
from tests.server.support.http_client import HTTPClient
from tests.support.forked_server import ForkedServer

ROOM = "room-1250000000"


@pytest.fixture
def no_umask() -> Iterator[None]:
    """Set an umask of 0: new files are open to every user unless their mode says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(directory: Path) -> list[tuple[str, str]]:
    """Return what of a directory others have any right to."""
    found = [
        (str(path.relative_to(directory)), path.lstat().st_mode) for path in directory.rglob("*")
    ]
    assert found
    return [(name, oct(mode & 0o777)) for name, mode in found if mode & 0o077]


def use(server: LocalServer) -> None:
    """Have the server write in all its places."""
    http_client = HTTPClient.of(server)
    assert http_client.request("PUT", f"/{ROOM}/small", {}, b"small").status == 200
    assert http_client.request("PUT", f"/{ROOM}/large", {}, bytes(100_000)).status == 200
    assert http_client.request("POST", f"/{ROOM}/parts?uploads", {}, b"").status == 200
    sealed = {"x-cos-server-side-encryption": "AES256"}
    assert http_client.request("PUT", f"/{ROOM}/sealed", sealed, b"sealed").status == 200
    assert http_client.request("DELETE", f"/{ROOM}/large").status == 204


@pytest.mark.parametrize(("mode", "workers"), [(0o755, 1), (0o777, 2), (None, 1)])
def test_all_that_is_stored_is_private(
    tmp_path: Path, no_umask: None, mode: int | None, workers: int
) -> None:
    directory = tmp_path / "data"
    if mode is not None:
        directory.mkdir()
        directory.chmod(mode)
    options = [f"--workers={workers}"]
    if mode is not None:
        options.append(f"--access-log={directory / 'access.log'}")
    with ForkedServer(directory, buckets=[ROOM], options=options) as server:
        use(server)
        assert open_to_others(directory) == []
        backup = tmp_path / "backups"
        backup.mkdir()
        backup.chmod(0o755)
        back_up(directory, backup, copying=workers == 1)
        assert open_to_others(backup) == []
    assert open_to_others(directory) == []
    assert directory.stat().st_mode & 0o777 == (0o700 if mode is None else mode)


def test_an_archive_is_private(tmp_path: Path, no_umask: None) -> None:
    with ForkedServer(tmp_path / "data", buckets=[ROOM]) as server:
        use(server)
        export(tmp_path / "data", ROOM, tmp_path / "room.tar")
    assert (tmp_path / "room.tar").stat().st_mode & 0o777 == 0o600


def test_a_directory_of_an_earlier_version_becomes_private(tmp_path: Path) -> None:
    with ForkedServer(tmp_path, buckets=[ROOM]) as server:
        use(server)
    (tmp_path / "notes.txt").write_text("of somebody who keeps them here")
    for path in tmp_path.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with ForkedServer(tmp_path) as server:
        assert HTTPClient.of(server).request("GET", f"/{ROOM}/small").body == b"small"
        own = {name for name, _ in open_to_others(tmp_path) if "/" not in name}
        assert own == {"notes.txt"}, "what is in a closed directory nobody reaches"
