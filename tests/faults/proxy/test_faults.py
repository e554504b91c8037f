"""Each fault does what its name says and nothing else."""

import select
import time
from contextlib import suppress

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5, crc64
from coskit.protocol.operations import (
    CREATE_MULTIPART_UPLOAD,
    GET_OBJECT,
    HEAD_OBJECT,
    PUT_OBJECT,
)
from coskit.testing import LocalServer
from tests.faults.proxy.faults import (
    CutRequest,
    CutResponse,
    Delay,
    DropReply,
    Duplicate,
    Fault,
    FlipByte,
    HeaderCase,
    LateError,
    Redirect,
    Refuse,
    ShortBody,
    ShortLength,
    SlowDown,
    Stall,
    Status,
    StatusAfter,
)
from tests.faults.proxy.proxy import FaultProxy, Rule, any_request
from tests.faults.proxy.socket_pair import (
    BODY,
    REQUESTS,
    accept,
    exactly,
    is_ended,
    is_reset,
    proxied_connection,
    stored,
)
from tests.server.support.http_client import HTTPClient


def test_refuse_resets_before_the_server_gets_the_request(
    server: LocalServer, proxy: FaultProxy, http_client: HTTPClient, bucket: str
) -> None:
    proxy.rules = [Rule(PUT_OBJECT, Refuse())]
    with http_client.connect() as connection:
        connection.send(http_client.build_request("PUT", f"/{bucket}/a", {}, BODY))
        assert is_reset(connection)
    assert (proxy.exchanges[0].forwards, stored(server, f"/{bucket}/a")) == (0, None)
    assert http_client.request("PUT", f"/{bucket}/a", {}, BODY).status == 200


def test_refused_connections_are_reset_at_once(proxy: FaultProxy, http_client: HTTPClient) -> None:
    proxy.refuse(2)
    for _ in range(2):
        # The reset may arrive before the connection can be used.
        with pytest.raises(ConnectionResetError), http_client.connect() as connection:
            connection.rest()
    assert http_client.request("GET", "/").status == 200
    assert len(proxy.exchanges) == 1


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("after", [0, 1, len(BODY) - 1])
def test_a_cut_request_stores_nothing(
    server: LocalServer,
    proxy: FaultProxy,
    http_client: HTTPClient,
    bucket: str,
    after: int,
    reset: bool,
) -> None:
    proxy.rules = [Rule(PUT_OBJECT, CutRequest(after, reset))]
    with http_client.connect() as connection:
        connection.send(http_client.build_request("PUT", f"/{bucket}/a", {}, BODY))
        assert is_reset(connection) == reset
    (seen,) = proxy.exchanges
    assert (seen.forwarded, seen.reached, seen.statuses, seen.status) == (after, False, [], None)
    assert stored(server, f"/{bucket}/a") is None


@pytest.mark.parametrize("fault", [CutRequest(2, reset=False), DropReply(reset=False)], ids=str)
def test_a_client_that_waits_for_100_continue_gets_it(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str, fault: Fault
) -> None:
    proxy.rules = [Rule(PUT_OBJECT, fault)]
    headers = {"expect": "100-continue", "content-length": "4"}
    with http_client.connect() as connection:
        assert (
            connection.request(http_client.build_request("PUT", f"/{bucket}/a", headers)).status
            == 100
        )
        connection.send(b"body")
        assert connection.rest() == b""
    assert proxy.exchanges[0].forwarded == (2 if isinstance(fault, CutRequest) else 4)


def test_an_early_refusal_is_dropped_without_the_body(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str
) -> None:
    proxy.rules = [Rule(PUT_OBJECT, DropReply(reset=False))]
    headers = {"expect": "100-continue", "content-length": "4"}
    with http_client.connect() as connection:
        connection.send(http_client.build_request("PUT", f"/{bucket}/a", headers, signed=False))
        assert connection.rest() == b""
    assert (proxy.exchanges[0].statuses, proxy.exchanges[0].reached) == ([403], False)


