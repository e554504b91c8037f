"""One client shared by processes, threads and coroutines; Ctrl-C during transfers."""

import asyncio
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from coskit import AsyncClient, Client
from coskit.protocol.model import Operation
from coskit.protocol.operations import GET_OBJECT, PUT_OBJECT, UPLOAD_PART
from coskit.testing import LocalServer
from tests.end_to_end.faulty_client import no_leaks
from tests.faults.program import MIB, PARTS, async_round_trip, content, round_trip
from tests.faults.proxy.exchange import RecordedRequest
from tests.faults.proxy.faults import Fault, Stall
from tests.faults.proxy.proxy import FaultProxy, Rule
from tests.faults.subprocesses import client_process, journals_in, orphaned_files, partial_files

THREADS = 32
COROUTINES = 200
ALWAYS = None


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coskit.client._async.transfer.upload.SINGLE_UPLOAD", MIB)
    monkeypatch.setattr("coskit.client._sync.transfer.upload.SINGLE_UPLOAD", MIB)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_share_a_client(
    server: LocalServer, proxy: FaultProxy, bucket: str, tmp_path: Path, kind: str, method: str
) -> None:
    words = (kind, "share", method, bucket, tmp_path)
    with client_process(server, proxy, tmp_path / "journals", *words) as process:
        _, errors = process.communicate("begin\n", timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert (journals_in(tmp_path / "journals"), partial_files(tmp_path)) == ([], [])


def test_threads_share_a_client(server: LocalServer, bucket: str, tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            round_trip(client, bucket, tmp_path, number)
        except BaseException as failure:
            failures.append(failure)

    with no_leaks(tmp_path), server.client() as client:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_coroutines_share_a_client(server: LocalServer, bucket: str, tmp_path: Path) -> None:
    async def all_at_once(client: AsyncClient) -> None:
        # Only every fifth moves two parts, so that the disk is not the bottleneck.
        sizes = [PARTS if number % 5 == 0 else 50_000 for number in range(COROUTINES)]
        async with client, asyncio.TaskGroup() as group:
            for number, size in enumerate(sizes):
                group.create_task(async_round_trip(client, bucket, tmp_path, number, size))

    with no_leaks(tmp_path):
        asyncio.run(all_at_once(server.async_client()))


INTERRUPTED = {
    "upload": (UPLOAD_PART, Stall()),
    "download": (GET_OBJECT, Stall(after=300_000)),
    "sync": (PUT_OBJECT, Stall()),
}


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("action", INTERRUPTED)
def test_ctrl_c_ends_a_transfer_at_once(
    server: LocalServer,
    proxy: FaultProxy,
    owner: Client,
    bucket: str,
    tmp_path: Path,
    kind: str,
    action: str,
) -> None:
    operation, fault = INTERRUPTED[action]
    path, journals = tmp_path / "files" / "one", tmp_path / "journals"
    path.parent.mkdir()
    if action == "download":
        owner.put_object(bucket, content(6 * MIB), "key")
    else:
        path.write_bytes(content(6 * MIB if action == "upload" else MIB // 2))
    for number in range(40):
        (path.parent / f"{number}").write_bytes(content(1000))
    words = (kind, action, bucket, "key", path if action != "sync" else path.parent)
    with client_process(server, proxy, journals, *words) as process:
        arrived = stall_from(2, operation, fault, proxy)
        assert process.stdin is not None
        process.stdin.write("begin\n")
        process.stdin.flush()
        assert arrived.wait(30), proxy.report()
        before = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        took = time.monotonic() - before
    assert errors.rstrip().endswith("KeyboardInterrupt"), errors
    assert process.returncode == -signal.SIGINT
    assert took < 5, f"it took {took:.2f} s"
    assert orphaned_files(tmp_path, journals) == []


def stall_from(
    number: int, operation: Operation, fault: Fault, proxy: FaultProxy
) -> threading.Event:
    """Forward some requests and stall all later ones; the event is set by the first stall."""
    arrived = threading.Event()
    rule = Rule(operation, fault)

    def decide(exchange: RecordedRequest) -> Fault | None:
        if len(proxy.matching(operation)) < number or not rule.takes(exchange):
            return None
        arrived.set()
        return fault

    proxy.decide = decide
    return arrived
