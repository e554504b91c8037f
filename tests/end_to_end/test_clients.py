"""Both clients against the server: methods, streams, iterators, processes."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coskit import AsyncClient, Client
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import (
    BucketVersionNotOpen,
    InvalidRange,
    NoSuchKey,
    NoSuchUpload,
    NotImplementedOperation,
    PreconditionFailed,
)
from coskit.testing import LocalServer
from tests.support.keys import HOSTILE_KEYS
from tests.support.local import write_file
from tests.support.worlds import World, connect


@pytest.fixture(params=["sync", "async"])
def world(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[World]:
    """Yield each kind of client of the server."""
    with connect(request.param, server) as client:
        yield client


def is_addressable(key: str) -> bool:
    """Return whether COS accepts the key."""
    return not key.startswith(("/", "\\")) and not any("\x18" <= char <= "\x1b" for char in key)


@pytest.mark.parametrize("key", [key for key in HOSTILE_KEYS if is_addressable(key)], ids=ascii)
def test_a_hostile_key_is_an_ordinary_key(world: World, bucket: str, key: str) -> None:
    world.put_object(bucket, key.encode(), key)
    assert world.fetch(bucket, key) == key.encode()
    assert [entry["Key"] for entry in world.all(world.client.iter_objects(bucket))] == [key]
    assert world.list_objects(bucket, Prefix=key)["Contents"][0]["Key"] == key
    upload = world.create_multipart_upload(bucket, key)
    assert world.list_multipart_uploads(bucket)["Upload"][0]["Key"] == key
    assert world.list_parts(bucket, key, upload["UploadId"])["Key"] == key
    world.abort_multipart_upload(bucket, key, upload["UploadId"])
    world.copy_object(bucket, "copy", {"Bucket": bucket, "Key": key})
    assert world.fetch(bucket, "copy") == key.encode()
    world.delete_object(bucket, key)
    assert not world.object_exists(bucket, key)


def test_deleting_many_with_keys_that_xml_escapes(world: World, bucket: str) -> None:
    keys = ["a&b", "<c>", "d\re", "f\ng", "h\r\ni", "中 文", "]]>", "/leading"]
    for key in keys:
        world.put_object(bucket, b"x", key)
    result = world.delete_objects(bucket, {"Object": [{"Key": key} for key in keys]})
    assert len(result["Deleted"]) == len(keys)
    assert "Contents" not in world.list_objects(bucket)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1 << 20, (5 << 20) + 1])
def test_every_kind_of_body_is_stored_whole(
    world: World, bucket: str, tmp_path: Path, size: int
) -> None:
    content = write_file(tmp_path / "file", size)
    chunks = [content[start : start + 100_000] for start in range(0, size, 100_000)]
    for name, body in {
        "bytes": content,
        "view": memoryview(content),
        "array": bytearray(content),
        "chunks": world.source(chunks),
        "iterator": iter(chunks),
    }.items():
        result = world.put_object(bucket, body, name)
        assert result["x-cos-hash-crc64ecma"] == str(crc64(content)), name
        assert world.fetch(bucket, name) == content, name
    with (tmp_path / "file").open("rb") as file:
        world.put_object(bucket, file, "file", EnableMD5=True)
    assert world.fetch(bucket, "file") == content


def test_text_is_stored_as_utf_8(world: World, bucket: str) -> None:
    world.put_object(bucket, "蓝色", "text")
    assert world.fetch(bucket, "text").decode() == "蓝色"


def test_a_body_is_read_in_any_way(world: World, bucket: str, tmp_path: Path) -> None:
    content = write_file(tmp_path / "source", 3_000_000)
    world.put_object(bucket, content, "object")
    response = world.get_object(bucket, "object")
    assert len(response["Body"]) == len(content)
    pieces = [world.read(response, 1000), world.read(response, 0), world.read(response, 7)]
    assert [len(piece) for piece in pieces] == [1000, 0, 7]
    assert b"".join(pieces) + world.read(response) == content
    assert world.read(response, 10) == b""
    assert b"".join(world.all(world.get_object(bucket, "object")["Body"])) == content
    stream = world.get_object(bucket, "object")["Body"].get_stream(4096)
    chunks = world.all(stream)
    assert b"".join(chunks) == content
    assert max(map(len, chunks)) <= 4096
    raw = world.get_object(bucket, "object")["Body"].get_raw_stream()
    assert world.run(raw.read()) == content
    world.save(world.get_object(bucket, "object"), tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == content


def test_a_body_is_saved_under_the_longest_name_that_a_file_can_have(
    world: World, bucket: str, tmp_path: Path
) -> None:
    world.put_object(bucket, b"content", "object")
    target = tmp_path / ("名" * 85)
    world.save(world.get_object(bucket, "object"), target)
    assert target.read_bytes() == b"content"


def test_unread_bodies_leak_no_connection(world: World, bucket: str) -> None:
    world.put_object(bucket, b"x" * 3_000_000, "object")
    for _ in range(3):
        world.close_body(world.get_object(bucket, "object"))
    before = open_descriptors()
    for number in range(40):
        response = world.get_object(bucket, "object")
        if number % 2:
            world.read(response, 1000)
        if number % 3:
            world.close_body(response)
        del response
    gc.collect()
    world.head_object(bucket, "object")
    # At most one connection more than before was in use at a time.
    assert open_descriptors() <= before + 4


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"Range": "bytes=2-4"}, b"234"),
        ({"Range": "bytes=7-"}, b"789"),
        ({"Range": "bytes=-2"}, b"89"),
        ({"Range": "bytes=0-99"}, b"0123456789"),
        ({"IfMatch": '"781e5e245d69b566979b86e28d23f2c7"'}, b"0123456789"),
        ({"IfUnmodifiedSince": "Tue, 14 Nov 2023 22:13:20 GMT"}, PreconditionFailed),
        ({"IfMatch": '"other"'}, PreconditionFailed),
        ({"Range": "bytes=10-"}, InvalidRange),
        ({"VersionId": "MTg0NDUxODMzMTMwMDM2Njc1ODA"}, BucketVersionNotOpen),
    ],
)
def test_ranges_and_conditions(
    world: World, bucket: str, options: dict[str, Any], expected: Any
) -> None:
    world.put_object(bucket, b"0123456789", "digits")
    if isinstance(expected, bytes):
        assert world.fetch(bucket, "digits", **options) == expected
    else:
        with pytest.raises(expected):
            world.get_object(bucket, "digits", **options)


def test_the_iterators_go_past_a_page(world: World, bucket: str) -> None:
    keys = [f"{folder}/{number}" for folder in "abc" for number in range(5)]
    for key in keys:
        world.put_object(bucket, b"x", key)
    client = world.client
    assert [e["Key"] for e in world.all(client.iter_objects(bucket, PageSize=2))] == keys
    assert [e["Key"] for e in world.all(client.iter_objects(bucket, Prefix="b/"))] == keys[5:10]
    assert world.all(client.iter_prefixes(bucket, PageSize=2)) == ["a/", "b/", "c/"]
    assert [e["Key"] for e in world.all(client.iter_versions(bucket, PageSize=4))] == keys
    uploads = [world.create_multipart_upload(bucket, f"u{number % 2}") for number in range(5)]
    found = world.all(client.iter_uploads(bucket, PageSize=2))
    assert {item["UploadId"] for item in found} == {item["UploadId"] for item in uploads}
    place = (bucket, "u0", uploads[0]["UploadId"])
    for number in (1, 3, 5, 7):
        world.upload_part(bucket, "u0", b"x", number, uploads[0]["UploadId"])
    parts = world.all(client.iter_parts(*place, PageSize=3))
    assert [part["PartNumber"] for part in parts] == ["1", "3", "5", "7"]


def test_listings_have_the_documented_keys(world: World, bucket: str) -> None:
    world.put_object(bucket, b"x", "folder/object")
    page = world.list_objects(bucket)
    assert sorted(page) == ["Contents", "IsTruncated", "Marker", "MaxKeys", "Name", "Prefix"]
    assert sorted(page["Contents"][0]) == [
        "ETag",
        "Key",
        "LastModified",
        "Owner",
        "Size",
        "StorageClass",
    ]
    assert page["Contents"][0]["Size"] == "1"
    page = world.list_objects(bucket, "/", "", 10, "", "url")
    assert page["EncodingType"] == "url"
    assert page["CommonPrefixes"] == [{"Prefix": "folder/"}]
    assert "Contents" not in page


def test_versions_markers_and_both_names_of_the_next_key(world: World, bucket: str) -> None:
    world.put_bucket_versioning(bucket, "Enabled")
    assert world.get_bucket_versioning(bucket) == {"Status": "Enabled"}
    first = world.put_object(bucket, b"1", "key")["x-cos-version-id"]
    world.put_object(bucket, b"2", "key")
    deleted = world.delete_object(bucket, "key")
    assert deleted["x-cos-delete-marker"] == "true"
    with pytest.raises(NoSuchKey):
        world.get_object(bucket, "key")
    assert world.fetch(bucket, "key", VersionId=first) == b"1"
    page = world.list_objects_versions(bucket, MaxKeys=2)
    assert page["NextMarker"] == page["NextKeyMarker"] == "key"
    assert [item["IsLatest"] for item in page["DeleteMarker"]] == ["true"]
    world.delete_object(bucket, "key", VersionId=deleted["x-cos-version-id"])
    assert world.fetch(bucket, "key") == b"2"


def test_acls_are_flat_and_nested(world: World, bucket: str) -> None:
    world.put_object(bucket, b"x", "key", ACL="public-read")
    acl = world.get_object_acl(bucket, "key")
    assert acl["CannedACL"] == "public-read"
    assert acl["Grant"] == acl["AccessControlList"]["Grant"]
    assert {grant["Permission"] for grant in acl["Grant"]} == {"FULL_CONTROL", "READ"}
    world.put_object_acl(bucket, "key", acl_of(acl))
    assert world.get_object_acl(bucket, "key")["Grant"] == acl["Grant"]
    world.put_object_acl(bucket, "key", ACL="default")
    inherited = world.get_object_acl(bucket, "key")
    assert (inherited["CannedACL"], inherited["Grant"]) == ("default", [])


def acl_of(result: dict[str, Any]) -> dict[str, Any]:
    """Return the document for PUT acl from a result of GET acl, without the owner's grant."""
    grants = [g for g in result["Grant"] if g["Permission"] != "FULL_CONTROL"]
    return {"Owner": result["Owner"], "AccessControlList": {"Grant": grants}}


