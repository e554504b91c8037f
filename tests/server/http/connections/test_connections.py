"""What a connection carries: bodies cut short, heads without end, requests one after another."""

import pytest

from tests.server.support.bad_requests import UNTOUCHED, state
from tests.server.support.wire import Line, Peer

CHUNKED = {"transfer-encoding": "chunked"}


def is_ended(line: Line) -> bool:
    """Return whether the server has closed the connection, with or without a last answer."""
    try:
        rest = line.rest()
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
    peer: Peer, room: str, key: str, about: str, headers: dict[str, str], body: bytes
) -> None:
    with peer.line() as line:
        line.send(peer.request("PUT", f"/{room}/{key}", headers) + body)
        line.finish()
        assert is_ended(line)
    assert state(peer, room) == UNTOUCHED


@pytest.mark.parametrize(
    ("about", "body"),
    [
        ("a size that is no number", b"g\r\n12345\r\n0\r\n\r\n"),
        ("a negative size", b"-5\r\n12345\r\n0\r\n\r\n"),
        ("a size beyond numbers", b"f" * 40 + b"\r\n12345\r\n0\r\n\r\n"),
        ("more than the size", b"4\r\n12345\r\n0\r\n\r\n"),
    ],
)
def test_malformed_chunks_are_refused(peer: Peer, room: str, about: str, body: bytes) -> None:
    with peer.line() as line:
        line.send(peer.request("PUT", f"/{room}/kept", CHUNKED) + body)
        assert line.receive().outcome == (400, "InvalidRequest")
        assert line.rest() == b""
    assert state(peer, room) == UNTOUCHED


CODINGS = ["gzip, chunked", "deflate, chunked", "x-none, chunked", "GZIP,CHUNKED", "gzip,\tchunked"]


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_in_a_coding_that_is_not_undone_is_not_stored(
    peer: Peer, room: str, coding: str
) -> None:
    # RFC 9112 6.1: a coding that a server does not understand is answered 501
    for key in ("kept", "new"):
        reply = peer.ask(
            "PUT", f"/{room}/{key}", {"transfer-encoding": coding}, b"1\r\nx\r\n0\r\n\r\n"
        )
        assert reply.outcome == (501, "NotImplemented")
    assert state(peer, room) == UNTOUCHED


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "CHUNKED"])
def test_chunks_are_named_in_any_case(peer: Peer, bucket: str, coding: str) -> None:
    sent = {"transfer-encoding": coding}
    assert peer.ask("PUT", f"/{bucket}/a", sent, b"1\r\nx\r\n0\r\n\r\n").status == 200
    assert peer.ask("GET", f"/{bucket}/a").body == b"x"


