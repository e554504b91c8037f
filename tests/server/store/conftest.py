"""Stores for tests: a new one for each test, and one that a module's tests share."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server.store.store_fixture import OPENERS, StoreFixture, open_fixture


@contextmanager
def _fixture(directory: Path, backend: str) -> Iterator[StoreFixture]:
    with asyncio.Runner() as runner:
        fixture = open_fixture(directory / "data", OPENERS[backend], runner)
        try:
            yield fixture
        finally:
            fixture.close()


@pytest.fixture(params=OPENERS)
def fixture(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StoreFixture]:
    """Open a store of the test's own."""
    with _fixture(tmp_path, request.param) as opened:
        yield opened


@pytest.fixture(params=OPENERS, scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[StoreFixture]:
    """Open a store for all tests of a module; each uses buckets of its own."""
    with _fixture(tmp_path_factory.mktemp("store"), request.param) as opened:
        yield opened
