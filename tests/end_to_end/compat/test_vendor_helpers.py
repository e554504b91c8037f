"""Helpers of the vendor's package that make several requests work with the server."""

import gzip
import io
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qcloud_cos import CosConfig, CosS3Client, CosServiceError

from coskit import Client
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.testing import LocalServer
from tests.support.local import write_file

MIB = 1 << 20
Make = Callable[..., Any]


@pytest.fixture
def make(server: LocalServer) -> Make:
    """Yield a function that creates a client of the server under public host names."""

    def make(**changes: Any) -> Any:
        keys = {"SecretId": server.secret_id, "SecretKey": server.secret_key}
        place = {"Region": "ap-local", "Scheme": "http", "IP": "127.0.0.1", "Port": server.port}
        return CosS3Client(CosConfig(**{**keys, **place, **changes}), retry=0)

    return make


@pytest.fixture
def client(make: Make) -> Any:
    """Yield a client that connects to the server's address."""
    return make()


@pytest.fixture
def local(make: Make, server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Yield a client that uses host names below `localhost`, as its copies do."""
    look_up = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        return look_up("127.0.0.1" if str(host).endswith(".localhost") else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return make(IP=None, Port=None, Endpoint=f"localhost:{server.port}")


def read(response: Any) -> bytes:
    """Return the content of a response."""
    content: bytes = response["Body"].get_raw_stream().read()
    return content


def test_another_storage_class(client: Any, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key="a", Body=b"x", ContentType="text/a")
    client.change_object_storage_class(Bucket=bucket, Key="a", StorageClass="STANDARD_IA")
    head = client.head_object(Bucket=bucket, Key="a")
    assert head["x-cos-storage-class"] == "STANDARD_IA"
    client.change_object_storage_class(Bucket=bucket, Key="a", StorageClass="STANDARD")
    assert "x-cos-storage-class" not in client.head_object(Bucket=bucket, Key="a")
    assert read(client.get_object(Bucket=bucket, Key="a")) == b"x"


def test_other_metadata(client: Any, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key="a", Body=b"x", Metadata={"x-cos-meta-a": "1"})
    client.update_object_meta(
        Bucket=bucket, Key="a", ContentType="text/html", Metadata={"x-cos-meta-b": "2"}
    )
    head = client.head_object(Bucket=bucket, Key="a")
    assert (head["Content-Type"], head["x-cos-meta-b"]) == ("text/html", "2")
    assert "x-cos-meta-a" not in head
    assert read(client.get_object(Bucket=bucket, Key="a")) == b"x"


@pytest.mark.parametrize("target", ["STANDARD", "STANDARD_IA"])
def test_a_copy_that_looks_at_its_source(
    local: Any, server: LocalServer, owner: Client, bucket: str, target: str
) -> None:
    content = b"".join(f"{n:1024}".encode() for n in range(3 * 1024 + 7))
    other = bucket.replace("test", "other")
    local.create_bucket(Bucket=other)
    local.get_conf().set_copy_part_threshold_size(2 * MIB)
    source = {"Bucket": other, "Key": "中 source", "Endpoint": f"localhost:{server.port}"}
    local.put_object(Bucket=other, Key="中 source", Body=content)
    done = local.copy(Bucket=bucket, Key="copy", CopySource=source, PartSize=1, StorageClass=target)
    # It copies in parts for another storage class, in one request for the same one.
    assert ("-4" in done["ETag"]) == (target == "STANDARD_IA")
    got = local.get_object(Bucket=bucket, Key="copy")
    assert got["x-cos-hash-crc64ecma"] == str(crc64(content))
    assert read(got) == content
    local.delete_object(Bucket=other, Key="中 source")
    local.delete_bucket(Bucket=other)


def test_an_upload_of_a_file_resumes(client: Any, bucket: str, tmp_path: Path) -> None:
    content = write_file(tmp_path / "file", 5 * MIB + 3)
    upload = client.create_multipart_upload(Bucket=bucket, Key="file")["UploadId"]
    for number in (1, 3):
        part = content[(number - 1) * MIB : number * MIB]
        client.upload_part(Bucket=bucket, Key="file", Body=part, PartNumber=number, UploadId=upload)
    reported: list[tuple[int, int]] = []
    client.upload_file(
        Bucket=bucket,
        Key="file",
        LocalFilePath=str(tmp_path / "file"),
        EnableMD5=True,
        progress_callback=lambda *progress: reported.append(progress),
    )
    assert max(reported) == (len(content), len(content))
    assert read(client.get_object(Bucket=bucket, Key="file")) == content
    assert "Upload" not in client.list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize("size", [0, MIB, 3 * MIB + 1])
def test_a_download_to_a_file(client: Any, bucket: str, tmp_path: Path, size: int) -> None:
    content = write_file(tmp_path / "source", size)
    client.put_object_from_local_file(
        Bucket=bucket, LocalFilePath=str(tmp_path / "source"), Key="file"
    )
    client.download_file(
        Bucket=bucket,
        Key="file",
        DestFilePath=str(tmp_path / "target"),
        PartSize=1,
        EnableCRC=True,
        DumpRecordDir=str(tmp_path),
    )
    assert (tmp_path / "target").read_bytes() == content


@pytest.mark.parametrize("size", [10, 3 * MIB + 1])
def test_an_upload_of_unknown_length(client: Any, bucket: str, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    client.upload_file_from_buffer(
        Bucket=bucket, Key="buffer", Body=io.BytesIO(content[:size]), PartSize=1
    )
    assert read(client.get_object(Bucket=bucket, Key="buffer")) == content[:size]


def test_a_stream_is_read_in_pieces_and_unpacked(client: Any, bucket: str, tmp_path: Path) -> None:
    content = b"0123456789" * 50_000
    packed = gzip.compress(content)
    client.put_object(Bucket=bucket, Key="a", Body=packed, ContentEncoding="gzip")
    body = client.get_object(Bucket=bucket, Key="a")["Body"]
    assert b"".join(iter(lambda: body.read(1000) or b"", b"")) == packed
    # Its chunks are decoded by its HTTP library.
    chunks = client.get_object(Bucket=bucket, Key="a")["Body"].get_stream(1000)
    assert b"".join(chunks) == content
    body = client.get_object(Bucket=bucket, Key="a")["Body"]
    body.get_stream_to_file(str(tmp_path / "plain"), auto_decompress=True)
    assert (tmp_path / "plain").read_bytes() == content


def test_buckets_are_listed_and_asked_for(
    make: Make, client: Any, server: LocalServer, bucket: str
) -> None:
    lister = make(ServiceDomain=f"127.0.0.1:{server.port}")
    buckets = lister.list_buckets()["Buckets"]["Bucket"]
    assert bucket in [item["Name"] for item in buckets]
    assert client.head_bucket(Bucket=bucket)["x-cos-bucket-region"] == "ap-local"
    with pytest.raises(CosServiceError) as taken:
        client.create_bucket(Bucket=bucket)
    assert taken.value.get_error_code() == "BucketAlreadyOwnedByYou"
    with pytest.raises(CosServiceError) as missing:
        client.list_objects(Bucket="none-1250000000")
    assert missing.value.get_error_code() == "NoSuchBucket"
    assert missing.value.get_trace_id()
