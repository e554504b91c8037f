"""Connections: truncated bodies, endless heads, several requests on one connection."""

import pytest

from tests.server.support.bad_requests import UNTOUCHED, state
from tests.server.support.http_client import Connection, HTTPClient

CHUNKED = {"transfer-encoding": "chunked"}


def is_ended(connection: Connection) -> bool:
    """Return whether the server has closed the connection, with or without a last response."""
    try:
        rest = connection.rest()
    except ConnectionResetError:
        return True
    return rest == b"" or rest.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("about", "headers", "body"),
    [
        ("no body at all", {"content-length": "10"}, b""),
        ("half a body", {"content-length": "10"}, b"12345"),
        ("a large body cut off", {"content-length": str(4 << 20)}, b"x" * (2 << 20)),
        ("no chunk", CHUNKED, b""),
        ("half a chunk", CHUNKED, b"a\r\n12345"),
        ("no last chunk", CHUNKED, b"5\r\n12345\r\n"),
        ("a large chunk cut off", CHUNKED, b"400000\r\n" + b"x" * (2 << 20)),
    ],
)
@pytest.mark.parametrize("key", ["kept", "new"])
def test_a_body_that_ends_early_writes_nothing(
    http_client: HTTPClient, room: str, key: str, about: str, headers: dict[str, str], body: bytes
) -> None:
    with http_client.connect() as connection:
        connection.send(http_client.build_request("PUT", f"/{room}/{key}", headers) + body)
        connection.finish()
        assert is_ended(connection)
    assert state(http_client, room) == UNTOUCHED


@pytest.mark.parametrize(
    ("about", "body"),
    [
        ("a size that is no number", b"g\r\n12345\r\n0\r\n\r\n"),
        ("a negative size", b"-5\r\n12345\r\n0\r\n\r\n"),
        ("a size beyond numbers", b"f" * 40 + b"\r\n12345\r\n0\r\n\r\n"),
        ("more than the size", b"4\r\n12345\r\n0\r\n\r\n"),
    ],
)
def test_malformed_chunks_are_refused(
    http_client: HTTPClient, room: str, about: str, body: bytes
) -> None:
    with http_client.connect() as connection:
        connection.send(http_client.build_request("PUT", f"/{room}/kept", CHUNKED) + body)
        assert connection.receive().outcome == (400, "InvalidRequest")
        assert connection.rest() == b""
    assert state(http_client, room) == UNTOUCHED


CODINGS = ["gzip, chunked", "deflate, chunked", "x-none, chunked", "GZIP,CHUNKED", "gzip,\tchunked"]


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_in_a_coding_that_is_not_undone_is_not_stored(
    http_client: HTTPClient, room: str, coding: str
) -> None:
    # RFC 9112 6.1: a coding that a server does not understand is answered 501
    for key in ("kept", "new"):
        reply = http_client.request(
            "PUT", f"/{room}/{key}", {"transfer-encoding": coding}, b"1\r\nx\r\n0\r\n\r\n"
        )
        assert reply.outcome == (501, "NotImplemented")
    assert state(http_client, room) == UNTOUCHED


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "CHUNKED"])
def test_chunks_are_named_in_any_case(http_client: HTTPClient, bucket: str, coding: str) -> None:
    sent = {"transfer-encoding": coding}
    assert http_client.request("PUT", f"/{bucket}/a", sent, b"1\r\nx\r\n0\r\n\r\n").status == 200
    assert http_client.request("GET", f"/{bucket}/a").body == b"x"


