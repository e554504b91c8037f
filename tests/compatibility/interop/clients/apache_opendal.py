"""Apache OpenDAL, with its services for COS and S3."""

import asyncio
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import opendal

from tests.compatibility.interop.capabilities import PART
from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace


class Cos(Client):
    """Its service `cos`, at host names of the service."""

    dialect = "COS"
    unsupported: ClassVar[Mapping[str, str]] = {
        "tags": "no method",
        "checksums": "no parameter for a checksum",
    }

    unsupported_keys: ClassVar[Mapping[str, str]] = {
        "a//b": "merges two slashes into one",
        "a/../b": "its HTTP library resolves the dots after signing",
    }

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.operators: dict[str, Any] = {}
        self.start()

    def start(self) -> None:
        """Send requests for every host name to the server."""
        self.workspace.route_by_proxy()

    def make(self, bucket: str) -> Any:
        """Return an operator for a bucket."""
        return opendal.Operator(
            "cos",
            bucket=bucket,
            endpoint=f"http://{self.workspace.domain}",
            secret_id=self.workspace.secret_id,
            secret_key=self.workspace.secret_key,
            enable_versioning="true" if bucket == self.workspace.versioned else "false",
            disable_config_load="true",
        )

    def at(self, bucket: str) -> Any:
        """Return the operator for a bucket."""
        if bucket not in self.operators:
            self.operators[bucket] = self.make(bucket)
        return self.operators[bucket]

    def presigner(self, bucket: str) -> Any:
        """Return the operator that signs URLs for a bucket."""
        return self.at(bucket)

    def version(self) -> str:
        return version("opendal")

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.at(bucket).write(key, body)

    def get(self, bucket: str, key: str) -> bytes:
        return bytes(self.at(bucket).read(key))

    def get_range(self, bucket: str, key: str, first: int, last: int) -> bytes:
        return bytes(self.at(bucket).read(key, offset=first, size=last - first + 1))

    def head(self, bucket: str, key: str) -> Head | None:
        try:
            said = self.at(bucket).stat(key)
        except opendal.exceptions.NotFound:
            return None
        return Head(said.content_length, said.etag, said.content_type, said.user_metadata)

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        size = 300 if prefix == "many/" else 7
        found = self.at(bucket).list(prefix, limit=size, recursive=not delimiter)
        paths = [entry.path for entry in found if entry.path != prefix]
        return Listing(
            [path for path in paths if not path.endswith("/")],
            [path for path in paths if path.endswith("/")],
        )

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        self.at(bucket).write(key, body, chunk=PART)

    def copy(self, bucket: str, source: str, target: str) -> None:
        self.at(bucket).copy(source, target)

    def delete(self, bucket: str, key: str) -> None:
        self.at(bucket).delete(key)

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        self.at(bucket).remove_all(prefix)

    def versions(self, bucket: str, key: str) -> list[str]:
        found = self.at(bucket).list(key, versions=True)
        return [entry.metadata.version for entry in found if entry.path == key]

    def get_version(self, bucket: str, key: str, version: str) -> bytes:
        return bytes(self.at(bucket).read(key, version=version))

    def delete_version(self, bucket: str, key: str, version: str) -> None:
        self.at(bucket).delete(key, version=version)

    def presign_get(self, bucket: str, key: str) -> str:
        return self._signed("read", bucket, key)

    def presign_put(self, bucket: str, key: str) -> str:
        return self._signed("write", bucket, key)

    def _signed(self, what: str, bucket: str, key: str) -> str:
        async def sign() -> str:
            operator = self.presigner(bucket).to_async_operator()
            request = await getattr(operator, f"presign_{what}")(key, 600)
            return str(request.url)

        return asyncio.run(sign())

    def upload(self, path: Path, bucket: str, key: str) -> None:
        with path.open("rb") as source, self.at(bucket).open(key, "wb", chunk=8 << 20) as sink:
            while chunk := source.read(1 << 20):
                sink.write(chunk)

    def download(self, bucket: str, key: str, path: Path) -> None:
        with path.open("wb") as sink, self.at(bucket).open(key, "rb") as source:
            while chunk := source.read(1 << 20):
                sink.write(chunk)

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        self.at(bucket).write(key, body, content_type=content_type, user_metadata=dict(metadata))

    def put_new(self, bucket: str, key: str, body: bytes) -> bool:
        try:
            self.at(bucket).write(key, body, if_not_exists=True)
        except opendal.exceptions.ConditionNotMatch:
            return False
        return True

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        with self.at(bucket).open(key, "wb", chunk=PART) as sink:
            for chunk in chunks:
                sink.write(chunk)


class S3(Cos):
    """Its service `s3`, path style."""

    dialect = "S3"

    def start(self) -> None:
        """Do nothing: the endpoint is an address."""

    def presigner(self, bucket: str) -> Any:
        # With an algorithm it signs the checksum of an empty body, which no upload has.
        return self.make(bucket)

    def at(self, bucket: str) -> Any:
        if bucket not in self.operators:
            self.operators[bucket] = self.make(bucket, checksum_algorithm="crc32c")
        return self.operators[bucket]

    def make(self, bucket: str, **options: str) -> Any:
        return opendal.Operator(
            "s3",
            bucket=bucket,
            endpoint=self.workspace.endpoint,
            region=self.workspace.region,
            access_key_id=self.workspace.secret_id,
            secret_access_key=self.workspace.secret_key,
            enable_versioning="true" if bucket == self.workspace.versioned else "false",
            disable_config_load="true",
            disable_ec2_metadata="true",
            **options,
        )
