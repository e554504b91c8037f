"""Appendable objects: positions, refusals, properties, and races."""

import asyncio
import http.client

import pytest

from coskit import AsyncClient
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import AppendPositionErr
from coskit.testing import LocalServer
from tests.server.support.wire import Headers, Peer, Reply

ENABLED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
SUSPENDED = ENABLED.replace(b"Enabled", b"Suspended")


def append(
    peer: Peer,
    bucket: str,
    position: int | str,
    body: bytes,
    headers: Headers | None = None,
    key: str = "log",
) -> Reply:
    return peer.ask("POST", f"/{bucket}/{key}?append&position={position}", headers, body)


@pytest.mark.parametrize("size", [1, 70_000, 3_000_000])
def test_an_object_grows_at_its_end(peer: Peer, bucket: str, size: int) -> None:
    content, etags = b"", set[str]()
    for letter in b"abc":
        reply = append(peer, bucket, len(content), bytes([letter]) * size)
        content += bytes([letter]) * size
        assert reply.status == 200
        assert reply["x-cos-next-append-position"] == str(len(content))
        assert reply["x-cos-hash-crc64ecma"] == str(crc64(content))
        etags.add(reply["ETag"])
        found = peer.ask("GET", f"/{bucket}/log")
        assert (found.body, found["ETag"]) == (content, reply["ETag"])
        assert found["x-cos-object-type"] == "appendable"
    assert len(etags) == 3
    middle = peer.ask("GET", f"/{bucket}/log", {"range": f"bytes={size - 1}-{size}"})
    assert middle.body == b"ab"
    assert peer.ask("GET", f"/{bucket}/").texts("Size") == [str(3 * size)]


def test_appending_nothing(peer: Peer, bucket: str) -> None:
    for position, body, end in ((0, b"", "0"), (0, b"a", "1"), (1, b"", "1"), (1, b"b", "2")):
        reply = append(peer, bucket, position, body)
        assert (reply.status, reply["x-cos-next-append-position"]) == (200, end)
    assert peer.ask("GET", f"/{bucket}/log").body == b"ab"


def test_the_first_append_says_what_the_object_is(peer: Peer, bucket: str) -> None:
    first = {
        "content-type": "text/log",
        "x-cos-meta-a": "1",
        "x-cos-storage-class": "STANDARD_IA",
        "x-cos-acl": "public-read",
    }
    second = {"content-type": "text/other", "x-cos-meta-a": "2", "x-cos-acl": "private"}
    append(peer, bucket, 0, b"a", first)
    append(peer, bucket, 1, b"b", second)
    found = peer.ask("GET", f"/{bucket}/log", signed=False)
    assert found.body == b"ab"
    assert (found["Content-Type"], found["x-cos-meta-a"]) == ("text/log", "1")
    assert found["x-cos-storage-class"] == "STANDARD_IA"


def test_a_wrong_position_changes_nothing(peer: Peer, bucket: str) -> None:
    assert append(peer, bucket, 1, b"x").outcome == (409, "AppendPositionErr")
    assert peer.ask("HEAD", f"/{bucket}/log").status == 404
    append(peer, bucket, 0, b"abc")
    for position in (0, 2, 4):
        reply = append(peer, bucket, position, b"x")
        assert reply.outcome == (409, "AppendPositionErr")
        assert reply["x-cos-next-append-position"] == "3"
    assert peer.ask("GET", f"/{bucket}/log").body == b"abc"


def test_only_an_appended_object_grows(peer: Peer, bucket: str) -> None:
    peer.ask("PUT", f"/{bucket}/put", {}, b"abc")
    append(peer, bucket, 0, b"abc")
    source = {"x-cos-copy-source": f"{bucket}.cos.ap-local.myqcloud.com/log"}
    assert peer.ask("PUT", f"/{bucket}/copy", source, b"").status == 200
    for key in ("put", "copy"):
        assert append(peer, bucket, 3, b"x", key=key).outcome == (409, "ObjectNotAppendable")
        assert peer.ask("HEAD", f"/{bucket}/{key}")["x-cos-object-type"] == "normal"
    peer.ask("PUT", f"/{bucket}/log", {}, b"abc")
    assert append(peer, bucket, 3, b"x").outcome == (409, "ObjectNotAppendable")
    peer.ask("DELETE", f"/{bucket}/log")
    assert append(peer, bucket, 0, b"x").status == 200


