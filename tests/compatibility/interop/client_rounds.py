"""What a round asks of a client, whatever its own calls are named."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class Place:
    """Where a round happens.

    Attributes:
        port: of the server on 127.0.0.1.
        secret_id: of the account.
        secret_key: of the account.
        region: of the server.
        bucket: the round's own.
        versioned: another of its own, in which versioning is enabled.
        shared: what coskit has filled, for reading only.
        scratch: a directory of the round's own.
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
        """Under which a label names a bucket; no name server knows it, see `route_by_proxy`."""
        return f"cos.{self.region}.myqcloud.com"

    def route_by_proxy(self) -> None:
        """Have every host name lead to the server, for clients that put the bucket in the name."""
        os.environ["HTTP_PROXY"] = os.environ["http_proxy"] = self.endpoint


@dataclass(frozen=True)
class Head:
    """What a client says of an object without reading it; None where it says nothing."""

    size: int | None = None
    etag: str | None = None
    content_type: str | None = None
    metadata: Mapping[str, str] | None = None


@dataclass
class Listing:
    """Keys and common prefixes, of all pages."""

    keys: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)


class Client:
    """One client; what it cannot do it has to declare, and what it declares is not tried.

    Attributes:
        dialect: `COS` or `S3`.
        cannot: by ability, why it is none of this client's.
        cannot_keys: by key, why this client cannot address it.
        threads: how many keys are tried at a time, where each call is a process.
        partly: by ability, which step of it is left out: none of this client's.
    """

    dialect: ClassVar[str] = "S3"
    cannot: ClassVar[Mapping[str, str]] = {}
    cannot_keys: ClassVar[Mapping[str, str]] = {}
    partly: ClassVar[Mapping[str, str]] = {}
    threads: ClassVar[int] = 1

    def __init__(self, place: Place) -> None:
        self.place = place

    def version(self) -> str:
        """Return the version of the package that is driven."""
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
        """Return what is said of an object, or None when it does not exist."""
        raise NotImplementedError

    def listed(self, bucket: str, prefix: str, delimiter: str) -> Listing:
        """Return what begins with the prefix, in small pages where the client has a say in it."""
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
        """Delete objects, which are all that begins with the prefix, with one call."""
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
        """Return a URL that anybody can read the object with."""
        raise NotImplementedError

    def presign_put(self, bucket: str, key: str) -> str:
        """Return a URL that anybody can store the object with."""
        raise NotImplementedError

    def upload(self, path: Path, bucket: str, key: str) -> None:
        """Store a file."""
        raise NotImplementedError

    def download(self, bucket: str, key: str, path: Path) -> None:
        """Write an object into a file."""
        raise NotImplementedError

    def put_described(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        """Store an object with its content type and metadata."""
        raise NotImplementedError

    def put_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        """Give an object tags."""
        raise NotImplementedError

    def get_tags(self, bucket: str, key: str) -> Mapping[str, str]:
        """Return an object's tags."""
        raise NotImplementedError

    def put_new(self, bucket: str, key: str, body: bytes) -> bool:
        """Store an object unless the key is taken; return whether it was stored."""
        raise NotImplementedError

    def put_checked(self, bucket: str, key: str, body: bytes) -> None:
        """Store and read an object with a checksum that the other side verifies, both ways."""
        raise NotImplementedError

    def put_wrong(self, bucket: str, key: str, body: bytes) -> None:
        """Try to store an object under the checksum of another; has to raise."""
        raise NotImplementedError

    def put_stream(self, bucket: str, key: str, chunks: Iterator[bytes]) -> None:
        """Store what an iterator yields, whose length is not known before."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave nothing running."""


def command(*words: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
    """Run a command-line tool and return what it printed.

    Raises:
        RuntimeError: it failed; says what it had to say.
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
