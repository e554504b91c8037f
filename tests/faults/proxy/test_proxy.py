"""The proxy without faults: it changes nothing, records requests and leaks nothing."""

import gc
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.endpoint import encode_path
from coskit.protocol.operations import (
    GET_OBJECT,
    HEAD_OBJECT,
    PUT_OBJECT,
    UPLOAD_PART,
)
from coskit.testing import LocalServer
from tests.faults.proxy.exchange import RecordedRequest
from tests.faults.proxy.faults import Delay, DropReply, Fault, Stall, Status, StatusAfter
from tests.faults.proxy.proxy import FaultProxy, Rule
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
from tests.server.support.http_client import Connection, HTTPClient
from tests.support.keys import HOSTILE_KEYS
from tests.support.worlds import VendorWorld, World

ANSWERS = {
    "a length": (b"HTTP/1.1 200 OK\r\neTAG: x\r\nX:y\r\nContent-Length: 3\r\n\r\n", b"abc"),
    "nothing": (b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", b""),
    "chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"1;a\r\nx\r\n0\r\nT: 1\r\n\r\n",
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", b""),
    "interim": (b"HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\n", b"x"),
}


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=ascii)
def test_a_hostile_key_passes_unchanged(
    server: LocalServer, proxy: FaultProxy, http_client: HTTPClient, bucket: str, key: str
) -> None:
    path = f"/{bucket}{encode_path('/' + key)}"
    through = [http_client.request("PUT", path, {}, key.encode()), http_client.request("GET", path)]
    direct = HTTPClient.of(server).request("PUT", path, {}, key.encode())
    assert through[0].outcome == direct.outcome
    if direct.status == 200:
        assert through[1].body == key.encode()
        assert [(seen.operation, seen.key) for seen in proxy.exchanges] == [
            (PUT_OBJECT, key),
            (GET_OBJECT, key),
        ]


@pytest.mark.parametrize("reply", ANSWERS)
@pytest.mark.parametrize("request_", REQUESTS)
def test_every_byte_passes_both_ways_and_the_connection_stays(request_: str, reply: str) -> None:
    sent = REQUESTS[request_]
    head, body = ANSWERS[reply]
    answered = head if request_ == "HEAD" else head + body
    with proxied_connection() as (running, client, listener):
        client.send(sent + sent)
        with accept(listener) as connection:
            for _ in range(2):
                assert exactly(connection, len(sent)) == sent
                connection.sendall(answered)
                assert exactly(client.socket, len(answered)) == answered
        assert [seen.reached for seen in running.exchanges] == [True, True]
        assert [seen.received for seen in running.exchanges] == [
            {"a length": 5, "chunks": 5}.get(request_, 0)
        ] * 2


def test_a_response_without_length_ends_with_its_connection() -> None:
    answered = b"HTTP/1.1 200 OK\r\n\r\nall that comes"
    with proxied_connection() as (_, client, listener):
        sent = REQUESTS["a length"]
        client.send(sent)
        with accept(listener) as connection:
            assert exactly(connection, len(sent)) == sent
            connection.sendall(answered)
        assert client.rest() == answered


def test_bodies_are_streamed() -> None:
    start = b"Content-Length: %d\r\n\r\n" % (1 << 40) + b"x" * 100_000
    sent = b"PUT /a HTTP/1.1\r\nHost: x\r\n" + start
    answered = b"HTTP/1.1 200 OK\r\n" + start
    with proxied_connection() as (_, client, listener):
        client.send(sent)
        with accept(listener) as connection:
            assert exactly(connection, len(sent)) == sent
            connection.sendall(answered)
            assert exactly(client.socket, len(answered)) == answered


@pytest.mark.parametrize("kind", ["sync", "async", "vendor"])
def test_clients_find_the_same_server_behind_it(
    server: LocalServer, proxy: FaultProxy, bucket: str, kind: str
) -> None:
    keys = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    world = (
        VendorWorld(server, Port=proxy.port)
        if kind == "vendor"
        else World(kind, endpoint=proxy.endpoint, **keys)
    )
    body = BODY * 3000
    with world:
        world.put_object(Bucket=bucket, Key="a b", Body=body)
        assert world.fetch(bucket, "a b") == body
        assert world.fetch(bucket, "a b", Range="bytes=5-9") == body[5:10]
    assert [seen.operation for seen in proxy.exchanges] == [PUT_OBJECT, GET_OBJECT, GET_OBJECT]
    put, get, part = proxy.exchanges
    assert (put.received, put.crc64, put.statuses) == (len(body), crc64(body), [200])
    assert (get.status, get.delivered, part.status, part.delivered) == (200, len(body), 206, 5)


