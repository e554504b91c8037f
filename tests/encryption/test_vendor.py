"""Objects that the vendor's published SDK encrypted, read here; and its defects, not had here."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from qcloud_cos import CosConfig
from qcloud_cos.cos_encryption_client import CosEncryptionClient
from qcloud_cos.crypto import AESProvider, RSAProvider

from coskit import Client
from coskit.encryption import EncryptedClient
from coskit.encryption.errors import NotSealed, SealBroken
from coskit.encryption.master_keys import AESKey, RSAKey
from coskit.protocol.errors import CosServiceError
from coskit.testing import LocalServer
from tests.encryption.conftest import SealedWorld
from tests.encryption.strategies import AES, RSA, text_of
from tests.support.worlds import World

Sealed = Callable[..., SealedWorld]
SECRET = bytes(range(7, 39))
KEYS: dict[str, AESKey | RSAKey] = {
    "AES": AESKey(SECRET),
    "AES of 16 bytes": AESKey(SECRET[:16]),
    "RSA from text": RSA,
    "RSA from files": RSA,
}
SIZES = [0, 1, 15, 16, 17, (1 << 20) + 5]


@pytest.fixture(params=KEYS)
def kind(request: pytest.FixtureRequest) -> str:
    """Name one of the kinds of keys that the vendor's SDK takes."""
    return str(request.param)


@pytest.fixture
def vendor(kind: str, server: LocalServer, tmp_path: Path) -> Any:
    """Give the vendor's encrypting client with that key."""
    pem, public = tmp_path / "private.pem", tmp_path / "public.pem"
    provider: Any
    if kind.startswith("AES"):
        secret = SECRET if kind == "AES" else SECRET[:16]
        provider = AESProvider(aes_key=base64.b64encode(secret).decode())
    else:
        RSA.save(pem)
        RSA.public().save(public)
        pair = RSAProvider.get_rsa_key_pair(public.read_bytes(), pem.read_bytes())
        if kind == "RSA from files":
            pair = RSAProvider.get_rsa_key_pair_path(str(public), str(pem))
        provider = RSAProvider(key_pair_info=pair)
    config = CosConfig(
        Region="ap-local",
        Scheme="http",
        IP="127.0.0.1",
        Port=server.port,
        SecretId=server.secret_id,
        SecretKey=server.secret_key,
    )
    return CosEncryptionClient(config, provider)


def test_what_the_vendor_encrypted_is_read_whole_and_by_range(
    vendor: Any, kind: str, sealed: Sealed, bucket: str
) -> None:
    reader = sealed(AES, vendor_keys=[AESKey.generate(), KEYS[kind]][kind.startswith("AES") :])
    for size in SIZES:
        plain, name = text_of(size), f"中文/键 {size}"
        vendor.put_object(Bucket=bucket, Key=name, Body=io.BytesIO(plain) if size else b"")
        response = reader.get_object(bucket, name)
        assert response["Content-Length"] == str(size)
        assert reader.read(response) == plain, size
        for text in ("0-0", "1-", "-1", "15-16", "16-", "17-40", "70000-", "70001-70020", "-99"):
            first, _, last = text.partition("-")
            start = int(first) if first else max(size - int(last), 0)
            stop = int(last) + 1 if first and last else size
            # The last bytes of an empty object are all of it (RFC 9110 14.1.2).
            if start >= size and first:
                with pytest.raises(CosServiceError) as refusal:
                    reader.get_object(bucket, name, Range=f"bytes={text}")
                assert refusal.value.code == "InvalidRange"
            else:
                got = reader.fetch(bucket, name, Range=f"bytes={text}")
                assert got == plain[start:stop], (size, text)


def test_what_the_vendor_uploaded_in_parts_is_read(
    vendor: Any, kind: str, sealed: Sealed, bucket: str
) -> None:
    parts = [text_of(1 << 20), b"second" * 200_000, b"third"]
    place = {"Bucket": bucket, "Key": "中文"}
    place["UploadId"] = vendor.create_multipart_upload(**place)["UploadId"]
    etags = [
        {"PartNumber": n, "ETag": vendor.upload_part(**place, Body=part, PartNumber=n)["ETag"]}
        for n, part in enumerate(parts, 1)
    ]
    vendor.complete_multipart_upload(**place, MultipartUpload={"Part": etags})
    reader = sealed(AES, vendor_keys=[KEYS[kind]])
    whole = b"".join(parts)
    assert reader.fetch(bucket, "中文") == whole
    start = (1 << 20) - 9
    assert (
        reader.fetch(bucket, "中文", Range=f"bytes={start}-{start + 99}")
        == (whole[start : start + 100])
    )


@pytest.mark.parametrize("kind", ["AES"], indirect=True)
def test_what_nothing_protects_is_read_only_if_asked_for(
    vendor: Any, sealed: Sealed, bucket: str
) -> None:
    vendor.put_object(Bucket=bucket, Key="a", Body=b"content")
    for options in ({}, {"Range": "bytes=0-1"}):
        with pytest.raises(NotSealed, match="vendor_keys"):
            sealed(KEYS["AES"]).get_object(bucket, "a", **options)
    assert sealed().head_object(bucket, "a")["Content-Length"] == "7"


@pytest.mark.parametrize("kind", ["RSA from files"], indirect=True)
def test_another_rsa_key_reads_nothing_of_the_vendor(
    vendor: Any, sealed: Sealed, bucket: str
) -> None:
    vendor.put_object(Bucket=bucket, Key="a", Body=b"content")
    with pytest.raises(SealBroken, match="None of the vendor keys"):
        sealed(AES, vendor_keys=[RSAKey.generate(2048), RSA.public()]).get_object(bucket, "a")


