"""s3fs: the fsspec filesystem for S3."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from s3fs import S3FileSystem

from tests.compatibility.interop.capabilities import PART
from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace
from tests.compatibility.interop.clients.amazon_boto3 import sha256


class Driver(Client):
    """The filesystem, path style."""

    partial: ClassVar[Mapping[str, str]] = {
        "versions": "lists and reads them; no method to delete them"
    }

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.fs = S3FileSystem(
            key=workspace.secret_id,
            secret=workspace.secret_key,
            endpoint_url=workspace.endpoint,
            client_kwargs={"region_name": workspace.region},
            config_kwargs={"s3": {"addressing_style": "path"}},
            version_aware=True,
            use_listings_cache=False,
        )

    def version(self) -> str:
        return version("s3fs")

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.fs.pipe_file(f"{bucket}/{key}", body)

    def get(self, bucket: str, key: str) -> bytes:
        return bytes(self.fs.cat_file(f"{bucket}/{key}"))

    def get_range(self, bucket: str, key: str, first: int, last: int) -> bytes:
        return bytes(self.fs.cat_file(f"{bucket}/{key}", start=first, end=last + 1))

    def head(self, bucket: str, key: str) -> Head | None:
        try:
            said = self.fs.info(f"{bucket}/{key}")
        except FileNotFoundError:
            return None
        described = self.fs.metadata(f"{bucket}/{key}")
        return Head(said["size"], said["ETag"], said["ContentType"], described)

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        if not delimiter:
            root, _, start = prefix.rpartition("/")
            found = self.fs.find(f"{bucket}/{root}", prefix=start)
            return Listing([path.removeprefix(f"{bucket}/") for path in found])
        rows = self.fs.ls(f"{bucket}/{prefix}", detail=True)
        names = [(row["name"].removeprefix(f"{bucket}/"), row["type"]) for row in rows]
        return Listing(
            [name for name, kind in names if kind == "file"],
            [f"{name}/" for name, kind in names if kind == "directory"],
        )

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        self.fs.pipe_file(f"{bucket}/{key}", body, chunksize=PART)

    def copy(self, bucket: str, source: str, target: str) -> None:
        self.fs.cp_file(f"{bucket}/{source}", f"{bucket}/{target}")

    def delete(self, bucket: str, key: str) -> None:
        self.fs.rm_file(f"{bucket}/{key}")

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        self.fs.rm([f"{bucket}/{key}" for key in keys])

    def versions(self, bucket: str, key: str) -> list[str]:
        rows = self.fs.object_version_info(f"{bucket}/{key}")
        return [row["VersionId"] for row in rows]

    def get_version(self, bucket: str, key: str, version: str) -> bytes:
        with self.fs.open(f"{bucket}/{key}", version_id=version) as file:
            return bytes(file.read())

    def presign_get(self, bucket: str, key: str) -> str:
        return str(self.fs.url(f"{bucket}/{key}"))

    def presign_put(self, bucket: str, key: str) -> str:
        return str(self.fs.url(f"{bucket}/{key}", client_method="put_object"))

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self.fs.put_file(str(path), f"{bucket}/{key}", chunksize=8 << 20)

    def download(self, bucket: str, key: str, path: Path) -> None:
        self.fs.get_file(f"{bucket}/{key}", str(path))

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        described = {"ContentType": content_type, "Metadata": dict(metadata)}
        self.fs.pipe_file(f"{bucket}/{key}", body, **described)

    def put_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        self.fs.put_tags(f"{bucket}/{key}", dict(tags))

    def get_tags(self, bucket: str, key: str) -> Mapping[str, str]:
        return dict(self.fs.get_tags(f"{bucket}/{key}"))

    def put_new(self, bucket: str, key: str, body: bytes) -> bool:
        try:
            self.fs.pipe_file(f"{bucket}/{key}", body, mode="create")
        except FileExistsError:
            return False
        return True

    def put_checked(self, bucket: str, key: str, body: bytes) -> None:
        self.fs.pipe_file(f"{bucket}/{key}", body, ChecksumAlgorithm="SHA256")
        said = self.fs.call_s3("head_object", Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        if said.get("ChecksumSHA256") != sha256(body):
            raise AssertionError(f"{said} has not the checksum {sha256(body)}")

    def put_wrong(self, bucket: str, key: str, body: bytes) -> None:
        self.fs.pipe_file(f"{bucket}/{key}", body, ChecksumSHA256=sha256(b"another"))

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        with self.fs.open(f"{bucket}/{key}", "wb", block_size=PART) as file:
            for chunk in chunks:
                file.write(chunk)