def test_pipelined_requests_get_responses_in_order(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str
) -> None:
    assert http_client.request("PUT", f"/{bucket}/a", {}, BODY).status == 200
    asked = [("GET", "a"), ("HEAD", "a"), ("GET", "none"), ("DELETE", "none"), ("GET", "a")]
    with http_client.connect() as connection:
        connection.send(
            b"".join(http_client.build_request(method, f"/{bucket}/{key}") for method, key in asked)
        )
        replies = [connection.receive(method.encode()) for method, _ in asked]
    assert [reply.status for reply in replies] == [200, 200, 404, 204, 200]
    assert [replies[0].body, replies[4].body] == [BODY, BODY]
    assert [seen.status for seen in proxy.exchanges[1:]] == [200, 200, 404, 204, 200]


def test_100_continue_of_the_server_is_forwarded(http_client: HTTPClient, bucket: str) -> None:
    headers = {"expect": "100-continue", "content-length": "4"}
    with http_client.connect() as connection:
        assert (
            connection.request(http_client.build_request("PUT", f"/{bucket}/a", headers)).status
            == 100
        )
        connection.send(b"body")
        assert connection.receive(b"PUT").status == 200
        assert connection.request(http_client.build_request("GET", f"/{bucket}/a")).body == b"body"


def test_a_refused_body_closes_the_connection(http_client: HTTPClient, bucket: str) -> None:
    headers = {"expect": "100-continue", "content-length": "4"}
    with http_client.connect() as connection:
        reply = connection.request(
            http_client.build_request("PUT", f"/{bucket}/new", headers, signed=False)
        )
        assert reply.outcome == (403, "AccessDenied")
        assert reply.closes
        assert connection.rest() == b""


def test_an_unmodified_object_has_no_body(http_client: HTTPClient, bucket: str) -> None:
    tag = http_client.request("PUT", f"/{bucket}/a", {}, BODY)["ETag"]
    with http_client.connect() as connection:
        request = http_client.build_request("GET", f"/{bucket}/a", {"if-none-match": tag})
        assert [connection.request(request).status for _ in range(2)] == [304, 304]


def test_fifty_connections_at_once_are_independent(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str
) -> None:
    together = threading.Barrier(50)

    def put_and_get(number: int) -> bool:
        path, body = f"/{bucket}/{number}", str(number).encode() * 50_000
        with http_client.connect() as connection:
            together.wait(30)
            put = connection.request(http_client.build_request("PUT", path, {}, body))
            return (
                put.status == 200
                and connection.request(http_client.build_request("GET", path)).body == body
            )

    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(put_and_get, range(50)))
    assert (len(proxy.matching(PUT_OBJECT)), len(proxy.matching(GET_OBJECT))) == (50, 50)
    assert {seen.number for seen in proxy.exchanges} == set(range(100))


def test_a_client_that_disconnects_closes_the_servers_connection(
    server: LocalServer, proxy: FaultProxy, http_client: HTTPClient, bucket: str
) -> None:
    with http_client.connect() as connection:
        connection.send(
            http_client.build_request("PUT", f"/{bucket}/a", {"content-length": "10"}) + b"12345"
        )
        connection.finish()
        assert is_ended(connection)
    assert stored(server, f"/{bucket}/a") is None
    (seen,) = proxy.exchanges
    assert (seen.received, seen.is_complete, seen.reached) == (5, False, False)


def test_a_server_that_closes_without_a_response_closes_the_connection() -> None:
    sent = REQUESTS["a length"]
    with proxied_connection() as (_, client, listener):
        client.send(sent)
        with accept(listener) as connection:
            assert exactly(connection, len(sent)) == sent
        assert client.rest() == b""


def test_an_idle_connection_that_the_server_closed_is_replaced() -> None:
    sent, answered = REQUESTS["a length"], b"".join(ANSWERS["a length"])
    with proxied_connection() as (_, client, listener):
        for _ in range(2):
            client.send(sent)
            with accept(listener) as connection:
                assert exactly(connection, len(sent)) == sent
                connection.sendall(answered)
                assert exactly(client.socket, len(answered)) == answered


def test_an_unreachable_server_resets_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with FaultProxy(port) as running, Connection(running.port) as connection:
        connection.send(REQUESTS["HEAD"])
        assert is_reset(connection)


@pytest.mark.parametrize(
    "data", [b"garbage\r\n\r\n", b"GET /a b HTTP/1.1\r\n\r\n", b"\x16\x03\r\n\r\n"]
)
def test_what_is_no_request_ends_the_connection(proxy: FaultProxy, data: bytes) -> None:
    with Connection(proxy.port) as connection:
        connection.send(data)
        assert is_reset(connection)
    assert proxy.exchanges == []


