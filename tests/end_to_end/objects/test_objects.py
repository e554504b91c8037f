"""Checksums, storage classes, conditions, ranges, tags and all kinds of bodies, by each client."""

import gzip
import io
from pathlib import Path
from typing import Any

import pytest

from tests.support.worlds import VendorWorld, World, outcome

OLD, FUTURE = "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
DIGITS = '"781e5e245d69b566979b86e28d23f2c7"'
LARGE = b"".join(f"{n:1024}".encode() for n in range(1500))


def fetched(world: World, bucket: str, key: str, **options: Any) -> bytes:
    """Return an object's content."""
    return world.read(world.get_object(Bucket=bucket, Key=key, **options))


@pytest.mark.parametrize(
    ("content", "etag", "crc"),
    [
        (b"", '"d41d8cd98f00b204e9800998ecf8427e"', "0"),
        (b"123456789", '"25f9e794323b453885f5181f1b624d0b"', "11051210869376104954"),
        (b"[Object Content]", '"ee8de918d05640145b18f70f4c3aa602"', "16749565679157681890"),
    ],
)
def test_etag_and_crc64_of_published_samples(
    world: World, bucket: str, content: bytes, etag: str, crc: str
) -> None:
    upload = world.create_multipart_upload(Bucket=bucket, Key="joined")["UploadId"]
    place = {"Bucket": bucket, "Key": "joined", "UploadId": upload}
    part = world.upload_part(**place, Body=content, PartNumber=1)
    whole = world.complete_multipart_upload(
        **place, MultipartUpload={"Part": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    assert part["ETag"] == etag
    assert whole["ETag"].endswith('-1"')
    assert world.head_object(Bucket=bucket, Key="joined")["x-cos-hash-crc64ecma"] == crc
    put = world.put_object(Bucket=bucket, Key="a", Body=content, EnableMD5=True)
    got = world.get_object(Bucket=bucket, Key="a")
    for response in (put, got, world.head_object(Bucket=bucket, Key="a")):
        assert (response["ETag"], response["x-cos-hash-crc64ecma"]) == (etag, crc)
    assert world.read(got) == content


@pytest.mark.parametrize(
    ("given", "reported"),
    [
        ("STANDARD", None),
        ("STANDARD_IA", "STANDARD_IA"),
        ("standard_ia", "STANDARD_IA"),
        ("INTELLIGENT_TIERING", "INTELLIGENT_TIERING"),
        ("ARCHIVE", "ARCHIVE"),
        ("DEEP_ARCHIVE", "DEEP_ARCHIVE"),
        ("MAZ_STANDARD", "MAZ_STANDARD"),
    ],
)
def test_a_storage_class(world: World, bucket: str, given: str, reported: str | None) -> None:
    world.put_object(Bucket=bucket, Key="a", Body=b"x", StorageClass=given)
    assert world.head_object(Bucket=bucket, Key="a").get("x-cos-storage-class") == reported
    (entry,) = world.list_objects(Bucket=bucket)["Contents"]
    assert entry["StorageClass"] == (reported or "STANDARD")
    (version,) = world.list_objects_versions(Bucket=bucket)["Version"]
    assert version["StorageClass"] == (reported or "STANDARD")
    upload = world.create_multipart_upload(Bucket=bucket, Key="b", StorageClass=given)["UploadId"]
    listed = world.list_multipart_uploads(Bucket=bucket)["Upload"]
    assert [entry["StorageClass"] for entry in listed] == [reported or "STANDARD"]
    parts = world.list_parts(Bucket=bucket, Key="b", UploadId=upload)
    assert parts["StorageClass"] == (reported or "STANDARD")
    if "ARCHIVE" in given:
        assert outcome(lambda: fetched(world, bucket, "a")) == (403, "InvalidObjectState")
    else:
        assert fetched(world, bucket, "a") == b"x"
    world.put_object(Bucket=bucket, Key="a", Body=b"y")
    assert fetched(world, bucket, "a") == b"y"


def test_an_unknown_storage_class(world: World, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "a"}
    refused = (400, "NotSupportedStorageClass")
    assert outcome(lambda: world.put_object(**place, Body=b"x", StorageClass="COLD")) == refused
    assert outcome(lambda: world.create_multipart_upload(**place, StorageClass="COLD")) == refused


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({"IfMatch": DIGITS}, 200),
        ({"IfMatch": DIGITS.strip('"')}, 200),
        ({"IfMatch": "*"}, 200),
        ({"IfMatch": '"other"'}, 412),
        ({"IfNoneMatch": '"other"'}, 200),
        ({"IfNoneMatch": DIGITS}, 304),
        ({"IfUnmodifiedSince": FUTURE}, 200),
        ({"IfUnmodifiedSince": OLD}, 412),
        ({"IfModifiedSince": OLD}, 200),
        ({"IfModifiedSince": FUTURE}, 304),
        ({"IfMatch": DIGITS, "IfUnmodifiedSince": OLD}, 200),
        ({"IfNoneMatch": '"other"', "IfModifiedSince": FUTURE}, 200),
        ({"IfMatch": '"other"', "Range": "bytes=99-"}, 412),
    ],
    ids=str,
)
def test_a_condition(world: World, bucket: str, conditions: dict[str, str], status: int) -> None:
    world.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    place = {"Bucket": bucket, "Key": "digits", **conditions}
    if status == 412:
        assert outcome(lambda: world.get_object(**place)) == (412, "PreconditionFailed")
        if "Range" not in conditions:
            assert outcome(lambda: world.head_object(**place))[0] == 412
        return
    if status == 304:
        # Only the vendor's client accepts this as an object.
        if not isinstance(world, VendorWorld):
            assert outcome(lambda: world.get_object(**place)) == (304, "NotModified")
        assert world.head_object(**place)["ETag"] == DIGITS
        return
    got = world.get_object(**place)
    assert (got["ETag"], got["x-cos-hash-crc64ecma"]) == (DIGITS, "2838902930144391966")
    assert world.read(got) == b"0123456789"
    assert world.head_object(**place)["ETag"] == DIGITS


