"""The versioning matrix, listings of versions and batch deletion, through each client."""

from functools import partial
from typing import Any

import pytest

from tests.support.worlds import World, outcome

STATES = ("", "Enabled", "Suspended")


def prepare(world: World, bucket: str, state: str) -> None:
    """Set a bucket's versioning state; an older object keeps the version null."""
    world.put_object(Bucket=bucket, Key="before", Body=b"before")
    if state:
        world.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    if state == "Suspended":
        world.put_bucket_versioning(Bucket=bucket, Status="Suspended")


def put(world: World, bucket: str, key: str, body: bytes) -> Any:
    """Store an object and return its version id, or None."""
    return world.put_object(Bucket=bucket, Key=key, Body=body).get("x-cos-version-id")


def body(world: World, bucket: str, key: str, **options: Any) -> bytes:
    """Return an object's content."""
    return world.read(world.get_object(Bucket=bucket, Key=key, **options))


def listed(world: World, bucket: str, **options: Any) -> list[tuple[str, str, str]]:
    """Return kind, key and version id of each line of a listing: versions first, then markers."""
    page = world.list_objects_versions(Bucket=bucket, **options)
    return [
        (kind, entry["Key"], entry["VersionId"])
        for kind in ("Version", "DeleteMarker")
        for entry in page.get(kind, ())
    ]


