"""GET of a 1 KiB object: what a client costs per request when the network costs nothing."""

import asyncio
import http.client
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from benchmarks.stub import BODY

if TYPE_CHECKING:
    from obstore.store import S3Store

BUCKET = "bench-1250000000"
KEY = "object"
MODES = ("1 thread", "16 threads", "async, 64 in flight")
# Per mode, so that every contender runs for some seconds.
OPERATIONS = {"1 thread": 10_000, "16 threads": 32_000, "async, 64 in flight": 32_000}

Get = Callable[[], bytes]
AsyncGet = Callable[[], Awaitable[bytes]]


def coskit_sync(port: int) -> Callable[[], Get]:
    """Share one Client among the threads."""
    from coskit import Client, TransportSettings

    client = Client(
        endpoint=f"http://127.0.0.1:{port}",
        secret_id="id",
        secret_key="key",
        transport=TransportSettings(proxy=""),
    )
    return lambda: lambda: client.get_object(BUCKET, KEY)["Body"].read()


def vendor(port: int) -> Callable[[], Get]:
    """Share one CosS3Client among the threads."""
    from qcloud_cos import CosConfig, CosS3Client

    config = CosConfig(
        Region="ap-local",
        SecretId="id",
        SecretKey="key",
        Scheme="http",
        IP="127.0.0.1",
        Port=port,
        PoolConnections=32,
        PoolMaxSize=32,
    )
    client = CosS3Client(config)
    return lambda: lambda: client.get_object(BUCKET, KEY)["Body"].get_raw_stream().read()


def obstore_sync(port: int) -> Callable[[], Get]:
    """Share one S3Store among the threads."""
    store = _obstore(port)
    import obstore

    return lambda: lambda: bytes(obstore.get(store, KEY).bytes())


def _obstore(port: int) -> "S3Store":
    from obstore.store import S3Store

    return S3Store(
        BUCKET,
        endpoint=f"http://127.0.0.1:{port}",
        region="ap-local",
        access_key_id="id",
        secret_access_key="key",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


def bare_http(port: int) -> Callable[[], Get]:
    """Give each thread one connection; nothing is signed or checked."""

    def make() -> Get:
        connection = http.client.HTTPConnection("127.0.0.1", port)

        def get() -> bytes:
            connection.request("GET", f"/{BUCKET}/{KEY}")
            return connection.getresponse().read()

        return get

    return make


def coskit_async(port: int) -> Callable[[], AsyncGet]:
    """Share one AsyncClient among the tasks."""
    from coskit import AsyncClient, TransportSettings

    client = AsyncClient(
        endpoint=f"http://127.0.0.1:{port}",
        secret_id="id",
        secret_key="key",
        transport=TransportSettings(proxy="", connections=64),
    )

    async def get() -> bytes:
        response = await client.get_object(BUCKET, KEY)
        return await response["Body"].read()

    return lambda: get


def obstore_async(port: int) -> Callable[[], AsyncGet]:
    """Share one S3Store among the tasks."""
    import obstore

    store = _obstore(port)

    async def get() -> bytes:
        response = await obstore.get_async(store, KEY)
        return bytes(await response.bytes_async())

    return lambda: get


SYNC = {
    "coskit": coskit_sync,
    "obstore": obstore_sync,
    "http.client": bare_http,
    "cos-python-sdk-v5": vendor,
}
ASYNC = {"coskit": coskit_async, "obstore": obstore_async}


def contenders(mode: str) -> list[str]:
    """Return who takes part in a mode."""
    return list(ASYNC if mode.startswith("async") else SYNC)


def warm_up(mode: str, name: str, place: str) -> None:
    """Let a contender load its code and open its connections."""
    run(mode, name, place, 640)


def run(mode: str, name: str, place: str, operations: int) -> None:
    """Do the operations; every body is compared."""
    port = int(place)
    if mode.startswith("async"):
        asyncio.run(_run_tasks(ASYNC[name](port)(), 64, operations))
    else:
        _run_threads(SYNC[name](port), int(mode.split()[0]), operations)


def _run_threads(make: Callable[[], Get], count: int, operations: int) -> None:
    def work() -> None:
        get = make()
        for _ in range(operations // count):
            if get() != BODY:
                raise ValueError("a wrong body arrived")

    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(work) for _ in range(count)]:
            done.result()


async def _run_tasks(get: AsyncGet, count: int, operations: int) -> None:
    async def work() -> None:
        for _ in range(operations // count):
            if await get() != BODY:
                raise ValueError("a wrong body arrived")

    await asyncio.gather(*(work() for _ in range(count)))