def test_a_chunked_request_is_cut_within_its_content(proxy: FaultProxy) -> None:
    with proxied_connection() as (running, client, listener):
        running.rules = [Rule(any_request, CutRequest(4))]
        client.send(REQUESTS["chunks"])
        with accept(listener) as connection:
            head = REQUESTS["chunks"].partition(b"\r\n\r\n")[0]
            expected = head + b"\r\n\r\n3\r\nabc\r\n0002;x=y\r\nd"
            # The reset may overtake bytes that were sent before it.
            with suppress(ConnectionResetError):
                assert expected.startswith(exactly(connection, 1000))
        assert is_reset(client)
        assert running.exchanges[0].forwarded == 4


@pytest.mark.parametrize("after", [0, 1, len(BODY) - 1])
def test_a_cut_response_ends_after_its_bytes(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str, after: int
) -> None:
    http_client.request("PUT", f"/{bucket}/a", {}, BODY)
    proxy.rules = [Rule(GET_OBJECT, CutResponse(after, reset=False))]
    with http_client.connect() as connection:
        connection.send(http_client.build_request("GET", f"/{bucket}/a"))
        head, _, body = connection.rest().partition(b"\r\n\r\n")
    assert b"ontent-Length: %d" % len(BODY) in head
    assert body == BODY[:after]
    assert proxy.exchanges[1].delivered == after


def test_a_cut_response_can_be_reset(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str
) -> None:
    http_client.request("PUT", f"/{bucket}/a", {}, BODY)
    proxy.rules = [Rule(GET_OBJECT, CutResponse(5))]
    with http_client.connect() as connection:
        connection.send(http_client.build_request("GET", f"/{bucket}/a"))
        with pytest.raises(ConnectionResetError):
            connection.rest()


@pytest.mark.parametrize("reset", [True, False])
def test_a_dropped_reply_keeps_the_servers_change(
    server: LocalServer, proxy: FaultProxy, http_client: HTTPClient, bucket: str, reset: bool
) -> None:
    proxy.rules = [Rule(PUT_OBJECT, DropReply(reset))]
    with http_client.connect() as connection:
        connection.send(http_client.build_request("PUT", f"/{bucket}/a", {}, BODY))
        assert is_reset(connection) == reset
    (seen,) = proxy.exchanges
    assert (seen.reached, seen.is_done, seen.statuses, seen.status) == (True, True, [200], None)
    assert stored(server, f"/{bucket}/a") == BODY


@pytest.mark.parametrize("where", ["request", "response"])
def test_a_delay_only_takes_time(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str, where: str
) -> None:
    proxy.rules = [Rule(PUT_OBJECT, Delay(0.1, where))]  # type: ignore[arg-type]
    begin = time.monotonic()
    assert http_client.request("PUT", f"/{bucket}/a", {}, BODY).status == 200
    assert time.monotonic() - begin > 0.09


def test_a_stall_reads_and_never_responds(
    server: LocalServer, proxy: FaultProxy, http_client: HTTPClient, bucket: str
) -> None:
    proxy.rules = [Rule(PUT_OBJECT, Stall())]
    with http_client.connect() as connection:
        body = b"x" * (20 << 20)  # more than sockets hold
        connection.send(http_client.build_request("PUT", f"/{bucket}/a", {}, body))
        assert select.select([connection.socket], [], [], 0.1)[0] == []
        assert (proxy.exchanges[0].forwards, stored(server, f"/{bucket}/a")) == (0, None)
        proxy.close()
        assert is_ended(connection)


