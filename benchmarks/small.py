"""Repeat a call from threads or tasks: the base of the scenarios of single requests."""

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import clients
from benchmarks.stub import content

_DELETED = 1000  # keys in a request
_CA = Path(__file__).parent.parent / "tests" / "support" / "tls" / "ca.pem"


@dataclass(frozen=True)
class Calls:
    """A repeated call.

    Attributes:
        call: `get`, `put`, `head`, `list` or `delete`.
        operations: the number of calls, by mode: `4 threads` or `async, 64 in flight`.
        size: the bytes of the object.
        without: the contenders that do not support it.
        tls: whether the connection is TLS, with the certificates of the tests.
    """

    call: str
    operations: Mapping[str, int]
    size: int = 1024
    without: tuple[str, ...] = ()
    tls: bool = False

    def contenders(self, mode: str) -> list[str]:
        """Return the contenders of a mode."""
        table: Any = clients.ASYNCHRONOUS if is_async(mode) else clients.THREADED
        return [name for name in clients.here(table) if name not in self.without]

    def prepare(self, mode: str, name: str, place: str) -> Callable[[int], None]:
        """Return a function that makes a number of calls with a warmed-up, connected client."""
        endpoint, width = f"http://127.0.0.1:{place}", width_of(mode)
        if self.tls:
            endpoint = f"https://localhost:{place}"
            os.environ["SSL_CERT_FILE"] = os.environ["AWS_CA_BUNDLE"] = str(_CA)
        if is_async(mode):
            return self._tasks(name, endpoint, width)
        client = clients.THREADED[name][1](endpoint)
        once = self._once(client)
        pool = ThreadPoolExecutor(width)

        def work(count: int) -> None:
            for _ in range(count):
                once()

        def run(operations: int) -> None:
            if width == 1:
                work(operations)
                return
            for done in [pool.submit(work, operations // width) for _ in range(width)]:
                done.result()

        run(self.warm_up(width))
        return run

    def warm_up(self, width: int) -> int:
        """Return the number of calls that warm up a client."""
        return 20 * width if self.size < 1 << 20 and self.call != "list" else width

    def _once(self, client: Any) -> Callable[[], object]:
        key, data = f"object-{self.size}", content(self.size)
        if self.call == "get":

            def get() -> None:
                if len(client.get(key)) != self.size:
                    raise ValueError("a wrong body arrived")

            return get
        if self.call == "put":
            return lambda: client.put(key, data)
        if self.call == "delete":
            keys = [f"{number:08}" for number in range(_DELETED)]
            return lambda: client.delete(keys)
        return lambda: client.list() if self.call == "list" else client.head(key)

    def _tasks(self, name: str, endpoint: str, width: int) -> Callable[[int], None]:
        runner = asyncio.Runner()
        client = clients.ASYNCHRONOUS[name][1]()
        runner.run(client.start(endpoint))
        key, data = f"object-{self.size}", content(self.size)

        async def work(count: int) -> None:
            for _ in range(count):
                if self.call == "get":
                    if len(await client.get(key)) != self.size:
                        raise ValueError("a wrong body arrived")
                elif self.call == "put":
                    await client.put(key, data)
                else:
                    await client.head(key)

        async def all_of(operations: int) -> None:
            await asyncio.gather(*(work(operations // width) for _ in range(width)))

        def run(operations: int) -> None:
            runner.run(all_of(operations))

        run(self.warm_up(width))
        return run


def is_async(mode: str) -> bool:
    """Return whether a mode uses asyncio."""
    return mode.startswith("async")


def width_of(mode: str) -> int:
    """Return the number of concurrent calls."""
    return int(mode.removeprefix("async, ").split()[0])


def modes(operations: int) -> dict[str, int]:
    """Return the modes of a call of 1 KiB, each with its number of operations."""
    return {
        "1 thread": operations,
        "4 threads": 2 * operations,
        "16 threads": 2 * operations,
        "async, 1 in flight": operations,
        "async, 64 in flight": 2 * operations,
        "async, 256 in flight": 2 * operations,
    }
