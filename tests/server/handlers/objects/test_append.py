"""Appendable objects: positions, refusals, properties, and races."""

import asyncio
import http.client

import pytest

from coskit import AsyncClient
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import AppendPositionErr
from coskit.testing import LocalServer
from tests.server.support.http_client import Headers, HTTPClient, Reply
from tests.support.forked_server import ForkedServer

ENABLED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
SUSPENDED = ENABLED.replace(b"Enabled", b"Suspended")


def append(
    http_client: HTTPClient,
    bucket: str,
    position: int | str,
    body: bytes,
    headers: Headers | None = None,
    key: str = "log",
) -> Reply:
    return http_client.request("POST", f"/{bucket}/{key}?append&position={position}", headers, body)


@pytest.mark.parametrize("size", [1, 70_000, 3_000_000])
def test_an_object_grows_at_its_end(http_client: HTTPClient, bucket: str, size: int) -> None:
    content, etags = b"", set[str]()
    for letter in b"abc":
        reply = append(http_client, bucket, len(content), bytes([letter]) * size)
        content += bytes([letter]) * size
        assert reply.status == 200
        assert reply["x-cos-next-append-position"] == str(len(content))
        assert reply["x-cos-hash-crc64ecma"] == str(crc64(content))
        etags.add(reply["ETag"])
        found = http_client.request("GET", f"/{bucket}/log")
        assert (found.body, found["ETag"]) == (content, reply["ETag"])
        assert found["x-cos-object-type"] == "appendable"
    assert len(etags) == 3
    middle = http_client.request("GET", f"/{bucket}/log", {"range": f"bytes={size - 1}-{size}"})
    assert middle.body == b"ab"
    assert http_client.request("GET", f"/{bucket}/").texts("Size") == [str(3 * size)]


def test_appending_nothing(http_client: HTTPClient, bucket: str) -> None:
    for position, body, end in ((0, b"", "0"), (0, b"a", "1"), (1, b"", "1"), (1, b"b", "2")):
        reply = append(http_client, bucket, position, body)
        assert (reply.status, reply["x-cos-next-append-position"]) == (200, end)
    assert http_client.request("GET", f"/{bucket}/log").body == b"ab"


def test_the_first_append_says_what_the_object_is(http_client: HTTPClient, bucket: str) -> None:
    first = {
        "content-type": "text/log",
        "x-cos-meta-a": "1",
        "x-cos-storage-class": "STANDARD_IA",
        "x-cos-acl": "public-read",
    }
    second = {"content-type": "text/other", "x-cos-meta-a": "2", "x-cos-acl": "private"}
    append(http_client, bucket, 0, b"a", first)
    append(http_client, bucket, 1, b"b", second)
    found = http_client.request("GET", f"/{bucket}/log", signed=False)
    assert found.body == b"ab"
    assert (found["Content-Type"], found["x-cos-meta-a"]) == ("text/log", "1")
    assert found["x-cos-storage-class"] == "STANDARD_IA"


def test_a_wrong_position_changes_nothing(http_client: HTTPClient, bucket: str) -> None:
    assert append(http_client, bucket, 1, b"x").outcome == (409, "AppendPositionErr")
    assert http_client.request("HEAD", f"/{bucket}/log").status == 404
    append(http_client, bucket, 0, b"abc")
    for position in (0, 2, 4):
        reply = append(http_client, bucket, position, b"x")
        assert reply.outcome == (409, "AppendPositionErr")
        assert reply["x-cos-next-append-position"] == "3"
    assert http_client.request("GET", f"/{bucket}/log").body == b"abc"


def test_only_an_appended_object_grows(http_client: HTTPClient, bucket: str) -> None:
    http_client.request("PUT", f"/{bucket}/put", {}, b"abc")
    append(http_client, bucket, 0, b"abc")
    source = {"x-cos-copy-source": f"{bucket}.cos.ap-local.myqcloud.com/log"}
    assert http_client.request("PUT", f"/{bucket}/copy", source, b"").status == 200
    for key in ("put", "copy"):
        assert append(http_client, bucket, 3, b"x", key=key).outcome == (409, "ObjectNotAppendable")
        assert http_client.request("HEAD", f"/{bucket}/{key}")["x-cos-object-type"] == "normal"
    http_client.request("PUT", f"/{bucket}/log", {}, b"abc")
    assert append(http_client, bucket, 3, b"x").outcome == (409, "ObjectNotAppendable")
    http_client.request("DELETE", f"/{bucket}/log")
    assert append(http_client, bucket, 0, b"x").status == 200


@pytest.mark.parametrize("state", [ENABLED, SUSPENDED])
def test_what_grows_takes_no_part_in_versioning(
    http_client: HTTPClient, bucket: str, state: bytes
) -> None:
    """As the page of APPEND Object says; the vendor's tests append where there are versions."""
    append(http_client, bucket, 0, b"abc")
    http_client.request("PUT", f"/{bucket}/?versioning", {}, state)
    assert append(http_client, bucket, 3, b"x").status == 200
    for position in (0, 1):
        assert append(http_client, bucket, position, b"y", key="new").status == 200
    for key, content in (("log", b"abcx"), ("new", b"yy")):
        assert http_client.request("GET", f"/{bucket}/{key}?versionId=null").body == content
        assert http_client.request("GET", f"/{bucket}/{key}").body == content
    http_client.request("DELETE", f"/{bucket}/gone")
    assert append(http_client, bucket, 0, b"z", key="gone").status == 200