# Rules and the record


def test_rules_apply_in_order(proxy: FaultProxy, http_client: HTTPClient, bucket: str) -> None:
    def is_odd(exchange: RecordedRequest) -> bool:
        return exchange.key == "odd"

    proxy.rules = [
        Rule(PUT_OBJECT, Status(500), times=2, skip=1),
        Rule(PUT_OBJECT, Status(502)),
        Rule(is_odd, Status(504), times=None),
    ]
    keys = ["a", "a", "a", "a", "odd", "odd"]
    replies = [http_client.request("PUT", f"/{bucket}/{key}", {}, b"").status for key in keys]
    assert replies == [502, 500, 500, 200, 504, 504]
    assert [seen.fault for seen in proxy.matching(is_odd)] == [Status(504)] * 2
    proxy.rules = []
    assert http_client.request("PUT", f"/{bucket}/odd", {}, b"").status == 200


def test_a_function_can_decide(proxy: FaultProxy, http_client: HTTPClient, bucket: str) -> None:
    def decide(exchange: RecordedRequest) -> Fault | None:
        return Status(500) if exchange.query.get("prefix") == "bad" else None

    proxy.decide = decide
    assert http_client.request("GET", f"/{bucket}/?prefix=good").status == 200
    assert http_client.request("GET", f"/{bucket}/?prefix=bad").status == 500


def test_an_exception_in_a_rule_is_raised_at_the_end(server: LocalServer) -> None:
    def is_broken(exchange: RecordedRequest) -> bool:
        raise LookupError("a mistake of the test")

    running = FaultProxy(server.port, [Rule(is_broken, Status(500))])
    with Connection(running.port) as connection:
        connection.send(REQUESTS["HEAD"])
        assert is_reset(connection)
    with pytest.raises(ExceptionGroup) as caught:
        running.close()
    assert isinstance(caught.value.exceptions[0], LookupError)


def test_parts_that_are_sent_again_are_found(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str
) -> None:
    upload = http_client.request("POST", f"/{bucket}/a?uploads").text("UploadId")
    proxy.rules = [Rule(UPLOAD_PART, Status(500)), Rule(UPLOAD_PART, DropReply(reset=False))]

    def send(part: int, body: bytes) -> None:
        with http_client.connect() as connection, suppress(EOFError):
            target = f"/{bucket}/a?partNumber={part}&uploadId={upload}"
            connection.request(http_client.build_request("PUT", target, {}, body))

    send(1, b"refused")
    send(1, b"reply lost")
    assert proxy.parts_sent_again() == []
    send(1, b"another content")
    send(2, b"reply lost")
    assert proxy.parts_sent_again() == []
    send(1, b"reply lost")
    assert [seen.number for seen in proxy.parts_sent_again()] == [proxy.exchanges[-1].number]


def test_the_report_describes_each_request(
    proxy: FaultProxy, http_client: HTTPClient, bucket: str
) -> None:
    proxy.rules = [Rule(PUT_OBJECT, StatusAfter(500))]
    http_client.request("PUT", f"/{bucket}/a", {}, b"12345")
    report = proxy.report()
    assert re.fullmatch(
        rf"#0 PutObject /{bucket}/a with 5 bytes under StatusAfter\(status=500.*\): 5 forwarded, "
        r"answers 200, client got 500 and \d+ bytes",
        report,
    ), report
    proxy.clear()
    assert proxy.report() == ""


# Its end


def test_the_proxy_leaks_nothing(server: LocalServer, http_client: HTTPClient, bucket: str) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    gc.collect()
    threads, sockets = set(threading.enumerate()), descriptors()
    with FaultProxy(server.port) as running:
        running.rules = [
            Rule(PUT_OBJECT, Stall(), times=10),
            Rule(GET_OBJECT, Delay(3600), times=10),
            Rule(HEAD_OBJECT, Delay(3600, "request"), times=10),
        ]
        connections = [Connection(running.port) for _ in range(40)]
        for number, connection in enumerate(connections):
            if method := ("PUT", "GET", "HEAD", "")[number % 4]:
                connection.send(http_client.build_request(method, f"/{bucket}/a", {}, b"x" * 1000))
        for connection in connections[3::4]:
            assert connection.request(http_client.build_request("GET", "/")).status == 200
    running.close()
    for connection in connections:
        with connection:
            assert is_ended(connection)
    assert set(threading.enumerate()) <= threads
    assert descriptors() <= sockets
    with pytest.raises(ConnectionRefusedError):
        Connection(running.port)