def complete(world: World, bucket: str, key: str, content: bytes) -> Any:
    """Store an object in one part and return the result of the completion."""
    upload = world.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    place = {"Bucket": bucket, "Key": key, "UploadId": upload}
    part = world.upload_part(**place, Body=content, PartNumber=1)
    listed_parts = {"Part": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    return world.complete_multipart_upload(**place, MultipartUpload=listed_parts)


@pytest.mark.parametrize("state", STATES)
def test_each_write_returns_its_version(world: World, bucket: str, state: str) -> None:
    prepare(world, bucket, state)
    made = put(world, bucket, "a", b"one")
    copied = world.copy_object(
        Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a", "Region": "ap-local"}
    )
    completed = complete(world, bucket, "c", b"three")
    reported = made, copied.get("VersionId"), completed.get("x-cos-version-id")
    if state == "Enabled":
        assert all(reported)
        assert len(set(reported)) == 3
        ids = dict(zip("abc", reported, strict=True))
        found = {key: version for _, key, version in listed(world, bucket)}
        assert found == {**ids, "before": "null"}
    else:
        assert reported == (None, None, "null" if state else None)
        assert [line[2] for line in listed(world, bucket)[:3]] == ["null" if state else None] * 3
    head = world.head_object(Bucket=bucket, Key="a")
    assert head.get("x-cos-version-id") == (made or ("null" if state else None))


@pytest.mark.parametrize(
    ("state", "bodies"),
    [
        ("", [b"two"]),
        ("Enabled", [b"two", b"one", b"before"]),
        ("Suspended", [b"two"]),
    ],
)
def test_what_an_overwrite_keeps(
    world: World, bucket: str, state: str, bodies: list[bytes]
) -> None:
    prepare(world, bucket, state)
    for content in (b"one", b"two"):
        put(world, bucket, "before", content)
    versions = [line[2] for line in listed(world, bucket)]
    found = [
        body(world, bucket, "before", **({"VersionId": version} if version else {}))
        for version in versions
    ]
    assert found == bodies


def test_a_suspended_bucket_replaces_only_the_null_version(world: World, bucket: str) -> None:
    world.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    kept = put(world, bucket, "a", b"kept")
    world.put_bucket_versioning(Bucket=bucket, Status="Suspended")
    assert world.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    put(world, bucket, "a", b"one")
    complete(world, bucket, "a", b"two")
    assert listed(world, bucket) == [("Version", "a", "null"), ("Version", "a", kept)]
    assert body(world, bucket, "a") == b"two"
    world.delete_object(Bucket=bucket, Key="a")
    assert listed(world, bucket) == [("Version", "a", kept), ("DeleteMarker", "a", "null")]
    world.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    newest = put(world, bucket, "a", b"again")
    assert listed(world, bucket) == [
        ("Version", "a", newest),
        ("Version", "a", kept),
        ("DeleteMarker", "a", "null"),
    ]


@pytest.mark.parametrize(
    ("state", "reported", "left"),
    [
        ("", {}, []),
        ("Enabled", {"x-cos-delete-marker": "true", "x-cos-version-id": "MARKER"}, ["null"]),
        ("Suspended", {"x-cos-delete-marker": "true", "x-cos-version-id": "null"}, []),
    ],
)
def test_results_and_effects_of_a_deletion(
    world: World, bucket: str, state: str, reported: dict[str, str], left: list[str]
) -> None:
    prepare(world, bucket, state)
    result = world.delete_object(Bucket=bucket, Key="before")
    found = {name: result[name] for name in reported}
    lines = listed(world, bucket)
    markers = [version for kind, _, version in lines if kind == "DeleteMarker"]
    assert found == {**reported, **({"x-cos-version-id": markers[0]} if state == "Enabled" else {})}
    assert ("x-cos-delete-marker" in result) == bool(reported)
    assert [version for kind, _, version in lines if kind == "Version"] == left
    assert outcome(lambda: world.get_object(Bucket=bucket, Key="before")) == (404, "NoSuchKey")
    assert not world.object_exists(Bucket=bucket, Key="before")


@pytest.mark.parametrize("state", STATES)
def test_what_deleting_an_absent_key_leaves(world: World, bucket: str, state: str) -> None:
    prepare(world, bucket, state)
    result = world.delete_object(Bucket=bucket, Key="none")
    assert result.get("x-cos-delete-marker") == ("true" if state else None)
    kinds = [kind for kind, key, _ in listed(world, bucket) if key == "none"]
    assert kinds == (["DeleteMarker"] if state else [])


@pytest.mark.parametrize("state", ["Enabled", "Suspended"])
def test_removing_the_newest_version_raises_the_one_before(
    world: World, bucket: str, state: str
) -> None:
    world.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    ids = [put(world, bucket, "a", content) for content in (b"one", b"two", b"three")]
    world.put_bucket_versioning(Bucket=bucket, Status=state)
    marker = world.delete_object(Bucket=bucket, Key="a")["x-cos-version-id"]
    gone = world.delete_object(Bucket=bucket, Key="a", VersionId=marker)
    assert (gone["x-cos-version-id"], gone["x-cos-delete-marker"]) == (marker, "true")
    assert body(world, bucket, "a") == b"three"
    for version, before in ((ids[2], b"two"), (ids[0], b"two")):
        gone = world.delete_object(Bucket=bucket, Key="a", VersionId=version)
        assert gone["x-cos-version-id"] == version
        assert "x-cos-delete-marker" not in gone
        assert body(world, bucket, "a") == before
    (latest,) = world.list_objects_versions(Bucket=bucket)["Version"]
    assert (latest["VersionId"], latest["IsLatest"]) == (ids[1], "true")
    world.delete_object(Bucket=bucket, Key="a", VersionId=ids[1])
    assert listed(world, bucket) == []


@pytest.mark.parametrize(
    ("state", "version", "expected"),
    [
        ("", "null", b"before"),
        ("", "MTg0NDUxODMzMTMwMDM2Njc1ODA", (400, "BucketVersionNotOpen")),
        ("Enabled", "null", b"before"),
        ("Enabled", "MTg0NDUxODMzMTMwMDM2Njc1ODA", (404, "NoSuchVersion")),
        ("Enabled", "MARKER", (404, "NoSuchKey")),
        ("Suspended", "null", b"before"),
        ("Suspended", "MTg0NDUxODMzMTMwMDM2Njc1ODA", (404, "NoSuchVersion")),
    ],
)
def test_reading_a_version_by_its_id(
    world: World, bucket: str, state: str, version: str, expected: Any
) -> None:
    prepare(world, bucket, state)
    if version == "MARKER":
        version = world.delete_object(Bucket=bucket, Key="before")["x-cos-version-id"]
    if isinstance(expected, bytes):
        assert body(world, bucket, "before", VersionId=version) == expected
    else:
        assert outcome(lambda: body(world, bucket, "before", VersionId=version)) == expected


def test_a_delete_marker_has_nothing_to_read_or_to_say(world: World, bucket: str) -> None:
    world.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    put(world, bucket, "a", b"x")
    marker = world.delete_object(Bucket=bucket, Key="a")["x-cos-version-id"]
    place = {"Bucket": bucket, "Key": "a", "VersionId": marker}
    for call in (world.head_object, world.get_object, world.get_object_tagging):
        assert outcome(partial(call, **place))[0] == 404
    assert outcome(lambda: world.get_object_acl(Bucket=bucket, Key="a"))[0] == 404


def test_pages_of_versions_join_to_the_whole(world: World, bucket: str) -> None:
    world.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    expected = []
    for key in ("a", "b c", "d"):
        ids = [put(world, bucket, key, b"x") for _ in range(2)]
        marker = world.delete_object(Bucket=bucket, Key=key)["x-cos-version-id"]
        expected += [(key, marker), (key, ids[1]), (key, ids[0])]
    for size in (1, 2, 4, 5):
        found: list[tuple[str, str]] = []
        markers: dict[str, str] = {}
        while True:
            page = world.list_objects_versions(Bucket=bucket, MaxKeys=size, **markers)
            entries = [*page.get("Version", ()), *page.get("DeleteMarker", ())]
            assert len(entries) <= size
            found += [(entry["Key"], entry["VersionId"]) for entry in entries]
            if page["IsTruncated"] == "false":
                break
            markers = {
                "KeyMarker": page["NextKeyMarker"],
                "VersionIdMarker": page["NextVersionIdMarker"],
            }
        assert sorted(found) == sorted(expected), size


def test_a_listing_of_versions_with_prefix_delimiter_and_markers(world: World, bucket: str) -> None:
    world.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    ids = {key: put(world, bucket, key, b"x") for key in ("a", "d/1", "d/2", "e", "f/1")}
    second = put(world, bucket, "e", b"y")
    page = world.list_objects_versions(Bucket=bucket, Delimiter="/", MaxKeys=2)
    assert [entry["Key"] for entry in page["Version"]] == ["a"]
    assert page["CommonPrefixes"] == [{"Prefix": "d/"}]
    assert (page["NextKeyMarker"], page.get("NextVersionIdMarker") or "") == ("d/", "")
    page = world.list_objects_versions(Bucket=bucket, Delimiter="/", KeyMarker="d/", MaxKeys=1)
    assert [(e["Key"], e["VersionId"]) for e in page["Version"]] == [("e", second)]
    assert (page["NextKeyMarker"], page["NextVersionIdMarker"]) == ("e", second)
    page = world.list_objects_versions(
        Bucket=bucket, Delimiter="/", KeyMarker="e", VersionIdMarker=second
    )
    assert [(e["Key"], e["VersionId"]) for e in page["Version"]] == [("e", ids["e"])]
    assert page["CommonPrefixes"] == [{"Prefix": "f/"}]
    inside = listed(world, bucket, Prefix="d/", Delimiter="/")
    assert inside == [("Version", key, ids[key]) for key in ("d/1", "d/2")]


def test_a_batch_deletes_keys_versions_and_markers(world: World, bucket: str) -> None:
    world.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    old, new = (put(world, bucket, "a", content) for content in (b"old", b"new"))
    put(world, bucket, "b", b"b")
    marker = world.delete_object(Bucket=bucket, Key="c")["x-cos-version-id"]
    targets = [
        {"Key": "a", "VersionId": new},
        {"Key": "b"},
        {"Key": "c", "VersionId": marker},
        {"Key": "a", "VersionId": "MTg0NDUxODMzMTMwMDM2Njc1ODA"},
    ]
    result = world.delete_objects(Bucket=bucket, Delete={"Object": targets, "Quiet": "false"})
    first, second, third, fourth = result["Deleted"]
    assert "Error" not in result
    assert first == {"Key": "a", "VersionId": new}
    assert (second["Key"], second["DeleteMarker"]) == ("b", "true")
    assert third == {
        "Key": "c",
        "VersionId": marker,
        "DeleteMarker": "true",
        "DeleteMarkerVersionId": marker,
    }
    assert fourth["Key"] == "a"
    assert body(world, bucket, "a") == b"old"
    assert ("Version", "a", old) in listed(world, bucket)
    assert ("DeleteMarker", "b", second["DeleteMarkerVersionId"]) in listed(world, bucket)
    quiet = world.delete_objects(Bucket=bucket, Delete={"Object": [{"Key": "a"}], "Quiet": "true"})
    assert "Deleted" not in quiet


@pytest.mark.parametrize("world", ["sync", "async"], indirect=True)
def test_versions_and_markers_are_iterated_newest_first(world: World, bucket: str) -> None:
    world.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    expected = []
    for key in ("a", "b"):
        first = put(world, bucket, key, b"1")
        marker = world.delete_object(Bucket=bucket, Key=key)["x-cos-version-id"]
        last = put(world, bucket, key, b"2")
        expected += [(key, last), (key, marker), (key, first)]
    for size in (1, 2, 1000):
        entries = world.all(world.client.iter_versions(bucket, PageSize=size))
        assert [(entry["Key"], entry["VersionId"]) for entry in entries] == expected
    page = world.list_objects_versions(bucket)
    assert page["Order"] == ["Version", "DeleteMarker", "Version"] * 2
