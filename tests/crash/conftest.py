"""The nursery that the tests of this directory share."""

from collections.abc import Iterator

import pytest

from tests.crash.server.servers import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Give a process that starts servers in no time."""
    with Nursery() as running:
        yield running
