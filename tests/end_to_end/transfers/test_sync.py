"""sync in all three directions: equal sides, and no file is transferred twice."""

import os
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coskit import Client, ParameterError
from coskit.client._sync.operations import GetObjectResult
from coskit.client.directory import compare
from coskit.client.directory.filters import Filter
from coskit.client.directory.result import DirectoryTransferError, FileAction
from coskit.protocol import types
from coskit.testing import LocalServer
from tests.support.local import remove_bucket
from tests.support.trees import (
    bucket_of_aborted_uploads,
    put_objects,
    read_objects,
    read_tree,
    write_tree,
)
from tests.support.worlds import World, connect

FILES = {"a": b"1", "a.d/x": b"22", "b/c/d": b"333", "b/e": b"", "\u4e2d": b"4444"}


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


def moved(result: object) -> tuple[int, int, int]:
    """Return the numbers of transferred, unchanged and deleted files."""
    return result.transferred, result.unchanged, result.deleted  # type: ignore[attr-defined]


def test_up_only_what_differs_moves(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source, place = write_tree(tmp_path, FILES), f"cos://{bucket}/p"
    assert moved(world.sync(source, place)) == (5, 0, 0)
    assert read_objects(owner, bucket, "p/") == FILES
    assert moved(world.sync(source, place)) == (0, 5, 0)
    (source / "a").write_bytes(b"X")  # as long as before and within the same second
    write_tree(source, {"b/e": b"longer"})
    assert moved(world.sync(source, place)) == (2, 3, 0)
    assert read_objects(owner, bucket, "p/") == {**FILES, "a": b"X", "b/e": b"longer"}


def test_down_only_what_differs_moves(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    put_objects(owner, bucket, {f"p/{key}": content for key, content in FILES.items()})
    target, place = tmp_path / "target", f"cos://{bucket}/p/"
    assert moved(world.sync(place, target)) == (5, 0, 0)
    assert read_tree(target) == FILES
    assert moved(world.sync(place, target)) == (0, 5, 0)
    (target / "a").write_bytes(b"X")
    put_objects(owner, bucket, {"p/b/c/d": b"XYZ", "p/b/e": b"longer"})
    # Equal length, perhaps the same second: only checksums differ.
    assert moved(world.sync(place, target)) == (3, 2, 0)
    assert read_tree(target) == {**FILES, "b/c/d": b"XYZ", "b/e": b"longer"}


def test_across_only_what_differs_moves(world: World, owner: Client, bucket: str) -> None:
    put_objects(owner, bucket, {f"from/{key}": content for key, content in FILES.items()})
    put_objects(
        owner, bucket, {"to/a": b"1", "to/b/e": b"longer", "to/extra": b"", "from/folder/": b""}
    )
    source, place = f"cos://{bucket}/from", f"cos://{bucket}/to"
    assert moved(world.sync(source, place, Delete=True)) == (5, 1, 1)
    assert read_objects(owner, bucket, "to/") == {**FILES, "folder/": b""}
    assert moved(world.sync(source, place, Delete=True)) == (0, 6, 0)


def test_a_copy_to_another_bucket_keeps_metadata(world: World, owner: Client, bucket: str) -> None:
    owner.put_object(bucket, b"1", "a", Metadata={"x-cos-meta-a": "1"}, ContentType="text/a")
    other = bucket.replace("many", "other")
    owner.create_bucket(other)
    world.sync(f"cos://{bucket}", f"cos://{other}/p")
    head = owner.head_object(other, "p/a")
    assert (head.get("x-cos-meta-a"), head["Content-Type"]) == ("1", "text/a")
    remove_bucket(owner, other)


def test_deletions_happen_only_when_asked_for_and_never_of_what_a_filter_leaves_out(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source, place = write_tree(tmp_path / "s", {"a": b"1"}), f"cos://{bucket}"
    there = {"old": b"", "d/old": b"", "keep/me": b"", "folder/": b""}
    put_objects(owner, bucket, there)
    assert moved(world.sync(source, place)) == (1, 0, 0)
    reported: list[FileAction] = []
    done = world.sync(
        source, place, Delete=True, Exclude=["keep/"], action_callback=reported.append
    )
    assert moved(done) == (0, 1, 2)
    assert reported == [FileAction("delete", "d/old", 0), FileAction("delete", "old", 0)]
    assert set(read_objects(owner, bucket)) == {"a", "keep/me", "folder/"}


def test_local_deletions_leave_filtered_files_links_and_partial_files(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    put_objects(owner, bucket, {"a": b"1"})
    files = {"old": b"", "d/e/old": b"", "keep/me": b"", ".x.0123456789abcdef.part": b""}
    target = write_tree(tmp_path / "t", files)
    outside = write_tree(tmp_path / "outside", {"file": b"untouched"})
    (target / "link").symlink_to(outside)
    assert moved(world.sync(f"cos://{bucket}", target, Delete=True, Exclude=["keep/"])) == (1, 0, 2)
    assert {path.name for path in target.iterdir()} == {
        "a",
        "keep",
        "link",
        ".x.0123456789abcdef.part",
    }
    assert read_tree(outside) == {"file": b"untouched"}


def test_nothing_is_deleted_if_anything_failed(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source, place = write_tree(tmp_path / "s", {"a": b"1", "b": b"2"}), f"cos://{bucket}"
    put_objects(owner, bucket, {"old": b""})
    os.mkfifo(source / "fifo")
    for on_error in ("stop", "continue"):
        with pytest.raises(DirectoryTransferError) as failure:
            world.sync(source, place, Delete=True, OnError=on_error)
        assert failure.value.result.deleted == 0
    assert set(read_objects(owner, bucket)) == {"a", "b", "old"}


def test_a_key_without_a_possible_file_is_deleted_despite_a_file_of_its_path(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "s", {"a": b"1"})
    write_tree(tmp_path, {"beside": b""})
    put_objects(owner, bucket, {"p/../beside": b"", f"p/{tmp_path}/beside": b""})
    assert moved(world.sync(source, f"cos://{bucket}/p", Delete=True)) == (1, 0, 2)
    assert set(read_objects(owner, bucket)) == {"p/a"}


def test_a_file_that_comes_during_the_synchronisation_keeps_its_object(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path, {"b": b"1"})
    put_objects(owner, bucket, {"a": b"", "c": b""})

    def come(action: FileAction) -> None:
        (source / "a").touch()

    done = world.sync(source, f"cos://{bucket}", Delete=True, action_callback=come)
    assert moved(done) == (1, 0, 1)
    assert set(read_objects(owner, bucket)) == {"a", "b"}


def test_a_missing_source_is_not_an_empty_one(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    put_objects(owner, bucket, {"a": b""})
    with pytest.raises(FileNotFoundError):
        world.sync(tmp_path / "missing", f"cos://{bucket}", Delete=True)
    assert set(read_objects(owner, bucket)) == {"a"}


def test_a_refused_deletion_is_a_failure_by_name(
    owner: Client, server: LocalServer, bucket: str, tmp_path: Path
) -> None:
    from tests.client.stubs.scripted import ScriptedServer, http_response

    listing = (
        b"<ListBucketResult><Name>b-1</Name><Prefix/><Marker/><MaxKeys>1000</MaxKeys>"
        b"<IsTruncated>false</IsTruncated>%b</ListBucketResult>"
    )
    entry = (
        b"<Contents><Key>%b</Key><LastModified>2023-11-14T22:13:20.000Z</LastModified>"
        b'<ETag>"x"</ETag><Size>1</Size><Owner><ID>1</ID></Owner>'
        b"<StorageClass>STANDARD</StorageClass></Contents>"
    )
    deletion = (
        b"<DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b</Key>"
        b"<Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>"
    )
    entries = b"".join(entry % key for key in (b"a", b"b", b"c"))
    with (
        ScriptedServer(
            [http_response(body=listing % entries), http_response(body=deletion)]
        ) as scripted,
        Client(endpoint=scripted.endpoint, secret_id="i", secret_key="k") as client,
        pytest.raises(DirectoryTransferError) as failure,
    ):
        client.sync(tmp_path, "cos://b-1", Delete=True, OnError="continue")
    assert [f.name for f in failure.value.failures] == ["b", "c"]
    assert "AccessDenied" in str(failure.value)
    assert failure.value.result.deleted == 1


def test_a_dry_run_changes_nothing_on_either_side(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    local = write_tree(tmp_path / "s", {"a": b"1", "only local": b"2"})
    put_objects(owner, bucket, {"a": b"other", "only there": b"3"})
    place = f"cos://{bucket}"
    for pair in ((local, place), (place, local)):
        assert moved(world.sync(*pair, Delete=True, DryRun=True)) == (2, 0, 1)
    assert read_tree(local) == {"a": b"1", "only local": b"2"}
    assert read_objects(owner, bucket) == {"a": b"other", "only there": b"3"}


def test_with_delete_a_file_may_take_a_directorys_place_and_a_directory_a_files(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    put_objects(owner, bucket, {"a": b"file", "b/c": b"below", "d": b""})
    target = write_tree(tmp_path / "t", {"a/x": b"", "a/y/z": b"", "b": b"file"})
    with pytest.raises(DirectoryTransferError, match=r"where a (file|directory) is to be"):
        world.sync(f"cos://{bucket}", target)
    assert moved(world.sync(f"cos://{bucket}", target, Delete=True))[2] == 3
    assert read_tree(target) == {"a": b"file", "b/c": b"below", "d": b""}


def test_by_size_dates_do_not_count(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source, place = write_tree(tmp_path, {"a": b"1", "b": b"22"}), f"cos://{bucket}"
    put_objects(owner, bucket, {"a": b"X", "b": b"X"})
    (source / "a").write_bytes(b"Y")
    os.utime(source / "a", (2**31, 2**31))
    assert moved(world.sync(source, place, Compare="size")) == (1, 1, 0)
    assert read_objects(owner, bucket) == {"a": b"X", "b": b"22"}


def test_by_checksum_only_contents_count(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    source, place = write_tree(tmp_path, {"a": b"1", "b": b"2", "parts": b"abc"}), f"cos://{bucket}"
    put_objects(owner, bucket, {"a": b"1", "b": b"X"})
    os.utime(source / "a", (2**31, 2**31))
    upload = owner.create_multipart_upload(bucket, "parts")["UploadId"]
    etag = owner.upload_part(bucket, "parts", b"abc", 1, upload)["ETag"]
    listed: types.MultipartUpload = {"Part": [{"PartNumber": 1, "ETag": etag}]}
    owner.complete_multipart_upload(bucket, "parts", upload, listed)
    assert moved(world.sync(source, place, Compare="checksum")) == (1, 2, 0)
    assert moved(world.sync(place, source, Compare="checksum")) == (0, 3, 0)
    assert read_objects(owner, bucket)["b"] == b"2"


def test_a_downloaded_file_that_was_changed_within_its_objects_second_is_found(
    world: World, owner: Client, bucket: str, tmp_path: Path
) -> None:
    put_objects(owner, bucket, {"a": b"1"})
    world.sync(f"cos://{bucket}", tmp_path)
    modified = (tmp_path / "a").stat().st_mtime_ns
    (tmp_path / "a").write_bytes(b"X")
    os.utime(tmp_path / "a", ns=(modified + 5, modified + 5))
    assert moved(world.sync(f"cos://{bucket}", tmp_path)) == (1, 0, 0)
    assert (tmp_path / "a").read_bytes() == b"1"


def test_a_file_of_a_young_object_is_marked_until_the_object_is_old(
    world: World, owner: Client, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_objects(owner, bucket, {"a": b"1"})
    world.sync(f"cos://{bucket}", tmp_path)
    marked = (tmp_path / "a").stat().st_mtime_ns
    # Then every object looks old.
    monkeypatch.setattr(compare, "_SKEW", -3600 * 10**9)
    assert moved(world.sync(f"cos://{bucket}", tmp_path)) == (0, 1, 0)
    assert (tmp_path / "a").stat().st_mtime_ns == marked // 10**9 * 10**9
    assert moved(world.sync(f"cos://{bucket}", tmp_path)) == (0, 1, 0)


def test_places_that_cannot_be_synchronised_are_refused(
    world: World, bucket: str, tmp_path: Path
) -> None:
    with pytest.raises(ParameterError, match="cos://"):
        world.sync(tmp_path, tmp_path / "other")
    with pytest.raises(ParameterError, match="overlap"):
        world.sync(f"cos://{bucket}/a", f"cos://{bucket}/a/b")
    with pytest.raises(ParameterError, match="Compare"):
        world.sync(tmp_path, f"cos://{bucket}", Compare="date")
    with pytest.raises(ParameterError, match="no bucket"):
        world.sync(tmp_path, "cos://")


# Folders and files use different letters, so that no name is both.
NAMES = st.tuples(st.lists(st.sampled_from("DE"), max_size=2), st.sampled_from(["f", "g.", "h-"]))
STATES = st.dictionaries(
    NAMES.map(lambda parts: "/".join([*parts[0], parts[1]])), st.binary(max_size=2), max_size=6
)
EXCLUDES = st.lists(st.sampled_from(["f", "D/", "/E/", "D/**/h-"]), max_size=1)


@settings(max_examples=15)
@given(here=STATES, there=STATES, across=STATES, exclude=EXCLUDES)
def test_both_sides_are_equal_after_a_sync(
    owner: Client,
    server: LocalServer,
    tmp_path_factory: pytest.TempPathFactory,
    here: dict[str, bytes],
    there: dict[str, bytes],
    across: dict[str, bytes],
    exclude: list[str],
) -> None:

    takes = Filter(exclude=exclude).takes
    with bucket_of_aborted_uploads(owner) as bucket:
        local = write_tree(tmp_path_factory.mktemp("local"), here)
        put_objects(owner, bucket, {f"p/{key}": content for key, content in there.items()})
        put_objects(owner, bucket, {f"q/{key}": content for key, content in across.items()})
        options: dict[str, Any] = {"Delete": True, "Exclude": exclude, "Compare": "checksum"}
        first, second = f"cos://{bucket}/p", f"cos://{bucket}/q"

        def expected(now: dict[str, bytes], before: dict[str, bytes]) -> dict[str, bytes]:
            kept = {name: content for name, content in before.items() if not takes(name)}
            return {name: content for name, content in now.items() if takes(name)} | kept

        with server.client() as client:
            client.sync(local, first, **options)
            assert read_objects(owner, bucket, "p/") == expected(here, there)
            again = client.sync(local, first, **options)
            assert (again.transferred, again.deleted) == (0, 0)
            client.sync(first, second, **options)
            assert read_objects(owner, bucket, "q/") == expected(here, across)
            for path in list(local.rglob("*")):
                if path.is_file() and takes(str(path.relative_to(local))):
                    path.write_bytes(b"spoilt")
            client.sync(second, local, **options)
            assert read_tree(local) == expected(here, here)


def test_a_long_listing_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    """Compare 30,000 objects with an empty directory, holding one page at a time."""

    class Listed(Client):
        def list_objects(self, Bucket: str, **given: Any) -> types.ListObjectsResult:  # type: ignore[override]
            start = int(str(given["Marker"] or 0))
            page = [
                {
                    "Key": f"{n:08}",
                    "Size": "5",
                    "ETag": '"0"',
                    "LastModified": "2023-11-14T22:13:20.000Z",
                }
                for n in range(start + 1, start + 1001)
            ]
            more = "true" if start + 1000 < self.count else "false"
            return {"Contents": page, "IsTruncated": more, "NextMarker": page[-1]["Key"]}  # type: ignore[typeddict-item]

        count = 0

    peaks = []
    with Listed(endpoint="http://127.0.0.1:1", secret_id="i", secret_key="k") as client:
        for client.count in (2_000, 30_000):
            tracemalloc.start()
            done = client.sync(tmp_path, "cos://b-1", Delete=True, DryRun=True)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            assert done.deleted == client.count
    assert peaks[1] < peaks[0] + (1 << 20)


def test_listing_continues_during_transfers(
    owner: Client, server: LocalServer, bucket: str, tmp_path: Path
) -> None:
    put_objects(owner, bucket, {f"{n}": b"x" for n in range(6)})
    moving, seen = threading.Event(), list[bool]()

    class Paged(Client):
        def list_objects(self, Bucket: str, **given: Any) -> types.ListObjectsResult:  # type: ignore[override]
            if given["Marker"]:  # the second page comes only once a file of the first one moves
                seen.append(moving.wait(30))
            return super().list_objects(Bucket, **{**given, "MaxKeys": 2})

        def get_object(self, *args: Any, **given: Any) -> GetObjectResult:
            moving.set()
            return super().get_object(*args, **given)

    keys: dict[str, Any] = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    with Paged(endpoint=server.endpoint, **keys) as client:
        client.sync(f"cos://{bucket}", tmp_path)
    assert seen == [True, True]
    assert len(read_tree(tmp_path)) == 6
