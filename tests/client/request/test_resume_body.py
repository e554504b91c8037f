"""A body whose connection is cut goes on where it stopped, with the same object or not at all."""

import asyncio
import itertools
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit import (
    AsyncClient,
    Client,
    CosServiceError,
    IntegrityError,
    ObjectChanged,
    RetryPolicy,
    TransportError,
    TransportSettings,
)
from coskit.client.request.resume_body import (
    BodyRange,
    body_range_of,
    check_remaining,
    remaining_call,
)
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.codec.encode_request import encode_request
from coskit.protocol.codec.ranges import parse_range
from coskit.protocol.operations import GET_OBJECT
from coskit.testing import LocalServer
from tests.client.conftest import Scripted
from tests.client.stubs.relay import Cut, body_of, relay
from tests.client.stubs.scripted import ScriptedServer, http_response
from tests.client.stubs.stub import Received, Stub, StubConnection, always
from tests.support.local import bucket, owner, server
from tests.support.worlds import World

__all__ = ["bucket", "owner", "server"]
BUCKET = "examplebucket-1250000000"
CONTENT = b"".join(f"{n:08}".encode() for n in range(128))  # 1,024 bytes
ETAG = '"e"'
HEADERS = {"ETag": ETAG, "x-cos-request-id": "id-1", "Connection": "close"}
WHOLE = {**HEADERS, "x-cos-hash-crc64ecma": str(crc64(CONTENT))}


def cut(reply: bytes, missing: int) -> bytes:
    return reply[:-missing]


def whole(missing: int = 0, content: bytes = CONTENT, **more: str) -> bytes:
    reply = http_response(body=content, headers={**WHOLE, **more})
    return cut(reply, missing) if missing else reply


def rest(first: int, last: int = len(CONTENT) - 1, missing: int = 0, **more: str) -> bytes:
    span = {"Content-Range": f"bytes {first}-{last}/{len(CONTENT)}"}
    reply = http_response(206, CONTENT[first : last + 1], {**HEADERS, **span, **more})
    return cut(reply, missing) if missing else reply


def header(server: ScriptedServer, number: int, name: str) -> str | None:
    """Return a header of the request of that number, or None."""
    for line in server.requests[number][0].decode().split("\r\n")[1:]:
        key, _, value = line.partition(": ")
        if key.lower() == name:
            return value
    return None


def test_a_cut_body_goes_on_where_it_stopped(scripted: Scripted) -> None:
    world, server = scripted(whole(missing=1000), rest(24))
    assert world.fetch(BUCKET, "key") == CONTENT
    assert header(server, 0, "range") is None
    assert header(server, 1, "range") == "bytes=24-1023"
    assert header(server, 1, "if-match") == ETAG


def test_a_body_may_be_cut_as_often_as_it_moves(scripted: Scripted) -> None:
    starts = range(0, 1000, 100)
    replies = [rest(first, missing=924 - first) for first in starts[1:]]
    world, server = scripted(whole(missing=924), *replies, rest(1000))
    assert world.fetch(BUCKET, "key") == CONTENT
    assert len(server.requests) == 11


def test_a_body_that_does_not_move_is_given_up(scripted: Scripted) -> None:
    nothing = rest(24, missing=1000)
    world, server = scripted(whole(missing=1000), nothing, nothing, rest(24))
    with pytest.raises(TransportError) as raised:
        world.fetch(BUCKET, "key")
    assert (len(server.requests), raised.value.attempts) == (3, 3)


def test_what_arrived_before_a_failure_is_handed_out(scripted: Scripted) -> None:
    world, _ = scripted(whole(missing=1000), http_response(403, Connection="close"))
    response = world.get_object(BUCKET, "key")
    assert world.read(response, 24) == CONTENT[:24]
    with pytest.raises(CosServiceError) as raised:
        world.read(response, 100)
    assert (raised.value.status, raised.value.attempts) == (403, 2)
    assert "24 of 1024 bytes of the body arrived" in raised.value.__notes__[0]


