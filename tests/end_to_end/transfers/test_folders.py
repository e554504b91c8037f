"""Named files, moves, callbacks, copies and deletions of whole folders."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coskit import Client, FileInFlight, FileName, ObjectChanged, ParameterError, SourceChanged
from coskit.client.directory.result import DirectoryTransferError, FileAction, FileFailure
from coskit.protocol.errors import NoSuchKey
from coskit.testing import LocalServer
from tests.support.trees import (
    bucket_of_aborted_uploads,
    put_objects,
    read_objects,
    read_tree,
    write_tree,
)
from tests.support.worlds import World, connect

FILES = {"a": b"1", "d/b": b"22", "d/c.csv": b"333", "\u4e2d/ *?[x]": b"4444"}


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


# Names


def test_named_files_are_transferred_each_way_and_may_get_new_names(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "source", FILES)
    names = ["d/b", FileName("a", "new/a"), "\u4e2d/ *?[x]"]
    up = world.upload_dir(bucket, source, "p", Names=names)
    moved = {"d/b": b"22", "new/a": b"1", "\u4e2d/ *?[x]": b"4444"}
    assert read_objects(owner, bucket, "p/") == moved
    assert (up.transferred, up.transferred_bytes) == (3, 7)
    reported = list[tuple[int, int | None]]()
    down = world.download_dir(
        bucket,
        tmp_path / "t",
        "p",
        Names=iter(moved),
        progress_callback=lambda *n: reported.append(n),
    )
    assert read_tree(tmp_path / "t") == moved
    assert (down.transferred_bytes, reported[-1]) == (7, (7, 7))
    across = world.copy_dir(bucket, "q", bucket, "p", Names=[FileName("new/a", "b")])
    assert read_objects(owner, bucket, "q/") == {"b": b"1"}
    assert across.transferred_bytes == 1


def test_names_may_come_one_by_one(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path, FILES)

    async def later() -> Any:
        for name in FILES:
            yield name

    names: Any = later() if world._runner else iter(FILES)
    assert world.upload_dir(bucket, source, Names=names).transferred == 4
    assert read_objects(owner, bucket) == FILES


def test_each_name_is_checked_and_the_others_are_transferred(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "source", FILES)
    (tmp_path / "outside").write_bytes(b"secret")
    wrong = ["../outside", "d", "missing", "", "d/../a", "/a"]
    with pytest.raises(DirectoryTransferError) as failure:
        world.upload_dir(bucket, source, Names=[*wrong, "a"], OnError="continue")
    assert {f.name for f in failure.value.failures} == set(wrong)
    assert read_objects(owner, bucket) == {"a": b"1"}
    put_objects(owner, bucket, {"../x": b"", "y": b"y"})
    with pytest.raises(DirectoryTransferError) as failure:
        world.download_dir(bucket, tmp_path / "t", Names=["../x", "none", "y"], OnError="continue")
    assert {f.name for f in failure.value.failures} == {"../x", "none"}
    assert read_tree(tmp_path / "t") == {"y": b"y"}


def test_named_files_are_compared_before_they_are_transferred(
    world: World, bucket: str, tmp_path: Path
) -> None:
    source, place = write_tree(tmp_path / "s", FILES), f"cos://{bucket}/p"
    for expected in [(2, 0), (0, 2)]:
        done = world.sync(source, place, Names=["a", "d/b"])
        assert (done.transferred, done.unchanged) == expected
    for expected in [(2, 0), (0, 2)]:
        done = world.sync(place, tmp_path / "t", Names=["a", "d/b"], Compare="checksum")
        assert (done.transferred, done.unchanged) == expected
    with pytest.raises(ParameterError, match="excludes Names"):
        world.sync(source, place, Names=["a"], Delete=True)


def test_an_older_version_is_downloaded_by_its_id(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    owner.put_bucket_versioning(bucket, "Enabled")
    first = owner.put_object(bucket, b"old", "a")["x-cos-version-id"]
    owner.put_object(bucket, b"new", "a")
    world.download_dir(bucket, tmp_path, Names=[FileName("a", version=first)])
    assert read_tree(tmp_path) == {"a": b"old"}


@pytest.mark.parametrize("names", ["a", 5, [5]])
def test_what_is_no_list_of_names_is_refused(
    world: World, bucket: str, tmp_path: Path, names: Any
) -> None:
    with pytest.raises(ParameterError, match="Names"):
        world.upload_dir(bucket, tmp_path, Names=names)


def test_ordered_filters_choose_files_both_ways(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "source", FILES)
    world.upload_dir(bucket, source, Filters=[("exclude", "*"), ("include", "d/*")])
    assert set(read_objects(owner, bucket)) == {"d/b", "d/c.csv"}
    world.download_dir(bucket, tmp_path / "t", Filters=[("exclude", "*.csv")])
    assert set(read_tree(tmp_path / "t")) == {"d/b"}


def test_the_type_of_an_object_is_guessed_from_its_new_name(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path, {"a": b"", "b.css": b"", "c.tar.gz": b""})
    names = [FileName("a", "a.html"), "b.css", "c.tar.gz"]
    world.upload_dir(bucket, source, Names=names, GuessContentType=True)
    types = {key: owner.head_object(bucket, key)["Content-Type"] for key in ("a.html", "b.css")}
    assert types == {"a.html": "text/html", "b.css": "text/css"}
    assert owner.head_object(bucket, "c.tar.gz")["Content-Type"] == "application/octet-stream"


# Moves


def test_a_move_leaves_nothing_at_the_source(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "source", FILES)
    world.upload_dir(bucket, source, "p", Move=True)
    assert (read_tree(source), read_objects(owner, bucket, "p/")) == ({}, FILES)
    world.copy_dir(bucket, "q", bucket, "p", Move=True)
    assert read_objects(owner, bucket) == {f"q/{key}": FILES[key] for key in FILES}
    world.download_dir(bucket, tmp_path / "target", "q", Move=True)
    assert (read_tree(tmp_path / "target"), read_objects(owner, bucket)) == (FILES, {})


def test_a_dry_run_of_a_move_removes_nothing(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "source", FILES)
    put_objects(owner, bucket, FILES)
    world.upload_dir(bucket, source, "p", Move=True, DryRun=True)
    world.download_dir(bucket, tmp_path / "t", Move=True, DryRun=True)
    world.copy_dir(bucket, "q", bucket, "d", Move=True, DryRun=True)
    assert (read_tree(source), read_objects(owner, bucket)) == (FILES, FILES)


def once(change: Callable[[], object]) -> Callable[[int, int | None], None]:
    """Return a progress callback that changes a source when all of it was transferred."""
    done = list[bool]()

    def report(transferred: int, total: int | None) -> None:
        if transferred == total and not done:
            done.append(True)
            change()

    return report


def test_a_file_that_changes_after_its_upload_is_kept(
    world: World, bucket: str, tmp_path: Path
) -> None:
    path = write_tree(tmp_path, {"a": b"12345"}) / "a"
    change = once(lambda: path.write_bytes(b"67890"))
    with pytest.raises(DirectoryTransferError) as failure:
        world.upload_dir(bucket, tmp_path, Move=True, progress_callback=change)
    assert isinstance(failure.value.__cause__, SourceChanged)
    assert path.read_bytes() == b"67890"


def test_an_object_that_is_replaced_after_its_download_is_kept(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    put_objects(owner, bucket, {"a": b"12345"})
    change = once(lambda: owner.put_object(bucket, b"67890", "a"))
    with pytest.raises(DirectoryTransferError) as failure:
        world.download_dir(bucket, tmp_path, Move=True, progress_callback=change)
    assert isinstance(failure.value.__cause__, ObjectChanged)
    assert read_objects(owner, bucket) == {"a": b"67890"}


def test_an_object_that_is_replaced_after_its_copy_is_kept(
    world: World, owner: Client, bucket: str
) -> None:
    put_objects(owner, bucket, {"p/a": b"12345"})
    change = once(lambda: owner.put_object(bucket, b"67890", "p/a"))
    with pytest.raises(DirectoryTransferError) as failure:
        world.copy_dir(bucket, "q", bucket, "p", Move=True, progress_callback=change)
    assert isinstance(failure.value.__cause__, ObjectChanged)
    assert read_objects(owner, bucket) == {"p/a": b"67890", "q/a": b"12345"}


def test_a_move_between_overlapping_folders_is_refused(world: World, bucket: str) -> None:
    with pytest.raises(ParameterError, match="overlap"):
        world.copy_dir(bucket, "p/q", bucket, "p", Move=True)


def test_an_object_is_not_moved_to_itself(world: World, owner: Client, bucket: str) -> None:
    put_objects(owner, bucket, {"a": b"1"})
    with pytest.raises(DirectoryTransferError, match="moved to itself"):
        world.copy_dir(bucket, "", bucket, Names=["a"], Move=True, StorageClass="STANDARD_IA")
    assert read_objects(owner, bucket) == {"a": b"1"}


# Callbacks


def test_each_file_is_announced_and_its_failure_reported(
    world: World, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path, {"a": b"12345", "b" * 250 + "/c" * 125 + "/" + "d" * 250: b""})
    (source / "dead").symlink_to("nowhere")
    flights, done, failed = list[FileInFlight](), list[FileAction](), list[FileFailure]()
    with pytest.raises(DirectoryTransferError):
        world.upload_dir(
            bucket,
            source,
            "p" * 300,
            OnError="continue",
            start_callback=flights.append,
            action_callback=done.append,
            failure_callback=failed.append,
        )
    begun = {file.name[:1]: (file.kind, file.size, file.transferred) for file in flights}
    assert begun == {"a": ("upload", 5, 5), "b": ("upload", 0, 0)}
    assert [action.name for action in done] == ["a"]
    assert sorted(failure.name[:4] for failure in failed) == ["bbbb", "dead"]


def test_the_progress_of_a_file_can_be_read_while_it_is_transferred(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    put_objects(owner, bucket, {"a": bytes(3 << 20)})
    flights, seen = list[FileInFlight](), list[int]()
    world.download_dir(
        bucket,
        tmp_path,
        Names=["a"],
        PartSize=1,
        start_callback=flights.append,
        progress_callback=lambda *_: seen.append(flights[0].transferred),
    )
    assert seen == sorted(seen)
    assert 0 < seen[0] < seen[-1] == flights[0].size == 3 << 20


# Deletions


def test_a_folder_is_deleted_with_its_marker_and_nothing_beside_it(
    world: World, owner: Client, bucket: str
) -> None:
    others = {"p": b"", "px/a": b"", "q/p/a": b""}
    put_objects(owner, bucket, {**others, "p/": b"", "p/a": b"1", "p/ +\n": b"2", "p//x": b"3"})
    done = list[FileAction]()
    dry = world.delete_dir(bucket, "p", DryRun=True, action_callback=done.append)
    assert (dry.deleted, [action.name for action in done]) == (4, ["", " +\n", "/x", "a"])
    assert world.delete_dir(bucket, "p").deleted == 4
    assert read_objects(owner, bucket) == others


def test_filters_and_names_choose_what_is_deleted(world: World, owner: Client, bucket: str) -> None:
    put_objects(owner, bucket, {**FILES, "x.csv": b""})
    world.delete_dir(bucket, Filters=[("exclude", "*"), ("include", "*.csv")])
    assert set(read_objects(owner, bucket)) == set(FILES) - {"d/c.csv"}
    assert world.delete_dir(bucket, "d", Names=["b", "none"]).deleted == 2
    assert set(read_objects(owner, bucket)) == set(FILES) - {"d/c.csv", "d/b"}
    with pytest.raises(DirectoryTransferError, match="empty name"):
        world.delete_dir(bucket, Names=[""])
    world.delete_dir(bucket)
    assert read_objects(owner, bucket) == {}


def test_versions_and_markers_are_deleted_for_ever(
    world: World, owner: Client, bucket: str
) -> None:
    put_objects(owner, bucket, {"a": b"null"})
    owner.put_bucket_versioning(bucket, "Enabled")
    put_objects(owner, bucket, {"a": b"1", "b": b"2"})
    assert world.delete_dir(bucket).deleted == 2
    with pytest.raises(NoSuchKey):
        owner.get_object(bucket, "a")
    assert len(list(owner.iter_versions(bucket))) == 5
    done = list[FileAction]()
    assert world.delete_dir(bucket, Versions=True, action_callback=done.append).deleted == 5
    assert all(action.version for action in done)
    assert list(owner.iter_versions(bucket)) == []


def test_more_objects_than_a_request_takes_are_deleted_while_they_are_listed(
    server: LocalServer, owner: Client, bucket: str
) -> None:
    for key in [f"{n:04}" for n in range(2300)]:
        owner.put_object(bucket, b"", key)
    sizes = list[int]()

    class Counted(Client):
        def delete_objects(self, Bucket: str, Delete: Any, **given: Any) -> Any:
            sizes.append(len(Delete["Object"]))
            return super().delete_objects(Bucket, Delete, **given)

    keys: dict[str, Any] = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    with Counted(endpoint=server.endpoint, **keys) as client:
        assert client.delete_dir(bucket).deleted == 2300
    assert sorted(sizes) == [300, 1000, 1000]


def test_objects_that_cannot_be_deleted_are_named_and_the_others_are_gone(
    server: LocalServer, owner: Client, bucket: str
) -> None:
    put_objects(owner, bucket, {"a": b"", "b": b"", "c": b""})

    class Refused(Client):
        def delete_objects(self, Bucket: str, Delete: Any, **given: Any) -> Any:
            others = [found for found in Delete["Object"] if found["Key"] != "b"]
            response = super().delete_objects(Bucket, {"Object": others}, **given)
            error = {"Key": "b", "Code": "AccessDenied", "Message": "no"}
            return {**response, "Error": [error]}

    keys: dict[str, Any] = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    failed = list[FileFailure]()
    with (
        Refused(endpoint=server.endpoint, **keys) as client,
        pytest.raises(DirectoryTransferError, match="AccessDenied") as failure,
    ):
        client.delete_dir(bucket, OnError="continue", failure_callback=failed.append)
    assert (failure.value.result.deleted, [found.name for found in failed]) == (2, ["b"])
    assert set(read_objects(owner, bucket)) == {"b"}
