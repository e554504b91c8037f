"""Encrypted objects: the files on the disk, the readers, and every range."""

import base64
import itertools
import os
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.protocol.codec.checksums.md5_crc64 import content_md5, crc64
from coskit.server.handlers.body.encrypted_blocks import (
    BLOCK,
    SALT,
    EncryptionKey,
    encrypted_ranges,
    plain_length,
)
from coskit.server.settings import find_master_key
from coskit.server.store.index.database import connect, one
from coskit.server.store.model import Extent
from tests.server.support.http_client import Headers, HTTPClient, Reply
from tests.support.forked_server import ForkedServer

SSE = "x-cos-server-side-encryption"
OWN, OTHER = bytes(range(32)), bytes(range(1, 33))
SERVER = {SSE: "AES256"}
LARGE = b"".join(f"{n:1024}".encode() for n in range(2500)) + b"end"
SIZES = [0, 1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, len(LARGE)]
INVALID, REFUSED = (400, "InvalidArgument"), (400, "SsecDecryptHeaderInvalid")


def customer(key: bytes, prefix: str = "x-cos-") -> dict[str, str]:
    """Return the headers that bring a customer's key."""
    name = f"{prefix}server-side-encryption-customer-"
    text = base64.b64encode(key).decode()
    return {f"{name}algorithm": "AES256", f"{name}key": text, f"{name}key-md5": content_md5(key)}


def source(bucket: str, key: str, secret: bytes | None = None) -> dict[str, str]:
    """Return the headers that name a copy's source."""
    headers = {"x-cos-copy-source": f"{bucket}.cos.ap-local.myqcloud.com/{key}"}
    return headers | (customer(secret, "x-cos-copy-source-") if secret else {})


def encryption_headers(reply: Reply) -> dict[str, str]:
    """Return the encryption headers of a response."""
    return {name: value for name, value in reply.fields if name.startswith(SSE)}


MINE = customer(OWN)
OF_MINE = {
    f"{SSE}-customer-algorithm": "AES256",
    f"{SSE}-customer-key-MD5": MINE[f"{SSE}-customer-key-md5"],
}
KINDS = [(MINE, MINE, OF_MINE), (SERVER, {}, SERVER)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("writing", "reading", "response"), KINDS, ids=["customer", "server"])
def test_an_encrypted_object_comes_back(
    http_client: HTTPClient,
    bucket: str,
    writing: Headers,
    reading: Headers,
    response: Headers,
    size: int,
) -> None:
    content = LARGE[:size]
    md5 = {"content-md5": content_md5(content)}
    put = http_client.request("PUT", f"/{bucket}/key", {**writing, **md5}, content)
    assert put.status == 200
    head, got = (
        http_client.request(method, f"/{bucket}/key", reading) for method in ("HEAD", "GET")
    )
    assert got.body == content
    assert int(head["Content-Length"]) == size
    for reply in (put, head, got):
        assert encryption_headers(reply) == response
        assert reply["ETag"] == put["ETag"]
        assert reply["x-cos-hash-crc64ecma"] == str(crc64(content))
    is_md5 = base64.b64decode(md5["content-md5"]).hex() == put["ETag"].strip('"')
    assert is_md5 == (writing is SERVER or not content)
    assert http_client.request("GET", f"/{bucket}/").text("Size") == str(size)


@pytest.mark.parametrize(("writing", "reading", "response"), KINDS, ids=["customer", "server"])
def test_every_range_is_opened_by_itself(
    http_client: HTTPClient, bucket: str, writing: Headers, reading: Headers, response: Headers
) -> None:
    http_client.request("PUT", f"/{bucket}/key", writing, LARGE)
    edges = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 8 * BLOCK, 17 * BLOCK + 5, len(LARGE) - 1]
    with http_client.connect() as connection:
        for first in edges:
            for last in edges:
                if first <= last:
                    headers = {**reading, "range": f"bytes={first}-{last}"}
                    reply = connection.request(
                        http_client.build_request("GET", f"/{bucket}/key", headers)
                    )
                    assert reply.status == 206
                    assert reply.body == LARGE[first : last + 1], (first, last)


