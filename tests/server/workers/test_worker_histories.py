"""Many clients of several workers, one of which is killed: what they see fits one order."""

import json
import math
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from coskit.testing import LocalServer
from tests.end_to_end.objects import busy_client
from tests.end_to_end.objects.test_histories import (
    LOST,
    OPERATIONS,
    SEED,
    History,
    check_versions,
    start,
)
from tests.server.support.worker_servers import ROOM, eventually, serve_with_workers, workers_of
from tests.support.linearizability import find_violation

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


def record(server: LocalServer, kind: str) -> History:
    """Let clients work; kill a worker, which ends its clients, and let others work after them."""
    lines: list[str] = []
    with ExitStack() as running:

        def run(name: str, operations: int) -> subprocess.Popen[str]:
            process = start(server, ROOM, f"{SEED}-{name}", operations, kind)
            found: subprocess.Popen[str] = running.enter_context(process)
            return found

        first, second = run("1", OPERATIONS * 100), run("2", OPERATIONS * 100)
        assert first.stdout
        assert second.stdout
        lines += [first.stdout.readline() for _ in range(OPERATIONS)]
        third = run("3", OPERATIONS // 3)
        killed = workers_of(server)[0]
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: len(workers_of(server)) == 3 and killed not in workers_of(server))
        fourth = run("4", OPERATIONS // 3)
        lines += fourth.communicate()[0].splitlines()
        assert fourth.returncode == 0
        for process in (first, second):
            process.kill()
            assert process.stdout
            lines += process.stdout
        lines += third.communicate()[0].splitlines()
    records: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line.strip().endswith("}"):  # the last one may be cut off
            reported = json.loads(line)
            records.setdefault(reported["id"], dict(LOST)).update(reported)
    return History(list(records.values()))


@pytest.mark.parametrize("kind", ["objects", "versions"])
def test_everything_fits_one_order_over_all_workers(tmp_path: Path, kind: str) -> None:
    with serve_with_workers(tmp_path / "data", 3) as server:
        if kind == "versions":
            with server.client() as owner:
                owner.put_bucket_versioning(ROOM, "Enabled")
        history = record(server, kind)
    assert any(seen["end"] == math.inf for seen in history.records)
    assert all(seen["whole"] for seen in history.of("read") if "name" in seen)
    for key in busy_client.KEYS:
        assert find_violation(list(history.events(key))) == (), key
    for listing in history.of("versions"):
        if "entries" in listing:
            check_versions(history, listing)
