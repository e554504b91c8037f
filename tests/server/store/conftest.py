"""Stores for tests: a fresh one for each, and one that a module's tests share."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server.store.store_fixture import OPENERS, Shelf, open_shelf


@contextmanager
def _shelf(directory: Path, backend: str) -> Iterator[Shelf]:
    with asyncio.Runner() as runner:
        shelf = open_shelf(directory / "data", OPENERS[backend], runner)
        try:
            yield shelf
        finally:
            shelf.close()


@pytest.fixture(params=OPENERS)
def shelf(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shelf]:
    """Open a store of the test's own."""
    with _shelf(tmp_path, request.param) as opened:
        yield opened


@pytest.fixture(params=OPENERS, scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Shelf]:
    """Open a store for all tests of a module; each uses buckets of its own."""
    with _shelf(tmp_path_factory.mktemp("store"), request.param) as opened:
        yield opened