def test_a_body_that_is_not_the_promised_one_is_refused(
    http_client: HTTPClient, bucket: str
) -> None:
    headers = {**MINE, "content-md5": content_md5(b"other")}
    assert http_client.request("PUT", f"/{bucket}/key", headers, b"body").outcome == (
        400,
        "BadDigest",
    )
    assert http_client.request("HEAD", f"/{bucket}/key", MINE).status == 404


@pytest.mark.parametrize("size", [100, len(LARGE)])
def test_without_the_customers_key_nothing_is_read(
    http_client: HTTPClient, bucket: str, size: int
) -> None:
    http_client.request("PUT", f"/{bucket}/key", {**MINE, "x-cos-acl": "public-read"}, LARGE[:size])
    target = f"/{bucket}/key"
    for headers, outcome in [
        ({}, REFUSED),
        (customer(OTHER), REFUSED),
        ({**MINE, f"{SSE}-customer-key-md5": content_md5(OTHER)}, INVALID),
        ({**MINE, f"{SSE}-customer-key-md5": ""}, INVALID),
        ({**MINE, f"{SSE}-customer-algorithm": "AES128"}, INVALID),
        (customer(OWN[:16]), INVALID),
        ({**MINE, f"{SSE}-customer-key": "no base64"}, INVALID),
    ]:
        assert http_client.request("GET", target, headers).outcome == outcome
        assert http_client.request("HEAD", target, headers).status == outcome[0]
    copy = http_client.request("PUT", f"/{bucket}/copy", source(bucket, "key"), b"")
    assert copy.outcome == REFUSED
    assert http_client.request("GET", target, signed=False).outcome == (403, "AccessDenied")
    assert http_client.request("GET", target, MINE, signed=False).outcome == (403, "AccessDenied")


def test_what_the_server_encrypts_is_not_for_the_public(
    http_client: HTTPClient, bucket: str
) -> None:
    http_client.request("PUT", f"/{bucket}/key", {**SERVER, "x-cos-acl": "public-read"}, b"content")
    assert http_client.request("GET", f"/{bucket}/key", signed=False).outcome == (
        403,
        "AccessDenied",
    )


@pytest.mark.parametrize("writing", [{}, SERVER], ids=["plain", "server"])
def test_a_key_that_nothing_needs_is_refused(
    http_client: HTTPClient, bucket: str, writing: Headers
) -> None:
    http_client.request("PUT", f"/{bucket}/key", writing, b"content")
    outcome = (400, "SSEHeaderNotAllowed")
    assert http_client.request("GET", f"/{bucket}/key", MINE).outcome == outcome
    assert (
        http_client.request("PUT", f"/{bucket}/c", source(bucket, "key", OWN), b"").outcome
        == outcome
    )
    assert (
        http_client.request("PUT", f"/{bucket}/key", {**MINE, **SERVER}, b"content").outcome
        == INVALID
    )


@pytest.mark.parametrize("size", [0, 100, len(LARGE)])
def test_copies_are_sealed_as_they_are_asked_to_be(
    http_client: HTTPClient, bucket: str, size: int
) -> None:
    content = LARGE[:size]
    http_client.request("PUT", f"/{bucket}/plain", {}, content)
    http_client.request("PUT", f"/{bucket}/server", SERVER, content)
    http_client.request("PUT", f"/{bucket}/mine", MINE, content)
    sources = [("plain", None), ("server", None), ("mine", OWN)]
    targets = [({}, {}), (SERVER, {}), (MINE, MINE), (customer(OTHER), customer(OTHER))]
    for name, secret in sources:
        for writing, reading in targets:
            headers = {**source(bucket, name, secret), **writing}
            reply = http_client.request("PUT", f"/{bucket}/copy", headers, b"")
            assert reply.status == 200, (name, writing)
            assert reply.text("CRC64") == str(crc64(content))
            found = http_client.request("GET", f"/{bucket}/copy", reading)
            assert found.body == content, (name, writing)
            assert found["ETag"] == reply.text("ETag")
            assert encryption_headers(found) == encryption_headers(reply)
            if writing == customer(OTHER):
                assert http_client.request("GET", f"/{bucket}/copy", MINE).outcome == REFUSED
    # An object is sealed where it is, and opened again.
    for writing, secret, reading in [(MINE, None, MINE), ({}, OWN, {})]:
        headers = {**source(bucket, "plain", secret), **writing}
        assert http_client.request("PUT", f"/{bucket}/plain", headers, b"").status == 200
        assert http_client.request("GET", f"/{bucket}/plain", reading).body == content


