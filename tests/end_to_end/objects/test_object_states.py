"""Conditions, archives and appending through both clients and through the vendor's package."""

import base64
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.protocol.errors import (
    AppendPositionErr,
    FileAlreadyExists,
    InvalidObjectState,
    PreconditionFailed,
    RestoreAlreadyInProgress,
    RestoreNonArchiveObject,
    SsecDecryptHeaderInvalid,
)
from coskit.testing import LocalServer
from tests.support.local import write_file
from tests.support.worlds import World

SSE = "x-cos-server-side-encryption"
SECRET = bytes(range(32))
MINE = {
    "SSECustomerAlgorithm": "AES256",
    "SSECustomerKey": base64.b64encode(SECRET).decode(),
    "SSECustomerKeyMD5": content_md5(SECRET),
}


@pytest.fixture(params=["sync", "async"])
def world(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[World]:
    """Yield each kind of client of the server."""
    settings = {
        "endpoint": server.endpoint,
        "secret_id": server.secret_id,
        "secret_key": server.secret_key,
    }
    with World(request.param, **settings) as client:
        yield client


@pytest.fixture(params=["qcloud_cos", "coskit.compat"])
def vendor(request: pytest.FixtureRequest, server: LocalServer) -> tuple[Any, type[Exception]]:
    """Yield a client with the vendor's interface and its error class."""
    sdk = importlib.import_module(request.param)
    config = sdk.CosConfig(
        Region="ap-local",
        SecretId=server.secret_id,
        SecretKey=server.secret_key,
        Scheme="http",
        IP="127.0.0.1",
        Port=server.port,
    )
    return sdk.CosS3Client(config, retry=0), sdk.CosServiceError


def test_writes_under_conditions(world: World, bucket: str) -> None:
    etag = world.put_object(bucket, b"1", "key", IfNoneMatch="*")["ETag"]
    world.put_object(bucket, b"other", "other")
    source = {"Bucket": bucket, "Key": "other"}
    with pytest.raises(PreconditionFailed):
        world.put_object(bucket, b"2", "key", IfNoneMatch="*")
    with pytest.raises(FileAlreadyExists):
        world.copy_object(bucket, "key", source, ForbidOverwrite="true")
    world.put_object(bucket, b"2", "key", IfMatch=etag)
    with pytest.raises(PreconditionFailed):
        world.put_object(bucket, b"3", "key", IfMatch=etag)
    assert world.fetch(bucket, "key") == b"2"


def test_a_large_file_is_uploaded_under_a_condition(
    world: World, bucket: str, tmp_path: Path
) -> None:
    content = write_file(tmp_path / "file", 21 << 20)
    file = tmp_path / "file"
    world.upload_file(bucket, "key", file, PartSize=8, ForbidOverwrite="true")
    with pytest.raises(FileAlreadyExists):
        world.upload_file(bucket, "key", file, PartSize=8, ForbidOverwrite="true")
    with pytest.raises(PreconditionFailed):
        world.upload_file(bucket, "key", file, PartSize=8, IfNoneMatch="*")
    assert world.fetch(bucket, "key") == content
    assert "Upload" not in world.list_multipart_uploads(bucket)


def test_an_archived_object_is_asked_for(world: World, bucket: str) -> None:
    world.put_object(bucket, b"x", "key", StorageClass="ARCHIVE")
    with pytest.raises(InvalidObjectState):
        world.fetch(bucket, "key")
    request = {"Days": 2, "CASJobParameters": {"Tier": "Bulk"}}
    assert world.restore_object(bucket, "key", request) is None
    with pytest.raises(RestoreAlreadyInProgress):
        world.restore_object(bucket, "key", {"Days": 2, "CASJobParameters": {"Tier": "Bulk"}})
    world.restore_object(bucket, "key", {"Days": 2, "CASJobParameters": {"Tier": "Expedited"}})
    head = world.head_object(bucket, "key")
    assert head["x-cos-restore"] == 'ongoing-request="true"'
    assert head["x-cos-restore-status"].startswith('tier="expedited"; request-date="')
    assert world.list_objects(bucket)["Contents"][0]["RestoreStatus"] == "ONGOING"
    world.put_object(bucket, b"x", "key")
    with pytest.raises(RestoreNonArchiveObject):
        world.restore_object(bucket, "key", {"Days": 2})


def test_encrypted_objects(world: World, bucket: str, tmp_path: Path) -> None:
    assert world.put_object(bucket, b"x", "server", ServerSideEncryption="AES256")[SSE] == "AES256"
    assert world.get_object(bucket, "server")[SSE] == "AES256"
    world.put_object(bucket, b"content", "mine", **MINE)
    with pytest.raises(SsecDecryptHeaderInvalid):
        world.fetch(bucket, "mine")
    assert world.fetch(bucket, "mine", Range="bytes=3-", **MINE) == b"tent"
    assert world.head_object(bucket, "mine", **MINE)["Content-Length"] == "7"
    of_source = {f"CopySource{name}": value for name, value in MINE.items()}
    world.copy_object(bucket, "copy", {"Bucket": bucket, "Key": "mine"}, **of_source)
    assert world.fetch(bucket, "copy") == b"content"
    content = write_file(tmp_path / "file", 21 << 20)
    world.upload_file(bucket, "large", tmp_path / "file", PartSize=8, **MINE)
    assert world.fetch(bucket, "large", **MINE) == content


def test_an_object_grows(world: World, bucket: str) -> None:
    first = world.append_object(bucket, "log", 0, b"one ", ContentType="text/log")
    assert first["x-cos-next-append-position"] == "4"
    second = world.append_object(bucket, "log", 4, "two")
    assert second["ETag"] == world.head_object(bucket, "log")["ETag"] != first["ETag"]
    with pytest.raises(AppendPositionErr):
        world.append_object(bucket, "log", 4, b"lost")
    assert world.fetch(bucket, "log") == b"one two"


def test_the_vendors_sdk_appends(vendor: tuple[Any, type[Exception]], bucket: str) -> None:
    client, error = vendor
    reply = client.append_object(Bucket=bucket, Key="log", Position=0, Data=b"one ")
    position = int(reply["x-cos-next-append-position"])
    client.append_object(Bucket=bucket, Key="log", Position=position, Data=b"two")
    found = client.get_object(Bucket=bucket, Key="log")
    assert found["Body"].get_raw_stream().read() == b"one two"
    assert found["x-cos-object-type"] == "appendable"
    with pytest.raises(error) as caught:
        client.append_object(Bucket=bucket, Key="log", Position=3, Data=b"x")
    assert caught.value.get_error_code() == "AppendPositionErr"  # type: ignore[attr-defined]


def test_the_vendors_sdk_encrypts(
    vendor: tuple[Any, type[Exception]], bucket: str, tmp_path: Path
) -> None:
    client, error = vendor
    place = {"Bucket": bucket, "Key": "key"}
    client.put_object(**place, Body=b"content", ServerSideEncryption="AES256")
    assert client.head_object(**place)[SSE] == "AES256"
    client.put_object(**place, Body=b"content", **MINE)
    assert client.get_object(**place, **MINE)["Body"].get_raw_stream().read() == b"content"
    with pytest.raises(error) as caught:
        client.get_object(**place)
    assert caught.value.get_error_code() == "SsecDecryptHeaderInvalid"  # type: ignore[attr-defined]
    content = write_file(tmp_path / "file", 21 << 20)
    client.upload_file(**place, LocalFilePath=str(tmp_path / "file"), PartSize=8, **MINE)
    assert client.get_object(**place, **MINE)["Body"].get_raw_stream().read() == content


def test_the_vendors_sdk_restores(vendor: tuple[Any, type[Exception]], bucket: str) -> None:
    client, error = vendor
    client.put_object(Bucket=bucket, Key="key", Body=b"x", StorageClass="DEEP_ARCHIVE")
    job = {"Days": 3, "CASJobParameters": {"Tier": "Standard"}}
    client.restore_object(Bucket=bucket, Key="key", RestoreRequest=job)
    assert "x-cos-restore-status" in client.head_object(Bucket=bucket, Key="key")
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: client.get_object(Bucket=bucket, Key="key"), "InvalidObjectState"),
        (
            lambda: client.restore_object(Bucket=bucket, Key="key", RestoreRequest=job),
            "RestoreAlreadyInProgress",
        ),
    ]
    for call, code in calls:
        with pytest.raises(error) as caught:
            call()
        assert caught.value.get_error_code() == code  # type: ignore[attr-defined]
