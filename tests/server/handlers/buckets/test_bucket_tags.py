"""The tags of buckets: put, read, removed, given at creation, and buckets chosen by them."""

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from tests.server.support.http_client import HTTPClient, Reply


def document(*tags: tuple[str, str]) -> bytes:
    """Return a document with tags."""
    pairs = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in tags)
    return f"<Tagging><TagSet>{pairs}</TagSet></Tagging>".encode()


def put(http_client: HTTPClient, bucket: str, body: bytes) -> Reply:
    return http_client.request(
        "PUT", f"/{bucket}/?tagging", {"content-md5": content_md5(body)}, body
    )


def tags(http_client: HTTPClient, bucket: str) -> list[tuple[str, str]]:
    read = http_client.request("GET", f"/{bucket}/?tagging")
    return list(zip(read.texts("Key"), read.texts("Value"), strict=True))


def test_tags_are_put_read_and_removed(http_client: HTTPClient, bucket: str) -> None:
    assert http_client.request("GET", f"/{bucket}/?tagging").outcome == (404, "NoSuchTagSet")
    reply = put(http_client, bucket, document(("color", "blue"), ("空", "")))
    assert (reply.status, reply.body) == (204, b"")
    assert tags(http_client, bucket) == [("color", "blue"), ("空", "")]
    assert put(http_client, bucket, document(("size", "small"))).status == 204
    assert tags(http_client, bucket) == [("size", "small")]
    assert http_client.request("DELETE", f"/{bucket}/?tagging").status == 204
    assert http_client.request("GET", f"/{bucket}/?tagging").outcome == (404, "NoSuchTagSet")
    assert http_client.request("DELETE", f"/{bucket}/?tagging").status == 204


def test_an_empty_set_removes_the_tags(http_client: HTTPClient, bucket: str) -> None:
    put(http_client, bucket, document(("color", "blue")))
    assert put(http_client, bucket, document()).status == 204
    assert http_client.request("GET", f"/{bucket}/?tagging").outcome == (404, "NoSuchTagSet")


FIFTY = [(f"key{number}", "v") for number in range(50)]


def test_a_bucket_has_up_to_50_tags(http_client: HTTPClient, bucket: str) -> None:
    assert put(http_client, bucket, document(*FIFTY)).status == 204
    assert put(http_client, bucket, document(*FIFTY, ("more", "v"))).outcome == (400, "InvalidTag")
    assert tags(http_client, bucket) == FIFTY


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (document(("a", "1"), ("a", "2")), "InvalidTag"),
        (document(("", "1")), "InvalidTag"),
        (document(("k" * 129, "1")), "InvalidTag"),
        (document(("a", "v" * 257)), "InvalidTag"),
        (document(("a", "{}")), "InvalidTag"),
        (b"<Tagging/>", "MalformedXML"),
        (b"<TagSet/>", "MalformedXML"),
        (b"", "MissingRequestBodyError"),
    ],
    ids=str,
)
def test_bad_tags_leave_the_good_ones(
    http_client: HTTPClient, bucket: str, body: bytes, code: str
) -> None:
    put(http_client, bucket, document(("color", "blue")))
    assert put(http_client, bucket, body).outcome == (400, code)
    assert tags(http_client, bucket) == [("color", "blue")]


def test_a_bucket_is_created_with_tags_and_found_by_them(
    http_client: HTTPClient, bucket: str
) -> None:
    name, tag = bucket.replace("test", "tagged"), f"made-for-{bucket}"
    assert (
        http_client.request("PUT", f"/{name}/", {"x-cos-tagging": f"{tag}=a+b&more="}).status == 200
    )
    assert tags(http_client, name) == [(tag, "a b"), ("more", "")]
    for query, found in [
        (f"tagkey={tag}&tagvalue=a%20b", [name]),
        (f"tagkey={tag}", [name]),
        (f"tagkey={tag}&tagvalue=other", []),
        (f"tagkey={bucket}", []),
    ]:
        assert http_client.request("GET", f"/?{query}").texts("Name") == found
    assert http_client.request("DELETE", f"/{name}/").status == 204
