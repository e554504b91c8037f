"""Clients behind the fault proxy, and checks for leaks."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from coskit import RetryPolicy, TransferSettings
from coskit.testing import LocalServer
from tests.faults.proxy.proxy import FaultProxy
from tests.support.worlds import World

MIB = 1 << 20
FAST_RETRIES = RetryPolicy(attempts=3, base=0.001, longest=0.01)


def via_proxy(
    kind: str, proxy: FaultProxy, server: LocalServer, journals: Path, **settings: Any
) -> World:
    """Return a client of the proxy with short retry pauses and its journals in a directory."""
    memory = settings.pop("memory", 64 * MIB)
    options: dict[str, Any] = {
        "endpoint": proxy.endpoint,
        "secret_id": server.secret_id,
        "secret_key": server.secret_key,
        "retry": FAST_RETRIES,
        "transfers": TransferSettings(memory=memory, journals=journals),
    }
    return World(kind, **{**options, **settings})


@contextmanager
def no_leaks(directory: Path) -> Iterator[None]:
    """Fail if the block leaks a thread, or a file descriptor below a directory."""
    before = set(threading.enumerate())
    yield
    threads = [t for t in threading.enumerate() if t not in before and t.name.startswith("coskit")]
    assert threads == []
    assert [path for path in _open_files() if path.startswith(f"{directory}/")] == []


def _open_files() -> Iterator[str]:
    for entry in Path("/proc/self/fd").iterdir():
        try:
            yield os.readlink(entry)  # noqa: PTH115 - not a path for sockets
        except OSError:
            continue


def unfinished_uploads(world: World, bucket: str) -> list[str]:
    """Return the ids of a bucket's unfinished uploads."""
    listed = world.list_multipart_uploads(bucket).get("Upload", ())
    return [upload["UploadId"] for upload in listed]
