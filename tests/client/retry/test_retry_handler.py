"""Calls that must not be repeated: a lost response is looked up on the service."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from coskit import CosServiceError, RetryPolicy, TransportError, TransportSettings
from coskit.protocol.errors import AppendPositionErr, NoSuchKey
from coskit.testing import LocalServer
from tests.client.conftest import Scripted
from tests.client.stubs.relay import Cut, relay
from tests.client.stubs.scripted import CLOSE, http_response
from tests.client.stubs.stub import Received, Stub
from tests.support.local import bucket, owner, server
from tests.support.worlds import World

__all__ = ["bucket", "owner", "server"]
BUCKET = "examplebucket-1250000000"
STORED = {"ETag": '"e"', "x-cos-request-id": "id-2"}
PARTS = {"Part": [{"PartNumber": 1, "ETag": '"x"'}]}
LOST = pytest.mark.parametrize(
    "lost", [CLOSE, http_response(500), http_response(504)], ids=["cut", "500", "504"]
)


def error(code: str, status: int) -> bytes:
    return http_response(status, f"<Error><Code>{code}</Code></Error>".encode())


def head(length: int) -> bytes:
    """Return the response to HEAD for an object of this length."""
    reply = http_response(200, b"", {**STORED, "x-cos-hash-crc64ecma": "7"})
    return reply.replace(b"Content-Length: 0", f"Content-Length: {length}".encode())


def tail(content: bytes, first: int) -> bytes:
    last = first + len(content) - 1
    return http_response(
        206, content, {**STORED, "Content-Range": f"bytes {first}-{last}/{last + 1}"}
    )


def methods(requests: list[tuple[bytes, bytes]]) -> list[str]:
    return [text.split(b" ", 1)[0].decode() for text, _ in requests]


@LOST
def test_an_append_that_was_done_is_a_success(scripted: Scripted, lost: Any) -> None:
    world, server = scripted(lost, head(9), tail(b"data", 5))
    result = world.append_object(BUCKET, "key", 5, b"data")
    assert methods(server.requests) == ["POST", "HEAD", "GET"]
    assert result == {
        "ETag": '"e"',
        "x-cos-next-append-position": "9",
        "x-cos-hash-crc64ecma": "7",
        "x-cos-request-id": "id-2",
    }
    look = server.requests[2][0].lower()
    assert b"\r\nrange: bytes=5-8\r\n" in look
    assert b'\r\nif-match: "e"\r\n' in look


@LOST
def test_an_append_that_was_not_done_is_sent_again(scripted: Scripted, lost: Any) -> None:
    done = http_response(headers={**STORED, "x-cos-next-append-position": "9"})
    world, server = scripted(lost, head(5), done)
    result = world.append_object(BUCKET, "key", 5, b"data")
    assert result["x-cos-next-append-position"] == "9"
    assert methods(server.requests) == ["POST", "HEAD", "POST"]
    assert server.requests[2][1] == b"data"


def test_the_first_append_to_a_key_is_sent_again_if_there_is_no_object(scripted: Scripted) -> None:
    done = http_response(headers={**STORED, "x-cos-next-append-position": "4"})
    world, server = scripted(CLOSE, http_response(404), done)
    assert world.append_object(BUCKET, "key", 0, b"data")["x-cos-next-append-position"] == "4"
    assert methods(server.requests) == ["POST", "HEAD", "POST"]


@pytest.mark.parametrize(
    ("replies", "note"),
    [
        ([head(9).replace(b"Content-Length: 9\r\n", b"")], "the object's length is unknown"),
        ([head(7)], "the object now has 7 bytes"),
        ([head(12)], "the object now has 12 bytes"),
        ([head(9), tail(b"dada", 5)], "the object ends with other bytes"),
        ([head(9), http_response(412)], "its outcome is unknown"),
        ([http_response(403)], "its outcome is unknown"),
        ([http_response(404)], "its outcome is unknown"),
    ],
    ids=["no length", "half", "more", "other bytes", "changed", "forbidden", "missing"],
)
def test_an_append_of_which_nothing_is_sure_raises_what_was_lost(
    scripted: Scripted, replies: list[bytes], note: str
) -> None:
    world, server = scripted(CLOSE, *replies)
    with pytest.raises(TransportError) as raised:
        world.append_object(BUCKET, "key", 5, b"data")
    assert note in raised.value.__notes__[-1]
    assert methods(server.requests).count("POST") == 1


def test_a_refusal_of_the_second_append_may_be_the_echo_of_the_first(scripted: Scripted) -> None:
    refused = error("AppendPositionErr", 409)
    world, server = scripted(CLOSE, head(5), refused, head(9), tail(b"data", 5))
    assert world.append_object(BUCKET, "key", 5, b"data")["x-cos-next-append-position"] == "9"
    assert methods(server.requests) == ["POST", "HEAD", "POST", "HEAD", "GET"]


def test_a_wrong_position_is_an_error_at_once(scripted: Scripted) -> None:
    world, server = scripted(error("AppendPositionErr", 409))
    with pytest.raises(AppendPositionErr):
        world.append_object(BUCKET, "key", 5, b"data")
    assert len(server.requests) == 1


def test_what_can_be_read_once_is_looked_for_but_not_sent_again(scripted: Scripted) -> None:
    # The server serves one connection at a time, and what is read once may take another one.
    before = head(5).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    world, server = scripted(before, CLOSE, head(9), tail(b"data", 5))
    chunks = world.source([b"da", b"ta"])
    result = world.append_object(BUCKET, "key", 5, chunks, ContentLength=4)
    assert result["x-cos-next-append-position"] == "9"
    world, server = scripted(before, CLOSE, head(5))
    with pytest.raises(TransportError):
        world.append_object(BUCKET, "key", 5, world.source([b"data"]), ContentLength=4)
    assert methods(server.requests) == ["HEAD", "POST", "HEAD"]


def test_an_append_is_looked_for_at_the_last_attempt_too(scripted: Scripted) -> None:
    world, _ = scripted(CLOSE, head(9), tail(b"data", 5), retry=RetryPolicy(attempts=1))
    assert world.append_object(BUCKET, "key", 5, b"data")["x-cos-next-append-position"] == "9"


def test_an_append_that_is_never_done_ends(scripted: Scripted) -> None:
    world, server = scripted(*[http_response(500), head(5)] * 3)
    with pytest.raises(CosServiceError) as raised:
        world.append_object(BUCKET, "key", 5, b"data")
    assert raised.value.attempts == 3
    assert methods(server.requests).count("POST") == 3


LISTED = http_response(200, b"<ListPartsResult><UploadId>u</UploadId></ListPartsResult>")
COMPLETED = http_response(
    200,
    b"<CompleteMultipartUploadResult><Location>l</Location><Bucket>b</Bucket><Key>k</Key>"
    b"<ETag>e-1</ETag></CompleteMultipartUploadResult>",
)
LATE = error("InternalError", 200)


@pytest.mark.parametrize(
    "lost", [CLOSE, http_response(500), LATE], ids=["cut", "500", "an error in a 200"]
)
def test_a_completion_that_was_not_done_is_sent_again(scripted: Scripted, lost: Any) -> None:
    world, server = scripted(lost, LISTED, COMPLETED)
    assert world.complete_multipart_upload(BUCKET, "key", "u", PARTS)["ETag"] == "e-1"
    assert methods(server.requests) == ["POST", "GET", "POST"]


def test_a_completion_whose_upload_is_gone_may_be_done(scripted: Scripted) -> None:
    world, server = scripted(CLOSE, error("NoSuchUpload", 404))
    with pytest.raises(TransportError) as raised:
        world.complete_multipart_upload(BUCKET, "key", "u", PARTS)
    assert "it may be complete" in raised.value.__notes__[-1]
    assert methods(server.requests) == ["POST", "GET"]


def test_a_second_completion_that_finds_nothing_raises_what_was_lost(scripted: Scripted) -> None:
    gone = error("NoSuchUpload", 404)
    world, _ = scripted(CLOSE, LISTED, gone, gone)
    with pytest.raises(TransportError) as raised:
        world.complete_multipart_upload(BUCKET, "key", "u", PARTS)
    assert raised.value.attempts == 2
    assert "it may be complete" in raised.value.__notes__[-1]
    assert isinstance(raised.value.__cause__, CosServiceError)


def test_a_completion_of_an_unknown_upload_is_an_error_at_once(scripted: Scripted) -> None:
    world, server = scripted(error("NoSuchUpload", 404))
    with pytest.raises(CosServiceError) as raised:
        world.complete_multipart_upload(BUCKET, "key", "u", PARTS)
    assert (raised.value.code, len(server.requests)) == ("NoSuchUpload", 1)


def test_an_initiation_is_not_repeated(scripted: Scripted) -> None:
    world, server = scripted(CLOSE)
    with pytest.raises(TransportError):
        world.create_multipart_upload(BUCKET, "key")
    assert methods(server.requests) == ["POST"]


# With the server itself: it acts, and its response is lost.


def losing(marker: str, times: int) -> Cut:
    """Lose the responses to the first requests whose line contains a marker."""
    left = [None] * times

    def cut(request: Received, reply: bytes) -> bytes | None:
        if marker not in request.line or not left:
            return None
        left.pop()
        return b""

    return cut


@pytest.fixture(params=["sync", "async"])
def through(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[Any]:
    """Give a function that makes a client whose requests go through such a relay."""
    with ExitStack() as stack:

        def start(marker: str, times: int = 1) -> tuple[World, Stub]:
            way = stack.enter_context(relay(server, losing(marker, times)))
            world = World(
                request.param,
                endpoint=way.url,
                secret_id=server.secret_id,
                secret_key=server.secret_key,
                retry=RetryPolicy(attempts=3, base=0.001),
                transport=TransportSettings(proxy=""),
            )
            return stack.enter_context(world), way

        yield start


def test_appending_through_lost_responses_appends_once(through: Any, bucket: str) -> None:
    world, _ = through("append", times=3)
    position = 0
    for piece in (b"one", b"two", b"", b"three"):
        result = world.append_object(bucket, "log", position, piece)
        position = int(result["x-cos-next-append-position"])
    assert world.fetch(bucket, "log") == b"onetwothree"


def test_a_completion_that_was_done_is_not_claimed_by_its_etag(through: Any, bucket: str) -> None:
    world, _ = through("uploadId")
    begun = world.create_multipart_upload(bucket, "key")
    part = {"PartNumber": 1, "ETag": ""}
    # The response to the part is the first that is lost; a part may be sent twice.
    part["ETag"] = world.upload_part(bucket, "key", b"data", 1, begun["UploadId"])["ETag"]
    assert world.complete_multipart_upload(bucket, "key", begun["UploadId"], {"Part": [part]})
    assert world.fetch(bucket, "key") == b"data"

    world, way = through("POST /" + bucket + "/other?uploadId")
    begun = world.create_multipart_upload(bucket, "other")
    part["ETag"] = world.upload_part(bucket, "other", b"data", 1, begun["UploadId"])["ETag"]
    with pytest.raises(TransportError) as raised:
        world.complete_multipart_upload(bucket, "other", begun["UploadId"], {"Part": [part]})
    assert "it may be complete" in raised.value.__notes__[-1]
    assert world.fetch(bucket, "other") == b"data"
    assert way.connections >= 2


def test_a_delete_with_a_lost_response_is_repeated(through: Any, bucket: str) -> None:
    world, _ = through("DELETE")
    world.put_object(bucket, b"data", "key")
    world.delete_object(bucket, "key")
    with pytest.raises(NoSuchKey):
        world.get_object(bucket, "key")
