"""Objects in the vendor's encryption format: each SDK reads the other's."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import qcloud_cos
import qcloud_cos.cos_encryption_client
import qcloud_cos.crypto

from coskit import compat
from coskit.compat.cos_encryption_client import CosEncryptionClient
from coskit.compat.crypto import AESProvider, RSAProvider
from coskit.protocol.errors import CosClientError, ParameterError, SourceChanged
from coskit.testing import LocalServer
from tests.end_to_end.compat.test_compat_surface import conf_of
from tests.end_to_end.transfers.test_bodies import ChangingFile

CONTENT = bytes(range(256)) * 300 + b"end"
AES_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.fixture(params=["aes", "rsa", "rsa given"])
def providers(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: Any) -> tuple[Any, Any]:
    """Return the same master key for both SDKs."""
    monkeypatch.setenv("HOME", str(tmp_path))
    if request.param == "aes":
        return AESProvider(AES_KEY), qcloud_cos.crypto.AESProvider(AES_KEY)
    made = RSAProvider()
    if request.param == "rsa":
        return made, qcloud_cos.crypto.RSAProvider()
    home = tmp_path / ".cos_local_rsa"
    pair = [(home / name).read_bytes() for name in (".public_key.pem", ".private_key.pem")]
    theirs = qcloud_cos.crypto.RSAProvider
    return (
        RSAProvider(RSAProvider.get_rsa_key_pair(*pair)),
        theirs(theirs.get_rsa_key_pair(*pair)),
    )


@pytest.fixture
def pair(providers: tuple[Any, Any], server: LocalServer) -> Iterator[tuple[Any, Any]]:
    """Yield a client of each SDK."""
    place: dict[str, Any] = {
        "Region": "ap-local",
        "Scheme": "http",
        "IP": "127.0.0.1",
        "Port": server.port,
    }
    keys = {"SecretId": server.secret_id, "SecretKey": server.secret_key}
    theirs = qcloud_cos.CosConfig(**place, **keys)
    with CosEncryptionClient(conf_of(server), providers[0]) as ours:
        yield ours, qcloud_cos.cos_encryption_client.CosEncryptionClient(theirs, providers[1])


def read(response: Any) -> bytes:
    """Return the content of a response."""
    found = b""
    while piece := response["Body"].read(1000):
        found += piece
    return found


def test_each_reads_what_the_other_wrote(pair: tuple[Any, Any], bucket: str) -> None:
    for writer, reader in (pair, pair[::-1]):
        writer.put_object(bucket, CONTENT, "a")
        assert read(reader.get_object(bucket, "a")) == CONTENT
        assert read(reader.get_object(bucket, "a", Range="bytes=5-3000")) == CONTENT[5:3001]
        upload = writer.create_multipart_upload(bucket, "m")["UploadId"]
        pieces = [CONTENT * 20, CONTENT * 15, b"last"]
        for number, piece in enumerate(pieces, 1):
            writer.upload_part(bucket, "m", piece, number, upload)
        parts = writer.list_parts(bucket, "m", upload)["Part"]
        writer.complete_multipart_upload(bucket, "m", upload, {"Part": parts})
        assert read(reader.get_object(bucket, "m")) == b"".join(pieces)


@pytest.fixture
def client(server: LocalServer) -> Iterator[CosEncryptionClient]:
    """Yield a client with an AES key."""
    with CosEncryptionClient(conf_of(server), AESProvider(AES_KEY)) as made:
        yield made


def bodies() -> list[Any]:
    """Return every kind of body."""
    begun = io.BytesIO(b"skipped" + CONTENT)
    begun.seek(7)
    pieces = iter([CONTENT[:9], CONTENT[9:]])
    return [CONTENT, bytearray(CONTENT), io.BytesIO(CONTENT), begun, pieces]


def test_every_kind_of_content_is_encrypted(
    client: CosEncryptionClient, bucket: str, server: LocalServer
) -> None:
    plain = compat.CosS3Client(conf_of(server))
    for body in bodies():
        client.put_object(bucket, body, "a", Metadata={"x-cos-meta-own": "1"})
        stored = plain.get_object(bucket, "a")
        assert stored["x-cos-meta-own"] == "1"
        raw = stored["Body"].read(-1)
        assert len(raw) == len(CONTENT)
        assert CONTENT[:16] not in raw
        assert read(client.get_object(bucket, "a", Range="bytes=-20")) == CONTENT[-20:]
        assert read(client.get_object(bucket, "a")) == CONTENT


NO_CONTENT: dict[str, Callable[[], Any]] = {
    "a mapping": lambda: {"a": 1},
    "a mapping of bytes": lambda: {b"a": 1},
    "a set": lambda: {b"a"},
    "a number": lambda: 5,
    "numbers": lambda: [1, 2],
    "a list of text": lambda: ["a"],
    "an iterator that yields None": lambda: iter((b"a", None, b"c")),
    "a text file": lambda: io.StringIO("a"),
    "a path": lambda: Path("/etc/hostname"),
    "nothing": lambda: None,
}


@pytest.mark.parametrize("make", NO_CONTENT.values(), ids=NO_CONTENT)
def test_what_is_no_content_is_refused(
    client: CosEncryptionClient, bucket: str, make: Callable[[], Any]
) -> None:
    with pytest.raises(ParameterError):
        client.put_object(bucket, make(), "k")
    assert not client.object_exists(bucket, "k")
    upload = client.create_multipart_upload(bucket, "m")["UploadId"]
    with pytest.raises(ParameterError):
        client.upload_part(bucket, "m", make(), 1, upload)
    assert not client.list_parts(bucket, "m", upload).get("Part")


def test_a_file_that_changes_while_it_is_sent(
    client: CosEncryptionClient, bucket: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(3 << 20))
    with ChangingFile(path) as file, pytest.raises(SourceChanged):
        client.put_object(bucket, file, "k")
    assert not client.object_exists(bucket, "k")


def test_uploads_side_by_side_keep_their_counters_apart(
    client: CosEncryptionClient, bucket: str
) -> None:
    uploads = {key: client.create_multipart_upload(bucket, key)["UploadId"] for key in "ab"}
    for number in (1, 2):
        for key, upload in uploads.items():
            body = key.encode() * (1 << 20)
            client.upload_part(bucket, key, body, number, upload)
            client.upload_part(bucket, key, body, number, upload)
    for key, upload in uploads.items():
        parts = client.list_parts(bucket, key, upload)["Part"]
        client.complete_multipart_upload(bucket, key, upload, {"Part": parts})
        assert read(client.get_object(bucket, key)) == key.encode() * (2 << 20)


def test_what_could_not_be_read_again_is_refused(
    client: CosEncryptionClient, bucket: str, server: LocalServer, tmp_path: Path
) -> None:
    upload = client.create_multipart_upload(bucket, "m")["UploadId"]
    with pytest.raises(CosClientError, match="order"):
        client.upload_part(bucket, "m", b"x", 2, upload)
    client.upload_part(bucket, "m", b"x", 1, upload)
    with pytest.raises(CosClientError, match="length"):
        client.upload_part(bucket, "m", b"longer", 1, upload)
    other = CosEncryptionClient(conf_of(server), AESProvider(AES_KEY))
    with pytest.raises(CosClientError, match="began"):
        other.upload_part(bucket, "m", b"x", 1, upload)
    compat.CosS3Client(conf_of(server)).put_object(bucket, b"plain", "p")
    with pytest.raises(CosClientError, match="not encrypted"):
        client.get_object(bucket, "p")
    (tmp_path / "f").write_bytes(b"x")
    for name, given in (
        ("upload_file", (bucket, "k", str(tmp_path / "f"))),
        ("upload_stream", (bucket, "k", io.BytesIO(b"x"))),
        ("append_object", (bucket, "k", 0, b"x")),
        ("download_file", (bucket, "p", str(tmp_path / "t"))),
    ):
        with pytest.raises(CosClientError, match="does not encrypt"):
            getattr(client, name)(*given)
    assert not client.object_exists(bucket, "k")