@pytest.mark.parametrize(
    ("span", "reported", "content"),
    [
        ("bytes=0-3", "bytes 0-3/10", b"0123"),
        ("bytes=7-", "bytes 7-9/10", b"789"),
        ("bytes=-3", "bytes 7-9/10", b"789"),
        ("bytes=8-99", "bytes 8-9/10", b"89"),
    ],
)
def test_a_range(
    world: World, bucket: str, span: str, reported: str | None, content: bytes
) -> None:
    world.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    got = world.get_object(Bucket=bucket, Key="digits", Range=span)
    assert got.get("Content-Range") == reported
    assert (got["ETag"], got["Content-Length"]) == (DIGITS, str(len(content)))
    assert world.read(got) == content


@pytest.mark.parametrize(("size", "span"), [(10, "bytes=10-"), (0, "bytes=0-"), (0, "bytes=0-5")])
def test_a_range_that_no_byte_lies_in(world: World, bucket: str, size: int, span: str) -> None:
    world.put_object(Bucket=bucket, Key="a", Body=b"x" * size)
    assert outcome(lambda: fetched(world, bucket, "a", Range=span)) == (416, "InvalidRange")


@pytest.mark.parametrize("span", ["bytes=-1", "bytes=-8"])  # RFC 9110 14.1.2
def test_the_last_bytes_of_an_empty_object_are_all_of_it(
    world: World, bucket: str, span: str
) -> None:
    world.put_object(Bucket=bucket, Key="a", Body=b"")
    assert fetched(world, bucket, "a", Range=span) == b""


def test_a_body_of_chunks_and_one_of_a_file(world: World, bucket: str, tmp_path: Path) -> None:
    chunks = [LARGE[start : start + 100_000] for start in range(0, len(LARGE), 100_000)]
    world.put_object(Bucket=bucket, Key="chunks", Body=world.source(chunks))
    assert fetched(world, bucket, "chunks") == LARGE
    world.put_object(Bucket=bucket, Key="none", Body=world.source([]))
    assert fetched(world, bucket, "none") == b""
    (tmp_path / "file").write_bytes(LARGE)
    with (tmp_path / "file").open("rb") as file:
        file.seek(1000)
        world.put_object(Bucket=bucket, Key="rest", Body=file, EnableMD5=True)
    assert fetched(world, bucket, "rest") == LARGE[1000:]
    world.put_object(Bucket=bucket, Key="memory", Body=io.BytesIO(LARGE))
    assert fetched(world, bucket, "memory") == LARGE
    world.put_object(Bucket=bucket, Key="text", Body="蓝色")
    assert fetched(world, bucket, "text") == "蓝色".encode()


def test_compressed_content_is_neither_unpacked_nor_packed(world: World, bucket: str) -> None:
    packed = gzip.compress(LARGE)
    world.put_object(Bucket=bucket, Key="a", Body=packed, ContentEncoding="gzip")
    got = world.get_object(Bucket=bucket, Key="a")
    assert got["Content-Encoding"] == "gzip"
    assert got["Content-Length"] == str(len(packed))
    assert world.read(got) == packed


def test_tags_of_an_object_and_of_its_version(world: World, bucket: str) -> None:
    world.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    tags = [{"Key": "color", "Value": "dark blue"}, {"Key": "k+=:/@", "Value": "v"}]
    old = world.put_object(Bucket=bucket, Key="a", Body=b"1", Tagging="t=1")["x-cos-version-id"]
    world.put_object(Bucket=bucket, Key="a", Body=b"2")
    place = {"Bucket": bucket, "Key": "a"}
    world.put_object_tagging(**place, Tagging={"TagSet": {"Tag": tags}})
    assert world.get_object_tagging(**place)["TagSet"]["Tag"] == tags
    of_old = world.get_object_tagging(**place, VersionId=old)["TagSet"]["Tag"]
    assert of_old == [{"Key": "t", "Value": "1"}]
    world.delete_object_tagging(**place)
    assert not (world.get_object_tagging(**place)["TagSet"] or {}).get("Tag")
    assert world.get_object_tagging(**place, VersionId=old)["TagSet"]["Tag"] == of_old
    twice = {"TagSet": {"Tag": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}}
    assert outcome(lambda: world.put_object_tagging(**place, Tagging=twice)) == (400, "InvalidTag")
