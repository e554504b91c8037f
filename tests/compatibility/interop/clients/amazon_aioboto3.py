"""aioboto3: boto3 on asyncio."""

import asyncio
import io
from collections.abc import Coroutine, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aioboto3

from tests.compatibility.interop.clients import amazon_boto3


class Driver(amazon_boto3.Driver):
    """One client on one loop."""

    def connect(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.manager: Any = aioboto3.Session().client("s3", **self.settings())
        self.sdk = self.run(self.manager.__aenter__())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Wait for a call."""
        return self.loop.run_until_complete(work)

    def call(self, method: str, bucket: str, **params: Any) -> Any:
        return self.run(getattr(self.sdk, method)(Bucket=bucket, **params))

    def read(self, response: Any) -> bytes:
        return bytes(self.run(response["Body"].read()))

    def version(self) -> str:
        return version("aioboto3")

    def presign(self, method: str, bucket: str, key: str) -> str:
        params = {"Bucket": bucket, "Key": key}
        return str(self.run(self.sdk.generate_presigned_url(method, params)))

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self.run(self.sdk.upload_file(str(path), bucket, key))

    def download(self, bucket: str, key: str, path: Path) -> None:
        self.run(self.sdk.download_file(bucket, key, str(path)))

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        self.run(self.sdk.upload_fileobj(io.BytesIO(b"".join(chunks)), bucket, key))

    def close(self) -> None:
        self.run(self.manager.__aexit__(None, None, None))
        self.loop.close()
