"""cosfs: the vendor's fsspec filesystem."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from cosfs import CosFileSystem

from tests.compatibility.interop.capabilities import PART
from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace


class Driver(Client):
    """The filesystem, at host names of the service."""

    dialect = "COS"
    unsupported: ClassVar[Mapping[str, str]] = {
        "versions": "no method",
        "presigned PUT": "signs GET only",
        "metadata": "no method",
        "tags": "no method",
        "conditional PUT": "no method",
        "checksums": "no parameter for a checksum",
    }

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        workspace.route_by_proxy()
        self.fs = CosFileSystem(
            region=workspace.region,
            secret_id=workspace.secret_id,
            secret_key=workspace.secret_key,
            scheme="http",
            max_retry_num=1,
            multipart_size=PART,
            multipart_threshold=20_000_000,
        )

    def version(self) -> str:
        return version("cosfs")

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.fs.pipe_file(f"{bucket}/{key}", body)

    def get(self, bucket: str, key: str) -> bytes:
        return bytes(self.fs.cat_file(f"{bucket}/{key}"))

    def get_range(self, bucket: str, key: str, first: int, last: int) -> bytes:
        return bytes(self.fs.cat_file(f"{bucket}/{key}", first, last + 1))

    def head(self, bucket: str, key: str) -> Head | None:
        try:
            said = self.fs.info(f"{bucket}/{key}")
        except FileNotFoundError:
            return None
        return Head(said["size"], said["ETag"])

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        if not delimiter:
            root = f"{bucket}/{prefix.rpartition('/')[0]}".rstrip("/")
            found = (path.removeprefix(f"{bucket}/") for path in self.fs.find(root))
            return Listing([key for key in found if key.startswith(prefix)])
        rows = self.fs.ls(f"{bucket}/{prefix}", detail=True)
        names = [(row["name"].removeprefix(f"{bucket}/"), row["type"]) for row in rows]
        return Listing(
            [name for name, kind in names if kind == "file"],
            [f"{name}/" for name, kind in names if kind == "directory"],
        )

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        with self.fs.open(f"{bucket}/{key}", "wb", block_size=PART) as file:
            file.write(body)

    def copy(self, bucket: str, source: str, target: str) -> None:
        self.fs.cp_file(f"{bucket}/{source}", f"{bucket}/{target}")

    def delete(self, bucket: str, key: str) -> None:
        self.fs.rm_file(f"{bucket}/{key}")

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        self.fs.rm(f"{bucket}/{prefix}", recursive=True)

    def presign_get(self, bucket: str, key: str) -> str:
        return str(self.fs.sign(f"{bucket}/{key}"))

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self.fs.put_file(str(path), f"{bucket}/{key}")

    def download(self, bucket: str, key: str, path: Path) -> None:
        self.fs.get_file(f"{bucket}/{key}", str(path))

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        with self.fs.open(f"{bucket}/{key}", "wb", block_size=PART) as file:
            for chunk in chunks:
                file.write(chunk)
