"""The fork server that the tests of this directory share."""

from collections.abc import Iterator

import pytest

from tests.crash.server.servers import ForkServer


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """Yield a process that starts servers quickly."""
    with ForkServer() as running:
        yield running