def complete(
    http_client: HTTPClient, target: str, etags: list[str], headers: Headers | None = None
) -> Reply:
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in enumerate(etags, 1)
    )
    document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
    return http_client.request("POST", target, headers, document.encode())


@pytest.mark.parametrize(("writing", "reading", "response"), KINDS, ids=["customer", "server"])
def test_parts_are_sealed_one_by_one(
    http_client: HTTPClient, bucket: str, writing: Headers, reading: Headers, response: Headers
) -> None:
    http_client.request("PUT", f"/{bucket}/source", writing, LARGE)
    begun = http_client.request("POST", f"/{bucket}/key?uploads", writing)
    assert encryption_headers(begun) == response
    target = f"/{bucket}/key?uploadId={begun.text('UploadId')}"
    part = target.replace("?", "?partNumber=%d&")
    etags = []
    for number in (1, 2):
        reply = http_client.request("PUT", part % number, reading, LARGE)
        assert encryption_headers(reply) == response
        etags.append(reply["ETag"])
    span = {"x-cos-copy-source-range": f"bytes={BLOCK - 7}-{2 * BLOCK + 7}"}
    key = OWN if writing is MINE else None
    copied = http_client.request(
        "PUT", part % 3, {**source(bucket, "source", key), **span, **reading}, b""
    )
    assert encryption_headers(copied) == response
    etags.append(copied.text("ETag"))
    if writing is MINE:
        for headers in ({}, customer(OTHER)):
            assert http_client.request("PUT", part % 4, headers, b"x").outcome == REFUSED
            assert (
                complete(http_client, target, etags, headers or customer(OTHER)).outcome == REFUSED
            )
    done = complete(http_client, target, etags)
    assert done.status == 200
    content = LARGE * 2 + LARGE[BLOCK - 7 : 2 * BLOCK + 8]
    assert done["x-cos-hash-crc64ecma"] == str(crc64(content))
    assert (
        f"{SSE}-customer-algorithm" in done
        if writing is MINE
        else encryption_headers(done) == response
    )
    assert http_client.request("GET", f"/{bucket}/key", reading).body == content
    edge = {**reading, "range": f"bytes={len(LARGE) - 3}-{2 * len(LARGE) + 3}"}
    found = http_client.request("GET", f"/{bucket}/key", edge)
    assert found.body == content[len(LARGE) - 3 : 2 * len(LARGE) + 4]


def test_a_part_brings_no_key_where_the_upload_has_none(
    http_client: HTTPClient, bucket: str
) -> None:
    upload = http_client.request("POST", f"/{bucket}/key?uploads").text("UploadId")
    target = f"/{bucket}/key?partNumber=1&uploadId={upload}"
    assert http_client.request("PUT", target, MINE, b"x").outcome == (400, "SSEHeaderNotAllowed")


