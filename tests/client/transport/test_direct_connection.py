"""Requests on direct connections: which are sent on them, when one is replaced or repeated."""

from typing import Any

import pytest

from coskit.client._sync.transport import Transport
from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.direct import direct_connection
from coskit.client.transport.direct.direct_connection import needs_libcurl
from coskit.client.transport.http_request import HTTPRequest
from coskit.protocol.errors import TransportError
from tests.client.stubs.stub import Stub, StubConnection, always

HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
SETTINGS = TransportSettings(connect_timeout=20, read_timeout=20, proxy="")


def test_a_connection_that_was_idle_for_long_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with Stub(always(HELLO)) as stub, Transport(SETTINGS) as transport:
        out = HTTPRequest("GET", f"{stub.url}/key")
        transport.send(out)
        monkeypatch.setattr(direct_connection, "_LONGEST_IDLE", -1.0)
        assert transport.send(out).body == b"hello"
        assert stub.connections == 2


def test_a_delete_is_sent_again_only_if_nothing_came_back() -> None:
    def half(connection: StubConnection) -> None:
        connection.request()
        connection.send(HELLO)
        if connection.request():
            connection.send(b"HTTP/1.1 20")

    with Stub(half) as stub, Transport(SETTINGS) as transport:
        transport.send(HTTPRequest("GET", f"{stub.url}/key"))
        with pytest.raises(TransportError, match="the head has no end"):
            transport.send(HTTPRequest("DELETE", f"{stub.url}/key"))
        assert [request.line.split()[0] for request in stub.requests] == ["GET", "DELETE"]


@pytest.mark.parametrize(
    ("proxy", "environ", "expected"),
    [
        (None, {}, False),
        (None, {"http_proxy": "http://p:1"}, True),
        (None, {"ALL_PROXY": "http://p:1"}, True),
        (None, {"HTTP_PROXY": "http://p:1"}, False),  # libcurl ignores it too
        ("", {"http_proxy": "http://p:1"}, False),
        ("http://p:1", {}, True),
    ],
)
def test_a_proxy_is_left_to_libcurl(
    proxy: str | None, environ: dict[str, str], expected: bool
) -> None:
    assert needs_libcurl(TransportSettings(proxy=proxy), environ) is expected


@pytest.mark.parametrize("http", ["2", "3"])
def test_a_newer_http_is_left_to_libcurl(http: Any) -> None:
    assert needs_libcurl(TransportSettings(proxy="", http=http), {})
