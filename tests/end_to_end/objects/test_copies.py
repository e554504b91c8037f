"""Copies of objects and of parts of them, through each client."""

import asyncio
from typing import Any

import pytest

from coskit import AsyncClient
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.types import CopySource
from coskit.testing import LocalServer
from tests.support.worlds import World, outcome

REGION = "ap-local"
MIB = 1 << 20
OLD, FUTURE = "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
DRESS = {
    "ContentType": "text/a",
    "CacheControl": "no-cache",
    "StorageClass": "STANDARD_IA",
    "ACL": "public-read",
    "Metadata": {"x-cos-meta-a": "1"},
}


def source(bucket: str, key: str = "source", **more: str) -> dict[str, str]:
    """Return a copy source."""
    return {"Bucket": bucket, "Key": key, "Region": REGION, **more}


def fetched(world: World, bucket: str, key: str) -> bytes:
    """Return an object's content."""
    return world.read(world.get_object(Bucket=bucket, Key=key))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"Content-Type": "text/a", "Cache-Control": "no-cache", "x-cos-meta-a": "1"}),
        (
            {"CopyStatus": "Replaced"},
            {"Content-Type": "application/octet-stream"},
        ),
        (
            {
                "CopyStatus": "Replaced",
                "ContentType": "text/b",
                "Metadata": {"x-cos-meta-b": "2"},
                "StorageClass": "STANDARD_IA",
            },
            {"Content-Type": "text/b", "x-cos-meta-b": "2", "x-cos-storage-class": "STANDARD_IA"},
        ),
    ],
    ids=str,
)
def test_what_a_copy_takes_along(
    world: World, bucket: str, options: dict[str, Any], expected: dict[str, str]
) -> None:
    put = world.put_object(Bucket=bucket, Key="source", Body=b"body", **DRESS)
    copied = world.copy_object(Bucket=bucket, Key="copy", CopySource=source(bucket), **options)
    assert copied["ETag"] == put["ETag"]
    assert copied["CRC64"] == str(crc64(b"body"))
    assert copied["LastModified"].endswith("Z")
    head = world.head_object(Bucket=bucket, Key="copy")
    names = ("Content-Type", "Cache-Control", "x-cos-meta-a", "x-cos-meta-b", "x-cos-storage-class")
    assert {name: head[name] for name in names if name in head} == expected
    assert world.get_object_acl(Bucket=bucket, Key="copy")["CannedACL"] == "default"
    assert fetched(world, bucket, "copy") == b"body"


def test_a_copy_goes_to_another_bucket_and_outlives_its_source(world: World, bucket: str) -> None:
    other = bucket.replace("test", "other")
    world.create_bucket(Bucket=other)
    try:
        for key, content in (("small", b"x"), ("large", b"y" * MIB), ("中 a+b%2F?", b"z")):
            world.put_object(Bucket=other, Key=key, Body=content)
            world.copy_object(Bucket=bucket, Key=key, CopySource=source(other, key))
            world.delete_object(Bucket=other, Key=key)
            assert fetched(world, bucket, key) == content
    finally:
        world.delete_bucket(Bucket=other)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Key": "none"}, (404, "NoSuchKey")),
        ({"Bucket": "none-1250000000"}, (404, "NoSuchBucket")),
        ({"VersionId": "MTg0NDUxODMzMTMwMDM2Njc1ODA"}, (404, "NoSuchVersion")),
        ({"VersionId": "MARKER"}, (400, "InvalidRequest")),
    ],
    ids=str,
)
def test_a_source_that_cannot_be_copied(
    world: World, bucket: str, changes: dict[str, str], expected: tuple[int, str]
) -> None:
    world.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    world.put_object(Bucket=bucket, Key="source", Body=b"x")
    marker = world.delete_object(Bucket=bucket, Key="source")["x-cos-version-id"]
    named = {name: text.replace("MARKER", marker) for name, text in changes.items()}
    place = {**source(bucket), **named}
    call = {"Bucket": bucket, "Key": "copy", "CopySource": place}
    assert outcome(lambda: world.copy_object(**call)) == expected
    upload = world.create_multipart_upload(Bucket=bucket, Key="copy")["UploadId"]
    part = {**call, "UploadId": upload, "PartNumber": 1}
    assert outcome(lambda: world.upload_part_copy(**part)) == expected
    assert not world.object_exists(Bucket=bucket, Key="copy")


