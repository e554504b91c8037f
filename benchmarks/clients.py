"""The contenders of client benchmarks: each client behind the same calls.

Each class is created in a process of its own, which loads only that client's package.
"""

import io
import os
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

BUCKET = "bench-1250000000"
# The tests' certificate authority.
_OPTIONS = {"allow_http": True, "allow_invalid_certificates": True}


class Coskit:
    """coskit.Client."""

    def __init__(self, endpoint: str) -> None:
        from coskit import Client

        self._client = Client(**coskit_settings(endpoint))

    def get(self, key: str) -> bytes:
        """Return an object's content."""
        return self._client.get_object(BUCKET, key)["Body"].read()

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        self._client.put_object(BUCKET, data, key)

    def head(self, key: str) -> None:
        """Send a HEAD request for an object."""
        self._client.head_object(BUCKET, key)

    def list(self) -> int:
        """List the bucket and return the number of keys."""
        return sum(1 for _ in self._client.iter_objects(BUCKET))

    def delete(self, keys: Sequence[str]) -> None:
        """Delete up to 1,000 objects with one request."""
        self._client.delete_objects(BUCKET, {"Object": [{"Key": key} for key in keys]})


def coskit_settings(endpoint: str) -> dict[str, Any]:
    """Return the arguments of a client that keeps enough connections."""
    from coskit import TransportSettings

    transport = TransportSettings(proxy="", connections=256)
    keys = {"secret_id": "id", "secret_key": "key"}
    return {"endpoint": endpoint, "transport": transport, **keys}


class Vendor:
    """CosS3Client of cos-python-sdk-v5."""

    def __init__(self, endpoint: str) -> None:
        from qcloud_cos import CosConfig, CosS3Client

        config = CosConfig(
            Region="ap-local",
            SecretId="id",
            SecretKey="key",
            Scheme="http",
            IP="127.0.0.1",
            Port=int(endpoint.rpartition(":")[2]),
            PoolConnections=32,
            PoolMaxSize=32,
        )
        self._client = CosS3Client(config)

    def get(self, key: str) -> bytes:
        """Return an object's content."""
        data: bytes = self._client.get_object(BUCKET, key)["Body"].get_raw_stream().read()
        return data

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        self._client.put_object(BUCKET, data, key)

    def head(self, key: str) -> None:
        """Send a HEAD request for an object."""
        self._client.head_object(BUCKET, key)

    def list(self) -> int:
        """List the bucket and return the number of keys."""
        count, marker = 0, ""
        while True:
            page = self._client.list_objects(BUCKET, Marker=marker)
            count += len(page["Contents"])
            if page["IsTruncated"] == "false":
                return count
            marker = page["NextMarker"]

    def delete(self, keys: Sequence[str]) -> None:
        """Delete up to 1,000 objects with one request."""
        self._client.delete_objects(BUCKET, {"Object": [{"Key": key} for key in keys]})


def _obstore(endpoint: str) -> Any:
    return import_module("obstore.store").S3Store(
        BUCKET,
        endpoint=endpoint,
        region="ap-local",
        access_key_id="id",
        secret_access_key="key",
        virtual_hosted_style_request=False,
        client_options=_OPTIONS,
    )


class Obstore:
    """obstore's S3Store."""

    def __init__(self, endpoint: str) -> None:
        self._store = _obstore(endpoint)
        self._do = import_module("obstore")

    def get(self, key: str) -> Any:
        """Return an object's content in the client's own type."""
        return self._do.get(self._store, key).bytes()

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        self._do.put(self._store, key, data, use_multipart=False)

    def head(self, key: str) -> None:
        """Send a HEAD request for an object."""
        self._do.head(self._store, key)

    def list(self) -> int:
        """List the bucket and return the number of keys."""
        return sum(len(page) for page in self._do.list(self._store, chunk_size=1000))

    def delete(self, keys: Sequence[str]) -> None:
        """Delete up to 1,000 objects with one request."""
        self._do.delete(self._store, list(keys))


def _boto(endpoint: str) -> dict[str, Any]:
    config = import_module("botocore.config").Config(
        s3={"addressing_style": "path"}, max_pool_connections=256, proxies={}
    )
    keys = {"aws_access_key_id": "id", "aws_secret_access_key": "key"}
    return {"endpoint_url": endpoint, "region_name": "ap-local", "config": config, **keys}


