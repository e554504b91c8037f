"""Heads of responses: how they are read, and what libcurl takes for a response at all."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.client._async.transport import AsyncTransport
from coskit.client._sync.transport import Transport
from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.http_request import HTTPRequest
from coskit.client.transport.response_head import _read_unusual_head, read_head
from coskit.protocol.errors import TransportError
from coskit.protocol.messages import Response
from tests.client.stubs.stub import Stub, once

SETTINGS = TransportSettings(connect_timeout=20, read_timeout=20, proxy="")
FIELDS = st.lists(
    st.tuples(st.text("abAB-1", min_size=1, max_size=4), st.text("ab :\t,/\x85\x0c中", max_size=6)),
    max_size=6,
)


@given(fields=FIELDS, end=st.sampled_from([b"\r\n", b"\n"]))
def test_usual_and_unusual_heads_are_read_alike(fields: list[tuple[str, str]], end: bytes) -> None:
    lines = [f"{name}: {value}".encode() for name, value in fields]
    block = end.join([b"HTTP/1.1 206 Partial Content", *lines, b"", b""])
    assert read_head(block) == _read_unusual_head(block)


def test_a_head_without_an_end_is_none() -> None:
    with pytest.raises(ValueError, match="the head has no end"):
        read_head(b"HTTP/1.1 200 OK\r\nx-a: b\r\n")


NO_RESPONSES = [
    b"SSH-2.0-OpenSSH\r\n",
    b"HTTP/1.1 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: \xd9\xa3\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 20_000,
    b"HTTP/1.1 200 OK\r\nx-a: " + b"b" * 400_000,
]


def sent(kind: str, request: HTTPRequest) -> Response:
    if kind == "sync":
        with Transport(SETTINGS) as transport:
            return transport.send(request)

    async def send() -> Response:
        async with AsyncTransport(SETTINGS) as transport:
            return await transport.send(request)

    return asyncio.run(send())


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("data", NO_RESPONSES, ids=lambda data: repr(data[-24:]))
def test_nonsense_is_no_response(data: bytes, kind: Any) -> None:
    with Stub(once(data)) as stub, pytest.raises(TransportError):
        sent(kind, HTTPRequest("GET", f"{stub.url}/key"))