def test_a_refused_continuation_is_tried_again(scripted: Scripted) -> None:
    world, server = scripted(whole(missing=1000), http_response(503, Connection="close"), rest(24))
    assert world.fetch(BUCKET, "key") == CONTENT
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [404, 412, 416])
def test_an_object_that_changed_is_not_mixed_with_the_new_one(
    scripted: Scripted, status: int
) -> None:
    world, server = scripted(
        whole(missing=1000), http_response(status, Connection="close"), rest(24)
    )
    with pytest.raises(ObjectChanged, match="changed while it was read, after 24 bytes") as raised:
        world.fetch(BUCKET, "key")
    assert isinstance(raised.value.__cause__, CosServiceError)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        whole(),
        rest(0),
        rest(23),
        rest(25),
        rest(24, 1000),
        http_response(206, CONTENT[24:], HEADERS),
        http_response(206, CONTENT[24:], {**HEADERS, "Content-Range": "bytes 24-1023/2048"}),
    ],
    ids=["200", "from 0", "too early", "too late", "too short", "no range", "another length"],
)
def test_only_the_very_bytes_that_are_missing_go_on(scripted: Scripted, wrong: bytes) -> None:
    world, server = scripted(whole(missing=1000), wrong, rest(24))
    response = world.get_object(BUCKET, "key")
    assert world.read(response, 24) == CONTENT[:24]
    with pytest.raises(IntegrityError, match=r"bytes.24-1023"):
        world.read(response, 100)
    assert len(server.requests) == 2


def test_a_service_that_ignores_if_match_is_found_out_by_the_etag(scripted: Scripted) -> None:
    world, _ = scripted(whole(missing=1000), rest(24, ETag='"f"'))
    with pytest.raises(ObjectChanged, match='its ETag was "e" and is "f"'):
        world.fetch(BUCKET, "key")


def test_the_crc64_goes_on_over_the_cut(scripted: Scripted) -> None:
    flipped = rest(24)[:-1] + b"!"
    world, _ = scripted(whole(missing=1000), flipped)
    with pytest.raises(IntegrityError, match="CRC64"):
        world.fetch(BUCKET, "key")


@pytest.mark.parametrize("asked", ["bytes=100-299", "bytes=-200", "bytes=824-"])
def test_a_range_is_continued_to_its_own_end(scripted: Scripted, asked: str) -> None:
    span = parse_range(asked, len(CONTENT))
    assert span is not None
    first = rest(span.first, span.last, missing=150)
    world, server = scripted(first, rest(span.first + 50, span.last))
    got = world.fetch(BUCKET, "key", Range=asked)
    assert got == CONTENT[span.first : span.last + 1]
    assert header(server, 1, "range") == f"bytes={span.first + 50}-{span.last}"


def test_what_cannot_be_bound_to_one_object_is_not_continued(scripted: Scripted) -> None:
    headers = {**HEADERS, "ETag": 'W/"e"'}
    world, server = scripted(cut(http_response(200, CONTENT, headers), 1000), rest(24))
    with pytest.raises(TransportError, match="24 of 1024"):
        world.fetch(BUCKET, "key")
    assert len(server.requests) == 1


def test_conditions_of_the_caller_are_not_asked_again(scripted: Scripted) -> None:
    world, server = scripted(whole(missing=1000), rest(24))
    conditions = {
        "IfNoneMatch": '"other"',
        "IfModifiedSince": "Tue, 14 Nov 2023 22:13:20 GMT",
        "ResponseContentType": "text/plain",
    }
    assert world.fetch(BUCKET, "key", **conditions) == CONTENT
    assert header(server, 0, "if-none-match") == '"other"'
    for name in ("if-none-match", "if-modified-since", "if-unmodified-since"):
        assert header(server, 1, name) is None
    assert "response-content-type=text%2Fplain" in server.requests[1][0].decode().splitlines()[0]


@pytest.mark.parametrize("given", ["", "v1"], ids=["latest", "given"])
def test_the_version_that_was_begun_is_read_to_its_end(scripted: Scripted, given: str) -> None:
    version: Any = {"x-cos-version-id": "v1"}
    world, server = scripted(whole(missing=1000, **version), rest(24, **version))
    assert world.fetch(BUCKET, "key", VersionId=given) == CONTENT
    lines = [head.decode().splitlines()[0] for head, _ in server.requests]
    assert ("versionId=v1" in lines[0]) == bool(given)
    assert lines[1].count("versionId=v1") == 1


