"""upload_dir and download_dir: names, no path outside the directory, failures."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from coskit import Client, CosClientError, ParameterError, TransferSettings, TransferTimeout
from coskit.client.directory.locations import check_name
from coskit.client.directory.result import DirectoryTransferError, FileAction
from coskit.protocol.errors import NoSuchBucket
from coskit.testing import LocalServer
from tests.support.keys import HOSTILE_KEYS
from tests.support.trees import (
    bucket_of_aborted_uploads,
    put_objects,
    read_objects,
    read_tree,
    write_tree,
)
from tests.support.worlds import World, connect

FILES = {
    "a.txt": b"a",
    "a/b": b"bb",
    "a/c/d.bin": bytes(range(256)) * 300,
    "a-b": b"",
    ".hidden/.file": b"hidden",
    "\u4e2d\u6587/ +%2F#?&.txt": b"odd",
}


@pytest.fixture
def bucket(owner: Client) -> Iterator[str]:
    """Yield a bucket for one test."""
    with bucket_of_aborted_uploads(owner) as name:
        yield name


@pytest.fixture(params=["sync", "async"])
def world(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[World]:
    """Yield each of coskit's clients."""
    with connect(request.param, server) as client:
        yield client


def can_be_a_file(key: str) -> bool:
    """Return whether a key names a file below a directory."""
    try:
        check_name(key)
    except CosClientError:
        return False
    return True


def test_a_directory_is_uploaded_and_downloaded(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "source", FILES)
    up = world.upload_dir(bucket, source, "backup")
    assert (up.transferred, up.transferred_bytes) == (len(FILES), sum(map(len, FILES.values())))
    assert read_objects(owner, bucket, "backup/") == FILES
    down = world.download_dir(bucket, tmp_path / "new" / "target", Prefix="backup/")
    assert (down.transferred, down.transferred_bytes) == (up.transferred, up.transferred_bytes)
    assert read_tree(tmp_path / "new" / "target") == FILES


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_object_that_has_grown_since_the_listing_is_downloaded_whole(
    kind: str, owner: Client, server: LocalServer, bucket: str, tmp_path: Path
) -> None:
    put_objects(owner, bucket, {"first": b"1", "later": b"small"})
    grown = os.urandom(3 << 20)

    def replace_later(action: FileAction) -> None:
        if action.name == "first":
            owner.put_object(bucket, grown, "later")

    settings: Any = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    settings["transfers"] = TransferSettings(files=1, journals=tmp_path / "journals")
    with World(kind, endpoint=server.endpoint, **settings) as client:
        client.download_dir(bucket, tmp_path / "down", action_callback=replace_later)
    assert read_tree(tmp_path / "down") == {"first": b"1", "later": grown}


