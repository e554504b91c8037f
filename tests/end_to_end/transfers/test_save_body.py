"""get_stream_to_file replaces whole files and writes to pipes and devices."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coskit.client.transfer.targets.special_files import is_special, open_special
from coskit.encryption import AsyncEncryptedClient, EncryptedClient
from coskit.protocol.errors import CosException, ParameterError
from coskit.testing import LocalServer
from tests.encryption.strategies import AES
from tests.faults.proxy.faults import FlipByte
from tests.faults.proxy.proxy import FaultProxy
from tests.support.worlds import World

CONTENT = os.urandom(3_000_000)
Save = Callable[[Any], None]


@pytest.fixture(scope="module")
def proxy(server: LocalServer) -> Iterator[FaultProxy]:
    """Yield a proxy that damages responses as a test says."""
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def world(
    request: pytest.FixtureRequest, server: LocalServer, proxy: FaultProxy
) -> Iterator[World]:
    """Yield each kind of client."""
    proxy.decide = lambda _: None
    keys = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    with World(request.param, endpoint=proxy.endpoint, **keys) as client:
        yield client


@pytest.fixture(params=["plain", "sealed", "download_file"])
def save(request: pytest.FixtureRequest, world: World, bucket: str) -> Save:
    """Yield a function that writes the object to a path."""
    kind: Any = AsyncEncryptedClient if world._runner else EncryptedClient
    sealed: Any = kind(world.client, AES)
    if request.param == "sealed":
        world.run(sealed.put_object(bucket, CONTENT, "k"))
        return lambda path: world.save(world.run(sealed.get_object(bucket, "k")), path)
    world.put_object(bucket, CONTENT, "k")
    if request.param == "download_file":
        return lambda path: world.download_file(bucket, "k", path)
    return lambda path: world.save(world.get_object(bucket, "k"), path)


def test_a_pipe_gets_the_bytes(save: Save, tmp_path: Path) -> None:
    pipe, came = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: came.append(pipe.read_bytes()))
    reader.start()
    save(pipe)
    reader.join()
    assert came == [CONTENT]
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_device_stays_one(save: Save, tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to("/dev/null")
    save(link)
    assert link.is_symlink()
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_link_is_followed_and_stays(save: Save, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "file", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to("there/file")
    save(link)
    assert link.is_symlink()
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_mode_and_owner_stay(save: Save, tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    if not os.geteuid():
        os.chown(path, 12345, 23456)
    before = path.stat()
    save(path)
    after = path.stat()
    assert path.read_bytes() == CONTENT
    reported = ("st_mode", "st_uid", "st_gid")
    assert [getattr(after, name) for name in reported] == [
        getattr(before, name) for name in reported
    ]


def test_small_files_keep_mode_and_owner_too(world: World, bucket: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    if not os.geteuid():
        os.chown(path, 12345, 23456)
    before = path.stat()
    world.put_object(bucket, b"new", "k")
    world.download_file(bucket, "k", path)
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )


def test_a_new_file_has_the_mode_of_the_umask(save: Save, tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    save(tmp_path / "file")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_what_fails_leaves_the_old_file_and_nothing_else(
    save: Save, proxy: FaultProxy, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    proxy.decide = lambda _: FlipByte(offset=100)
    with pytest.raises(CosException):
        save(path)
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("wrong", [5, None, ["a"], "a\0b"])
def test_what_is_no_path(save: Save, wrong: Any) -> None:
    with pytest.raises(ParameterError, match=r"path|DestFilePath"):
        save(wrong)


def test_directories_that_are_there_or_not(save: Save, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        save(tmp_path)
    with pytest.raises(FileNotFoundError):
        save(tmp_path / "missing" / "file")
    assert [path.name for path in tmp_path.iterdir()] == []


PROGRAM = """
import os, sys
from coskit import Client
endpoint, secret_id, secret_key, bucket, how, path = sys.argv[1:]
os.write(1, b"before, ")
with Client(endpoint=endpoint, secret_id=secret_id, secret_key=secret_key) as client:
    if how == "body":
        client.get_object(bucket, "k")["Body"].get_stream_to_file(path)
    else:
        client.download_file(bucket, "k", path)
os.write(1, b", after")
"""


@pytest.mark.parametrize("how", ["body", "download_file"])
@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
@pytest.mark.parametrize("mode", ["r+b", "ab", "wb"])
def test_standard_output_that_is_a_file_is_written_where_it_is(
    server: LocalServer, bucket: str, tmp_path: Path, how: str, path: str, mode: str
) -> None:
    with server.client() as client:
        client.put_object(bucket, b"content", "k")
    if path == "link":
        (tmp_path / "link").symlink_to("/dev/stdout")
        path = str(tmp_path / "link")
    output = tmp_path / "output"
    output.write_bytes(b"old and long enough to be seen below, ")
    inode = output.stat().st_ino
    keys = [server.endpoint, server.secret_id, server.secret_key]
    with output.open(mode) as file:
        arguments = [sys.executable, "-c", PROGRAM, *keys, bucket, how, path]
        subprocess.run(arguments, stdout=file, check=True, timeout=60)
    new, old = b"before, content, after", b"old and long enough to be seen below, "
    expected = {"r+b": new + old[len(new) :], "ab": old + new, "wb": new}
    assert output.read_bytes() == expected[mode]
    assert output.stat().st_ino == inode


def test_a_file_that_another_process_has_open_is_written_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old, ")
    with (
        path.open("ab") as file,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1, stdout=file) as process,
    ):
        there = f"/proc/{process.pid}/fd/1"
        assert is_special(there)
        with open_special(there) as opened:
            opened.write(b"new")
        assert process.stdin is not None
        process.stdin.write(b"\n")
    assert path.read_bytes() == b"old, new"


def test_links_that_lead_nowhere_special(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "fd").mkdir()
    (tmp_path / "fd" / "1").symlink_to(tmp_path / "file")
    (tmp_path / "round").symlink_to("round")
    assert not is_special(tmp_path / "fd" / "1")
    assert not is_special("/proc/self/fd/99999")
    with pytest.raises(OSError, match="levels of symbolic links"):
        is_special(tmp_path / "round")
