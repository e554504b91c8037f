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

# The slowest files, which start first so that none runs alone at the end.
LONGEST = (
    "test_interop.py",
    "test_pages.py",
    "test_power_cuts.py",
    "test_kills.py",
    "test_upload_file.py",
    "test_write_conditions.py",
    "test_linear_time.py",
    "test_serve.py",
    "test_run.py",
    "test_tls.py",
    "test_vendor.py",
    "test_worker_histories.py",
    "test_workers.py",
    "test_transport.py",
    "test_random_schedules.py",
    "test_killed_clients.py",
    "test_cancellations.py",
    "test_round_trip.py",
)

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
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(LONGEST)))


def pytest_collection_finish() -> None:
    """Spare the garbage collector the tests themselves, which stay to the end."""
    gc.collect()
    gc.freeze()