def test_a_version_is_copied_and_its_id_returned(world: World, bucket: str) -> None:
    world.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    old = world.put_object(Bucket=bucket, Key="source", Body=b"old")["x-cos-version-id"]
    world.put_object(Bucket=bucket, Key="source", Body=b"new")
    place = source(bucket, VersionId=old)
    copied = world.copy_object(Bucket=bucket, Key="copy", CopySource=place)
    assert copied["x-cos-copy-source-version-id"] == old
    head = world.head_object(Bucket=bucket, Key="copy")
    assert copied["VersionId"] == head["x-cos-version-id"]
    assert fetched(world, bucket, "copy") == b"old"
    # Copying an old version onto its key makes it the current one.
    world.copy_object(Bucket=bucket, Key="source", CopySource=place)
    assert fetched(world, bucket, "source") == b"old"
    current = world.head_object(Bucket=bucket, Key="source")["x-cos-version-id"]
    same = {"Bucket": bucket, "Key": "source", "CopySource": source(bucket, VersionId=current)}
    assert outcome(lambda: world.copy_object(**same)) == (400, "InvalidRequest")


def test_a_copy_onto_itself_has_to_change_something(world: World, bucket: str) -> None:
    world.put_object(Bucket=bucket, Key="source", Body=b"body", Metadata={"x-cos-meta-a": "1"})
    same = {"Bucket": bucket, "Key": "source", "CopySource": source(bucket)}
    assert outcome(lambda: world.copy_object(**same)) == (400, "InvalidRequest")
    world.copy_object(**same, StorageClass="STANDARD_IA")
    head = world.head_object(Bucket=bucket, Key="source")
    assert (head["x-cos-storage-class"], head["x-cos-meta-a"]) == ("STANDARD_IA", "1")
    world.copy_object(**same, CopyStatus="Replaced", Metadata={"x-cos-meta-a": "2"})
    assert world.head_object(Bucket=bucket, Key="source")["x-cos-meta-a"] == "2"


@pytest.mark.parametrize(
    ("conditions", "allowed"),
    [
        ({"CopySourceIfMatch": "ETAG"}, True),
        ({"CopySourceIfMatch": '"other"'}, False),
        ({"CopySourceIfNoneMatch": "ETAG"}, False),
        ({"CopySourceIfNoneMatch": '"other"'}, True),
        ({"CopySourceIfModifiedSince": OLD}, True),
        ({"CopySourceIfModifiedSince": FUTURE}, False),
        ({"CopySourceIfUnmodifiedSince": FUTURE}, True),
        ({"CopySourceIfUnmodifiedSince": OLD}, False),
        ({"CopySourceIfMatch": "ETAG", "CopySourceIfUnmodifiedSince": OLD}, True),
        ({"CopySourceIfNoneMatch": "ETAG", "CopySourceIfModifiedSince": OLD}, False),
    ],
    ids=str,
)
def test_a_condition_on_the_source_of_a_copy_or_of_a_part(
    world: World, bucket: str, conditions: dict[str, str], allowed: bool
) -> None:
    etag = world.put_object(Bucket=bucket, Key="source", Body=b"body")["ETag"]
    sent = {name: text.replace("ETAG", etag) for name, text in conditions.items()}
    upload = world.create_multipart_upload(Bucket=bucket, Key="copy")["UploadId"]
    call = {"Bucket": bucket, "Key": "copy", "CopySource": source(bucket), **sent}
    part = {**call, "UploadId": upload, "PartNumber": 1}
    if allowed:
        assert world.copy_object(**call)["ETag"] == etag
        assert world.upload_part_copy(**part)["ETag"] == etag
    else:
        refused = (412, "PreconditionFailed")
        assert outcome(lambda: world.copy_object(**call)) == refused
        assert outcome(lambda: world.upload_part_copy(**part)) == refused