def test_a_stalled_response_stops_in_its_body(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str
) -> None:
    http_client.request("PUT", f"/{bucket}/a", {}, BODY)
    proxy.rules = [Rule(GET_OBJECT, Stall(after=10))]
    with http_client.connect() as connection:
        connection.send(http_client.build_request("GET", f"/{bucket}/a"))
        found = b""
        while not found.endswith(b"\r\n\r\n" + BODY[:10]):
            found += connection.socket.recv(1000)
        assert select.select([connection.socket], [], [], 0.1)[0] == []


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Status(500), (500, "InternalError")),
        (Status(503), (503, "ServiceUnavailable")),
        (Status(403, "AccessDenied"), (403, "AccessDenied")),
        (Status(204), (204, "")),
        (Status(299), (299, "")),
        (Status(502, body=b"<html>Bad Gateway</html>"), (502, "")),
        (SlowDown(), (503, "SlowDown")),
        (Redirect(), (301, "PermanentRedirect")),
        (Redirect(307), (307, "TemporaryRedirect")),
        (LateError(), (200, "InternalError")),
    ],
    ids=str,
)
def test_a_status_of_the_proxy_sends_nothing_to_the_server_and_keeps_the_connection(
    server: LocalServer,
    proxy: FaultProxy,
    http_client: HTTPClient,
    bucket: str,
    fault: Fault,
    outcome: tuple[int, str],
) -> None:
    proxy.rules = [Rule(PUT_OBJECT, fault), Rule(HEAD_OBJECT, fault)]
    with http_client.connect() as connection:
        assert (
            connection.request(http_client.build_request("PUT", f"/{bucket}/a", {}, BODY)).outcome
            == outcome
        )
        assert (
            connection.request(http_client.build_request("HEAD", f"/{bucket}/a")).status
            == outcome[0]
        )
        assert connection.request(http_client.build_request("GET", f"/{bucket}/a")).outcome == (
            404,
            "NoSuchKey",
        )
    put, head, _ = proxy.exchanges
    assert (put.forwards, put.received, put.crc64) == (0, len(BODY), crc64(BODY))
    assert (head.forwards, head.status, head.delivered) == (0, outcome[0], 0)


def test_a_status_of_the_proxy_has_the_given_headers(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str
) -> None:
    proxy.rules = [
        Rule(any_request, SlowDown(retry_after=7)),
        Rule(any_request, Redirect(location="http://elsewhere/")),
        Rule(any_request, Status(429, headers=(("X-Odd", "1"),))),
    ]
    replies = [http_client.request("GET", f"/{bucket}/") for _ in range(4)]
    assert [reply.status for reply in replies] == [503, 301, 429, 200]
    assert replies[0]["Retry-After"] == "7"
    assert replies[1]["Location"] == "http://elsewhere/"
    assert replies[2]["X-Odd"] == "1"


def test_a_client_that_waits_for_100_continue_gets_a_status_without_sending_its_body(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str
) -> None:
    proxy.rules = [Rule(PUT_OBJECT, Status(503))]
    headers = {"expect": "100-continue", "content-length": "4"}
    with http_client.connect() as connection:
        reply = connection.request(http_client.build_request("PUT", f"/{bucket}/a", headers))
        assert (reply.status, reply.closes, connection.rest()) == (503, True, b"")


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (StatusAfter(), (500, "InternalError")),
        (StatusAfter(504), (504, "Status504")),
        (LateError(acted=True), (200, "InternalError")),
    ],
    ids=str,
)
def test_a_status_after_the_servers_keeps_the_servers_change(
    server: LocalServer,
    proxy: FaultProxy,
    http_client: HTTPClient,
    bucket: str,
    fault: Fault,
    outcome: tuple[int, str],
) -> None:
    proxy.rules = [Rule(PUT_OBJECT, fault)]
    with http_client.connect() as connection:
        assert (
            connection.request(http_client.build_request("PUT", f"/{bucket}/a", {}, BODY)).outcome
            == outcome
        )
        assert connection.request(http_client.build_request("GET", f"/{bucket}/a")).body == BODY
    assert (proxy.exchanges[0].statuses, proxy.exchanges[0].status) == ([200], outcome[0])