def test_keys_of_the_caller_are_sent_again(scripted: Scripted) -> None:
    world, server = scripted(whole(missing=1000), rest(24))
    names = ("algorithm", "key", "key-MD5")
    assert world.fetch(BUCKET, "key", SSECustomerKey=bytes(32)) == CONTENT
    for name in names:
        full = f"x-cos-server-side-encryption-customer-{name}".lower()
        assert header(server, 0, full) == header(server, 1, full) is not None


def test_one_attempt_means_one(scripted: Scripted) -> None:
    world, server = scripted(whole(missing=1000), rest(24), retry=RetryPolicy(attempts=1))
    with pytest.raises(TransportError):
        world.fetch(BUCKET, "key")
    assert len(server.requests) == 1


def test_continuing_costs_the_budget_only_if_it_fails(scripted: Scripted) -> None:
    policy = RetryPolicy(attempts=3, base=0.001, budget=5)
    world, _ = scripted(whole(missing=1000), rest(24, missing=900), rest(124), retry=policy)
    assert world.fetch(BUCKET, "key") == CONTENT
    world, _ = scripted(whole(missing=1000), rest(24, missing=1000), rest(24), retry=policy)
    with pytest.raises(TransportError) as raised:
        world.fetch(BUCKET, "key")
    assert "retry budget is spent" in raised.value.__notes__[-1]


def test_a_cut_before_the_first_byte_is_a_failure_of_the_call(scripted: Scripted) -> None:
    world, server = scripted(whole(missing=1024), whole())
    assert world.fetch(BUCKET, "key") == CONTENT
    assert header(server, 1, "range") is None


def test_small_reads_and_iteration_go_on_as_well(scripted: Scripted) -> None:
    world, _ = scripted(whole(missing=1000), rest(24), whole(missing=1), rest(1023))
    response = world.get_object(BUCKET, "key")
    pieces = list(iter(lambda: world.read(response, 7), b""))
    assert b"".join(pieces) == CONTENT
    assert b"".join(world.all(world.get_object(BUCKET, "key")["Body"])) == CONTENT


def test_a_file_is_written_over_the_cut(scripted: Scripted, tmp_path: Path) -> None:
    world, _ = scripted(whole(missing=1000), rest(24))
    world.save(world.get_object(BUCKET, "key"), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("limit", ["read_timeout", "total_timeout"])
def test_a_body_that_stalls_goes_on_over_another_connection(kind: str, limit: str) -> None:
    numbers = itertools.count()

    def script(connection: StubConnection) -> None:
        connection.request()
        if next(numbers):
            connection.send(rest(24))
        else:
            connection.send(whole(missing=1000))
            connection.is_left()

    settings = {"secret_id": "id", "secret_key": "key", "retry": RetryPolicy(20, 0.001)}
    limits: Any = {limit: 0.5}
    transport = TransportSettings(proxy="", **limits)
    with (
        Stub(script) as stub,
        World(kind, endpoint=stub.url, transport=transport, **settings) as world,
    ):
        assert world.fetch(BUCKET, "key") == CONTENT
    first, *others = [request.header.get("range") for request in stub.requests]
    assert (first, set(others)) == (None, {"bytes=24-1023"})


def test_a_large_body_is_continued_from_the_last_byte_that_was_handed_out(
    scripted: Scripted,
) -> None:
    content = bytes(range(256)) * 8192  # 2 MiB: more than waits unread
    head = {**HEADERS, "x-cos-hash-crc64ecma": str(crc64(content))}
    first, last = len(content) // 2, len(content) - 1
    span = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
    world, server = scripted(
        cut(http_response(body=content, headers=head), len(content) - first),
        http_response(206, content[first:], {**HEADERS, **span}),
    )
    response = world.get_object(BUCKET, "key")
    assert b"".join(iter(lambda: world.read(response, 100_000), b"")) == content
    assert header(server, 1, "range") == f"bytes={first}-{last}"


numbers = st.integers(0, 50)


@given(first=numbers, length=st.integers(1, 50), after=numbers, received=numbers)
def test_an_extent_that_is_read_on_ends_where_it_ended(
    first: int, length: int, after: int, received: int
) -> None:
    received = min(received, length - 1)
    total = first + length + after
    begun = {"ETag": ETAG, "Content-Length": str(length)}
    begun["Content-Range"] = f"bytes {first}-{first + length - 1}/{total}"
    extent = body_range_of(206, begun)
    assert extent == BodyRange(first, first + length - 1, total, ETAG, "")
    call = encode_request(GET_OBJECT, {"Bucket": BUCKET, "Key": "key", "Range": "bytes=-7"})
    asked = remaining_call(call, extent, received)
    span = parse_range(asked.headers["range"], total)
    assert span is not None
    assert (span.first, span.length) == (first + received, length - received)
    check_remaining(extent, received, 206, {"ETag": ETAG, "Content-Range": span.content_range})
    assert call.headers == {"range": "bytes=-7"}


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {}),
        (200, {"Content-Length": "-1"}),
        (206, {"Content-Length": "5"}),
        (206, {"Content-Length": "5", "Content-Range": "bytes 0-3/9"}),
        (206, {"Content-Length": "5", "Content-Range": "bytes 5-9/9"}),
        (206, {"Content-Length": "5", "Content-Range": "bytes 0-4/*"}),
        (206, {"Content-Length": "5", "Content-Range": "bytes */9"}),
        (206, {"Content-Length": "5", "Content-Range": "items 0-4/9"}),
    ],
    ids=str,
)
def test_an_extent_that_is_not_sure_is_none(status: int, headers: dict[str, Any]) -> None:
    assert body_range_of(status, {"ETag": ETAG, **headers}) is None


