"""PyArrow's filesystem for S3, which is the AWS SDK for C++."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from pyarrow.fs import FileSelector, FileType, S3FileSystem

from tests.compatibility.interop.client_rounds import Client, Head, Listing, Workspace


class Driver(Client):
    """The filesystem, path style."""

    unsupported: ClassVar[Mapping[str, str]] = {
        "versions": "no method",
        "presigned GET": "no method",
        "presigned PUT": "no method",
        "tags": "no method",
        "conditional PUT": "no method",
        "checksums": "no method",
    }
    unsupported_keys: ClassVar[Mapping[str, str]] = {
        "a//b": "refuses empty segments",
        "a/../b": "its HTTP library resolves the dots after signing",
    }

    partial: ClassVar[Mapping[str, str]] = {"metadata": "content type only"}

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.fs = S3FileSystem(
            access_key=workspace.secret_id,
            secret_key=workspace.secret_key,
            region=workspace.region,
            scheme="http",
            endpoint_override=f"127.0.0.1:{workspace.port}",
        )

    def version(self) -> str:
        return version("pyarrow")

    def put(self, bucket: str, key: str, body: bytes) -> None:
        with self.fs.open_output_stream(f"{bucket}/{key}") as sink:
            sink.write(body)

    def get(self, bucket: str, key: str) -> bytes:
        with self.fs.open_input_stream(f"{bucket}/{key}") as source:
            return bytes(source.read())

    def get_range(self, bucket: str, key: str, first: int, last: int) -> bytes:
        with self.fs.open_input_file(f"{bucket}/{key}") as source:
            return bytes(source.read_at(last - first + 1, first))

    def head(self, bucket: str, key: str) -> Head | None:
        [said] = self.fs.get_file_info([f"{bucket}/{key}"])
        if said.type == FileType.NotFound:
            return None
        with self.fs.open_input_stream(f"{bucket}/{key}") as source:
            found = {_text(name): _text(value) for name, value in source.metadata().items()}
        known = ("Content-Length", "Content-Type", "ETag", "Last-Modified")
        described = {name: value for name, value in found.items() if name not in known}
        return Head(said.size, found["ETag"], found["Content-Type"], described)

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        root, _, start = prefix.rpartition("/")
        where = f"{bucket}/{root}".rstrip("/")
        rows = self.fs.get_file_info(FileSelector(where, recursive=not delimiter))
        named = [(row.path.removeprefix(f"{bucket}/"), row.type) for row in rows]
        found = [(name, kind) for name, kind in named if name.startswith(prefix if start else "")]
        return Listing(
            [name for name, kind in found if kind == FileType.File],
            [f"{name}/" for name, kind in found if kind == FileType.Directory],
        )

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        self.put(bucket, key, body)

    def copy(self, bucket: str, source: str, target: str) -> None:
        self.fs.copy_file(f"{bucket}/{source}", f"{bucket}/{target}")

    def delete(self, bucket: str, key: str) -> None:
        self.fs.delete_file(f"{bucket}/{key}")

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        self.fs.delete_dir_contents(f"{bucket}/{prefix}")

    def upload(self, path: Path, bucket: str, key: str) -> None:
        with path.open("rb") as source, self.fs.open_output_stream(f"{bucket}/{key}") as sink:
            while chunk := source.read(1 << 20):
                sink.write(chunk)

    def download(self, bucket: str, key: str, path: Path) -> None:
        with self.fs.open_input_stream(f"{bucket}/{key}") as source, path.open("wb") as sink:
            while chunk := source.read(1 << 20):
                sink.write(chunk)

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        described = {"Content-Type": content_type, **metadata}
        with self.fs.open_output_stream(f"{bucket}/{key}", metadata=described) as sink:
            sink.write(body)

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        with self.fs.open_output_stream(f"{bucket}/{key}") as sink:
            for chunk in chunks:
                sink.write(chunk)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
