"""If-* and Range on GET and HEAD: status, headers and body of each combination."""

from typing import Literal

import pytest

from tests.server.support.http_client import HTTPClient, Reply
from tests.server.support.s3 import S3HTTPClient

BODY = b"0123456789"
ETAG = '"781e5e245d69b566979b86e28d23f2c7"'
CRC = "2838902930144391966"
OLD, FUTURE = "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
Method = Literal["GET", "HEAD"]


@pytest.fixture(scope="module")
def digits(http_client: HTTPClient, room: str) -> str:
    """Store ten digits and return their address."""
    address = f"/{room}/digits"
    put = http_client.request("PUT", address, {"content-type": "text/plain"}, BODY)
    assert (put["ETag"], put["x-cos-hash-crc64ecma"]) == (ETAG, CRC)
    return address


def ask(http_client: HTTPClient, method: Method, target: str, headers: dict[str, str]) -> Reply:
    """Send a request, and check that the next response on the connection begins where it should."""
    with http_client.connect() as connection:
        reply = connection.request(http_client.build_request(method, target, headers))
        assert connection.request(http_client.build_request("GET", target)).status == 200
    return reply


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if-match": ETAG}, 200),
        ({"if-match": ETAG.strip('"')}, 200),
        ({"if-match": f"W/{ETAG}"}, 200),
        ({"if-match": f'"other", {ETAG}'}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": '"other"'}, 412),
        ({"if-none-match": ETAG}, 304),
        ({"if-none-match": f'"other",W/{ETAG}'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"other"'}, 200),
        ({"if-unmodified-since": FUTURE}, 200),
        ({"if-unmodified-since": OLD}, 412),
        ({"if-unmodified-since": "NOW"}, 200),
        ({"if-unmodified-since": "yesterday"}, 200),
        ({"if-modified-since": OLD}, 200),
        ({"if-modified-since": "NOW"}, 304),
        ({"if-modified-since": FUTURE}, 304),
        ({"if-modified-since": "tomorrow"}, 200),
        ({"if-modified-since": "Fri, 01 Jan 99999 00:00:00 GMT"}, 200),
        ({"if-match": ETAG, "if-unmodified-since": OLD}, 200),
        ({"if-match": '"other"', "if-unmodified-since": FUTURE}, 412),
        ({"if-none-match": '"other"', "if-modified-since": FUTURE}, 200),
        ({"if-none-match": ETAG, "if-modified-since": OLD}, 304),
        ({"if-match": ETAG, "if-none-match": ETAG}, 304),
        ({"if-match": '"other"', "if-none-match": ETAG}, 412),
        ({"if-unmodified-since": OLD, "if-modified-since": FUTURE}, 412),
        ({"if-match": '"other"', "range": "bytes=99-"}, 412),
        ({"if-none-match": ETAG, "range": "bytes=0-1"}, 304),
    ],
    ids=str,
)
def test_a_condition(
    http_client: HTTPClient, digits: str, method: Method, headers: dict[str, str], status: int
) -> None:
    now = http_client.request("HEAD", digits)["Last-Modified"]
    sent = {name: value.replace("NOW", now) for name, value in headers.items()}
    reply = ask(http_client, method, digits, sent)
    assert reply.status == status
    if status == 412:
        assert reply.text("Code") == ("PreconditionFailed" if method == "GET" else "")
        assert "ETag" not in reply
        return
    assert (reply["ETag"], reply["x-cos-hash-crc64ecma"]) == (ETAG, CRC)
    assert reply["Last-Modified"] == now
    assert reply["Content-Length"] == ("0" if status == 304 else "10")
    assert reply.body == (BODY if status == 200 and method == "GET" else b"")


@pytest.mark.parametrize(
    ("text", "status", "span", "body"),
    [
        ("bytes=0-3", 206, "0-3", b"0123"),
        ("bytes=3-3", 206, "3-3", b"3"),
        ("bytes=7-", 206, "7-9", b"789"),
        ("bytes=-3", 206, "7-9", b"789"),
        ("bytes=-99", 206, "0-9", BODY),
        ("bytes=0-99", 206, "0-9", BODY),
        ("bytes=0-" + "9" * 5000, 206, "0-9", BODY),
        ("bytes=10-", 416, "*", b""),
        ("bytes=10-11", 416, "*", b""),
        ("bytes=-0", 416, "*", b""),
        ("bytes=" + "9" * 5000 + "-", 416, "*", b""),
        ("bytes=3-2", 200, "", BODY),
        ("bytes=0-1,3-4", 200, "", BODY),
        ("bytes=", 200, "", BODY),
        ("bytes=-", 200, "", BODY),
        ("bytes=a-b", 200, "", BODY),
        ("bytes=--1", 200, "", BODY),
        ("bytes=0x1-0x2", 200, "", BODY),
        ("bytes=\u0661-\u0662", 200, "", BODY),
        ("chars=0-1", 200, "", BODY),
        ("0-1", 200, "", BODY),
        ("\udcff", 200, "", BODY),
        ("bytes=" + "0-0," * 5000, 200, "", BODY),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_range(
    http_client: HTTPClient, digits: str, text: str, status: int, span: str, body: bytes
) -> None:
    reply = ask(http_client, "GET", digits, {"range": text})
    assert reply.status == status
    if status == 416:
        assert reply.text("Code") == "InvalidRange"
        assert reply["Content-Range"] == "bytes */10"
        return
    assert reply.body == body
    assert reply["Content-Length"] == str(len(body))
    assert (reply["ETag"], reply["x-cos-hash-crc64ecma"]) == (ETAG, CRC)
    assert reply["Accept-Ranges"] == "bytes"
    if status == 206:
        assert reply["Content-Range"] == f"bytes {span}/10"
    else:
        assert "Content-Range" not in reply


@pytest.mark.parametrize("text", ["bytes=0-", "bytes=0-0", "bytes=5-", "bytes=-0"])
def test_an_empty_object_has_no_range(http_client: HTTPClient, room: str, text: str) -> None:
    http_client.request("PUT", f"/{room}/empty", {}, b"")
    reply = ask(http_client, "GET", f"/{room}/empty", {"range": text})
    assert reply.outcome == (416, "InvalidRange")
    assert reply["Content-Range"] == "bytes */0"


@pytest.mark.parametrize("text", ["bytes=-1", "bytes=-8", "bytes=-99999999999999999999999"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("of_s3", [False, True], ids=["cos", "s3"])
def test_the_last_bytes_of_an_empty_object_are_all_of_it(
    http_client: HTTPClient, room: str, text: str, method: str, of_s3: bool
) -> None:
    """RFC 9110 14.1.2."""
    http_client.request("PUT", f"/{room}/empty", {}, b"")
    who = S3HTTPClient(http_client) if of_s3 else http_client
    reply = who.request(method, f"/{room}/empty", {"range": text})
    assert (reply.status, reply.body, reply["Content-Length"]) == (200, b"", "0")
    assert "Content-Range" not in reply


@pytest.mark.parametrize(
    ("validator", "is_part"),
    [
        ("ETAG", True),
        ("DATE", True),
        ('"other"', False),
        ("W/ETAG", False),
        (OLD, False),
        (FUTURE, False),
    ],
)
@pytest.mark.parametrize("of_s3", [False, True], ids=["cos", "s3"])
def test_a_range_of_another_version_is_the_whole_of_this_one(
    http_client: HTTPClient, digits: str, validator: str, is_part: bool, of_s3: bool
) -> None:
    """RFC 9110 13.1.5: If-Range, for those who have the beginning already."""
    date = http_client.request("HEAD", digits)["Last-Modified"]
    value = validator.replace("ETAG", ETAG).replace("DATE", date)
    who = S3HTTPClient(http_client) if of_s3 else http_client
    reply = who.request("GET", digits, {"range": "bytes=3-", "if-range": value})
    assert (reply.status, reply.body) == ((206, BODY[3:]) if is_part else (200, BODY))
    assert who.request("GET", digits, {"if-range": value}).body == BODY


def test_ranges_of_a_large_object(http_client: HTTPClient, room: str) -> None:
    body = b"".join(f"{n:1024}".encode() for n in range(3000))
    http_client.request("PUT", f"/{room}/large", {}, body)
    for first, last in [(0, 0), (65_535, 65_536), (1 << 20, 2 << 20), (len(body) - 1, len(body))]:
        reply = ask(http_client, "GET", f"/{room}/large", {"range": f"bytes={first}-{last}"})
        assert reply.status == 206
        assert reply.body == body[first : last + 1]


@pytest.mark.parametrize("target", ["kept", "none", "kept?versionId=a", "?acl", ""])
def test_head_has_no_body_ever(http_client: HTTPClient, room: str, target: str) -> None:
    with http_client.connect() as connection:
        for signed in (True, False):
            connection.request(
                http_client.build_request("HEAD", f"/{room}/{target}", signed=signed)
            )
            assert (
                connection.request(http_client.build_request("GET", f"/{room}/kept")).body
                == b"kept"
            )
