"""One script, two SDKs: the vendor's published package, unchanged, and `coskit.compat`."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coskit import compat
from coskit.testing import LocalServer
from tests.support.local import fetch, write_file

REGION = "ap-local"
KEYS = [
    "plain.txt",
    "a b",
    "a+b",
    "100%",
    "a%2Fb",
    "a//b",
    "./a",
    "../a",
    "a/../b",
    "folder/",
    "quo\"te's",
    "a&b=c?d#e",
    "<tag>",
    "new\nline",
    "中文/文件",
    "emoji 😀",
    "x" * 850,
]

Make = Callable[..., Any]


@pytest.fixture(params=["qcloud_cos", "coskit.compat"])
def sdk(request: pytest.FixtureRequest) -> Any:
    """Return the module to import the SDK from."""
    return importlib.import_module(request.param)


@pytest.fixture
def make(sdk: Any, server: LocalServer) -> Make:
    """Yield a function that creates a client of the server."""

    def make(**changes: Any) -> Any:
        settings = {
            "Region": REGION,
            "SecretId": server.secret_id,
            "SecretKey": server.secret_key,
            "Scheme": "http",
            "IP": "127.0.0.1",
            "Port": server.port,
        }
        return sdk.CosS3Client(sdk.CosConfig(**{**settings, **changes}), retry=0)

    return make


@pytest.fixture
def client(make: Make) -> Any:
    """Yield a client of the server."""
    return make()


@pytest.fixture
def presigner(make: Make) -> Any:
    """Yield a client that signs for the public host names."""
    return make(IP=None, Port=None)


def read(response: Any) -> bytes:
    content = response["Body"].get_raw_stream().read()
    assert isinstance(content, bytes)
    return content


def test_an_object_is_returned_with_its_metadata(client: Any, bucket: str) -> None:
    put = client.put_object(
        Bucket=bucket,
        Body=b"hello world",
        Key="a.txt",
        EnableMD5=True,
        ContentType="text/plain",
        CacheControl="no-cache",
        StorageClass="STANDARD_IA",
        Metadata={"x-cos-meta-color": "dark blue"},
    )
    assert put["ETag"] == '"5eb63bbbe01eeed093cb22bb8f5acdc3"'
    head = client.head_object(Bucket=bucket, Key="a.txt")
    assert {name: head[name] for name in head if name in EXPECTED_HEAD} == EXPECTED_HEAD
    assert read(client.get_object(Bucket=bucket, Key="a.txt")) == b"hello world"


EXPECTED_HEAD = {
    "ETag": '"5eb63bbbe01eeed093cb22bb8f5acdc3"',
    "Content-Type": "text/plain",
    "Content-Length": "11",
    "Cache-Control": "no-cache",
    "x-cos-meta-color": "dark blue",
    "x-cos-storage-class": "STANDARD_IA",
    "x-cos-hash-crc64ecma": "5981764153023615706",
}


def test_a_range_and_response_overrides(client: Any, bucket: str) -> None:
    client.put_object(Bucket=bucket, Body=b"0123456789", Key="digits")
    part = client.get_object(
        Bucket=bucket, Key="digits", Range="bytes=2-4", ResponseContentType="text/digits"
    )
    assert part["Content-Range"] == "bytes 2-4/10"
    assert part["Content-Type"] == "text/digits"
    assert read(part) == b"234"


def test_a_body_streams_to_a_file(client: Any, bucket: str, tmp_path: Path) -> None:
    content = write_file(tmp_path / "source", 3 << 20)
    with (tmp_path / "source").open("rb") as file:
        client.put_object(Bucket=bucket, Body=file, Key="file")
    client.get_object(Bucket=bucket, Key="file")["Body"].get_stream_to_file(str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == content


def test_a_listing_with_delimiter_and_markers(client: Any, bucket: str) -> None:
    for key in ("a.txt", "b/1", "b/2", "c/1", "d.txt"):
        client.put_object(Bucket=bucket, Body=b"x", Key=key)
    pages, marker = [], ""
    while True:
        page = client.list_objects(Bucket=bucket, Delimiter="/", Marker=marker, MaxKeys=2)
        pages.append(
            (
                [item["Key"] for item in page.get("Contents", [])],
                [item["Prefix"] for item in page.get("CommonPrefixes", [])],
            )
        )
        if page["IsTruncated"] == "false":
            break
        marker = page["NextMarker"]
    assert pages == [(["a.txt"], ["b/"]), (["d.txt"], ["c/"])]
    inside = client.list_objects(Bucket=bucket, Prefix="b/", Marker="b/1")
    assert [item["Key"] for item in inside["Contents"]] == ["b/2"]
    assert inside["Contents"][0]["Owner"]["ID"] == "1250000000"
    assert "Contents" not in client.list_objects(Bucket=bucket, Prefix="none")


def test_deleting_one_and_many(client: Any, sdk: Any, bucket: str) -> None:
    for key in ("one", "two", "three & <four>"):
        client.put_object(Bucket=bucket, Body=b"x", Key=key)
    client.delete_object(Bucket=bucket, Key="one")
    client.delete_object(Bucket=bucket, Key="never there")
    with pytest.raises(sdk.CosServiceError) as missing:
        client.get_object(Bucket=bucket, Key="one")
    assert missing.value.get_error_code() == "NoSuchKey"
    assert missing.value.get_status_code() == 404
    assert missing.value.get_request_id()
    result = client.delete_objects(
        Bucket=bucket,
        Delete={"Object": [{"Key": "two"}, {"Key": "three & <four>"}], "Quiet": "false"},
    )
    assert [item["Key"] for item in result["Deleted"]] == ["two", "three & <four>"]
    assert "Contents" not in client.list_objects(Bucket=bucket)


def test_a_copy_keeps_or_replaces_metadata(client: Any, bucket: str) -> None:
    source = {"Bucket": bucket, "Key": "中 source", "Region": REGION}
    put = client.put_object(
        Bucket=bucket, Body=b"copied", Key="中 source", Metadata={"x-cos-meta-n": "1"}
    )
    kept = client.copy_object(Bucket=bucket, Key="kept", CopySource=source)
    assert kept["ETag"] == put["ETag"]
    client.copy_object(
        Bucket=bucket,
        Key="replaced",
        CopySource=source,
        CopyStatus="Replaced",
        Metadata={"x-cos-meta-n": "2"},
    )
    heads = [client.head_object(Bucket=bucket, Key=key) for key in ("kept", "replaced")]
    assert [head["x-cos-meta-n"] for head in heads] == ["1", "2"]


def test_a_multipart_upload_by_hand(client: Any, bucket: str) -> None:
    upload = client.create_multipart_upload(Bucket=bucket, Key="big", ContentType="text/plain")
    place = {"Bucket": bucket, "Key": "big", "UploadId": upload["UploadId"]}
    listed = client.list_multipart_uploads(Bucket=bucket)["Upload"]
    assert [(item["Key"], item["UploadId"]) for item in listed] == [("big", upload["UploadId"])]
    bodies = [b"a" * (1 << 20), b"b" * (1 << 20), b"c"]
    for number, body in enumerate(bodies, 1):
        client.upload_part(**place, Body=body, PartNumber=number)
    client.put_object(Bucket=bucket, Body=b"0123456789", Key="digits")
    source = {"Bucket": bucket, "Key": "digits", "Region": REGION}
    client.upload_part_copy(**place, PartNumber=4, CopySource=source, CopySourceRange="bytes=3-5")
    parts = client.list_parts(**place)["Part"]
    assert [(part["PartNumber"], part["Size"]) for part in parts] == [
        ("1", "1048576"),
        ("2", "1048576"),
        ("3", "1"),
        ("4", "3"),
    ]
    client.upload_part(**place, Body=b"c" * (1 << 20), PartNumber=3)
    done = client.complete_multipart_upload(
        **place, MultipartUpload={"Part": client.list_parts(**place)["Part"]}
    )
    assert done["ETag"].endswith('-4"')
    response = client.get_object(Bucket=bucket, Key="big")
    assert response["Content-Type"] == "text/plain"
    assert read(response) == b"a" * (1 << 20) + b"b" * (1 << 20) + b"c" * (1 << 20) + b"345"


def test_an_aborted_upload_is_gone(client: Any, sdk: Any, bucket: str) -> None:
    upload = client.create_multipart_upload(Bucket=bucket, Key="big")
    place = {"Bucket": bucket, "Key": "big", "UploadId": upload["UploadId"]}
    client.upload_part(**place, Body=b"x", PartNumber=1)
    client.abort_multipart_upload(**place)
    with pytest.raises(sdk.CosServiceError) as gone:
        client.list_parts(**place)
    assert gone.value.get_error_code() == "NoSuchUpload"


def test_upload_file_with_40_mb(client: Any, bucket: str, tmp_path: Path) -> None:
    content = write_file(tmp_path / "large", 40 << 20)
    result = client.upload_file(
        Bucket=bucket, Key="large", LocalFilePath=str(tmp_path / "large"), PartSize=4, MAXThread=4
    )
    assert result["ETag"].endswith('-10"')
    assert read(client.get_object(Bucket=bucket, Key="large")) == content


def test_presigned_get_and_put(
    client: Any, presigner: Any, server: LocalServer, bucket: str
) -> None:
    key = "签名 a+b.txt"
    put = fetch(server, "PUT", presigner.get_presigned_url(bucket, key, "PUT"), b"by url")
    assert put.status == 200
    assert read(client.get_object(Bucket=bucket, Key=key)) == b"by url"
    url = presigner.get_presigned_url(
        bucket, key, "GET", Params={"response-content-type": "text/signed"}
    )
    got = fetch(server, "GET", url)
    assert (got.status, got.body, got.headers["Content-Type"]) == (200, b"by url", "text/signed")
    assert fetch(server, "PUT", url, b"x").code() == "SignatureDoesNotMatch"
    if isinstance(presigner, compat.CosS3Client):
        with pytest.raises(compat.CosClientError, match="Expired"):
            presigner.get_presigned_url(bucket, key, "GET", Expired=-120)
        return
    old = presigner.get_presigned_url(bucket, key, "GET", Expired=-120)
    expired = fetch(server, "GET", old)
    assert (expired.status, expired.code()) == (403, "AccessDenied")
    assert b"Request has expired" in expired.body


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ascii(key)[:20])
def test_a_special_key_is_the_same_everywhere(client: Any, bucket: str, key: str) -> None:
    client.put_object(Bucket=bucket, Body=key.encode(), Key=key)
    response = client.get_object(Bucket=bucket, Key=key, KeySimplifyCheck=False)
    assert read(response) == key.encode()
    listed = client.list_objects(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in listed] == [key]
    client.copy_object(
        Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": key, "Region": REGION}
    )
    client.delete_object(Bucket=bucket, Key=key)
    assert [i["Key"] for i in client.list_objects(Bucket=bucket)["Contents"]] == ["copy"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SecretKey": "wrong"}, "SignatureDoesNotMatch"),
        ({"SecretId": "unknown"}, "InvalidAccessKeyId"),
        ({"Anonymous": True, "SecretId": None, "SecretKey": None}, "AccessDenied"),
    ],
)
def test_wrong_keys_are_refused(
    make: Make, sdk: Any, bucket: str, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(sdk.CosServiceError) as refused:
        make(**changes).put_object(Bucket=bucket, Body=b"x", Key="x")
    assert refused.value.get_error_code() == code
    assert refused.value.get_status_code() == 403


def test_an_unknown_parameter_is_refused_before_anything_is_sent(client: Any, sdk: Any) -> None:
    with pytest.raises(sdk.CosClientError, match="No Parameter Named Metdata Please Check It"):
        client.put_object(Bucket="never-1250000000", Body=b"x", Key="x", Metdata={})


def test_buckets_and_their_settings(client: Any, sdk: Any, bucket: str) -> None:
    name = bucket.replace("test", "extra")
    client.create_bucket(Bucket=name)
    assert client.bucket_exists(Bucket=name)
    assert client.get_bucket_location(Bucket=name) == {"LocationConstraint": REGION}
    client.put_bucket_acl(Bucket=name, ACL="public-read")
    assert client.get_bucket_acl(Bucket=name)["CannedACL"] == "public-read"
    client.put_object(Bucket=name, Body=b"x", Key="x")
    assert client.object_exists(Bucket=name, Key="x")
    with pytest.raises(sdk.CosServiceError) as full:
        client.delete_bucket(Bucket=name)
    assert full.value.get_error_code() == "BucketNotEmpty"
    client.delete_object(Bucket=name, Key="x")
    client.delete_bucket(Bucket=name)
    assert not client.bucket_exists(Bucket=name)
