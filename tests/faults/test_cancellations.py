"""A cancelled upload leaves no multipart upload on the server."""

import asyncio
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coskit import AsyncClient
from coskit.encryption import AsyncEncryptedClient, EncryptedClient
from coskit.encryption.master_keys import AESKey
from coskit.protocol.errors import TransferTimeout
from coskit.protocol.model import Operation
from coskit.protocol.operations import (
    ABORT_MULTIPART_UPLOAD,
    COMPLETE_MULTIPART_UPLOAD,
    CREATE_MULTIPART_UPLOAD,
    UPLOAD_PART,
    UPLOAD_PART_COPY,
)
from coskit.testing import LocalServer
from tests.end_to_end.faulty_client import MIB, unfinished_uploads, via_proxy
from tests.faults.proxy.exchange import RecordedRequest
from tests.faults.proxy.faults import Delay, Fault
from tests.faults.proxy.proxy import FaultProxy, Rule
from tests.support.worlds import World, connect

ALWAYS = None
SIZE = 3 * MIB
AT_A_TIME, ROUNDS = 12, 5
KEY = AESKey(bytes(range(32)))
Way = Callable[..., Any]


def by_stream(client: Any, bucket: str, key: str, path: Path, **options: Any) -> Any:
    return client.upload_stream(bucket, key, path.read_bytes(), PartSize=1, **options)


def by_file(client: Any, bucket: str, key: str, path: Path, **options: Any) -> Any:
    return client.upload_file(bucket, key, path, PartSize=1, Resume=False, **options)


def by_copy(client: Any, bucket: str, key: str, path: Path, **options: Any) -> Any:
    source = {"Bucket": bucket, "Key": "source"}
    return client.copy(bucket, key, source, PartSize=1, **options)


def by_sealing(client: Any, bucket: str, key: str, path: Path, **options: Any) -> Any:
    return by_file(sealed(client), bucket, key, path, **options)


WAYS: dict[str, Way] = {
    "upload_stream": by_stream,
    "upload_file": by_file,
    "copy": by_copy,
    "encrypted": by_sealing,
}


def sealed(client: Any) -> Any:
    """Return the encrypting client for a client of either kind."""
    kind: Any = AsyncEncryptedClient if isinstance(client, AsyncClient) else EncryptedClient
    return kind(client, KEY)


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Way:
    """Yield each call that uploads in parts, with parts of 1 MiB."""
    for world in ("_async", "_sync"):
        monkeypatch.setattr(f"coskit.client.{world}.transfer.upload.SINGLE_UPLOAD", MIB)
        monkeypatch.setattr(f"coskit.client.{world}.transfer.copies.SINGLE_COPY", MIB)
    return WAYS[request.param]


@pytest.fixture
def path(server: LocalServer, bucket: str, tmp_path: Path) -> Path:
    """Return a file of three parts, which is stored as an object too."""
    file = tmp_path / "file"
    file.write_bytes(random.Random(7).randbytes(SIZE))
    with connect("sync", server) as world:
        world.put_object(bucket, file.read_bytes(), "source")
    return file


def left(server: LocalServer, bucket: str) -> list[str]:
    """Return the ids of the uploads that are left once all requests have arrived."""
    with connect("sync", server) as world:
        return unfinished_uploads(world, bucket)


class Slow:
    """A network that delays requests or responses by up to 30 ms."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def rules(self) -> list[Rule]:
        """Return rules of which a random one applies to each request."""
        operations = (
            CREATE_MULTIPART_UPLOAD,
            COMPLETE_MULTIPART_UPLOAD,
            ABORT_MULTIPART_UPLOAD,
            UPLOAD_PART,
            UPLOAD_PART_COPY,
        )
        return [Rule(operation, self._delay()) for operation in operations * 60]

    def _delay(self) -> Fault:
        where: Any = self._random.choice(["request", "response"])
        return Delay(self._random.uniform(0, 0.03), where)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_tasks_cancelled_at_random_leave_no_upload(
    server: LocalServer, proxy: FaultProxy, bucket: str, path: Path, way: Way, seed: int
) -> None:
    moments = random.Random(seed)
    proxy.rules = Slow(seed).rules()

    async def one(client: AsyncClient, number: int) -> None:
        limit, twice = moments.uniform(0, 0.35), moments.random() < 0.3
        task = asyncio.ensure_future(way(client, bucket, f"k{number}", path))
        await asyncio.wait([task], timeout=limit)
        task.cancel()
        if twice:
            await asyncio.sleep(moments.uniform(0, 0.02))
            task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or task.exception() is None

    async def all_of_them(world: World) -> None:
        await asyncio.gather(*(one(world.client, number) for number in range(AT_A_TIME)))

    with via_proxy("async", proxy, server, path.parent / "journals") as world:
        world.run(all_of_them(world))
    assert left(server, bucket) == []


# Python: `Task.cancel`, `asyncio.timeout`, and `asyncio.run`, which cancels what is left.
@pytest.mark.parametrize("end", ["cancel", "twice", "timeout", "run"])
@pytest.mark.parametrize("where", ["request", "response"])
@pytest.mark.parametrize(
    "operation",
    [CREATE_MULTIPART_UPLOAD, UPLOAD_PART, COMPLETE_MULTIPART_UPLOAD],
    ids=lambda operation: operation.function,
)
def test_a_cancellation_during_a_request_leaves_no_upload(
    server: LocalServer,
    proxy: FaultProxy,
    bucket: str,
    path: Path,
    operation: Operation,
    where: Any,
    end: str,
) -> None:
    on_its_way = threading.Event()
    proxy.rules = [Rule(noticed(operation, on_its_way.set), Delay(0.2, where), times=ALWAYS)]

    async def main() -> None:
        client = AsyncClient(
            endpoint=proxy.endpoint, secret_id=server.secret_id, secret_key=server.secret_key
        )
        task = asyncio.ensure_future(by_stream(client, bucket, "key", path))
        assert await asyncio.to_thread(on_its_way.wait, 10)
        if end == "run":
            return
        if end == "timeout":
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await task
            return
        task.cancel()
        if end == "twice":
            await asyncio.sleep(0.05)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert left(server, bucket) == []


@pytest.mark.parametrize("where", ["request", "response"])
@pytest.mark.parametrize("end", ["ctrl-c", "deadline"])
def test_threads_abort_the_upload_that_they_started(
    server: LocalServer, proxy: FaultProxy, bucket: str, path: Path, way: Way, where: Any, end: str
) -> None:
    main, once = threading.main_thread(), iter([True])

    def interrupt() -> None:
        if end == "ctrl-c" and next(once, False):
            signal.pthread_kill(main.ident or 0, signal.SIGINT)

    proxy.rules = [
        Rule(noticed(CREATE_MULTIPART_UPLOAD, interrupt), Delay(0.4, where), times=ALWAYS)
    ]
    ended = KeyboardInterrupt if end == "ctrl-c" else TransferTimeout
    options = {} if end == "ctrl-c" else {"Deadline": 0.2}
    with via_proxy("sync", proxy, server, path.parent / "journals") as world, pytest.raises(ended):
        way(world.client, bucket, "key", path, **options)
    assert left(server, bucket) == []


def noticed(operation: Operation, notify: Callable[[], None]) -> Callable[[RecordedRequest], bool]:
    """Return a match for the requests of an operation that reports each one."""

    def match(exchange: RecordedRequest) -> bool:
        found = exchange.operation is not None and exchange.operation.name == operation.name
        if found:
            notify()
        return found

    return match