def test_tags_are_stored_and_returned(world: World, bucket: str) -> None:
    world.put_object(bucket, b"x", "key", Tagging="color=dark%20blue&empty=")
    tags = {
        "TagSet": {"Tag": [{"Key": "color", "Value": "dark blue"}, {"Key": "empty", "Value": ""}]}
    }
    assert world.get_object_tagging(bucket, "key") == tags
    world.put_object_tagging(bucket, "key", {"TagSet": {"Tag": [{"Key": "k", "Value": "v"}]}})
    assert world.get_object_tagging(bucket, "key")["TagSet"]["Tag"] == [{"Key": "k", "Value": "v"}]
    world.delete_object_tagging(bucket, "key")
    assert world.get_object_tagging(bucket, "key") == {"TagSet": {"Tag": []}}


def test_unimplemented_operations_raise(world: World, bucket: str) -> None:
    world.put_object(bucket, b"x", "key")
    with pytest.raises(NotImplementedOperation):
        world.put_object(bucket, b"y", "key", ServerSideEncryption="cos/kms", SSEKMSContext="e30=")
    assert world.fetch(bucket, "key") == b"x"


def test_an_object_encrypted_with_a_kms_key_is_read(world: World, bucket: str) -> None:
    world.put_object(bucket, b"x", "key", ServerSideEncryption="cos/kms", SSEKMSKeyId="mine")
    reported = world.head_object(bucket, "key")
    assert reported["x-cos-server-side-encryption"] == "cos/kms"
    assert reported["x-cos-server-side-encryption-cos-kms-key-id"] == "mine"
    assert world.fetch(bucket, "key") == b"x"


