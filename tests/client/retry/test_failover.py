"""A service with two domains: where one leads nowhere, the other is taken, and signed for."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from coskit import (
    Client,
    ClientConfig,
    CosServiceError,
    Credentials,
    RetryPolicy,
    TransportError,
    TransportSettings,
)
from coskit.protocol.endpoint import parse_endpoint, region_endpoint, second_domain
from coskit.testing import LocalServer
from tests.client.stubs.scripted import ScriptedServer, http_response
from tests.support.local import bucket, owner, server
from tests.support.worlds import World

__all__ = ["bucket", "owner", "server"]
BUCKET = "examplebucket-1250000000"
STORED = {"ETag": '"e"', "x-cos-request-id": "id-2"}


@pytest.mark.parametrize(
    ("host", "second"),
    [
        ("cos.ap-guangzhou.myqcloud.com", "cos.ap-guangzhou.tencentcos.cn"),
        ("cos.ap-shanghai-fsi.myqcloud.com", "cos.ap-shanghai-fsi.tencentcos.cn"),
        ("b-125.cos.ap-beijing-1.myqcloud.com", "b-125.cos.ap-beijing-1.tencentcos.cn"),
        ("cos.ap-guangzhou.tencentcos.cn", None),
        ("cos.accelerate.myqcloud.com", None),
        ("service.cos.myqcloud.com", None),
        ("cos-internal.ap-guangzhou.tencentcos.cn", None),
        ("cos.example.com", None),
        ("cos.ap-guangzhou.myqcloud.com.example.com", None),
        ("127.0.0.1:9000", None),
    ],
)
def test_only_the_public_service_has_a_second_domain(host: str, second: str | None) -> None:
    endpoint = parse_endpoint(f"https://{host}")
    found = second_domain(endpoint)
    assert (found and found.host) == second


def test_the_second_domain_changes_nothing_but_the_host() -> None:
    first = region_endpoint("ap-guangzhou", "http")
    second = second_domain(first)
    assert second is not None
    assert second.address(BUCKET, "k") == (f"{BUCKET}.cos.ap-guangzhou.tencentcos.cn", "/k")
    assert (second.scheme, second.service_host) == ("http", first.service_host)


def test_failover_has_to_be_asked_for() -> None:
    keys: dict[str, Any] = {"region": "ap-guangzhou", "secret_id": "id", "secret_key": "key"}
    with Client(**keys) as cautious, Client(**keys, failover=True) as eager:
        assert cautious._config.second() is None
        second = eager._config.second()
    assert second is not None
    assert second.host == "cos.ap-guangzhou.tencentcos.cn"


class Pair:
    """Clients of two endpoints, in one world."""

    def __init__(self, kind: str, stack: ExitStack) -> None:
        self._kind = kind
        self._stack = stack

    def scripted(self, *responses: bytes | object) -> ScriptedServer:
        return self._stack.enter_context(ScriptedServer(responses))

    def client(self, first: str, second: str, keys: Credentials | None = None) -> World:
        config = ClientConfig(
            parse_endpoint(first),
            credentials=keys or Credentials("id", "key"),
            retry=RetryPolicy(attempts=3, base=0.001, longest=0.01),
            transport=TransportSettings(proxy="", read_timeout=10),
            second_endpoint=parse_endpoint(second) if second else None,
        )
        return self._stack.enter_context(World(self._kind, config=config))


@pytest.fixture(params=["sync", "async"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Give what makes clients of two endpoints."""
    with ExitStack() as stack:
        yield Pair(request.param, stack)


@pytest.fixture
def refusing() -> Iterator[str]:
    """Return an endpoint without a listener, whose port stays taken."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


def test_a_refused_connection_leads_to_the_other_address_signed_for_it(
    pair: Pair, refusing: str, server: LocalServer, bucket: str
) -> None:
    keys = Credentials(server.secret_id, server.secret_key)
    world = pair.client(refusing, server.endpoint, keys)
    world.put_object(bucket, b"data", "key")
    assert world.fetch(bucket, "key") == b"data"


def test_the_address_that_worked_is_kept(pair: Pair) -> None:
    broken = http_response(502)
    first, second = pair.scripted(broken), pair.scripted(*[http_response(headers=STORED)] * 3)
    world = pair.client(first.endpoint, second.endpoint)
    for _ in range(3):
        world.put_object(BUCKET, b"data", "key")
    assert (len(first.requests), len(second.requests)) == (1, 3)


def test_where_both_lead_nowhere_they_take_turns(pair: Pair) -> None:
    first, second = pair.scripted(*[http_response(502)] * 2), pair.scripted(http_response(502))
    world = pair.client(first.endpoint, second.endpoint)
    with pytest.raises(CosServiceError):
        world.put_object(BUCKET, b"data", "key")
    assert (len(first.requests), len(second.requests)) == (2, 1)


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_that_is_not_the_services_own_leads_to_the_other_address(
    pair: Pair, status: int
) -> None:
    first, second = (
        pair.scripted(http_response(status)),
        pair.scripted(http_response(headers=STORED)),
    )
    world = pair.client(first.endpoint, second.endpoint)
    world.put_object(BUCKET, b"data", "key")
    assert (len(first.requests), len(second.requests)) == (1, 1)


def test_a_failure_of_the_service_itself_stays_with_its_address(pair: Pair) -> None:
    own = http_response(503, headers={"x-cos-request-id": "id-1"})
    first, second = (
        pair.scripted(own, http_response(headers=STORED)),
        pair.scripted(http_response()),
    )
    world = pair.client(first.endpoint, second.endpoint)
    world.put_object(BUCKET, b"data", "key")
    assert (len(first.requests), len(second.requests)) == (2, 0)


def test_a_redirect_of_the_service_itself_is_raised(pair: Pair) -> None:
    own = http_response(301, headers={"x-cos-request-id": "id-1"})
    first, second = pair.scripted(own), pair.scripted(http_response())
    world = pair.client(first.endpoint, second.endpoint)
    with pytest.raises(CosServiceError) as raised:
        world.put_object(BUCKET, b"data", "key")
    assert (raised.value.status, len(second.requests)) == (301, 0)


@pytest.mark.parametrize("reply", [502, 301])
def test_what_is_not_idempotent_goes_elsewhere_only_if_nothing_was_done(
    pair: Pair, reply: int
) -> None:
    uploaded: Any = (
        b"<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId>"
        b"</InitiateMultipartUploadResult>"
    )
    first, second = pair.scripted(http_response(reply)), pair.scripted(http_response(body=uploaded))
    world = pair.client(first.endpoint, second.endpoint)
    if reply == 301:
        assert world.create_multipart_upload(BUCKET, "key")["UploadId"] == "u"
    else:
        with pytest.raises(CosServiceError):
            world.create_multipart_upload(BUCKET, "key")
        assert second.requests == []


def test_without_a_second_address_the_first_is_tried_again(pair: Pair, refusing: str) -> None:
    world = pair.client(refusing, "")
    with pytest.raises(TransportError) as raised:
        world.head_bucket(BUCKET)
    assert raised.value.attempts == 3


def test_a_cut_body_goes_on_at_the_other_address(pair: Pair) -> None:
    head = http_response(body=b"0123456789", headers={**STORED, "Connection": "close"})
    broken = http_response(502)
    rest = http_response(206, b"56789", {**STORED, "Content-Range": "bytes 5-9/10"})
    first, second = pair.scripted(head[:-5], broken), pair.scripted(rest)
    world = pair.client(first.endpoint, second.endpoint)
    assert world.fetch(BUCKET, "key") == b"0123456789"
    assert len(second.requests) == 1
