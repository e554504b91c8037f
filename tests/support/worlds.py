"""A synchronous wrapper of all clients, so that one test runs with each of them."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any, Self

from qcloud_cos import CosConfig, CosS3Client
from qcloud_cos import CosServiceError as VendorError

from coskit import AsyncClient, Client
from coskit.protocol.errors import CosServiceError
from coskit.testing import LocalServer


class World:
    """A sync or async client whose methods are called synchronously."""

    def __init__(self, kind: str, **settings: Any) -> None:
        self._runner = asyncio.Runner() if kind == "async" else None
        self.client: Any
        if self._runner:
            self.client = self.run(self._make(settings))
        else:
            self.client = Client(**settings)

    async def _make(self, settings: dict[str, Any]) -> AsyncClient:
        return AsyncClient(**settings)

    def run(self, result: Any) -> Any:
        """Return a call's result, awaited if it is a coroutine."""
        return self._runner.run(result) if self._runner and inspect.iscoroutine(result) else result

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        return lambda *args, **kwargs: self.run(method(*args, **kwargs))

    def read(self, response: Any, size: int = -1) -> bytes:
        """Return bytes of a response's Body."""
        content: bytes = self.run(response["Body"].read(size))
        return content

    def fetch(self, Bucket: str, Key: str, **options: Any) -> bytes:
        """Return an object's content."""
        return self.read(self.get_object(Bucket, Key, **options))

    def all(self, iterator: Any) -> list[Any]:
        """Return everything that a sync or async iterator yields."""

        async def collect() -> list[Any]:
            return [item async for item in iterator]

        return self.run(collect()) if self._runner else list(iterator)

    def source(self, chunks: list[bytes]) -> Any:
        """Return the chunks as an iterator, for an async client as an async one."""

        async def later() -> Any:
            for chunk in chunks:
                yield chunk

        def now() -> Iterator[bytes]:
            yield from chunks

        return later() if self._runner else now()

    def save(self, response: Any, path: Any) -> None:
        """Write a response's Body to a file."""
        self.run(response["Body"].get_stream_to_file(path))

    def close_body(self, response: Any) -> None:
        """Close a response's Body."""
        body = response["Body"]
        self.run(body.aclose() if self._runner else body.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.client.aclose() if self._runner else self.client.close())
        if self._runner:
            self._runner.close()


class VendorWorld(World):
    """The vendor's published client, connected to the server's address."""

    def __init__(self, server: LocalServer, **settings: Any) -> None:
        self._runner = None
        keys = {"SecretId": server.secret_id, "SecretKey": server.secret_key}
        address = {"Region": "ap-local", "Scheme": "http", "IP": "127.0.0.1", "Port": server.port}
        self.client = CosS3Client(CosConfig(**{**address, **keys, **settings}), retry=0)

    def read(self, response: Any, size: int = -1) -> bytes:
        """Return bytes of a response's Body."""
        content: bytes = response["Body"].get_raw_stream().read(None if size < 0 else size)
        return content

    def __exit__(self, *_: object) -> None:
        """Keep its connections, which all clients of the process share."""


def connect(kind: str, server: LocalServer) -> World:
    """Return a client of a server: "sync", "async" or "vendor"."""
    if kind == "vendor":
        return VendorWorld(server)
    keys = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    return World(kind, endpoint=server.endpoint, **keys)


def outcome(call: Callable[[], object]) -> tuple[int, str]:
    """Return the status and the error code of a refused call, for coskit and the vendor.

    Raises:
        AssertionError: the call succeeded.
    """
    try:
        call()
    except (CosServiceError, VendorError) as refusal:
        return refusal.get_status_code(), refusal.get_error_code()
    raise AssertionError("the call was not refused")
