"""A client that is copied or pickled takes its settings along and makes its own connections."""

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from coskit import AsyncClient, Client, RetryPolicy, TransportSettings
from coskit.client.config import ClientConfig, chance
from coskit.protocol.endpoint import parse_endpoint
from coskit.protocol.errors import SlowDown
from coskit.testing import LocalServer
from tests.support.local import bucket, owner, server
from tests.support.worlds import World, connect

__all__ = ["bucket", "owner", "server"]


class Twin(World):
    """Another client, in the world of the first."""

    def __init__(self, origin: World, client: Any) -> None:
        self._origin = origin
        self.client = client

    def run(self, result: Any) -> Any:
        return self._origin.run(result)

    def __exit__(self, *_: object) -> None:
        is_async = isinstance(self.client, AsyncClient)
        self.run(self.client.aclose() if is_async else self.client.close())


def pickled(client: Any) -> Any:
    return pickle.loads(pickle.dumps(client))


@pytest.fixture(params=["sync", "async"])
def world(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[World]:
    with connect(request.param, server) as client:
        yield client


@pytest.mark.parametrize("twin_of", [pickled, copy.copy, copy.deepcopy], ids=lambda f: f.__name__)
def test_a_copy_of_a_client_that_was_used_works_beside_it(
    world: World, bucket: str, twin_of: Callable[[Any], Any]
) -> None:
    world.put_object(bucket, b"data", "key")
    with Twin(world, twin_of(world.client)) as twin:
        assert type(twin.client) is type(world.client)
        assert twin.client._transport is not world.client._transport
        assert twin.fetch(bucket, "key") == b"data"
    assert world.fetch(bucket, "key") == b"data"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_all_settings_survive(kind: Any) -> None:
    client = kind(
        endpoint="http://127.0.0.1:9",
        secret_id="id",
        secret_key="key",
        token="t",
        failover=True,
        retry=RetryPolicy(attempts=7, budget=3),
        transport=TransportSettings(read_timeout=5),
    )
    assert pickled(client)._config == client._config


def test_a_closed_client_pickles_into_an_open_one(server: LocalServer, bucket: str) -> None:
    first = server.client()
    first.put_object(bucket, b"data", "key")
    first.close()
    with pickled(first) as second:
        assert second.get_object(bucket, "key")["Body"].read() == b"data"


def test_a_pickle_holds_the_secret_and_a_repr_does_not() -> None:
    with Client(endpoint="http://127.0.0.1:9", secret_id="id", secret_key="s3cr3t") as client:
        assert b"s3cr3t" in pickle.dumps(client)
        assert "s3cr3t" not in repr(client) + repr(pickled(client)) + repr(client._config)


def test_pickled_clients_do_not_pause_in_step() -> None:
    config = pickled(ClientConfig(parse_endpoint("http://127.0.0.1:9")))
    assert config.jitter is chance
    assert 0 <= chance() < 1


def test_an_error_keeps_its_notes_and_attempts() -> None:
    error = SlowDown(attempts=3, request_id="id")
    error.add_note("Try 1 failed otherwise")
    again = pickled(error)
    assert (type(again), again.attempts, again.request_id) == (SlowDown, 3, "id")
    assert again.__notes__ == ["Try 1 failed otherwise"]
