"""Multipart uploads, step by step, through each client."""

from typing import Any

import pytest

from tests.support.worlds import World, outcome

MIB = 1 << 20


def begin(world: World, bucket: str, key: str = "a", **options: Any) -> dict[str, str]:
    """Start an upload and return its parameters."""
    upload = world.create_multipart_upload(Bucket=bucket, Key=key, **options)
    assert (upload["Bucket"], upload["Key"]) == (bucket, key)
    return {"Bucket": bucket, "Key": key, "UploadId": upload["UploadId"]}


def add(world: World, place: dict[str, str], number: int, content: bytes) -> dict[str, Any]:
    """Upload a part and return its entry for the completion."""
    etag = world.upload_part(**place, PartNumber=number, Body=content)["ETag"]
    return {"PartNumber": number, "ETag": etag}


def test_what_was_said_at_the_beginning_is_true_at_the_end(world: World, bucket: str) -> None:
    place = begin(
        world,
        bucket,
        ContentType="text/a",
        StorageClass="STANDARD_IA",
        ACL="public-read",
        Metadata={"x-cos-meta-a": "1"},
    )
    parts = [add(world, place, number, bytes([number]) * MIB) for number in (3, 1, 2)]
    again = add(world, place, 2, b"again" * MIB)
    listed = world.list_parts(**place, MaxParts=2)
    assert [(part["PartNumber"], part["Size"]) for part in listed["Part"]] == [
        ("1", str(MIB)),
        ("2", str(5 * MIB)),
    ]
    assert (listed["IsTruncated"], listed["NextPartNumberMarker"]) == ("true", "2")
    rest = world.list_parts(**place, PartNumberMarker=2)
    assert [part["ETag"] for part in rest["Part"]] == [parts[0]["ETag"]]
    assert not world.object_exists(Bucket=bucket, Key="a")
    chosen = {"Part": [parts[1], again]}
    done = world.complete_multipart_upload(**place, MultipartUpload=chosen)
    assert (done["Bucket"], done["Key"]) == (bucket, "a")
    assert done["Location"].endswith("/a")
    assert done["ETag"].endswith('-2"')
    got = world.get_object(Bucket=bucket, Key="a")
    assert (got["Content-Type"], got["x-cos-meta-a"]) == ("text/a", "1")
    assert got["x-cos-storage-class"] == "STANDARD_IA"
    assert world.read(got) == b"\x01" * MIB + b"again" * MIB
    assert world.get_object_acl(Bucket=bucket, Key="a")["CannedACL"] == "public-read"
    for call in (
        lambda: world.complete_multipart_upload(**place, MultipartUpload=chosen),
        lambda: world.list_parts(**place),
        lambda: world.abort_multipart_upload(**place),
        lambda: world.upload_part(**place, PartNumber=1, Body=b"x"),
    ):
        assert outcome(call) == (404, "NoSuchUpload")


@pytest.mark.parametrize(
    ("numbers", "changes", "expected"),
    [
        ((2, 1), {}, (400, "InvalidPartOrder")),
        ((1, 1), {}, (400, "InvalidPartOrder")),
        ((1, 3), {}, (400, "InvalidPart")),
        ((2, 3), {}, (400, "InvalidPart")),
        ((1, 2), {"ETag": '"00000000000000000000000000000000"'}, (400, "InvalidPart")),
        ((1, 2, 3), {}, (400, "EntityTooSmall")),
    ],
    ids=str,
)
def test_a_completion_that_is_refused_leaves_the_upload_open(
    world: World,
    bucket: str,
    numbers: tuple[int, ...],
    changes: dict[str, str],
    expected: tuple[int, str],
) -> None:
    world.put_object(Bucket=bucket, Key="a", Body=b"before")
    place = begin(world, bucket)
    sizes = {1: MIB, 2: 10, 3: 10}
    parts = {number: add(world, place, number, b"x" * size) for number, size in sizes.items()}
    listed = [{**parts[number], **changes} for number in numbers]
    document = {"Part": listed}
    refused = outcome(lambda: world.complete_multipart_upload(**place, MultipartUpload=document))
    assert refused == expected
    assert world.read(world.get_object(Bucket=bucket, Key="a")) == b"before"
    whole = {"Part": [parts[1], parts[2]]}
    world.complete_multipart_upload(**place, MultipartUpload=whole)
    assert world.head_object(Bucket=bucket, Key="a")["Content-Length"] == str(MIB + 10)


def test_uploads_are_listed_by_key_then_age(world: World, bucket: str) -> None:
    keys = ("a", "b b", "b b", "c/1", "c/2")
    ids = [begin(world, bucket, key)["UploadId"] for key in keys]
    world.put_object(Bucket=bucket, Key="a", Body=b"an overwrite leaves uploads alone")
    page = world.list_multipart_uploads(Bucket=bucket)
    assert [item["Key"] for item in page["Upload"]] == list(keys)
    assert [item["UploadId"] for item in page["Upload"]] == ids
    assert page["Upload"][0]["Initiator"]["ID"]
    found: list[str] = []
    markers: dict[str, str] = {}
    while True:
        page = world.list_multipart_uploads(Bucket=bucket, MaxUploads=2, **markers)
        found += [item["UploadId"] for item in page["Upload"]]
        if page["IsTruncated"] == "false":
            break
        markers = {
            "KeyMarker": page["NextKeyMarker"],
            "UploadIdMarker": page["NextUploadIdMarker"],
        }
    assert found == ids
    page = world.list_multipart_uploads(Bucket=bucket, Delimiter="/", KeyMarker="a")
    assert [item["Key"] for item in page["Upload"]] == ["b b", "b b"]
    assert page["CommonPrefixes"] == [{"Prefix": "c/"}]
    world.abort_multipart_upload(Bucket=bucket, Key="c/1", UploadId=ids[3])
    left = world.list_multipart_uploads(Bucket=bucket, Prefix="c/")["Upload"]
    assert [item["Key"] for item in left] == ["c/2"]


@pytest.mark.parametrize("number", [0, 10_001, -1])
def test_a_part_number_out_of_bounds(world: World, bucket: str, number: int) -> None:
    place = begin(world, bucket)
    refused = outcome(lambda: world.upload_part(**place, PartNumber=number, Body=b"x"))
    assert refused == (400, "InvalidArgument")
