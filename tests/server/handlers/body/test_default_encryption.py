"""Encryption with named keys, and default encryption of buckets."""

import pytest

from coskit.testing import LocalServer
from tests.server.support.accounts import FRIEND, account_client
from tests.server.support.http_client import Headers, HTTPClient, Reply
from tests.server.support.s3 import request_s3

SSE = "x-amz-server-side-encryption"
KMS = {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "team/blue"}
OTHER = {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "team/red"}
LARGE = b"".join(f"{n:1024}".encode() for n in range(200))
RULE = (
    b"<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>%s"
    b"</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
)
AES = RULE % b"<SSEAlgorithm>AES256</SSEAlgorithm>"
BLUE = RULE % b"<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>team/blue</KMSMasterKeyID>"


def encryption_headers(reply: Reply) -> dict[str, str]:
    """Return the encryption headers of a response."""
    return {name: value for name, value in reply.fields if name.startswith(SSE)}


@pytest.mark.parametrize("content", [b"", b"12345", LARGE], ids=len)
def test_what_a_named_key_has_sealed_comes_back(
    http_client: HTTPClient, bucket: str, content: bytes
) -> None:
    assert encryption_headers(request_s3(http_client, "PUT", f"/{bucket}/k", KMS, content)) == KMS
    for _ in range(2):  # another key of the same object would not open it
        read = request_s3(http_client, "GET", f"/{bucket}/k")
        assert (read.status, read.body, encryption_headers(read)) == (200, content, KMS)
        assert request_s3(http_client, "PUT", f"/{bucket}/other", OTHER, content).status == 200
    assert encryption_headers(request_s3(http_client, "HEAD", f"/{bucket}/other")) == OTHER
    part = request_s3(http_client, "GET", f"/{bucket}/k", {"range": "bytes=1-3"})
    assert part.body == content[1:4] or not content


def test_cos_returns_the_encryption_under_its_own_names(
    http_client: HTTPClient, bucket: str
) -> None:
    request_s3(http_client, "PUT", f"/{bucket}/k", KMS, b"12345")
    reply = http_client.request("GET", f"/{bucket}/k")
    assert (reply.body, reply["x-cos-server-side-encryption"]) == (b"12345", "cos/kms")
    assert reply["x-cos-server-side-encryption-cos-kms-key-id"] == "team/blue"
    asked = {"x-cos-server-side-encryption": "cos/kms"}
    assert http_client.request("PUT", f"/{bucket}/unnamed", asked, b"1").status == 200
    assert (
        encryption_headers(request_s3(http_client, "HEAD", f"/{bucket}/unnamed"))[
            f"{SSE}-aws-kms-key-id"
        ]
        == "default"
    )


def test_a_copy_is_sealed_with_the_key_that_it_asks_for(
    http_client: HTTPClient, bucket: str
) -> None:
    request_s3(http_client, "PUT", f"/{bucket}/k", KMS, LARGE)
    source = {"x-amz-copy-source": f"/{bucket}/k"}
    assert request_s3(http_client, "PUT", f"/{bucket}/red", {**source, **OTHER}).status == 200
    assert request_s3(http_client, "PUT", f"/{bucket}/open", source).status == 200
    red, free = (
        request_s3(http_client, "GET", f"/{bucket}/red"),
        request_s3(http_client, "GET", f"/{bucket}/open"),
    )
    assert (red.body == free.body == LARGE, encryption_headers(red), encryption_headers(free)) == (
        True,
        OTHER,
        {},
    )


@pytest.mark.parametrize(
    "headers",
    [
        {SSE: "AES256", f"{SSE}-aws-kms-key-id": "team/blue"},
        {f"{SSE}-aws-kms-key-id": "team/blue"},
        {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "no key"},
        {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "k" * 257},
        {SSE: "aes:kms"},
    ],
    ids=str,
)
def test_a_key_that_makes_no_sense_seals_nothing(
    http_client: HTTPClient, bucket: str, headers: Headers
) -> None:
    reply = request_s3(http_client, "PUT", f"/{bucket}/k", headers, b"12345")
    assert reply.outcome == (400, "InvalidArgument")
    assert request_s3(http_client, "HEAD", f"/{bucket}/k").status == 404