# With the server itself, on a way that is cut again and again.


def every(size: int) -> Cut:
    """Cut each body of a GET after a number of bytes."""

    def cut(request: Received, reply: bytes) -> bytes | None:
        limit = body_of(reply) + size
        return reply[:limit] if request.line.startswith("GET") and len(reply) > limit else None

    return cut


def connect_by(kind: str, way: Stub, server: LocalServer) -> World:
    keys = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    settings = {"retry": RetryPolicy(3, 0.001), "transport": TransportSettings(proxy="")}
    return World(kind, endpoint=way.url, **keys, **settings)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("asked", ["", "bytes=1000-299999", "bytes=-250000", "bytes=5-"])
def test_an_object_comes_whole_over_a_bad_way(
    kind: str, asked: str, server: LocalServer, owner: Client, bucket: str
) -> None:
    content = random.Random(1).randbytes(300_000)
    owner.put_object(bucket, content, "key")
    span = parse_range(asked, len(content))
    with relay(server, every(40_000)) as way, connect_by(kind, way, server) as world:
        got = world.fetch(bucket, "key", Range=asked)
    assert got == (content[span.first : span.last + 1] if span else content)
    assert len(way.requests) >= len(got) // 40_000


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("versioned", [False, True])
def test_an_object_that_is_replaced_on_the_way_is_never_mixed(
    kind: str, versioned: bool, server: LocalServer, owner: Client, bucket: str
) -> None:
    if versioned:
        owner.put_bucket_versioning(bucket, "Enabled")
    old, new = b"old" * 100_000, b"new" * 100_000
    owner.put_object(bucket, old, "key")
    with relay(server, every(40_000)) as way, connect_by(kind, way, server) as world:
        response = world.get_object(bucket, "key")
        begin = world.read(response, 10)
        owner.put_object(bucket, new, "key")
        if versioned:
            assert begin + world.read(response) == old
        else:
            with pytest.raises(ObjectChanged):
                world.read(response)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_body_whose_beginning_was_lost_is_not_read_on(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `read()` has failed, `read(n)` must not give the middle of the object as its start."""
    head = b'HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\nETag: "e"\r\nx-cos-request-id: i\r\n\r\n'
    keys = Credentials("id", "key")

    def no_room(_size: int) -> None:
        raise MemoryError

    async def tasks(endpoint: str) -> None:
        async with AsyncClient(endpoint=endpoint, credentials=keys) as client:
            body = (await client.get_object(BUCKET, "key"))["Body"]
            with pytest.raises(MemoryError):
                await body.read()
            with pytest.raises(ValueError, match="after it failed"):
                await body.read(10)

    monkeypatch.setattr(f"coskit.client._{kind}.body.streaming_body.reserved", no_room)
    with Stub(always(head + bytes(3_000_000))) as stub:
        if kind == "async":
            asyncio.run(tasks(stub.url))
            return
        with Client(endpoint=stub.url, credentials=keys) as client:
            body = client.get_object(BUCKET, "key")["Body"]
            with pytest.raises(MemoryError):
                body.read()
            with pytest.raises(ValueError, match="after it failed"):
                body.read(10)
