"""Transfers and helpers of the vendor's SDK: one script for its package and `coskit.compat`."""

import base64
import hashlib
import io
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import qcloud_cos

from coskit import Client, ClientConfig, compat
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.testing import LocalServer
from tests.support.local import write_file
from tests.support.trees import read_objects, read_tree, write_tree

MIB = 1 << 20
Make = Callable[..., Any]


def settings(server: LocalServer) -> dict[str, Any]:
    """Return a configuration for the server under public host names."""
    keys = {"SecretId": server.secret_id, "SecretKey": server.secret_key}
    return {"Region": "ap-local", "Scheme": "http", "IP": "127.0.0.1", "Port": server.port, **keys}


@pytest.fixture
def ours(server: LocalServer, bucket: str) -> Iterator[compat.CosS3Client]:
    """Yield the client of coskit.compat."""
    with compat.CosS3Client(compat.CosConfig(**settings(server)), retry=0) as client:
        yield client


@pytest.fixture(params=["compat", "vendor"])
def client(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[Any]:
    """Yield each of the two clients."""
    if request.param == "compat":
        with compat.CosS3Client(compat.CosConfig(**settings(server)), retry=0) as made:
            yield made
    else:
        yield qcloud_cos.CosS3Client(qcloud_cos.CosConfig(**settings(server)), retry=0)


def read(response: Any) -> bytes:
    """Return the content of a response."""
    content: bytes = response["Body"].get_raw_stream().read()
    return content


@pytest.mark.parametrize("size", [0, MIB, 3 * MIB + 1])
def test_a_file_goes_up_and_down(client: Any, bucket: str, tmp_path: Path, size: int) -> None:
    content = write_file(tmp_path / "source", size)
    client.put_object_from_local_file(bucket, str(tmp_path / "source"), "file")
    response = client.download_file(
        bucket,
        "file",
        str(tmp_path / "target"),
        PartSize=1,
        MAXThread=3,
        EnableCRC=True,
        DumpRecordDir=str(tmp_path),
        MaxPartCount=100,
    )
    assert response is None
    assert (tmp_path / "target").read_bytes() == content


def test_progress_of_a_download_ends_at_its_size(client: Any, bucket: str, tmp_path: Path) -> None:
    client.put_object(bucket, bytes(3 * MIB), "file")
    reported: list[tuple[int, int]] = []
    client.download_file(
        bucket,
        "file",
        str(tmp_path / "target"),
        PartSize=1,
        progress_callback=lambda *now: reported.append(now),
    )
    assert reported[-1] == (3 * MIB, 3 * MIB)


def test_a_key_that_a_path_would_simplify_to_nothing_is_refused(client: Any, bucket: str) -> None:
    with pytest.raises((compat.CosClientError, qcloud_cos.CosClientError), match="invalid"):
        client.get_object(bucket, "a/..")


def test_such_a_key_is_downloaded_only_if_the_check_is_off(
    ours: Any, bucket: str, tmp_path: Path
) -> None:
    ours.put_object(bucket, b"content", "a/..")
    with pytest.raises(compat.CosClientError, match="invalid"):
        ours.download_file(bucket, "a/..", str(tmp_path / "target"))
    assert not (tmp_path / "target").exists()
    ours.download_file(bucket, "a/..", str(tmp_path / "target"), KeySimplifyCheck=False)
    assert (tmp_path / "target").read_bytes() == b"content"


@pytest.mark.parametrize("size", [0, 10, 3 * MIB + 1])
def test_an_upload_from_a_buffer(client: Any, bucket: str, size: int) -> None:
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    client.upload_file_from_buffer(
        bucket, "buffer", io.BytesIO(content), MaxBufferSize=10, PartSize=1, MAXThread=2
    )
    assert read(client.get_object(bucket, "buffer")) == content


def test_what_has_no_read_is_no_buffer(client: Any, bucket: str) -> None:
    with pytest.raises((compat.CosClientError, qcloud_cos.CosClientError), match="attr read"):
        client.upload_file_from_buffer(bucket, "buffer", b"bytes")


def test_a_buffer_that_reads_short_is_stored_whole(ours: Any, bucket: str) -> None:
    class ShortReads(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 65_537))

    content = bytes(range(256)) * 8192
    ours.upload_file_from_buffer(bucket, "buffer", ShortReads(content), PartSize=1)
    assert read(ours.get_object(bucket, "buffer")) == content


def test_another_storage_class_and_other_headers(client: Any, bucket: str) -> None:
    client.put_object(bucket, b"x", "a", ContentType="text/a")
    client.change_object_storage_class(Bucket=bucket, Key="a", StorageClass="STANDARD_IA")
    assert client.head_object(bucket, "a")["x-cos-storage-class"] == "STANDARD_IA"
    client.update_object_meta(
        Bucket=bucket, Key="a", ContentType="text/html", Metadata={"x-cos-meta-b": "2"}
    )
    head = client.head_object(bucket, "a")
    assert (head["Content-Type"], head["x-cos-meta-b"]) == ("text/html", "2")
    assert read(client.get_object(bucket, "a")) == b"x"


