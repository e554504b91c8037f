"""Clients of both worlds for a scripted server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from coskit import RetryPolicy, TransportSettings
from tests.client.stubs.scripted import ScriptedServer
from tests.support.worlds import World

Scripted = Callable[..., tuple[World, ScriptedServer]]


@pytest.fixture(params=["sync", "async"])
def scripted(request: pytest.FixtureRequest) -> Iterator[Scripted]:
    """Return a function that starts a server with scripted responses and returns a client of it."""
    with ExitStack() as stack:

        def start(*responses: bytes | object, **settings: Any) -> tuple[World, ScriptedServer]:
            server = stack.enter_context(ScriptedServer(responses))
            options: dict[str, Any] = {
                "endpoint": server.endpoint,
                "secret_id": "id",
                "secret_key": "key",
                "retry": RetryPolicy(attempts=3, base=0.001, longest=0.01),
                "transport": TransportSettings(proxy="", read_timeout=10),
            }
            world = stack.enter_context(World(request.param, **{**options, **settings}))
            return world, server

        yield start