@pytest.mark.parametrize(
    "target", ["kept#x", "kept#?acl", "kept?acl#", "#", "?versioning#x", "a%23#"]
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_address_has_no_fragment(peer: Peer, room: str, method: str, target: str) -> None:
    # RFC 9112 3.2: `kept#?acl` would be an upload onto `kept`, were the rest left out
    with peer.line() as line:
        body = b"" if method == "PUT" else None
        reply = line.ask(peer.request(method, f"/{room}/{target}", {}, body))
        assert reply.outcome == (400, "InvalidRequest")
        assert reply.closes
    assert state(peer, room) == UNTOUCHED


def test_a_cut_document_deletes_nothing(peer: Peer, room: str) -> None:
    document = b"<Delete><Object><Key>kept</Key></Object></Delete>"
    headers = {"content-length": str(len(document) + 1), "content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    with peer.line() as line:
        line.send(peer.request("POST", f"/{room}/?delete", headers) + document)
        line.finish()
        assert is_ended(line)
    assert state(peer, room) == UNTOUCHED


def test_chunks_and_an_empty_body_are_stored(peer: Peer, bucket: str) -> None:
    sent = {"chunks": b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", "none": b"0\r\n\r\n"}
    for key, body in sent.items():
        assert peer.ask("PUT", f"/{bucket}/{key}", CHUNKED, body).status == 200
    assert peer.ask("PUT", f"/{bucket}/empty", {}, b"").status == 200
    got = {key: peer.ask("GET", f"/{bucket}/{key}").body for key in (*sent, "empty")}
    assert got == {"chunks": b"abcde", "none": b"", "empty": b""}


def test_what_follows_a_chunked_body_is_no_header(peer: Peer, bucket: str) -> None:
    body = b"1\r\nx\r\n0\r\nx-cos-acl: public-read\r\nx-cos-meta-late: 1\r\n\r\n"
    assert peer.ask("PUT", f"/{bucket}/a", CHUNKED, body).status == 200
    assert peer.ask("GET", f"/{bucket}/a", signed=False).outcome == (403, "AccessDenied")
    assert "x-cos-meta-late" not in peer.ask("HEAD", f"/{bucket}/a")


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
def test_what_is_no_request_ends_the_connection(peer: Peer, room: str, data: bytes) -> None:
    with peer.line() as line:
        try:
            line.send(data)
        except ConnectionError:
            return  # closed before all of it was sent
        assert is_ended(line)
    assert state(peer, room) == UNTOUCHED


def test_a_refused_head_is_answered_in_the_dialect(peer: Peer) -> None:
    with peer.line() as line:
        line.send(b"BREW / HTTP/1.1\r\n\r\n")
        reply = line.receive()
    assert reply.outcome == (400, "InvalidRequest")
    assert reply["x-cos-request-id"] == reply.text("RequestId") != ""


def test_requests_that_come_at_once_are_answered_in_order(peer: Peer, room: str) -> None:
    asked = [
        ("GET", "kept"),
        ("HEAD", "kept"),
        ("GET", "none"),
        ("DELETE", "none"),
        ("GET", "kept"),
    ]
    with peer.line() as line:
        line.send(b"".join(peer.request(method, f"/{room}/{key}") for method, key in asked))
        replies = [line.receive(method.encode()) for method, _ in asked]
    assert [reply.status for reply in replies] == [200, 200, 404, 204, 200]
    assert [replies[0].body, replies[4].body] == [b"kept", b"kept"]


def test_many_requests_at_once_are_no_large_head(peer: Peer, room: str) -> None:
    request = peer.request("GET", f"/{room}/kept")
    count = (200 << 10) // len(request)
    with peer.line() as line:
        line.send(request * count)
        assert {line.receive().body for _ in range(count)} == {b"kept"}


def test_a_head_in_single_bytes(peer: Peer, room: str) -> None:
    with peer.line() as line:
        for byte in peer.request("GET", f"/{room}/kept"):
            line.send(bytes([byte]))
        assert line.receive().body == b"kept"


def test_a_refused_body_is_read_over(peer: Peer, room: str) -> None:
    with peer.line() as line:
        body = b"GET / HTTP/1.1\r\n\r\n" * 10_000
        assert line.ask(peer.request("PUT", f"/{room}/new", {}, body, signed=False)).status == 403
        assert line.ask(peer.request("GET", f"/{room}/kept")).body == b"kept"


def test_a_body_is_asked_for_where_it_is_wanted(peer: Peer, bucket: str) -> None:
    headers = {"expect": "100-continue", "content-length": "4"}
    with peer.line() as line:
        assert line.ask(peer.request("PUT", f"/{bucket}/a", headers)).status == 100
        line.send(b"body")
        assert line.receive(b"PUT").status == 200
        assert line.ask(peer.request("GET", f"/{bucket}/a")).body == b"body"


def test_a_body_that_is_not_wanted_ends_the_connection(peer: Peer, room: str) -> None:
    headers = {"expect": "100-continue", "content-length": "4"}
    with peer.line() as line:
        reply = line.ask(peer.request("PUT", f"/{room}/new", headers, signed=False))
        assert reply.outcome == (403, "AccessDenied")
        assert reply.closes
        assert line.rest() == b""


def test_an_offer_to_upgrade_is_passed_over(peer: Peer, room: str) -> None:
    headers = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    assert peer.ask("GET", f"/{room}/kept", headers).body == b"kept"


def test_http_1_0_ends_with_its_answer(peer: Peer, room: str) -> None:
    request = peer.request("GET", f"/{room}/kept").replace(b" HTTP/1.1", b" HTTP/1.0", 1)
    with peer.line() as line:
        assert line.ask(request).body == b"kept"
        assert line.rest() == b""


@pytest.mark.parametrize("version", ["2.0", "0.9"])
def test_another_major_version_of_http_is_refused(peer: Peer, version: str) -> None:
    with peer.line() as line:
        line.send(f"GET / HTTP/{version}\r\nHost: 127.0.0.1\r\n\r\n".encode())
        reply = line.receive()
        assert reply.outcome == (505, "HTTPVersionNotSupported")
        assert line.rest() == b"", "the connection has ended"
