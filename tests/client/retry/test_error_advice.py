"""A call that cannot succeed is tried once, and the error says what to do; in both worlds.

The words are libcurl's own, so each case makes the failure happen.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from coskit import (
    ClientClosed,
    CosServiceError,
    ParameterError,
    RetryPolicy,
    TransportError,
    TransportSettings,
)
from coskit.protocol.errors import CosException
from tests.client.stubs.scripted import http_response
from tests.client.stubs.stub import TLS, Stub, StubConnection, always
from tests.support.worlds import World

BUCKET = "examplebucket-1250000000"
DONE = http_response(headers={"ETag": '"e"'})


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def client(kind: str, endpoint: str, **settings: Any) -> World:
    transport = TransportSettings(**{"proxy": "", "read_timeout": 10.0, **settings})
    retry = RetryPolicy(attempts=3, base=0.001, longest=0.01)
    keys = {"secret_id": "i", "secret_key": "k"}
    return World(kind, endpoint=endpoint, retry=retry, transport=transport, **keys)


def failure(world: World) -> Any:
    with world, pytest.raises(CosException) as raised:
        world.head_object(BUCKET, "k")
    return raised.value


def alert(connection: StubConnection) -> None:
    """Send the fatal alert "unexpected message", as a TLS server does after plain text."""
    connection.request()
    connection.send(b"\x15\x03\x01\x00\x02\x02\x0a")


@contextmanager
def refusing() -> Iterator[str]:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


@pytest.mark.parametrize("endpoint", ["127.0.0.1:{}", "https://127.0.0.1:{}", "localhost:{}"])
def test_tls_to_a_server_without_it(kind: str, endpoint: str) -> None:
    def puzzled(connection: StubConnection) -> None:
        connection.sock.recv(2000)
        connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        connection.is_left()

    with Stub(puzzled) as stub:
        error = failure(client(kind, endpoint.format(stub.port)))
    assert isinstance(error, TransportError)
    assert "begins with http://" in str(error)
    assert error.attempts == 1


def test_plain_http_to_a_server_with_tls(kind: str) -> None:
    with Stub(alert) as stub:
        error = failure(client(kind, stub.url))
    assert isinstance(error, TransportError)
    assert "begins with https://" in str(error)
    assert error.attempts == 1


def test_an_untrusted_certificate(kind: str) -> None:
    with Stub(always(DONE), tls=True) as stub:
        error = failure(client(kind, stub.url))
        missing = failure(client(kind, stub.url, ca_file=str(TLS / "none.pem")))
    assert "TransportSettings(ca_file=" in str(error)
    assert error.attempts == 1
    assert "cannot be read" in str(missing)
    assert missing.attempts == 1


def test_a_proxy_that_refuses_the_tunnel(kind: str) -> None:
    with Stub(always(http_response(403))) as proxy:
        error = failure(client(kind, "https://cos.example.com", proxy=proxy.url))
    assert "the proxy refuses: look at TransportSettings(proxy=" in str(error)
    assert error.attempts == 1


def test_a_proxy_that_is_not_there(kind: str) -> None:
    with refusing() as proxy:
        error = failure(client(kind, "http://cos.example.com", proxy=proxy))
    assert "look at TransportSettings(proxy=" in str(error)


def test_a_name_that_never_resolved(kind: str) -> None:
    error = failure(client(kind, "http://cos.nowhere.invalid"))  # RFC 6761: never resolves
    assert "region or endpoint is spelled right" in str(error)
    assert error.attempts == 1


@pytest.mark.parametrize("name", ["examplebucket", "a", "my-bucket", "my-bucket-1x"])
@pytest.mark.parametrize("method", ["head_bucket", "list_objects"])
def test_a_bucket_of_the_public_service_has_its_appid(kind: str, name: str, method: str) -> None:
    keys = {"secret_id": "i", "secret_key": "k"}
    with World(kind, region="ap-guangzhou", **keys) as world:
        with pytest.raises(ParameterError, match=f"{name}-1250000000"):
            getattr(world, method)(name)
        assert f"{BUCKET}.cos.ap-guangzhou" in world.client.get_object_url(BUCKET, "k")


def test_elsewhere_a_bucket_may_have_any_name(kind: str) -> None:
    with Stub(always(DONE)) as stub, client(kind, stub.url) as world:
        world.put_object("examplebucket", b"x", "k")


def test_a_client_that_is_closed(kind: str) -> None:
    with Stub(always(DONE)) as stub:
        world = client(kind, stub.url)
        world.run(world.client.close() if kind == "sync" else world.client.aclose())
        with pytest.raises(ClientClosed, match="create another client"):
            world.head_object(BUCKET, "k")
        assert stub.requests == []
        world.__exit__()


def test_what_passes_is_still_tried_again(kind: str) -> None:
    with refusing() as endpoint:
        assert failure(client(kind, endpoint)).attempts == 3
    with Stub(always(http_response(503))) as stub:
        error = failure(client(kind, stub.url))
        assert isinstance(error, CosServiceError)
        assert error.attempts == 3