def test_another_storage_class_keeps_headers_and_metadata(ours: Any, bucket: str) -> None:
    meta = {"x-cos-meta-a": "1"}
    ours.put_object(bucket, b"x", "a", ContentType="text/a", CacheControl="no-cache", Metadata=meta)
    ours.change_object_storage_class(bucket, "a", "STANDARD_IA")
    head = ours.head_object(bucket, "a")
    kept = (head["Content-Type"], head["Cache-Control"], head["x-cos-meta-a"])
    assert kept == ("text/a", "no-cache", "1")


def test_a_copy_in_one_request_and_in_parts(ours: Any, owner: Client, bucket: str) -> None:
    content = b"".join(f"{n:1024}".encode() for n in range(3 * 1024 + 7))
    ours.put_object(bucket, content, "source", ContentType="text/a")
    source = {"Bucket": bucket, "Key": "source", "Region": "ap-local"}
    ours.copy(bucket, "whole", source)
    ours.get_conf().set_copy_part_threshold_size(2 * MIB)
    done = ours.copy(bucket, "parts", source, "Copy", 1, 3)
    assert "-4" in done["ETag"]
    for key in ("whole", "parts"):
        got = ours.get_object(bucket, key)
        assert (got["x-cos-hash-crc64ecma"], got["Content-Type"]) == (str(crc64(content)), "text/a")
        assert read(got) == content


def test_accept_encoding_is_ignored_and_content_is_returned_as_stored(
    client: Any, bucket: str
) -> None:
    client.put_object(bucket, b"plain", "a")
    assert read(client.get_object(bucket, "a", AcceptEncoding="identity")) == b"plain"


def test_an_appid_completes_names_everywhere(
    server: LocalServer, owner: Client, bucket: str, tmp_path: Path
) -> None:
    name, _, appid = bucket.rpartition("-")
    content = write_file(tmp_path / "file", 100)
    with compat.CosS3Client(compat.CosConfig(**settings(server), Appid=appid)) as client:
        client.upload_file(name, "a", tmp_path / "file")
        client.copy(name, "b", {"Bucket": name, "Key": "a", "Region": "ap-local"})
        client.copy_object(name, "c", {"Bucket": name, "Appid": appid, "Key": "b"})
        client.change_object_storage_class(name, "c", "STANDARD_IA")
        client.download_file(name, "c", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == content
    public = {"IP": None, "Port": None, "Appid": appid}
    with compat.CosS3Client(compat.CosConfig(**{**settings(server), **public})) as client:
        for url in (
            client.get_presigned_url(name, "a", "GET"),
            client.get_presigned_download_url(name, "a"),
            client.get_object_url(name, "a"),
        ):
            assert f"//{bucket}." in url
    assert set(read_objects(owner, bucket)) == {"a", "b", "c"}


def test_what_the_vendor_lacks_works_under_its_names_too(
    ours: Any, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "source", {"a": b"1", "d/b": b"2"})
    assert ours.upload_dir(bucket, source, "p").transferred == 2
    assert ours.sync(f"cos://{bucket}/p", tmp_path / "target").transferred == 2
    assert read_tree(tmp_path / "target") == {"a": b"1", "d/b": b"2"}
    assert [entry["Key"] for entry in ours.iter_objects(bucket)] == ["p/a", "p/d/b"]
    with pytest.raises(AttributeError):
        _ = ours.no_such_method


def test_switching_domains_is_the_clients_failover() -> None:
    keys: dict[str, Any] = {"Region": "ap-local", "SecretId": "i", "SecretKey": "k"}
    configs: list[ClientConfig] = [
        compat.CosConfig(**keys, AutoSwitchDomainOnRetry=switch).client_config(1)
        for switch in (True, False)
    ]
    assert [config.failover for config in configs] == [True, False]


def test_a_compatible_client_survives_pickling(ours: Any, server: LocalServer, bucket: str) -> None:
    name, _, appid = bucket.rpartition("-")
    config = compat.CosConfig(**settings(server), Appid=appid)
    with compat.CosS3Client(config) as first, pickle.loads(pickle.dumps(first)) as again:
        again.put_object(name, b"x", "a")
        assert read(again.get_object(name, "a")) == b"x"
        assert repr(again) == repr(first)
        assert "CosS3Client(" in repr(again)
        assert server.secret_key not in repr(again)


def test_a_copy_in_parts_between_keys_of_ones_own(ours: compat.CosS3Client, bucket: str) -> None:
    def keys(letter: str, prefix: str = "") -> dict[str, Any]:
        key = letter.encode() * 32
        return {
            f"{prefix}SSECustomerAlgorithm": "AES256",
            f"{prefix}SSECustomerKey": base64.b64encode(key),
            f"{prefix}SSECustomerKeyMD5": base64.b64encode(hashlib.md5(key).digest()),
        }

    content = bytes(3 * MIB)
    ours.put_object(bucket, content, "a", **keys("a"))
    ours.get_conf().set_copy_part_threshold_size(2 * MIB)
    source = {"Bucket": bucket, "Key": "a", "Region": "ap-local"}
    ours.copy(bucket, "b", source, PartSize=1, **keys("b"), **keys("a", "CopySource"))
    assert read(ours.get_object(bucket, "b", **keys("b"))) == content
