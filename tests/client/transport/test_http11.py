"""HTTP/1.1 as it stands on a connection: what is written, what is read however it arrives."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.client.transport.direct.http11 import ResponseParser, is_plain, write_request
from coskit.client.transport.http_request import HTTPRequest, origin
from coskit.protocol.errors import ParameterError

PLACE = "http://127.0.0.1:9000"


def outgoing(method: str = "GET", path: str = "/bucket/key", **fields: object) -> HTTPRequest:
    return HTTPRequest(method, PLACE + path, **fields)  # type: ignore[arg-type]


def written(out: HTTPRequest) -> list[str]:
    text = write_request(out, origin(out.url), "coskit/1").decode()
    assert text.endswith("\r\n\r\n")
    return text[:-4].split("\r\n")


# What goes out


def test_a_get_has_a_host_a_user_agent_and_the_given_headers() -> None:
    out = outgoing(headers=(("range", "bytes=0-1"), ("authorization", "q-ak=a")))
    assert written(out) == [
        "GET /bucket/key HTTP/1.1",
        "Host: 127.0.0.1:9000",
        "User-Agent: coskit/1",
        "range: bytes=0-1",
        "authorization: q-ak=a",
    ]


@pytest.mark.parametrize(("body", "length"), [(None, "0"), (b"", "0"), (b"four", "4")])
def test_a_put_sends_the_length_of_its_body(body: bytes | None, length: str) -> None:
    assert f"Content-Length: {length}" in written(outgoing("PUT", body=body))


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_request_without_a_body_sends_no_length(method: str) -> None:
    assert not [line for line in written(outgoing(method)) if line.startswith("Content-Length")]


def test_host_and_user_agent_can_be_given() -> None:
    lines = written(outgoing(headers=(("Host", "cos.example.com"), ("user-agent", "mine"))))
    assert lines[1:] == ["Host: cos.example.com", "user-agent: mine"]


@pytest.mark.parametrize(
    ("place", "host"),
    [
        ("http://a.example.com:80", "a.example.com"),
        ("https://a.example.com:443", "a.example.com"),
        ("https://a.example.com:80", "a.example.com:80"),
        ("http://[::1]:9000", "[::1]:9000"),
    ],
)
def test_the_host_names_a_port_only_if_it_is_not_the_usual_one(place: str, host: str) -> None:
    assert f"Host: {host}\r\n".encode() in write_request(
        HTTPRequest("GET", place + "/k"), place, "c"
    )


@pytest.mark.parametrize(
    "header", [("a", "b\r\nc: d"), ("a", "b\nc"), ("a\r", "b"), ("a", "b\0"), ("a\r\nb", "c")]
)
def test_a_header_cannot_smuggle_another(header: tuple[str, str]) -> None:
    with pytest.raises(ParameterError):
        write_request(outgoing(headers=(header,)), PLACE, "coskit/1")


NOT_PLAIN = [
    ("a body that is read while it is sent", outgoing("PUT", body=open)),
    ("a write that must not be sent twice", outgoing("PUT", headers=(("If-Match", "a"),))),
    ("an upload that must not be begun twice", outgoing("POST", "/k?uploads")),
    ("framing of the caller's own", outgoing(headers=(("Transfer-Encoding", "chunked"),))),
    ("another method", outgoing("OPTIONS")),
    ("a blank in the path", outgoing(path="/a b")),
    ("a line break in the path", outgoing(path="/a\r\nb")),
    ("no path", outgoing(path="")),
    ("a fragment", outgoing(path="/a#b")),
    ("text that is not ASCII", outgoing(path="/ä")),
    ("a password", HTTPRequest("GET", "http://me:secret@127.0.0.1/k")),
    ("another scheme", HTTPRequest("GET", "ftp://127.0.0.1/k")),
]


@pytest.mark.parametrize("out", [row[1] for row in NOT_PLAIN], ids=[row[0] for row in NOT_PLAIN])
def test_what_asks_for_more_care_is_left_to_libcurl(out: HTTPRequest) -> None:
    assert not is_plain(out, origin(out.url))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_usual_requests_are_plain(method: str) -> None:
    out = outgoing(method, "/bucket/a%20b/../c?versionId=x&acl")
    assert is_plain(out, origin(out.url))


# What comes in

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx-a: b\r\n\r\nhello"
CHUNKS = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
    b"3\r\nhel\r\n02;name=value\r\nlo\r\n000\r\nx-late: 1\r\n\r\n"
)
FEEDS = b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + LENGTH
FOLDED = b"HTTP/1.1 200 OK\r\nx-a: b\r\n  c\r\nContent-Length:\r\n\t5\r\n\r\nhello"


def cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    for start, end in pairwise(bounds):
        if start < end:
            yield data[start:end]


@pytest.mark.parametrize("data", [LENGTH, CHUNKS, FEEDS, INTERIM, FOLDED])
@given(places=st.lists(st.integers(0, 400), max_size=6))
def test_a_response_is_the_same_however_it_is_cut(data: bytes, places: list[int]) -> None:
    response = ResponseParser("GET")
    body = b"".join([response.feed(piece) for piece in cut(data, places)])
    assert (body, response.finished, response.keeps) == (b"hello", True, True)
    assert response.head is not None
    assert response.head[0] == 200


@pytest.mark.parametrize(("data", "size", "rest"), [(LENGTH, 5, b""), (CHUNKS, 3, b"lo")])
def test_bytes_of_a_body_may_come_another_way(data: bytes, size: int, rest: bytes) -> None:
    start = data.index(b"hel")
    response = ResponseParser("GET")
    assert response.feed(data[:start]) == b""
    assert response.left == size
    response.took(size - 1)
    response.took(1)
    assert response.finished == (not rest)
    if rest:
        assert response.feed(data[start + size :]) == rest
    assert (response.finished, response.keeps) == (True, True)


def test_a_folded_header_is_one_line() -> None:
    response = ResponseParser("GET")
    response.feed(FOLDED)
    assert response.head == (200, {"x-a": "b c", "Content-Length": "5"})


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 404)]
)
def test_some_responses_have_no_body_despite_a_content_length(method: str, status: int) -> None:
    response = ResponseParser(method)
    assert response.feed(b"HTTP/1.1 %d X\r\nContent-Length: 9\r\n\r\n" % status) == b""
    assert (response.finished, response.keeps) == (True, True)


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    response = ResponseParser("GET")
    assert response.feed(b"HTTP/1.1 200 OK\r\n\r\nhel") + response.feed(b"lo") == b"hello"
    assert not response.finished
    response.end()
    assert (response.finished, response.keeps) == (True, False)


@pytest.mark.parametrize("data", [LENGTH, CHUNKS, INTERIM])
def test_a_response_that_is_cut_anywhere_is_not_whole(data: bytes) -> None:
    for size in range(len(data)):
        response = ResponseParser("GET")
        response.feed(data[:size])
        assert not response.finished, f"{size} of {len(data)} bytes are taken for the whole"
        with pytest.raises(ValueError, match=r"head has no end|no response|connection was closed"):
            response.end()


NONSENSE = [
    b"SSH-2.0-OpenSSH\r\n",
    b"HTTP/2 200\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\n\r\n",
    b"HTTP/1.1 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: \xd9\xa3\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 20_000,
    b"HTTP/1.1 200 OK\r\nx-a: " + b"b" * 300_000,
]


@pytest.mark.parametrize("data", NONSENSE, ids=lambda data: repr(data[-24:]))
def test_invalid_bytes_are_not_taken_for_a_response(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what is wrong is reported by the words of each
        ResponseParser("GET").feed(data)


@pytest.mark.parametrize(
    "data",
    [
        LENGTH.replace(b"x-a: b", b"Connection: Close"),
        LENGTH.replace(b"HTTP/1.1", b"HTTP/1.0"),
        LENGTH + b"HTTP/1.1 200 OK",
        CHUNKS + b"HTTP/1.1 200 OK",
    ],
    ids=["reported to close", "old", "more than was asked for", "more after chunks"],
)
def test_a_connection_is_not_used_again_if_that_is_not_safe(data: bytes) -> None:
    response = ResponseParser("GET")
    assert response.feed(data) == b"hello"
    assert (response.finished, response.keeps) == (True, False)