def test_buckets_are_listed(world: World, bucket: str) -> None:
    names = [item["Name"] for item in world.list_buckets()["Buckets"]["Bucket"]]
    assert bucket in names
    assert names == sorted(names)
    assert world.head_bucket(bucket)["x-cos-bucket-region"] == "ap-local"
    assert world.get_bucket_location(bucket) == {"LocationConstraint": "ap-local"}


def test_upload_file_uses_parts_for_large_files(world: World, bucket: str, tmp_path: Path) -> None:
    small = write_file(tmp_path / "small", 20 << 20)
    assert "-" not in world.upload_file(bucket, "small", tmp_path / "small")["ETag"]
    assert world.fetch(bucket, "small") == small
    large = write_file(tmp_path / "large", (20 << 20) + 1)
    result = world.upload_file(
        bucket,
        "large",
        str(tmp_path / "large"),
        PartSize=8,
        EnableMD5=True,
        ContentType="text/large",
        Metadata={"x-cos-meta-a": "1"},
    )
    assert result["ETag"].endswith('-3"')
    assert world.fetch(bucket, "large") == large
    head = world.head_object(bucket, "large")
    assert (head["Content-Type"], head["x-cos-meta-a"]) == ("text/large", "1")


def test_a_failed_upload_of_a_file_leaves_nothing(
    world: World, bucket: str, tmp_path: Path
) -> None:
    write_file(tmp_path / "large", 21 << 20)
    real, calls = world.client.upload_part, []

    def fail_on_the_third(*args: Any, **kwargs: Any) -> Any:
        calls.append(kwargs["PartNumber"])
        if kwargs["PartNumber"] == 3:
            kwargs["UploadId"] = "unknown"
        return real(*args, **kwargs)

    world.client.upload_part = fail_on_the_third
    with pytest.raises(NoSuchUpload):
        world.upload_file(bucket, "large", tmp_path / "large", MAXThread=3)
    assert len(calls) < 21
    assert "Upload" not in world.list_multipart_uploads(bucket)
    assert not world.object_exists(bucket, "large")


