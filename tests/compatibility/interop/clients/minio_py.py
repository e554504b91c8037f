"""minio: the MinIO project's Python SDK."""

import io
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from minio import Minio
from minio.commonconfig import CopySource, Tags
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from tests.compatibility.interop.capabilities import PART
from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace
from tests.compatibility.interop.clients.amazon_boto3 import Stream


class Driver(Client):
    """The SDK, path style."""

    unsupported: ClassVar[Mapping[str, str]] = {
        "conditional PUT": "no method",
        "checksums": "no method",
    }
    unsupported_keys: ClassVar[Mapping[str, str]] = {"a/../b": "refuses such segments"}

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.sdk = Minio(
            f"127.0.0.1:{workspace.port}",
            access_key=workspace.secret_id,
            secret_key=workspace.secret_key,
            region=workspace.region,
            secure=False,
        )

    def version(self) -> str:
        return version("minio")

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.sdk.put_object(bucket, key, io.BytesIO(body), len(body))

    def get(self, bucket: str, key: str) -> bytes:
        return bytes(self.sdk.get_object(bucket, key).read())

    def get_range(self, bucket: str, key: str, first: int, last: int) -> bytes:
        response = self.sdk.get_object(bucket, key, offset=first, length=last - first + 1)
        return bytes(response.read())

    def head(self, bucket: str, key: str) -> Head | None:
        try:
            said = self.sdk.stat_object(bucket, key)
        except S3Error as error:
            if error.code in ("NoSuchKey", "NoSuchObject"):
                return None
            raise
        prefix = "x-amz-meta-"
        described = {
            name.lower()[len(prefix) :]: value
            for name, value in (said.metadata or {}).items()
            if name.lower().startswith(prefix)
        }
        return Head(said.size, said.etag, said.content_type, described)

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        rows = [*self.sdk.list_objects(bucket, prefix, recursive=not delimiter)]
        return Listing(
            [row.object_name for row in rows if not row.is_dir],
            [row.object_name for row in rows if row.is_dir],
        )

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        self.sdk.put_object(bucket, key, io.BytesIO(body), len(body), part_size=PART)

    def copy(self, bucket: str, source: str, target: str) -> None:
        self.sdk.copy_object(bucket, target, CopySource(bucket, source))

    def delete(self, bucket: str, key: str) -> None:
        self.sdk.remove_object(bucket, key)

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        errors = [*self.sdk.remove_objects(bucket, [DeleteObject(key) for key in keys])]
        if errors:
            raise AssertionError(f"{errors}")

    def versions(self, bucket: str, key: str) -> list[str]:
        rows = self.sdk.list_objects(bucket, key, include_version=True)
        return [row.version_id for row in rows]

    def get_version(self, bucket: str, key: str, version: str) -> bytes:
        return bytes(self.sdk.get_object(bucket, key, version_id=version).read())

    def delete_version(self, bucket: str, key: str, version: str) -> None:
        self.sdk.remove_object(bucket, key, version_id=version)

    def presign_get(self, bucket: str, key: str) -> str:
        return str(self.sdk.presigned_get_object(bucket, key))

    def presign_put(self, bucket: str, key: str) -> str:
        return str(self.sdk.presigned_put_object(bucket, key))

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self.sdk.fput_object(bucket, key, str(path), part_size=8 << 20)

    def download(self, bucket: str, key: str, path: Path) -> None:
        self.sdk.fget_object(bucket, key, str(path))

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        described = dict(metadata)
        self.sdk.put_object(
            bucket, key, io.BytesIO(body), len(body), content_type, metadata=described
        )

    def put_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        given = Tags.new_object_tags()
        given.update(tags)
        self.sdk.set_object_tags(bucket, key, given)

    def get_tags(self, bucket: str, key: str) -> Mapping[str, str]:
        return dict(self.sdk.get_object_tags(bucket, key) or {})

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        self.sdk.put_object(bucket, key, Stream(chunks), -1, part_size=PART)
