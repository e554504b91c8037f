"""Every kind of credentials that a client signs with, in both worlds."""

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from coskit import (
    AsyncClient,
    AsyncRefreshingCredentials,
    Client,
    Credentials,
    CredentialsError,
    RefreshingCredentials,
    errors,
)
from tests.client.conftest import Scripted
from tests.client.credentials.refreshing import (
    BUCKET,
    FOUND,
    LIMIT,
    Clock,
    Fetch,
    Gate,
    fixed_keys,
    signed_by,
)
from tests.client.stubs.scripted import http_response

KINDS = pytest.mark.parametrize("kind", ["sync", "async"])
REFUSED = b"<Error><Code>%b</Code><Message>why</Message></Error>"


def test_a_function_is_asked_once_for_many_requests(scripted: Scripted) -> None:
    fetch = Fetch(Clock(), lifetime=None)
    keys = {"secret_id": None, "secret_key": None, "credentials": fetch}
    world, server = scripted(FOUND, FOUND, **keys)
    for _ in range(2):
        world.fetch(BUCKET, "a")
    assert [signed_by(request) for request in server.requests] == [("id-1", "token")] * 2
    assert fetch.calls == 1


class Rotating:
    """A provider with keys of its own making."""

    def __init__(self) -> None:
        self.asked = 0

    def get(self) -> Credentials:
        self.asked += 1
        return Credentials(f"id-{self.asked}", "secret-key", f"token-{self.asked}")


def test_an_object_is_asked_for_each_request_and_each_url(scripted: Scripted) -> None:
    provider = Rotating()
    keys = {"secret_id": None, "secret_key": None, "credentials": provider}
    world, server = scripted(FOUND, FOUND, **keys)
    assert world.fetch(BUCKET, "a") == b"content"
    url = world.client.get_presigned_url(BUCKET, "a", "GET")
    assert "q-ak=id-2" in url
    assert "x-cos-security-token=token-2" in url
    assert "q-ak=id-3" in world.client.get_auth("GET", BUCKET, "a")
    assert world.client.presign_post(BUCKET, "a")["fields"]["q-ak"] == "id-4"
    world.fetch(BUCKET, "a")
    assert [signed_by(one) for one in server.requests] == [("id-1", "token-1"), ("id-5", "token-5")]


@pytest.mark.parametrize("code", [b"ExpiredToken", b"InvalidAccessKeyId"])
def test_outdated_keys_are_replaced_and_the_call_sent_once_more(
    scripted: Scripted, code: bytes
) -> None:
    fetch = Fetch(Clock(), lifetime=None)
    keys = {"secret_id": None, "secret_key": None, "credentials": fetch}
    refusal = http_response(403, REFUSED % code)
    stored = http_response(200, headers={"ETag": '"e"', "x-cos-request-id": "r"})
    world, server = scripted(refusal, stored, refusal, FOUND, **keys)
    world.put_object(BUCKET, b"data", "a")
    assert world.fetch(BUCKET, "a") == b"content"
    assert [body for _, body in server.requests] == [b"data", b"data", b"", b""]
    assert [signed_by(one)[0] for one in server.requests] == ["id-1", "id-2", "id-2", "id-3"]


def test_a_call_is_sent_only_once_more(scripted: Scripted) -> None:
    keys = {"secret_id": None, "secret_key": None, "credentials": Fetch(Clock(), None)}
    world, server = scripted(*[http_response(403, REFUSED % b"ExpiredToken")] * 3, **keys)
    with pytest.raises(errors.ExpiredToken):
        world.fetch(BUCKET, "a")
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: fixed_keys,
        lambda: Credentials("id", "secret-key"),
        lambda: Fetch(Clock(), lifetime=None),
    ],
    ids=["the same keys", "fixed keys", "a fetch that fails"],
)
def test_without_other_keys_the_refusal_is_raised(
    scripted: Scripted, make: Callable[[], Any]
) -> None:
    credentials = make()
    keys = {"secret_id": None, "secret_key": None, "credentials": credentials}
    world, server = scripted(FOUND, *[http_response(403, REFUSED % b"ExpiredToken")] * 2, **keys)
    world.fetch(BUCKET, "a")
    if isinstance(credentials, Fetch):
        credentials.failure = OSError("no route")
    with pytest.raises(errors.ExpiredToken):
        world.fetch(BUCKET, "a")
    assert len(server.requests) == 2