@pytest.mark.parametrize("state", [ENABLED, SUSPENDED])
def test_what_grows_takes_no_part_in_versioning(peer: Peer, bucket: str, state: bytes) -> None:
    """As the page of APPEND Object says; the vendor's tests append where there are versions."""
    append(peer, bucket, 0, b"abc")
    peer.ask("PUT", f"/{bucket}/?versioning", {}, state)
    assert append(peer, bucket, 3, b"x").status == 200
    for position in (0, 1):
        assert append(peer, bucket, position, b"y", key="new").status == 200
    for key, content in (("log", b"abcx"), ("new", b"yy")):
        assert peer.ask("GET", f"/{bucket}/{key}?versionId=null").body == content
        assert peer.ask("GET", f"/{bucket}/{key}").body == content
    peer.ask("DELETE", f"/{bucket}/gone")
    assert append(peer, bucket, 0, b"z", key="gone").status == 200


def test_a_version_that_is_kept_is_not_replaced_by_appending(peer: Peer, bucket: str) -> None:
    peer.ask("PUT", f"/{bucket}/a", {}, b"before")
    peer.ask("PUT", f"/{bucket}/?versioning", {}, ENABLED)
    assert append(peer, bucket, 6, b"x", key="a").outcome == (409, "ObjectNotAppendable")
    peer.ask("DELETE", f"/{bucket}/a")
    assert append(peer, bucket, 0, b"x", key="a").outcome == (409, "InvalidBucketState")
    assert peer.ask("GET", f"/{bucket}/a?versionId=null").body == b"before"
    append(peer, bucket, 0, b"log")
    peer.ask("PUT", f"/{bucket}/log", {}, b"other")
    assert append(peer, bucket, 5, b"x").outcome == (409, "ObjectNotAppendable")
    assert peer.ask("GET", f"/{bucket}/log?versionId=null").body == b"log"


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
    peer: Peer,
    bucket: str,
    query: str,
    headers: Headers,
    body: bytes | None,
    outcome: tuple[int, str],
) -> None:
    assert peer.ask("POST", f"/{bucket}/log{query}", headers, body).outcome == outcome
    assert peer.ask("HEAD", f"/{bucket}/log").status == 404


def test_a_condition_names_the_state_that_is_added_to(peer: Peer, bucket: str) -> None:
    etag = append(peer, bucket, 0, b"a")["ETag"]
    assert append(peer, bucket, 1, b"b", {"if-match": etag}).status == 200
    stale = append(peer, bucket, 2, b"c", {"if-match": etag})
    assert stale.outcome == (412, "PreconditionFailed")
    assert peer.ask("GET", f"/{bucket}/log").body == b"ab"


def test_a_reader_keeps_what_it_began_to_read(server: LocalServer, peer: Peer, bucket: str) -> None:
    content = bytes(8 << 20)
    append(peer, bucket, 0, content)
    target = peer.url("GET", f"/{bucket}/log")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", target)
    response = connection.getresponse()
    assert append(peer, bucket, len(content), b"more").status == 200
    assert response.read() == content
    connection.close()
    assert peer.ask("GET", f"/{bucket}/log").body == content + b"more"


def test_grown_objects_are_copied_and_made_parts_of(peer: Peer, bucket: str) -> None:
    for number in range(5):
        append(peer, bucket, number, bytes([97 + number]))
    source = {"x-cos-copy-source": f"{bucket}.cos.ap-local.myqcloud.com/log"}
    assert peer.ask("PUT", f"/{bucket}/copy", source, b"").status == 200
    assert peer.ask("GET", f"/{bucket}/copy").body == b"abcde"
    for key in ("log", "copy"):
        source = {"x-cos-copy-source": f"{bucket}.cos.ap-local.myqcloud.com/{key}"}
        upload = peer.ask("POST", f"/{bucket}/joined?uploads").text("UploadId")
        part = peer.ask("PUT", f"/{bucket}/joined?partNumber=1&uploadId={upload}", source, b"")
        assert part.text("ETag") == '"ab56b4d92b40713acc5af89985d4b786"'  # MD5 of abcde
        peer.ask("DELETE", f"/{bucket}/joined?uploadId={upload}")
    peer.ask("DELETE", f"/{bucket}/log")
    assert peer.ask("GET", f"/{bucket}/copy").body == b"abcde"


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
    with LocalServer(directory, buckets=["b-1"]) as server:
        append(Peer.of(server), "b-1", 0, b"a" * 100_000)
        append(Peer.of(server), "b-1", 100_000, b"b")
    with LocalServer(directory) as server:
        assert append(Peer.of(server), "b-1", 100_001, b"c").status == 200
        assert Peer.of(server).ask("GET", "/b-1/log").body == b"a" * 100_000 + b"bc"