class Boto3:
    """boto3's client of S3."""

    def __init__(self, endpoint: str) -> None:
        self._client = import_module("boto3").client("s3", **_boto(endpoint))

    def get(self, key: str) -> bytes:
        """Return an object's content."""
        data: bytes = self._client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return data

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        self._client.put_object(Bucket=BUCKET, Key=key, Body=data)

    def head(self, key: str) -> None:
        """Send a HEAD request for an object."""
        self._client.head_object(Bucket=BUCKET, Key=key)

    def list(self) -> int:
        """List the bucket and return the number of keys."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return sum(len(page["Contents"]) for page in pages)

    def delete(self, keys: Sequence[str]) -> None:
        """Delete up to 1,000 objects with one request."""
        wanted = {"Objects": [{"Key": key} for key in keys]}
        self._client.delete_objects(Bucket=BUCKET, Delete=wanted)


class Minio:
    """minio-py."""

    def __init__(self, endpoint: str) -> None:
        minio = import_module("minio")
        self._client = minio.Minio(
            endpoint.removeprefix("http://"), "id", "key", secure=False, region="ap-local"
        )
        self._deletion = import_module("minio.deleteobjects").DeleteObject

    def get(self, key: str) -> bytes:
        """Return an object's content."""
        answer = self._client.get_object(BUCKET, key)
        try:
            data: bytes = answer.read()
            return data
        finally:
            answer.close()
            answer.release_conn()

    def put(self, key: str, data: bytes) -> None:
        """Store an object with one request."""
        size = max(len(data), 5 << 20)
        self._client.put_object(BUCKET, key, io.BytesIO(data), len(data), part_size=size)

    def head(self, key: str) -> None:
        """Send a HEAD request for an object."""
        self._client.stat_object(BUCKET, key)

    def list(self) -> int:
        """List the bucket and return the number of keys."""
        return sum(1 for _ in self._client.list_objects(BUCKET, recursive=True))

    def delete(self, keys: Sequence[str]) -> None:
        """Delete up to 1,000 objects with one request."""
        for error in self._client.remove_objects(BUCKET, [self._deletion(key) for key in keys]):
            raise RuntimeError(error)


class Opendal:
    """opendal's Operator of COS, which reaches the server as its own proxy."""

    def __init__(self, endpoint: str) -> None:
        # It connects only to `<bucket>.<endpoint>`, which no resolver knows.
        os.environ["http_proxy"] = endpoint
        self._operator = import_module("opendal").Operator(
            "cos",
            bucket=BUCKET,
            endpoint=f"http://localhost:{endpoint.rpartition(':')[2]}",
            secret_id="id",
            secret_key="key",
            disable_config_load="true",
        )

    def get(self, key: str) -> bytes:
        """Return an object's content."""
        data: bytes = self._operator.read(key)
        return data

    def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        self._operator.write(key, data)

    def head(self, key: str) -> None:
        """Send a HEAD request for an object."""
        self._operator.stat(key)

    def list(self) -> int:
        """List the bucket and return the number of keys."""
        return sum(1 for _ in self._operator.scan("/"))


class AsyncCoskit:
    """coskit.AsyncClient."""

    async def start(self, endpoint: str) -> None:
        """Open the client on the running loop."""
        from coskit import AsyncClient

        self._client = AsyncClient(**coskit_settings(endpoint))

    async def get(self, key: str) -> bytes:
        """Return an object's content."""
        return await (await self._client.get_object(BUCKET, key))["Body"].read()

    async def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        await self._client.put_object(BUCKET, data, key)

    async def head(self, key: str) -> None:
        """Send a HEAD request for an object."""
        await self._client.head_object(BUCKET, key)

    async def stop(self) -> None:
        """Close the client."""
        await self._client.aclose()


class AsyncObstore:
    """obstore's asynchronous functions."""

    async def start(self, endpoint: str) -> None:
        """Open the store."""
        self._store = _obstore(endpoint)
        self._do = import_module("obstore")

    async def get(self, key: str) -> Any:
        """Return an object's content in the client's own type."""
        return await (await self._do.get_async(self._store, key)).bytes_async()

    async def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        await self._do.put_async(self._store, key, data, use_multipart=False)

    async def head(self, key: str) -> None:
        """Send a HEAD request for an object."""
        await self._do.head_async(self._store, key)

    async def stop(self) -> None:
        """Do nothing: the store cannot be closed."""


class Aioboto3:
    """aioboto3's client of S3."""

    async def start(self, endpoint: str) -> None:
        """Open the client on the running loop."""
        config = import_module("aiobotocore.config").AioConfig(
            s3={"addressing_style": "path"}, max_pool_connections=256, proxies={}
        )
        settings = {**_boto(endpoint), "config": config}
        self._context = import_module("aioboto3").Session().client("s3", **settings)
        self._client = await self._context.__aenter__()

    async def get(self, key: str) -> bytes:
        """Return an object's content."""
        answer = await self._client.get_object(Bucket=BUCKET, Key=key)
        async with answer["Body"] as body:
            data: bytes = await body.read()
            return data

    async def put(self, key: str, data: bytes) -> None:
        """Store an object."""
        await self._client.put_object(Bucket=BUCKET, Key=key, Body=data)

    async def head(self, key: str) -> None:
        """Send a HEAD request for an object."""
        await self._client.head_object(Bucket=BUCKET, Key=key)

    async def stop(self) -> None:
        """Close the client."""
        await self._context.__aexit__(None, None, None)


# Contenders by name, with the package that each needs.
THREADED: dict[str, tuple[str, Callable[[str], Any]]] = {
    "coskit": ("coskit", Coskit),
    "cos-python-sdk-v5": ("qcloud_cos", Vendor),
    "obstore": ("obstore", Obstore),
    "opendal": ("opendal", Opendal),
    "boto3": ("boto3", Boto3),
    "minio": ("minio", Minio),
}
ASYNCHRONOUS: dict[str, tuple[str, Callable[[], Any]]] = {
    "coskit": ("coskit", AsyncCoskit),
    "obstore": ("obstore", AsyncObstore),
    "aioboto3": ("aioboto3", Aioboto3),
}


def here(table: dict[str, tuple[str, Any]]) -> list[str]:
    """Return the contenders whose package is installed."""
    return [name for name, (package, _) in table.items() if find_spec(package)]
