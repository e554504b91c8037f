"""The interface that each client's driver implements."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class Workspace:
    """The server, keys and buckets of one round.

    Attributes:
        port: the server's port on 127.0.0.1.
        secret_id: the id of the key pair.
        secret_key: the secret of the key pair.
        region: the server's region.
        bucket: the round's bucket.
        versioned: the round's bucket with versioning enabled.
        shared: the bucket with objects of coskit, for reading only.
        scratch: the round's directory.
    """

    port: int
    secret_id: str
    secret_key: str
    region: str
    bucket: str
    versioned: str
    shared: str
    scratch: Path

    @property
    def endpoint(self) -> str:
        """The server's URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def domain(self) -> str:
        """The domain of buckets' host names, which no name server knows; see `route_by_proxy`."""
        return f"cos.{self.region}.myqcloud.com"

    def route_by_proxy(self) -> None:
        """Send requests for every host name to the server, for virtual-hosted buckets."""
        os.environ["HTTP_PROXY"] = os.environ["http_proxy"] = self.endpoint


@dataclass(frozen=True)
class Head:
    """A client's result of HEAD; None for values that it does not return."""

    size: int | None = None
    etag: str | None = None
    content_type: str | None = None
    metadata: Mapping[str, str] | None = None


@dataclass
class Listing:
    """Keys and common prefixes of all pages."""

    keys: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)


class Client:
    """One client; abilities that it declares as unsupported are not tried.

    Attributes:
        dialect: `COS` or `S3`.
        unsupported: the reasons why abilities are missing, by ability.
        unsupported_keys: the reasons why keys cannot be used, by key.
        threads: the number of keys tried at a time, for clients that start a process per call.
        partial: the steps of an ability that are left out, by ability.
    """

    dialect: ClassVar[str] = "S3"
    unsupported: ClassVar[Mapping[str, str]] = {}
    unsupported_keys: ClassVar[Mapping[str, str]] = {}
    partial: ClassVar[Mapping[str, str]] = {}
    threads: ClassVar[int] = 1

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def version(self) -> str:
        """Return the version of the client's package."""
        raise NotImplementedError

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Store an object."""
        raise NotImplementedError

    def get(self, bucket: str, key: str) -> bytes:
        """Return an object's content; raise when it does not exist."""
        raise NotImplementedError

    def get_range(self, bucket: str, key: str, first: int, last: int) -> bytes:
        """Return the bytes from `first` to `last`, both included."""
        raise NotImplementedError

    def head(self, bucket: str, key: str) -> Head | None:
        """Return the result of HEAD, or None if the object does not exist."""
        raise NotImplementedError

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        """Return the keys with the prefix, fetched in small pages if the client allows it."""
        raise NotImplementedError

    def multipart(self, bucket: str, key: str, body: bytes) -> None:
        """Store an object in parts of 5 MiB or the size nearest to it."""
        raise NotImplementedError

    def copy(self, bucket: str, source: str, target: str) -> None:
        """Copy an object within the bucket, by the server."""
        raise NotImplementedError

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object."""
        raise NotImplementedError

    def delete_many(self, bucket: str, prefix: str, keys: list[str]) -> None:
        """Delete objects, which are all with the prefix, with one call."""
        raise NotImplementedError

    def versions(self, bucket: str, key: str) -> list[str]:
        """Return the version ids of a key, the latest first."""
        raise NotImplementedError

    def get_version(self, bucket: str, key: str, version: str) -> bytes:
        """Return the content of a version."""
        raise NotImplementedError

    def delete_version(self, bucket: str, key: str, version: str) -> None:
        """Delete a version for good."""
        raise NotImplementedError

    def presign_get(self, bucket: str, key: str) -> str:
        """Return a URL to read the object."""
        raise NotImplementedError

    def presign_put(self, bucket: str, key: str) -> str:
        """Return a URL to store the object."""
        raise NotImplementedError

    def upload(self, path: Path, bucket: str, key: str) -> None:
        """Store a file."""
        raise NotImplementedError

    def download(self, bucket: str, key: str, path: Path) -> None:
        """Download an object to a file."""
        raise NotImplementedError

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        """Store an object with its content type and metadata."""
        raise NotImplementedError

    def put_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        """Set an object's tags."""
        raise NotImplementedError

    def get_tags(self, bucket: str, key: str) -> Mapping[str, str]:
        """Return an object's tags."""
        raise NotImplementedError

    def put_new(self, bucket: str, key: str, body: bytes) -> bool:
        """Store an object unless the key is taken; return whether it was stored."""
        raise NotImplementedError

    def put_checked(self, bucket: str, key: str, body: bytes) -> None:
        """Store and read an object with a checksum, verified by the server and the client."""
        raise NotImplementedError

    def put_wrong(self, bucket: str, key: str, body: bytes) -> None:
        """Try to store an object with a wrong checksum; must raise."""
        raise NotImplementedError

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        """Store an iterator's chunks, of unknown length."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop all processes of the client."""


def command(*words: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
    """Run a command-line tool and return its output.

    Raises:
        RuntimeError: it failed; contains its output.
    """
    done = subprocess.run(
        words,
        input=b"" if stdin is None else stdin,
        capture_output=True,
        check=False,
        env={**os.environ, **(env or {})},
    )
    if done.returncode:
        said = (done.stderr + done.stdout).decode(errors="replace").strip()
        raise RuntimeError(f"{words[0]} {words[1]} exited {done.returncode}: {said[-600:]}")
    return done.stdout
