"""The shared server and an encrypted client of it in each world."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coskit.encryption import AsyncEncryptedClient, EncryptedClient
from coskit.encryption.master_keys import MasterKey
from coskit.testing import LocalServer
from tests.encryption.strategies import AES
from tests.support.local import bucket, owner, server
from tests.support.worlds import World, connect

__all__ = ["bucket", "owner", "sealed", "server", "world"]


class SealedWorld(World):
    """An encrypted client around the client of a world, which stays that world's to close."""

    def __init__(self, world: World, key: MasterKey = AES, **settings: Any) -> None:
        self._runner = world._runner
        kind: Any = AsyncEncryptedClient if self._runner else EncryptedClient
        self.client = kind(world.client, key, **settings)


@pytest.fixture(autouse=True)
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the journals of a test's transfers among its own files."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(params=["sync", "async"])
def world(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[World]:
    """Give a plain client of the server, once for each world."""
    with connect(request.param, server) as client:
        yield client


@pytest.fixture
def sealed(world: World) -> Callable[..., SealedWorld]:
    """Give a function that makes an encrypted client with a key and settings."""

    def make(*key: MasterKey, **settings: Any) -> SealedWorld:
        return SealedWorld(world, *key, **settings)

    return make