def test_appending_does_not_encrypt(http_client: HTTPClient, bucket: str) -> None:
    for headers in (MINE, SERVER):
        reply = http_client.request("POST", f"/{bucket}/log?append&position=0", headers, b"x")
        assert reply.outcome == (501, "NotImplemented")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Give the directory of a server that has kept four encrypted objects and has ended."""
    with ForkedServer(tmp_path, buckets=["b-1"]) as server:
        http_client = HTTPClient.of(server)
        for name, headers in (("mine", MINE), ("server", SERVER)):
            assert (
                http_client.request("PUT", f"/b-1/{name}-small", headers, b"s3cret" * 100).status
                == 200
            )
            assert (
                http_client.request(
                    "PUT", f"/b-1/{name}-large", headers, b"s3cret" * 100_000
                ).status
                == 200
            )
    return tmp_path


def test_neither_content_nor_keys_lie_on_the_disk(directory: Path) -> None:
    text = base64.b64encode(OWN)
    sought = [b"s3crets3cret", OWN, text, OWN.hex().encode(), content_md5(OWN).encode()]
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert len([path for path in files if "blobs" in path.parts]) == 2
    for path in files:
        content = path.read_bytes()
        assert not [item for item in sought if item in content], path
    assert (directory / "master.key").stat().st_mode & 0o777 == 0o600


def test_a_restart_opens_what_was_sealed(directory: Path) -> None:
    with ForkedServer(directory) as server:
        http_client = HTTPClient.of(server)
        for name, headers in (("mine", MINE), ("server", {})):
            assert http_client.request("GET", f"/b-1/{name}-small", headers).body == b"s3cret" * 100
            assert (
                http_client.request("GET", f"/b-1/{name}-large", headers).body
                == b"s3cret" * 100_000
            )


def test_another_master_key_does_not_give_out_wrong_bytes(directory: Path) -> None:
    (directory / "master.key").write_text(os.urandom(32).hex())
    with ForkedServer(directory) as server:
        http_client = HTTPClient.of(server)
        assert http_client.request("GET", "/b-1/server-small").outcome == (500, "InternalError")
        assert http_client.request("GET", "/b-1/mine-small", MINE).body == b"s3cret" * 100


@pytest.mark.parametrize("text", ["", "00", "no key"])
def test_a_damaged_master_key_is_not_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "master.key").write_text(text)
    with pytest.raises(ValueError, match="holds no valid key"):
        find_master_key(tmp_path)
    assert (tmp_path / "master.key").read_text() == text


def test_damaged_blocks_are_not_given_out(directory: Path) -> None:
    # The bytes and their checksum are changed alike: only the block's tag can tell.
    with closing(connect(directory / "index.db")) as db:
        blob_id, data = one(db, "SELECT id, data FROM blob WHERE data NOT NULL")
        data = data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]
        crc = crc64(data)
        signed = crc - (1 << 64) if crc >> 63 else crc
        db.execute("UPDATE blob SET data = ?, crc64 = ? WHERE id = ?", (data, signed, blob_id))
    with ForkedServer(directory) as server:
        reply = HTTPClient.of(server).request("GET", "/b-1/mine-small", MINE)
        assert reply.outcome == (500, "InternalError")
        assert b"s3cret" not in reply.body


def test_no_two_bodies_look_alike(tmp_path: Path) -> None:
    with ForkedServer(tmp_path, buckets=["b-1"]) as server:
        etags = {
            HTTPClient.of(server).request("PUT", f"/b-1/{n}", MINE, b"same")["ETag"]
            for n in range(5)
        }
    assert len(etags) == 5


def test_a_key_does_not_show(capsys: pytest.CaptureFixture[str]) -> None:
    key = EncryptionKey("customer", OWN)
    assert "secret" not in repr(key)
    fingerprint = key.fingerprint()
    assert key.matches(fingerprint)
    assert not EncryptionKey("customer", OTHER).matches(fingerprint)
    assert not EncryptionKey("server", OWN).matches(fingerprint)
    assert OWN.hex() not in fingerprint


@given(st.lists(st.integers(1, 300_000), min_size=1, max_size=4), st.data())
def test_pieces_name_every_wanted_byte_once(sizes: list[int], data: st.DataObject) -> None:
    extents = [
        Extent(str(n), 0, SALT + size + -(-size // BLOCK) * 16) for n, size in enumerate(sizes)
    ]
    assert [plain_length(extent.length) for extent in extents] == sizes
    first = data.draw(st.integers(0, sum(sizes) - 1))
    length = data.draw(st.integers(1, sum(sizes) - first))
    named = []
    for piece in encrypted_ranges(extents, first, length):
        start = sum(sizes[: int(piece.extents[0].blob_id)]) + piece.block * BLOCK + piece.skip
        named.append((start, start + piece.length))
        assert plain_length(piece.sealed + SALT) >= piece.skip + piece.length
    assert named[0][0] == first
    assert named[-1][1] == first + length
    assert all(one[1] == two[0] for one, two in itertools.pairwise(named))