def test_an_object_is_joined_from_pieces_of_others(world: World, bucket: str) -> None:
    content = b"".join(f"{n:1024}".encode() for n in range(3 * 1024))
    world.put_object(Bucket=bucket, Key="large", Body=content)
    world.put_object(Bucket=bucket, Key="small", Body=b"0123456789")
    upload = world.create_multipart_upload(Bucket=bucket, Key="joined")["UploadId"]
    place = {"Bucket": bucket, "Key": "joined", "UploadId": upload}
    large, small = source(bucket, "large"), source(bucket, "small")
    pieces = [
        (large, f"bytes=7-{MIB + 6}"),
        (large, ""),
        (large, f"bytes={2 * MIB}-{3 * MIB - 1}"),
        (small, "bytes=2-4"),
    ]
    parts = []
    for number, (piece, span) in enumerate(pieces, 1):
        options = {"CopySourceRange": span} if span else {}
        done = world.upload_part_copy(**place, PartNumber=number, CopySource=piece, **options)
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    listed = world.list_parts(**place)["Part"]
    assert [part["Size"] for part in listed] == [str(MIB), str(3 * MIB), str(MIB), "3"]
    world.delete_object(Bucket=bucket, Key="large")
    world.complete_multipart_upload(**place, MultipartUpload={"Part": parts})
    expected = content[7 : MIB + 7] + content + content[2 * MIB :] + b"234"
    response = world.get_object(Bucket=bucket, Key="joined")
    assert response["x-cos-hash-crc64ecma"] == str(crc64(expected))
    assert world.read(response) == expected


@pytest.mark.parametrize("span", ["bytes=0-10", "bytes=10-11", "bytes=99-100"])
def test_a_piece_past_the_end_is_refused(world: World, bucket: str, span: str) -> None:
    world.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
    upload = world.create_multipart_upload(Bucket=bucket, Key="copy")["UploadId"]
    call = {
        "Bucket": bucket,
        "Key": "copy",
        "UploadId": upload,
        "PartNumber": 1,
        "CopySource": source(bucket),
        "CopySourceRange": span,
    }
    assert outcome(lambda: world.upload_part_copy(**call)) == (416, "InvalidRange")
    assert "Part" not in world.list_parts(Bucket=bucket, Key="copy", UploadId=upload)


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_source_that_is_replaced_all_the_time_is_always_there(
    server: LocalServer, bucket: str, size: int
) -> None:
    async def replace(client: AsyncClient, letter: bytes) -> None:
        for _ in range(30):
            await client.put_object(bucket, letter * size, "source")

    async def take(client: AsyncClient, number: int) -> None:
        key = f"copy{number}"
        upload = (await client.create_multipart_upload(bucket, key))["UploadId"]
        for part in range(1, 21):
            place: CopySource = {"Bucket": bucket, "Key": "source"}
            copied = await client.copy_object(bucket, key, place)
            await client.upload_part_copy(bucket, key, part, upload, place)
            got = await client.get_object(bucket, "source")
            content = await got["Body"].read()
            assert content in (b"a" * size, b"b" * size, b"c" * size)
            assert copied["CRC64"] in {str(crc64(letter * size)) for letter in (b"a", b"b", b"c")}

    async def main() -> None:
        async with server.async_client() as client:
            await client.put_object(bucket, b"a" * size, "source")
            async with asyncio.TaskGroup() as group:
                for number, letter in enumerate((b"a", b"b", b"c")):
                    group.create_task(replace(client, letter))
                    group.create_task(take(client, number))

    asyncio.run(main())