def test_what_can_be_sent_only_once_is_not_sent_with_other_keys(scripted: Scripted) -> None:
    keys = {"secret_id": None, "secret_key": None, "credentials": Fetch(Clock(), None)}
    world, server = scripted(*[http_response(403, REFUSED % b"ExpiredToken")] * 2, **keys)
    with pytest.raises(errors.ExpiredToken):
        world.put_object(BUCKET, world.source([b"a", b"b"]), "a")
    assert len(server.requests) == 1


def test_a_provider_without_keys_lets_nothing_out(scripted: Scripted) -> None:
    fetch = Fetch(Clock())
    fetch.failure = OSError("no route")
    keys = {"secret_id": None, "secret_key": None, "credentials": fetch}
    world, server = scripted(FOUND, **keys)
    with pytest.raises(CredentialsError, match="No new keys"):
        world.fetch(BUCKET, "a")
    assert not server.requests


PLACE: dict[str, Any] = {"region": "ap-tokyo"}


def test_an_async_function_is_awaited_and_its_keys_sign_urls_while_they_are_valid() -> None:
    async def run() -> None:
        clock = Clock()
        fetch = Fetch(clock)

        async def later() -> Credentials:
            await asyncio.sleep(0)
            return fetch()

        provider = AsyncRefreshingCredentials(later, clock=clock)
        async with AsyncClient(**PLACE, credentials=later) as client:
            with pytest.raises(CredentialsError, match=r"await client.refresh_credentials\(\)"):
                client.get_presigned_url(BUCKET, "a", "GET")
        async with AsyncClient(**PLACE, credentials=provider) as client:
            await client.refresh_credentials()
            assert "q-ak=id-1" in client.get_presigned_url(BUCKET, "a", "GET")
            clock.now += 3600
            with pytest.raises(CredentialsError, match="no valid keys"):
                client.get_auth("GET", BUCKET)
            await client.refresh_credentials()
            assert "q-ak=id-2" in client.get_auth("GET", BUCKET)

    asyncio.run(run())


def test_a_provider_of_threads_blocks_no_event_loop() -> None:
    async def run() -> int:
        clock = Clock()
        gate = Gate(fetch := Fetch(clock))
        provider = RefreshingCredentials(gate, clock=clock)
        async with AsyncClient(**PLACE, credentials=provider) as client:
            asking = [asyncio.create_task(client.refresh_credentials()) for _ in range(50)]
            assert await asyncio.to_thread(gate.entered.wait, LIMIT)  # the loop is free meanwhile
            gate.open.set()
            await asyncio.gather(*asking)
            assert "q-ak=id-1" in client.get_presigned_url(BUCKET, "a", "GET")
        with Client(**PLACE, credentials=provider) as other:
            assert "q-ak=id-1" in other.get_presigned_url(BUCKET, "a", "GET")
        return fetch.calls

    assert asyncio.run(asyncio.wait_for(run(), LIMIT)) == 1


async def awaited() -> Credentials:
    """Fetch as only an asynchronous client can."""
    return fixed_keys()


class Awaited:
    """A provider, and a function, that only an asynchronous client can ask."""

    async def get(self) -> Credentials:
        return fixed_keys()


class AwaitedCall:
    """An object that is called as an async function is."""

    async def __call__(self) -> Credentials:
        return fixed_keys()


@pytest.mark.parametrize("source", [awaited, Awaited(), AwaitedCall(), 7, ("id", "key")])
def test_a_client_says_which_credentials_it_does_not_take(source: Any) -> None:
    with pytest.raises(CredentialsError):
        Client(**PLACE, credentials=source)


@pytest.mark.parametrize("source", [awaited, Awaited(), AwaitedCall(), fixed_keys, Rotating()])
def test_an_asynchronous_client_takes_every_kind_of_provider(source: Any) -> None:
    async def run() -> str:
        async with AsyncClient(**PLACE, credentials=source) as client:
            await client.refresh_credentials()
            return client.get_auth("GET", BUCKET)

    assert "q-ak=id" in asyncio.run(run())


@KINDS
def test_a_client_takes_its_provider_into_a_pickle(kind: str) -> None:
    makers: dict[str, Any] = {"sync": Client, "async": AsyncClient}
    client = makers[kind](region="ap-tokyo", credentials=RefreshingCredentials(fixed_keys))
    copied = pickle.loads(pickle.dumps(client))
    assert "q-ak=id&" in copied.get_auth("GET", BUCKET)
    assert "secret-key" not in repr(copied._config)