def test_a_version_that_is_kept_is_not_replaced_by_appending(
    http_client: HTTPClient, bucket: str
) -> None:
    http_client.request("PUT", f"/{bucket}/a", {}, b"before")
    http_client.request("PUT", f"/{bucket}/?versioning", {}, ENABLED)
    assert append(http_client, bucket, 6, b"x", key="a").outcome == (409, "ObjectNotAppendable")
    http_client.request("DELETE", f"/{bucket}/a")
    assert append(http_client, bucket, 0, b"x", key="a").outcome == (409, "InvalidBucketState")
    assert http_client.request("GET", f"/{bucket}/a?versionId=null").body == b"before"
    append(http_client, bucket, 0, b"log")
    http_client.request("PUT", f"/{bucket}/log", {}, b"other")
    assert append(http_client, bucket, 5, b"x").outcome == (409, "ObjectNotAppendable")
    assert http_client.request("GET", f"/{bucket}/log?versionId=null").body == b"log"


REFUSALS = [
    ("?append", {}, b"x", (400, "InvalidArgument")),
    ("?append&position=", {}, b"x", (400, "InvalidArgument")),
    ("?append&position=-1", {}, b"x", (409, "AppendPositionErr")),
    ("?append&position=a", {}, b"x", (400, "InvalidArgument")),
    ("?append&position=0", {}, None, (411, "MissingContentLength")),
    ("?append&position=0", {"content-md5": "AAAA"}, b"x", (400, "InvalidDigest")),
    ("?append&position=0", {"x-cos-storage-class": "DEEP_ARCHIVE"}, b"x", (400, "InvalidArgument")),
    (
        "?append&position=0",
        {"x-cos-storage-class": "INTELLIGENT_TIERING"},
        b"x",
        (400, "InvalidArgument"),
    ),
    ("?append&position=0", {"if-match": "*"}, b"x", (412, "PreconditionFailed")),
]


@pytest.mark.parametrize(("query", "headers", "body", "outcome"), REFUSALS)
def test_what_is_refused(
    http_client: HTTPClient,
    bucket: str,
    query: str,
    headers: Headers,
    body: bytes | None,
    outcome: tuple[int, str],
) -> None:
    assert http_client.request("POST", f"/{bucket}/log{query}", headers, body).outcome == outcome
    assert http_client.request("HEAD", f"/{bucket}/log").status == 404


def test_a_condition_names_the_state_that_is_added_to(http_client: HTTPClient, bucket: str) -> None:
    etag = append(http_client, bucket, 0, b"a")["ETag"]
    assert append(http_client, bucket, 1, b"b", {"if-match": etag}).status == 200
    stale = append(http_client, bucket, 2, b"c", {"if-match": etag})
    assert stale.outcome == (412, "PreconditionFailed")
    assert http_client.request("GET", f"/{bucket}/log").body == b"ab"


def test_a_reader_keeps_what_it_began_to_read(
    server: LocalServer, http_client: HTTPClient, bucket: str
) -> None:
    content = bytes(8 << 20)
    append(http_client, bucket, 0, content)
    target = http_client.url("GET", f"/{bucket}/log")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", target)
    response = connection.getresponse()
    assert append(http_client, bucket, len(content), b"more").status == 200
    assert response.read() == content
    connection.close()
    assert http_client.request("GET", f"/{bucket}/log").body == content + b"more"


def test_grown_objects_are_copied_and_made_parts_of(http_client: HTTPClient, bucket: str) -> None:
    for number in range(5):
        append(http_client, bucket, number, bytes([97 + number]))
    source = {"x-cos-copy-source": f"{bucket}.cos.ap-local.myqcloud.com/log"}
    assert http_client.request("PUT", f"/{bucket}/copy", source, b"").status == 200
    assert http_client.request("GET", f"/{bucket}/copy").body == b"abcde"
    for key in ("log", "copy"):
        source = {"x-cos-copy-source": f"{bucket}.cos.ap-local.myqcloud.com/{key}"}
        upload = http_client.request("POST", f"/{bucket}/joined?uploads").text("UploadId")
        part = http_client.request(
            "PUT", f"/{bucket}/joined?partNumber=1&uploadId={upload}", source, b""
        )
        assert part.text("ETag") == '"ab56b4d92b40713acc5af89985d4b786"'  # MD5 of abcde
        http_client.request("DELETE", f"/{bucket}/joined?uploadId={upload}")
    http_client.request("DELETE", f"/{bucket}/log")
    assert http_client.request("GET", f"/{bucket}/copy").body == b"abcde"


def test_of_racing_appends_at_one_position_exactly_one_wins(
    server: LocalServer, bucket: str
) -> None:
    async def race() -> None:
        async with server.async_client() as client:
            for position in range(50):
                attempts = (attempt(client, position, bytes([97 + n])) for n in range(16))
                assert sum(await asyncio.gather(*attempts)) == 1
            response = await client.get_object(bucket, "log")
            assert len(await response["Body"].read()) == 50

    async def attempt(client: AsyncClient, position: int, data: bytes) -> bool:
        try:
            await client.append_object(bucket, "log", position, data)
        except AppendPositionErr:
            return False
        return True

    asyncio.run(race())


def test_a_grown_object_survives_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("grown")
    with ForkedServer(directory, buckets=["b-1"]) as server:
        append(HTTPClient.of(server), "b-1", 0, b"a" * 100_000)
        append(HTTPClient.of(server), "b-1", 100_000, b"b")
    with ForkedServer(directory) as server:
        assert append(HTTPClient.of(server), "b-1", 100_001, b"c").status == 200
        assert HTTPClient.of(server).request("GET", "/b-1/log").body == b"a" * 100_000 + b"bc"