def test_hostile_keys_that_can_be_files_come_back_and_the_others_are_named(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    keys = {key for key in HOSTILE_KEYS if len(key.encode()) < 800}  # the folder counts too
    put_objects(owner, bucket, {f"k/{key}": key.encode() for key in keys})
    with pytest.raises(DirectoryTransferError) as failure:
        world.download_dir(bucket, tmp_path / "down", "k", OnError="continue")
    possible = {key: key.encode() for key in keys if can_be_a_file(key)}
    assert read_tree(tmp_path / "down") == possible
    assert {f.name for f in failure.value.failures} == keys - set(possible)
    assert failure.value.result.transferred == len(possible)
    assert [path.name for path in tmp_path.iterdir()] == ["down"]
    # Downloaded files are uploaded again under the same keys.
    world.upload_dir(bucket, tmp_path / "down", "again")
    assert read_objects(owner, bucket, "again/") == possible


def test_nothing_is_written_through_a_link_that_was_there(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    put_objects(owner, bucket, {"link/x": b"1", "file": b"2", "good": b"3"})
    outside = write_tree(tmp_path / "outside", {"victim": b"untouched"})
    target = tmp_path / "target"
    target.mkdir()
    (target / "link").symlink_to(outside)
    (target / "file").symlink_to(outside / "victim")
    with pytest.raises(DirectoryTransferError) as failure:
        world.download_dir(bucket, target, OnError="continue")
    assert sorted(f.name for f in failure.value.failures) == ["file", "link/x"]
    assert read_tree(outside) == {"victim": b"untouched"}
    assert (target / "good").read_bytes() == b"3"


def test_a_key_that_needs_a_directory_where_another_is_a_file_fails_by_name(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    put_objects(owner, bucket, {"a": b"1", "a.txt": b"2", "a/b": b"3"})
    with pytest.raises(DirectoryTransferError, match="'a' is one") as failure:
        world.download_dir(bucket, tmp_path, OnError="continue")
    assert [f.name for f in failure.value.failures] == ["a/b"]
    assert read_tree(tmp_path) == {"a": b"1", "a.txt": b"2"}


def test_folder_markers_stand_for_no_file_but_content_under_such_a_key_is_not_lost_in_silence(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    put_objects(owner, bucket, {"d/": b"", "d/a": b"1", "empty/": b""})
    assert world.download_dir(bucket, tmp_path).transferred == 1
    assert read_tree(tmp_path) == {"d/a": b"1"}
    put_objects(owner, bucket, {"e/": b"content"})
    with pytest.raises(DirectoryTransferError, match="'e/'"):
        world.download_dir(bucket, tmp_path)


def test_filters_choose_files_both_ways(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(
        tmp_path / "source", {"a.py": b"", "d/b.py": b"", "d/c.txt": b"", "x/e.py": b""}
    )
    world.upload_dir(bucket, source, Include=["*.py"], Exclude=["x/"])
    assert set(read_objects(owner, bucket)) == {"a.py", "d/b.py"}
    world.download_dir(bucket, tmp_path / "target", Exclude=["d/**"])
    assert set(read_tree(tmp_path / "target")) == {"a.py"}


def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source, reported = (
        write_tree(tmp_path / "source", {"a": b"12", "b": b"345"}),
        list[FileAction](),
    )
    dry = world.upload_dir(bucket, source, "p", DryRun=True, action_callback=reported.append)
    assert (dry.transferred, dry.transferred_bytes) == (2, 5)
    assert sorted(reported, key=str) == [FileAction("upload", "a", 2), FileAction("upload", "b", 3)]
    assert read_objects(owner, bucket) == {}
    put_objects(owner, bucket, {"a": b"12"})
    assert world.download_dir(bucket, tmp_path / "none", DryRun=True).transferred == 1
    assert not (tmp_path / "none").exists()


def test_options_reach_each_file(world: World, owner: Client, bucket: str, tmp_path: Path) -> None:
    source = write_tree(tmp_path / "source", {"a": b"1"})
    meta = {"x-cos-meta-a": "1"}
    world.upload_dir(bucket, source, StorageClass="STANDARD_IA", Metadata=meta)
    head = owner.head_object(bucket, "a")
    assert (head["x-cos-storage-class"], head.get("x-cos-meta-a")) == ("STANDARD_IA", "1")


def test_progress_covers_all_files_and_ends_at_their_bytes(
    world: World, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "source", {f"{n:02}": bytes(1000 * n) for n in range(1, 20)})
    total = sum(1000 * n for n in range(1, 20))
    reported: list[tuple[int, int | None]] = []
    world.upload_dir(bucket, source, progress_callback=lambda *now: reported.append(now))
    assert reported[-1] == (total, total)
    assert [done for done, _ in reported] == sorted({done for done, _ in reported})
    reported.clear()
    world.download_dir(
        bucket, tmp_path / "target", progress_callback=lambda *now: reported.append(now)
    )
    assert reported[-1] == (total, total)


def test_the_first_failure_stops_the_rest_and_is_the_cause(
    world: World, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(
        tmp_path / "source", {"a" * 200 + f"/{'b' * 200}" * 4: b"long", "good": b""}
    )
    with pytest.raises(DirectoryTransferError) as failure:
        world.upload_dir(bucket, source)
    assert "KeyTooLong" in repr(failure.value.__cause__)
    assert [f.error for f in failure.value.failures] == [failure.value.__cause__]


def test_with_continue_all_others_get_through_and_the_call_still_raises(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "source", {f"f{n}": b"x" for n in range(30)})
    os.mkfifo(source / "f05-fifo")
    (source / "f1-dead").symlink_to("nowhere")
    with pytest.raises(DirectoryTransferError, match="and 1 more") as failure:
        world.upload_dir(bucket, source, OnError="continue")
    assert failure.value.result.transferred == len(read_objects(owner, bucket)) == 30
    assert [f.name for f in failure.value.failures] == ["f05-fifo", "f1-dead"]


def test_an_error_of_the_listing_is_raised_as_it_is(world: World, tmp_path: Path) -> None:
    with pytest.raises(NoSuchBucket):
        world.download_dir("none-1250000000", tmp_path)


@pytest.mark.parametrize("name", ["missing", "file"])
def test_an_invalid_directory_is_an_error_before_anything_is_sent(
    world: World, bucket: str, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=name):
        world.upload_dir(bucket, tmp_path / name)


def test_wrong_arguments_are_refused(world: World, bucket: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="OnError"):
        world.upload_dir(bucket, tmp_path, OnError="ignore")
    with pytest.raises(ParameterError, match="Exclude must be a list of patterns"):
        world.upload_dir(bucket, tmp_path, Exclude="*.py")
    with pytest.raises(NotADirectoryError):
        world.download_dir(bucket, write_tree(tmp_path / "d", {"f": b""}) / "f")


def leftovers(root: Path) -> tuple[list[str], list[str]]:
    """Return the partial files below a directory and running threads of transfers."""
    partial = [path.name for path in root.rglob("*.part")]
    return partial, [t.name for t in threading.enumerate() if t.name.startswith("coskit")]


def test_a_deadline_ends_everything_and_leaves_nothing_behind(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "source", {f"{n}": bytes(100_000) for n in range(8)})
    with pytest.raises(TransferTimeout):
        # At 100 KB/s, the service's slowest rate, this would take eight times as long.
        world.upload_dir(bucket, source, Deadline=0.3, TrafficLimit=819200, OnError="continue")
    assert leftovers(tmp_path) == ([], [])
    world.upload_dir(bucket, source)
    with pytest.raises(TransferTimeout):
        world.download_dir(bucket, tmp_path / "down", Deadline=0.3, TrafficLimit=819200)
    assert leftovers(tmp_path) == ([], [])


class Ending(BaseException):
    """A BaseException; a KeyboardInterrupt would stop the event loop and not only a task."""


@pytest.mark.parametrize("error", [Ending, ZeroDivisionError])
def test_what_a_callback_raises_ends_everything_and_leaves_nothing_behind(
    world: World, owner: Client, bucket: str, tmp_path: Path, error: type[BaseException]
) -> None:
    source = write_tree(tmp_path / "source", {f"{n:03}": b"x" for n in range(200)})
    before = descriptors()
    done: list[FileAction] = []

    def stop(action: FileAction) -> None:
        done.append(action)
        if len(done) == 20:
            raise error

    with pytest.raises(error):
        world.upload_dir(bucket, source, action_callback=stop)
    assert 20 <= len(done) < 200
    put_objects(owner, bucket, {f"{n:03}": b"x" for n in range(200)})
    done.clear()
    with pytest.raises(error):
        world.download_dir(bucket, tmp_path / "down", action_callback=stop)
    assert leftovers(tmp_path) == ([], [])
    files = [fd for fd in descriptors() - before if leads_below(tmp_path, fd)]
    assert files == []


def descriptors() -> set[str]:
    """Return this process's file descriptors."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def leads_below(root: Path, descriptor: str) -> bool:
    """Return whether a file below a directory is open in this process."""
    try:
        return Path(f"/proc/self/fd/{descriptor}").readlink().is_relative_to(root)
    except OSError:
        return False


PROGRAM = """
import asyncio, sys
from coskit import AsyncClient, Client

kind, endpoint, name, key, bucket, target = sys.argv[1:]
options = {"TrafficLimit": 819200, "action_callback": lambda _: print("moving", flush=True)}

async def main():
    async with AsyncClient(endpoint=endpoint, secret_id=name, secret_key=key) as client:
        await client.download_dir(bucket, target, **options)

if kind == "async":
    asyncio.run(main())
with Client(endpoint=endpoint, secret_id=name, secret_key=key) as client:
    client.download_dir(bucket, target, **options)
"""


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_ctrl_c_ends_a_program_at_once_and_leaves_no_partial_file(
    server: LocalServer, owner: Client, bucket: str, tmp_path: Path, kind: str
) -> None:
    # At the service's slowest rate, the large ones take half a minute.
    put_objects(owner, bucket, {f"{n}": bytes(3_000_000 * n) for n in range(3)})
    keys = (server.endpoint, server.secret_id, server.secret_key)
    command = [sys.executable, "-c", PROGRAM, kind, *keys, bucket, str(tmp_path / "down")]
    with subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == "moving\n"
            program.send_signal(signal.SIGINT)
            _, errors = program.communicate(timeout=30)
        finally:
            program.kill()
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert leftovers(tmp_path) == ([], [])
    assert read_tree(tmp_path) == {"down/0": b""}


def test_a_cancelled_transfer_ends_at_once(
    bucket: str, server: LocalServer, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "source", {f"{n}": bytes(100_000) for n in range(8)})

    async def main() -> Any:
        moving = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with server.async_client() as client:
            # At the service's slowest rate, each file takes a second.
            transfer = client.upload_dir(
                bucket,
                source,
                progress_callback=lambda *_: loop.call_soon_threadsafe(moving.set),
                TrafficLimit=819200,
            )
            task = asyncio.create_task(transfer)
            await asyncio.wait_for(moving.wait(), 30)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]

    assert asyncio.run(main()) == []
