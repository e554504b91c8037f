"""Settings of all tests: hypothesis profile, journal directory, order of files."""

import gc
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "coskit",
    deadline=None,
    max_examples=20,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("coskit")

# Directories with the slowest files, which start first so that none runs alone at the end.
LONGEST = ("interop", "newcomer", "crash", "cli")

# A shell ignores Ctrl-C for background jobs, and child processes inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the journals of interrupted transfers, also of child processes, in a temporary place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest files first; keep the order within a file."""
    items.sort(key=lambda item: item.path.parent.name not in LONGEST)


def pytest_collection_finish() -> None:
    """Spare the garbage collector the tests themselves, which stay to the end."""
    gc.collect()
    gc.freeze()
