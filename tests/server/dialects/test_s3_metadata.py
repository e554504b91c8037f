"""User metadata that is not ASCII: encoded words in S3, as it is in COS.

Source: S3, "User-defined object metadata" (RFC 2047); the vendor's SDK sends and reads UTF-8.
"""

from email.header import decode_header, make_header

import pytest

from coskit import Client
from coskit.testing import LocalServer
from tests.server.support.http_client import HTTPClient
from tests.server.support.s3 import S3HTTPClient

VALUES = ["中文", "é", "a é  b", "中" * 300, "=?utf-8?B?w6k=?=", "plain"]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: ascii(value)[:20])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_each_dialect_returns_metadata_under_its_own_names(
    http_client: HTTPClient, bucket: str, method: str, value: str
) -> None:
    assert http_client.request("PUT", f"/{bucket}/k", {"x-cos-meta-a": value}, b"x").status == 200
    returned = S3HTTPClient(http_client).request(method, f"/{bucket}/k")["x-amz-meta-a"]
    assert returned.isascii()
    assert str(make_header(decode_header(returned))) == value
    assert (
        http_client.request(method, f"/{bucket}/k")["x-cos-meta-a"].encode("latin-1").decode()
        == value
    )


@pytest.mark.parametrize(
    "words", ["=?UTF-8?B?5Lit5paH?=", "=?utf-8?q?=E4=B8=AD=E6=96=87?=", "中文"]
)
def test_words_of_a_request_of_s3_are_read(
    http_client: HTTPClient, bucket: str, words: str
) -> None:
    s3 = S3HTTPClient(http_client)
    assert s3.request("PUT", f"/{bucket}/k", {"x-amz-meta-a": words}, b"x").status == 200
    assert (
        http_client.request("GET", f"/{bucket}/k")["x-cos-meta-a"].encode("latin-1").decode()
        == "中文"
    )
    assert s3.request("GET", f"/{bucket}/k")["x-amz-meta-a"] == "=?UTF-8?B?5Lit5paH?="
    source = {"x-amz-copy-source": f"{bucket}/k", "x-amz-metadata-directive": "REPLACE"}
    replaced = {**source, "x-amz-meta-a": words}
    assert s3.request("PUT", f"/{bucket}/copy", replaced, b"").status == 200
    assert (
        http_client.request("GET", f"/{bucket}/copy")["x-cos-meta-a"].encode("latin-1").decode()
        == "中文"
    )


def test_words_of_a_request_of_cos_stay(http_client: HTTPClient, bucket: str) -> None:
    words = "=?UTF-8?B?5Lit5paH?="
    assert http_client.request("PUT", f"/{bucket}/k", {"x-cos-meta-a": words}, b"x").status == 200
    assert http_client.request("GET", f"/{bucket}/k")["x-cos-meta-a"] == words


@pytest.mark.parametrize("value", VALUES, ids=lambda value: ascii(value)[:20])
def test_clients_of_both_dialects_read_each_others(
    server: LocalServer, bucket: str, value: str
) -> None:
    s3_client = Client(
        endpoint=server.endpoint,
        dialect="s3",
        region="ap-local",
        secret_id=server.secret_id,
        secret_key=server.secret_key,
    )
    with server.client() as cos, s3_client as s3:
        clients: list[Client] = [cos, s3]
        for writer in clients:
            writer.put_object(bucket, b"x", "k", Metadata={"x-cos-meta-a": value})
            for reader in clients:
                returned: dict[str, object] = dict(reader.head_object(bucket, "k"))
                assert returned["x-cos-meta-a"] == value
