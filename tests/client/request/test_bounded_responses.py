"""Documents are read up to a limit, listings may leave out what is optional; in both worlds."""

import threading
from typing import Any

import pytest

from coskit import CosClientError, CosServiceError, RetryPolicy, TransportSettings
from tests.client.conftest import Scripted
from tests.client.stubs.scripted import http_response
from tests.client.stubs.stub import Stub, StubConnection
from tests.support.worlds import World

BUCKET = "examplebucket-1250000000"
ONCE = RetryPolicy(attempts=1)
KIB = 1 << 10


def chunked(status: int, size: int) -> bytes:
    head = f"HTTP/1.1 {status} X\r\nx-cos-request-id: i\r\nTransfer-Encoding: chunked\r\n\r\n"
    piece = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    return head.encode() + piece * (size // 0x4000) + b"0\r\n\r\n"


def small(**limits: Any) -> TransportSettings:
    return TransportSettings(proxy="", read_timeout=10, **limits)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("framed", [True, False], ids=["length", "chunks"])
@pytest.mark.parametrize("status", [500, 403, 301])
def test_an_endless_error_is_read_up_to_its_limit(kind: str, framed: bool, status: int) -> None:
    """The server would send 2 GB: what is beyond the limit is not waited for, nor held."""
    sent = [0]
    gone = threading.Event()

    def endless(connection: StubConnection) -> None:
        connection.request()
        size = 2 << 30
        frame = f"Content-Length: {size}" if framed else "Transfer-Encoding: chunked"
        connection.send(f"HTTP/1.1 {status} X\r\n{frame}\r\n\r\n".encode())
        piece = b"x" * 0x10000 if framed else b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        try:
            while sent[0] < size:
                connection.send(piece)
                sent[0] += 0x10000
        except OSError:
            gone.set()

    settings = {"secret_id": "i", "secret_key": "k", "retry": ONCE, "transport": small()}
    with Stub(endless) as stub, World(kind, endpoint=stub.url, **settings) as world:
        with pytest.raises(CosServiceError) as raised:
            world.get_bucket_acl(BUCKET)
        assert gone.wait(20)
    assert raised.value.status == status
    assert len(raised.value.body) == 1 << 20
    assert sent[0] < 64 << 20


@pytest.mark.parametrize(
    ("size", "limit", "passes"),
    [(64 * KIB, 64 * KIB, True), (64 * KIB, 48 * KIB, False), (1024 * KIB, 64 * KIB, False)],
)
@pytest.mark.parametrize("framed", [True, False], ids=["length", "chunks"])
def test_a_result_beyond_its_limit_is_refused_once(
    scripted: Scripted, size: int, limit: int, passes: bool, framed: bool
) -> None:
    document = b"<ListBucketResult></ListBucketResult>"
    reply = chunked(200, size) if not framed else http_response(body=b" " * size)
    if passes:
        reply = http_response(body=document.ljust(size))
    world, server = scripted(reply, reply, transport=small(longest_result=limit))
    if passes:
        assert world.list_objects(BUCKET)["IsTruncated"] == "false"
    else:
        with pytest.raises(CosClientError, match=rf"more than {limit} bytes.*longest_result"):
            world.list_objects(BUCKET)
    assert len(server.requests) == 1


def test_a_limit_of_errors_can_be_set(scripted: Scripted) -> None:
    world, _ = scripted(
        http_response(500, b"x" * 4000), retry=ONCE, transport=small(longest_error=1000)
    )
    with pytest.raises(CosServiceError) as raised:
        world.get_bucket_acl(BUCKET)
    assert (raised.value.code, raised.value.body) == ("InternalError", "x" * 1000)


def test_an_object_has_no_limit(scripted: Scripted) -> None:
    content = b"x" * 3000
    world, _ = scripted(
        http_response(body=content, headers={"ETag": '"e"'}),
        transport=small(longest_result=1000, longest_error=1000),
    )
    assert world.fetch(BUCKET, "k") == content


LISTINGS = [
    ("list_objects", (BUCKET,), "ListBucketResult"),
    ("list_objects_versions", (BUCKET,), "ListVersionsResult"),
    ("list_multipart_uploads", (BUCKET,), "ListMultipartUploadsResult"),
    ("list_parts", (BUCKET, "k", "u"), "ListPartsResult"),
    ("list_buckets", (), "ListAllMyBucketsResult"),
]


@pytest.mark.parametrize("dialect", ["cos", "s3"])
@pytest.mark.parametrize(("method", "place", "root"), LISTINGS)
def test_a_listing_that_does_not_say_that_it_is_cut_off_is_whole(
    scripted: Scripted, dialect: str, method: str, place: tuple[str, ...], root: str
) -> None:
    """Vendor and S3: IsTruncated "is false if all results were returned"; stores leave it out."""
    world, _ = scripted(http_response(body=f"<{root}></{root}>".encode()), dialect=dialect)
    assert getattr(world, method)(*place)["IsTruncated"] == "false"


OBJECT = "<Contents><Key>{}</Key></Contents>"
PREFIX = "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>"
# What a first page holds that is cut off and names no mark, and how the second is asked for.
PAGES = [
    ("iter_objects", (BUCKET,), "ListBucketResult", OBJECT.format("a") + OBJECT.format("b%21"),
     ["marker=b%21"]),
    ("iter_prefixes", (BUCKET,), "ListBucketResult", OBJECT.format("a") + PREFIX.format("b%2F"),
     ["marker=b%2F"]),
    ("iter_versions", (BUCKET,), "ListVersionsResult",
     "<Version><Key>a</Key><VersionId>1</VersionId></Version>"
     "<DeleteMarker><Key>b</Key><VersionId>2</VersionId></DeleteMarker>",
     ["key-marker=b", "version-id-marker=2"]),
    ("iter_uploads", (BUCKET,), "ListMultipartUploadsResult",
     "<Upload><Key>b</Key><UploadId>u1</UploadId></Upload>",
     ["key-marker=b", "upload-id-marker=u1"]),
    ("iter_parts", (BUCKET, "k", "u"), "ListPartsResult",
     "<Part><PartNumber>7</PartNumber></Part><NextPartNumberMarker></NextPartNumberMarker>",
     ["part-number-marker=7"]),
]  # fmt: skip


@pytest.mark.parametrize("dialect", ["cos", "s3"])
@pytest.mark.parametrize(("method", "place", "root", "entries", "asked"), PAGES)
def test_a_listing_goes_on_after_its_last_entry_if_it_does_not_say_where(
    scripted: Scripted,
    dialect: str,
    method: str,
    place: tuple[str, ...],
    root: str,
    entries: str,
    asked: list[str],
) -> None:
    more = "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
    first = f"<{root}>{more}{entries}</{root}>".encode()
    last = f"<{root}><NextPartNumberMarker/></{root}>".encode()
    world, server = scripted(http_response(body=first), http_response(body=last), dialect=dialect)
    assert world.all(getattr(world.client, method)(*place))
    line = server.requests[1][0].decode().split("\r\n")[0]
    assert all(text in line.replace("?", "&").replace(" ", "&").split("&") for text in asked)