def test_damaged_or_foreign_metadata_of_the_vendor_is_refused(
    world: World, sealed: Sealed, bucket: str
) -> None:
    prefix = "x-cos-meta-client-side-encryption-"
    key, start = base64.b64encode(bytes(32)).decode(), base64.b64encode(bytes(16)).decode()
    for metadata in (
        {"key": key},
        {"key": "?", "iv": start},
        {"key": key, "iv": key},
        {"key": start, "iv": start},
        {"key": key, "iv": start, "cek-alg": "AES/GCM/NoPadding"},
    ):
        named = {prefix + name: text for name, text in metadata.items()}
        world.put_object(bucket, b"content", "a", Metadata=named)
        with pytest.raises(SealBroken):
            sealed(AES, vendor_keys=[KEYS["AES"]]).get_object(bucket, "a")


@pytest.mark.parametrize("size", [17, 22 << 20])
@pytest.mark.parametrize("kind", ["RSA from text"], indirect=True)
def test_what_the_vendor_encrypted_is_downloaded_into_a_file(
    vendor: Any, kind: str, sealed: Sealed, bucket: str, tmp_path: Path, size: int
) -> None:
    plain = text_of(size)
    vendor.put_object(Bucket=bucket, Key="a", Body=plain)
    reader = sealed(AES, vendor_keys=[KEYS[kind]])
    response = reader.download_file(bucket, "a", tmp_path / "target", PartSize=3)
    assert response["Content-Length"] == str(size)
    assert (tmp_path / "target").read_bytes() == plain


@pytest.mark.parametrize("kind", ["AES"], indirect=True)
def test_parts_sent_out_of_order_are_lost_there_and_right_here(
    vendor: Any, kind: str, sealed: Sealed, bucket: str, tmp_path: Path
) -> None:
    # D6: there all parts share one keystream, which they use up in the order of their sending.
    parts = {1: b"1" * (1 << 20), 2: b"2" * (1 << 20)}
    place = {"Bucket": bucket, "Key": "theirs"}
    place["UploadId"] = vendor.create_multipart_upload(**place)["UploadId"]
    etags = {
        number: vendor.upload_part(**place, Body=parts[number], PartNumber=number)["ETag"]
        for number in (2, 1)
    }
    listed = [{"PartNumber": number, "ETag": etags[number]} for number in (1, 2)]
    vendor.complete_multipart_upload(**place, MultipartUpload={"Part": listed})
    reader = sealed(KEYS[kind], vendor_keys=[KEYS[kind]])
    assert reader.fetch(bucket, "theirs") != parts[1] + parts[2]
    content = parts[1] * 25
    (tmp_path / "file").write_bytes(content)
    reader.upload_file(bucket, "ours", tmp_path / "file", MAXThread=8)
    assert reader.fetch(bucket, "ours") == content


@pytest.mark.parametrize("kind", ["RSA from text"], indirect=True)
def test_a_write_in_the_middle_of_another_spoils_it_there_and_not_here(
    vendor: Any, kind: str, sealed: Sealed, owner: Client, bucket: str
) -> None:
    # D7: there all writes share one cipher, so the second key encrypts under the first's name.
    class Meddled(io.BytesIO):
        """A file; when its position is first read, another client stores an object."""

        meddle: Any = None

        def tell(self) -> int:
            if self.meddle is not None:
                meddle, self.meddle = self.meddle, None
                meddle()
            return super().tell()

    plain = text_of(5000)
    reader = sealed(KEYS[kind], vendor_keys=[KEYS[kind]])
    body = Meddled(plain)
    body.meddle = lambda: vendor.put_object(Bucket=bucket, Key="other", Body=b"other")
    vendor.put_object(Bucket=bucket, Key="theirs", Body=body)
    assert reader.fetch(bucket, "theirs") != plain
    ours = EncryptedClient(owner, KEYS[kind])
    body = Meddled(plain)
    body.meddle = lambda: ours.put_object(bucket, b"other", "other")
    ours.put_object(bucket, body, "ours")
    assert (reader.fetch(bucket, "ours"), reader.fetch(bucket, "other")) == (plain, b"other")


@pytest.mark.parametrize("kind", ["AES"], indirect=True)
def test_two_wrapped_keys_of_the_vendor_are_related_and_ours_are_not(
    vendor: Any, sealed: Sealed, world: World, bucket: str
) -> None:
    # D8: one keystream wraps every data key there, so the keys' differences lie open.
    def wrapped(client: Any, name: str) -> list[bytes]:
        for number in (1, 2):
            client.put_object(Bucket=bucket, Key=f"{number}", Body=b"content")
        heads = [world.head_object(bucket, f"{number}") for number in (1, 2)]
        return [base64.b64decode(head[name]) for head in heads]

    def difference(pair: list[bytes]) -> bytes:
        return bytes(a ^ b for a, b in zip(*pair, strict=True))

    theirs = wrapped(vendor, "x-cos-meta-client-side-encryption-key")
    opened = [KEYS["AES"].open_vendor([item])[0] for item in theirs]
    assert difference(theirs) == difference(opened)
    ours = wrapped(sealed(KEYS["AES"]), "x-cos-meta-coskit-key")
    assert ours[0][:32] != ours[1][:32], "each wrapping has a salt, thus a keystream, of its own"
