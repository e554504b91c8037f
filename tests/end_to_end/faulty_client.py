"""A client of either world whose requests go through the fault proxy, and what it leaves behind."""

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
SWIFT = RetryPolicy(attempts=3, base=0.001, longest=0.01)


def through(
    kind: str, proxy: FaultProxy, server: LocalServer, journals: Path, **settings: Any
) -> World:
    """Return a client that hardly pauses between tries, its journals in a directory of its own."""
    memory = settings.pop("memory", 64 * MIB)
    options: dict[str, Any] = {
        "endpoint": proxy.endpoint,
        "secret_id": server.secret_id,
        "secret_key": server.secret_key,
        "retry": SWIFT,
        "transfers": TransferSettings(memory=memory, journals=journals),
    }
    return World(kind, **{**options, **settings})


@contextmanager
def nothing_left_of(directory: Path) -> Iterator[None]:
    """Fail if a thread, or a descriptor below a directory, stays behind."""
    before = set(threading.enumerate())
    yield
    threads = [t for t in threading.enumerate() if t not in before and t.name.startswith("coskit")]
    assert threads == []
    assert [path for path in _open_files() if path.startswith(f"{directory}/")] == []


def _open_files() -> Iterator[str]:
    for entry in Path("/proc/self/fd").iterdir():
        try:
            yield os.readlink(entry)  # noqa: PTH115 - of a socket it is no path
        except OSError:
            continue


def uploads_in(world: World, bucket: str) -> list[str]:
    """Return the ids of a bucket's unfinished uploads."""
    listed = world.list_multipart_uploads(bucket).get("Upload", ())
    return [upload["UploadId"] for upload in listed]