@pytest.mark.parametrize(
    "target", ["kept#x", "kept#?acl", "kept?acl#", "#", "?versioning#x", "a%23#"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_address_has_no_fragment(
    http_client: HTTPClient, room: str, method: str, target: str
) -> None:
    # RFC 9112 3.2: `kept#?acl` would be an upload onto `kept`, were the rest left out
    with http_client.connect() as connection:
        body = b"" if method == "PUT" else None
        reply = connection.request(http_client.build_request(method, f"/{room}/{target}", {}, body))
        assert reply.outcome == (400, "InvalidRequest")
        assert reply.closes
    assert state(http_client, room) == UNTOUCHED


def test_a_cut_document_deletes_nothing(http_client: HTTPClient, room: str) -> None:
    document = b"<Delete><Object><Key>kept</Key></Object></Delete>"
    headers = {"content-length": str(len(document) + 1), "content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    with http_client.connect() as connection:
        connection.send(http_client.build_request("POST", f"/{room}/?delete", headers) + document)
        connection.finish()
        assert is_ended(connection)
    assert state(http_client, room) == UNTOUCHED


def test_chunks_and_an_empty_body_are_stored(http_client: HTTPClient, bucket: str) -> None:
    sent = {"chunks": b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", "none": b"0\r\n\r\n"}
    for key, body in sent.items():
        assert http_client.request("PUT", f"/{bucket}/{key}", CHUNKED, body).status == 200
    assert http_client.request("PUT", f"/{bucket}/empty", {}, b"").status == 200
    got = {key: http_client.request("GET", f"/{bucket}/{key}").body for key in (*sent, "empty")}
    assert got == {"chunks": b"abcde", "none": b"", "empty": b""}


def test_what_follows_a_chunked_body_is_no_header(http_client: HTTPClient, bucket: str) -> None:
    body = b"1\r\nx\r\n0\r\nx-cos-acl: public-read\r\nx-cos-meta-late: 1\r\n\r\n"
    assert http_client.request("PUT", f"/{bucket}/a", CHUNKED, body).status == 200
    assert http_client.request("GET", f"/{bucket}/a", signed=False).outcome == (403, "AccessDenied")
    assert "x-cos-meta-late" not in http_client.request("HEAD", f"/{bucket}/a")


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\ngarbage\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad name: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: \x00\r\n\r\n",
        b"GET / HTTP/1.1\nhost: x\n\n\x16\x03\x01",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT host:80 HTTP/1.1\r\n\r\n",
        b"PUT / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"PUT / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"GET / HTTP/1.1\r\nx: " + b"y" * (1 << 20),
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 200_000,
        b"GET /" + b"x" * (1 << 20),
    ],
    ids=lambda data: ascii(data[:30]),
)
def test_what_is_no_request_ends_the_connection(
    http_client: HTTPClient, room: str, data: bytes
) -> None:
    with http_client.connect() as connection:
        try:
            connection.send(data)
        except ConnectionError:
            return  # closed before all of it was sent
        assert is_ended(connection)
    assert state(http_client, room) == UNTOUCHED


def test_a_refused_head_gets_an_error_in_its_dialect(http_client: HTTPClient) -> None:
    with http_client.connect() as connection:
        connection.send(b"BREW / HTTP/1.1\r\n\r\n")
        reply = connection.receive()
    assert reply.outcome == (400, "InvalidRequest")
    assert reply["x-cos-request-id"] == reply.text("RequestId") != ""


def test_requests_in_one_packet_get_responses_in_order(http_client: HTTPClient, room: str) -> None:
    asked = [
        ("GET", "kept"),
        ("HEAD", "kept"),
        ("GET", "none"),
        ("DELETE", "none"),
        ("GET", "kept"),
    ]
    with http_client.connect() as connection:
        connection.send(
            b"".join(http_client.build_request(method, f"/{room}/{key}") for method, key in asked)
        )
        replies = [connection.receive(method.encode()) for method, _ in asked]
    assert [reply.status for reply in replies] == [200, 200, 404, 204, 200]
    assert [replies[0].body, replies[4].body] == [b"kept", b"kept"]


def test_many_requests_at_once_are_no_large_head(http_client: HTTPClient, room: str) -> None:
    request = http_client.build_request("GET", f"/{room}/kept")
    count = (200 << 10) // len(request)
    with http_client.connect() as connection:
        connection.send(request * count)
        assert {connection.receive().body for _ in range(count)} == {b"kept"}


def test_a_head_in_single_bytes(http_client: HTTPClient, room: str) -> None:
    with http_client.connect() as connection:
        for byte in http_client.build_request("GET", f"/{room}/kept"):
            connection.send(bytes([byte]))
        assert connection.receive().body == b"kept"


def test_a_refused_body_is_read_over(http_client: HTTPClient, room: str) -> None:
    with http_client.connect() as connection:
        body = b"GET / HTTP/1.1\r\n\r\n" * 10_000
        assert (
            connection.request(
                http_client.build_request("PUT", f"/{room}/new", {}, body, signed=False)
            ).status
            == 403
        )
        assert connection.request(http_client.build_request("GET", f"/{room}/kept")).body == b"kept"


def test_a_body_is_asked_for_where_it_is_wanted(http_client: HTTPClient, bucket: str) -> None:
    headers = {"expect": "100-continue", "content-length": "4"}
    with http_client.connect() as connection:
        assert (
            connection.request(http_client.build_request("PUT", f"/{bucket}/a", headers)).status
            == 100
        )
        connection.send(b"body")
        assert connection.receive(b"PUT").status == 200
        assert connection.request(http_client.build_request("GET", f"/{bucket}/a")).body == b"body"


def test_a_body_that_is_not_wanted_ends_the_connection(http_client: HTTPClient, room: str) -> None:
    headers = {"expect": "100-continue", "content-length": "4"}
    with http_client.connect() as connection:
        reply = connection.request(
            http_client.build_request("PUT", f"/{room}/new", headers, signed=False)
        )
        assert reply.outcome == (403, "AccessDenied")
        assert reply.closes
        assert connection.rest() == b""


def test_an_offer_to_upgrade_is_passed_over(http_client: HTTPClient, room: str) -> None:
    headers = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    assert http_client.request("GET", f"/{room}/kept", headers).body == b"kept"


def test_http_1_0_closes_after_the_response(http_client: HTTPClient, room: str) -> None:
    request = http_client.build_request("GET", f"/{room}/kept").replace(
        b" HTTP/1.1", b" HTTP/1.0", 1
    )
    with http_client.connect() as connection:
        assert connection.request(request).body == b"kept"
        assert connection.rest() == b""


@pytest.mark.parametrize("version", ["2.0", "0.9"])
def test_another_major_version_of_http_is_refused(http_client: HTTPClient, version: str) -> None:
    with http_client.connect() as connection:
        connection.send(f"GET / HTTP/{version}\r\nHost: 127.0.0.1\r\n\r\n".encode())
        reply = connection.receive()
        assert reply.outcome == (505, "HTTPVersionNotSupported")
        assert connection.rest() == b"", "the connection has ended"