def test_sixteen_threads_share_a_client(owner: Client, bucket: str) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(10):
                content = f"{number}-{turn}".encode() * 5000
                owner.put_object(bucket, content, f"{number}")
                assert owner.get_object(bucket, f"{number}")["Body"].read() == content
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_client_works_in_a_forked_child_and_in_the_parent(owner: Client, bucket: str) -> None:
    owner.put_object(bucket, b"from the parent", "key")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            owner.put_object(
                bucket, owner.get_object(bucket, "key")["Body"].read() + b"'s child", "c"
            )
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert owner.get_object(bucket, "c")["Body"].read() == b"from the parent's child"


def test_cancelling_a_task_frees_its_connection(server: LocalServer, bucket: str) -> None:
    async def scenario(client: AsyncClient) -> None:
        await client.put_object(bucket, b"x" * (8 << 20), "large")
        tasks = [asyncio.create_task(download(client)) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)
        assert len(await download(client)) == 8 << 20

    async def download(client: AsyncClient) -> bytes:
        response = await client.get_object(bucket, "large")
        return await response["Body"].read()

    async def main() -> None:
        async with server.async_client() as client:
            await scenario(client)

    asyncio.run(main())


INTERRUPTED = """
import sys
from coskit import Client

def chunks():
    print("sending", flush=True)
    while True:
        yield sys.stdin.buffer.read(1)

client = Client()
body = client.get_object(sys.argv[1], "large")["Body"]
body.read(1)
try:
    client.put_object(sys.argv[1], chunks(), "never")
except KeyboardInterrupt:
    body.close()
    client.put_object(sys.argv[1], b"afterwards", "after")
    sys.exit(130)
"""


def test_ctrl_c_ends_a_call_and_leaves_the_client_usable(
    server: LocalServer, owner: Client, bucket: str
) -> None:
    owner.put_object(bucket, b"x" * (8 << 20), "large")
    settings = {
        "COSKIT_ENDPOINT": server.endpoint,
        "COSKIT_SECRET_ID": server.secret_id,
        "COSKIT_SECRET_KEY": server.secret_key,
    }
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, bucket],
        env={**os.environ, **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "sending\n"
        process.stdin.write("first bytes")
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130
    assert owner.get_object(bucket, "after")["Body"].read() == b"afterwards"
    assert not owner.object_exists(bucket, "never")