def test_a_context_is_not_taken_for_done(http_client: HTTPClient, bucket: str) -> None:
    headers = {**KMS, f"{SSE}-context": "e30="}
    assert request_s3(http_client, "PUT", f"/{bucket}/k", headers, b"1").outcome == (
        501,
        "NotImplemented",
    )


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_says_nothing_of_the_encryption(
    http_client: HTTPClient, bucket: str, method: str
) -> None:
    request_s3(http_client, "PUT", f"/{bucket}/sealed", KMS, b"1")
    request_s3(http_client, "PUT", f"/{bucket}/open", {}, b"1")
    for key in ("sealed", "open"):
        assert request_s3(http_client, method, f"/{bucket}/{key}", KMS).status == 400


@pytest.mark.parametrize(
    ("document", "expected"), [(AES, {SSE: "AES256"}), (BLUE, KMS)], ids=["server", "named"]
)
def test_a_bucket_seals_what_is_stored_without_a_word_on_it(
    http_client: HTTPClient, bucket: str, document: bytes, expected: Headers
) -> None:
    request_s3(http_client, "PUT", f"/{bucket}/before", {}, b"12345")
    assert request_s3(http_client, "PUT", f"/{bucket}/?encryption", {}, document).status == 200
    assert (
        encryption_headers(request_s3(http_client, "PUT", f"/{bucket}/k", {}, b"12345")) == expected
    )
    assert http_client.request("PUT", f"/{bucket}/cos", {}, b"12345").status == 200
    begun = request_s3(http_client, "POST", f"/{bucket}/joined?uploads")
    upload = f"/{bucket}/joined?uploadId={begun.text('UploadId')}"
    etag = request_s3(http_client, "PUT", f"{upload}&partNumber=1", {}, b"12345")["ETag"]
    listed = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    completion = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
    assert request_s3(http_client, "POST", upload, {}, completion).status == 200
    for key in ("k", "cos", "joined"):
        read = request_s3(http_client, "GET", f"/{bucket}/{key}")
        assert (read.body, encryption_headers(read)) == (b"12345", expected), key
    assert encryption_headers(request_s3(http_client, "HEAD", f"/{bucket}/before")) == {}
    assert (
        encryption_headers(request_s3(http_client, "PUT", f"/{bucket}/red", OTHER, b"1")) == OTHER
    )


def test_the_default_comes_back_as_it_was_put_until_it_is_deleted(
    http_client: HTTPClient, bucket: str
) -> None:
    missing = (404, "ServerSideEncryptionConfigurationNotFoundError")
    target = f"/{bucket}/?encryption"
    assert request_s3(http_client, "GET", target).outcome == missing
    assert request_s3(http_client, "PUT", target, {}, BLUE).status == 200
    read = request_s3(http_client, "GET", target)
    assert (read.text("SSEAlgorithm"), read.text("KMSMasterKeyID")) == ("aws:kms", "team/blue")
    assert [request_s3(http_client, "DELETE", target).status for _ in range(2)] == [204, 204]
    assert request_s3(http_client, "GET", target).outcome == missing
    assert encryption_headers(request_s3(http_client, "PUT", f"/{bucket}/k", {}, b"1")) == {}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (RULE % b"<SSEAlgorithm>rot13</SSEAlgorithm>", "MalformedXML"),
        (RULE % b"", "MalformedXML"),
        (AES.replace(b"</Rule>", b"</Rule><Rule/>"), "MalformedXML"),
        (BLUE.replace(b"aws:kms", b"AES256"), "InvalidArgument"),
        (BLUE.replace(b"team/blue", b"no key"), "InvalidArgument"),
    ],
)
def test_a_default_that_makes_no_sense_is_refused(
    http_client: HTTPClient, bucket: str, document: bytes, code: str
) -> None:
    assert request_s3(http_client, "PUT", f"/{bucket}/?encryption", {}, document).outcome == (
        400,
        code,
    )
    assert request_s3(http_client, "GET", f"/{bucket}/?encryption").status == 404


def test_the_default_is_for_the_owner_to_set(
    server: LocalServer, http_client: HTTPClient, bucket: str
) -> None:
    friend = account_client(server, FRIEND)
    for method, body in (("GET", b""), ("PUT", AES), ("DELETE", b"")):
        assert request_s3(friend, method, f"/{bucket}/?encryption", {}, body).status == 403