@pytest.mark.parametrize("offset", [0, 100, len(BODY) - 1, len(BODY), 1 << 40])
def test_one_byte_of_a_body_is_flipped(
    server: LocalServer, proxy: FaultProxy, http_client: HTTPClient, bucket: str, offset: int
) -> None:
    place = min(offset, len(BODY) - 1)
    flipped = BODY[:place] + bytes([BODY[place] ^ 0x20]) + BODY[place + 1 :]
    path, digest = f"/{bucket}/a", {"content-md5": content_md5(BODY)}
    proxy.rules = [
        Rule(PUT_OBJECT, FlipByte(offset, "request"), times=2),
        Rule(GET_OBJECT, FlipByte(offset)),
    ]
    assert http_client.request("PUT", path, digest, BODY).outcome == (400, "BadDigest")
    assert http_client.request("PUT", path, {}, BODY)["x-cos-hash-crc64ecma"] == str(crc64(flipped))
    assert stored(server, path) == flipped
    assert http_client.request("PUT", path, digest, BODY).status == 200
    assert [http_client.request("GET", path).body, http_client.request("GET", path).body] == [
        flipped,
        BODY,
    ]


def test_a_byte_is_flipped_across_chunks(
    server: LocalServer, proxy: FaultProxy, http_client: HTTPClient, bucket: str
) -> None:
    proxy.rules = [Rule(PUT_OBJECT, FlipByte(4, "request"))]
    chunks = b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"
    assert (
        http_client.request("PUT", f"/{bucket}/a", {"transfer-encoding": "chunked"}, chunks).status
        == 200
    )
    assert stored(server, f"/{bucket}/a") == b"abcdEf"


def test_a_short_body_ends_before_its_length(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str
) -> None:
    http_client.request("PUT", f"/{bucket}/a", {}, BODY)
    proxy.rules = [Rule(GET_OBJECT, ShortBody(missing=3))]
    with http_client.connect() as connection:
        reply = connection.request(http_client.build_request("GET", f"/{bucket}/a"))
        assert (reply.body, reply["Content-Length"]) == (BODY[:-3], str(len(BODY)))
        assert connection.rest() == b""


@pytest.mark.parametrize("missing", [1, 3, len(BODY), len(BODY) + 1])
def test_a_short_length_looks_whole_and_keeps_the_connection(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str, missing: int
) -> None:
    http_client.request("PUT", f"/{bucket}/a", {}, BODY)
    proxy.rules = [Rule(GET_OBJECT, ShortLength(missing))]
    with http_client.connect() as connection:
        reply = connection.request(http_client.build_request("GET", f"/{bucket}/a"))
        assert reply.body == BODY[: max(0, len(BODY) - missing)]
        assert connection.request(http_client.build_request("GET", f"/{bucket}/a")).body == BODY


def test_a_duplicate_is_done_twice(proxy: FaultProxy, http_client: HTTPClient, bucket: str) -> None:
    proxy.rules = [Rule(CREATE_MULTIPART_UPLOAD, Duplicate()), Rule(PUT_OBJECT, Duplicate())]
    reply = http_client.request("POST", f"/{bucket}/a?uploads")
    ids = http_client.request("GET", f"/{bucket}/?uploads").texts("UploadId")
    assert len(ids) == 2
    assert reply.text("UploadId") in ids
    assert http_client.request("PUT", f"/{bucket}/a", {}, BODY).status == 200
    assert [(seen.forwards, seen.statuses) for seen in proxy.exchanges] == [
        (2, [200, 200]),
        (1, [200]),
        (2, [200, 200]),
    ]
    assert proxy.exchanges[2].reached


@pytest.mark.parametrize("case", ["lower", "upper"])
def test_header_names_change_their_case(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str, case: str
) -> None:
    usual = http_client.request("PUT", f"/{bucket}/a", {}, BODY)
    proxy.rules = [Rule(PUT_OBJECT, HeaderCase(case), times=None)]  # type: ignore[arg-type]
    changed = http_client.request("PUT", f"/{bucket}/a", {}, BODY)
    names = [getattr(name, case)() for name, _ in usual.fields]
    assert [name for name, _ in changed.fields] == names
    assert changed[getattr("ETag", case)()] == usual["ETag"]
