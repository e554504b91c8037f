"""Every kind of transfer behind one interface: expected content, start, result."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from coskit import Client
from coskit.protocol.model import Operation
from coskit.protocol.operations import (
    COMPLETE_MULTIPART_UPLOAD,
    COPY_OBJECT,
    CREATE_MULTIPART_UPLOAD,
    GET_OBJECT,
    HEAD_OBJECT,
    LIST_OBJECTS,
    LIST_PARTS,
    PUT_OBJECT,
    UPLOAD_PART,
    UPLOAD_PART_COPY,
)
from tests.faults.program import MIB, content
from tests.support.worlds import World

Operations = tuple[Operation, ...]

SMALL = 30_000
LARGE = 2 * MIB + 100_000  # three parts
DIRECTORY = {"a": 0, "b": SMALL, "dir/c": SMALL, "dir/d": MIB + SMALL}


class Transfer:
    """One transfer to or from a folder of its own in a bucket.

    Args:
        owner: a client without faults.
        bucket: the bucket's name.
        folder: the prefix of its keys.
        place: an empty directory.

    Attributes:
        operations: the operations that it calls.
        requests: the largest number of calls of one operation.
        skips_existing: whether it skips files that exist, and leaves the journal of a transfer that
            was stopped after its last byte.
        expected: the expected content, by name.
    """

    operations: ClassVar[Operations]
    requests: ClassVar[int] = 3
    skips_existing: ClassVar[bool] = False
    sizes: ClassVar[Mapping[str, int]] = {"key": LARGE}

    def __init__(self, owner: Client, bucket: str, folder: str, place: Path) -> None:
        self.owner = owner
        self.bucket = bucket
        self.folder = folder
        self.source, self.target = place / "source", place / "target"
        self.expected = {name: content(size, folder) for name, size in self.sizes.items()}
        self.source.mkdir()
        self.target.mkdir()
        self.prepare()

    def prepare(self) -> None:
        """Create the local files to transfer."""
        for name, data in self.expected.items():
            path = self.source / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            # An old date, so that a sync does not take the file for newer than the object.
            os.utime(path, (0, 0))

    def run(self, world: World, **options: Any) -> Any:
        """Run the transfer."""
        raise NotImplementedError

    def arrived(self) -> dict[str, bytes]:
        """Return the objects at the destination."""
        found = {}
        for listed in self.owner.iter_objects(self.bucket, Prefix=f"{self.folder}/to/"):
            body = self.owner.get_object(self.bucket, listed["Key"])["Body"]
            found[listed["Key"].removeprefix(f"{self.folder}/to/")] = body.read()
        return found

    def key(self, name: str) -> str:
        """Return the destination key of a name."""
        return f"{self.folder}/to/{name}"


class Upload(Transfer):
    """upload_file in parts."""

    operations: ClassVar[Operations] = (
        CREATE_MULTIPART_UPLOAD,
        UPLOAD_PART,
        LIST_PARTS,
        COMPLETE_MULTIPART_UPLOAD,
    )

    def run(self, world: World, **options: Any) -> Any:
        """Run the transfer."""
        return world.upload_file(self.bucket, self.key("key"), self.source / "key", **options)


class SmallUpload(Upload):
    """upload_file in one request."""

    operations: ClassVar[Operations] = (PUT_OBJECT,)
    requests = 1
    sizes: ClassVar[Mapping[str, int]] = {"key": SMALL}


class Stream(Transfer):
    """upload_stream in parts."""

    operations: ClassVar[Operations] = (
        CREATE_MULTIPART_UPLOAD,
        UPLOAD_PART,
        COMPLETE_MULTIPART_UPLOAD,
    )

    def run(self, world: World, **options: Any) -> Any:
        """Run the transfer."""
        data = self.expected["key"]
        chunks = world.source([data[n : n + 77_777] for n in range(0, len(data), 77_777)])
        return world.upload_stream(self.bucket, self.key("key"), chunks, PartSize=1, **options)


class SmallStream(Stream):
    """upload_stream in one request."""

    operations: ClassVar[Operations] = (PUT_OBJECT,)
    requests = 1
    sizes: ClassVar[Mapping[str, int]] = {"key": SMALL}


class Copy(Transfer):
    """copy in parts."""

    operations: ClassVar[Operations] = (
        HEAD_OBJECT,
        CREATE_MULTIPART_UPLOAD,
        UPLOAD_PART_COPY,
        COMPLETE_MULTIPART_UPLOAD,
    )

    def prepare(self) -> None:
        """Create the objects to transfer."""
        for name, data in self.expected.items():
            self.owner.put_object(self.bucket, data, f"{self.folder}/from/{name}")

    def run(self, world: World, **options: Any) -> Any:
        """Run the transfer."""
        source = {"Bucket": self.bucket, "Key": f"{self.folder}/from/key"}
        return world.copy(self.bucket, self.key("key"), source, PartSize=1, **options)


class SmallCopy(Copy):
    """copy in one request."""

    operations: ClassVar[Operations] = (HEAD_OBJECT, COPY_OBJECT)
    requests = 1
    sizes: ClassVar[Mapping[str, int]] = {"key": SMALL}


class Download(Copy):
    """download_file in parts."""

    operations: ClassVar[Operations] = (HEAD_OBJECT, GET_OBJECT)

    def run(self, world: World, **options: Any) -> Any:
        """Run the transfer."""
        key = f"{self.folder}/from/key"
        return world.download_file(self.bucket, key, self.target / "key", PartSize=1, **options)

    def arrived(self) -> dict[str, bytes]:
        """Return the files at the destination, without unfinished ones."""
        return {
            str(path.relative_to(self.target)): path.read_bytes()
            for path in self.target.rglob("*")
            if path.is_file() and not path.name.endswith(".part")
        }


class SmallDownload(Download):
    """download_file in one request."""

    operations: ClassVar[Operations] = (GET_OBJECT,)
    requests = 1
    sizes: ClassVar[Mapping[str, int]] = {"key": SMALL}


class DownloadToFile(Download):
    """download_fileobj: cannot take back written bytes, so only a success is compared."""

    operations: ClassVar[Operations] = (HEAD_OBJECT, GET_OBJECT)
    _written: bytes | None = None

    def run(self, world: World, **options: Any) -> Any:
        """Run the transfer."""
        file, key = io.BytesIO(), f"{self.folder}/from/key"
        result = world.download_fileobj(self.bucket, key, file, PartSize=1, **options)
        self._written = file.getvalue()
        return result

    def arrived(self) -> dict[str, bytes]:
        """Return the written bytes."""
        return {} if self._written is None else {"key": self._written}


class UploadDirectory(Transfer):
    """upload_dir."""

    operations: ClassVar[Operations] = (
        PUT_OBJECT,
        CREATE_MULTIPART_UPLOAD,
        UPLOAD_PART,
        COMPLETE_MULTIPART_UPLOAD,
    )
    sizes: ClassVar[Mapping[str, int]] = DIRECTORY

    def run(self, world: World, **options: Any) -> Any:
        """Run the transfer."""
        return world.upload_dir(self.bucket, self.source, self.key(""), **options)


class DownloadDirectory(Download):
    """download_dir."""

    operations: ClassVar[Operations] = (LIST_OBJECTS, GET_OBJECT)
    sizes: ClassVar[Mapping[str, int]] = DIRECTORY

    def run(self, world: World, **options: Any) -> Any:
        """Run the transfer."""
        prefix = f"{self.folder}/from"
        return world.download_dir(self.bucket, self.target, prefix, PartSize=1, **options)


class SyncUp(UploadDirectory):
    """sync of a directory to a bucket."""

    operations: ClassVar[Operations] = (LIST_OBJECTS, *UploadDirectory.operations)
    skips_existing = True

    def run(self, world: World, **options: Any) -> Any:
        """Run the transfer."""
        return world.sync(self.source, f"cos://{self.bucket}/{self.key('')}", **options)


class SyncDown(DownloadDirectory):
    """sync of a bucket to a directory."""

    skips_existing = True

    def run(self, world: World, **options: Any) -> Any:
        """Run the transfer."""
        return world.sync(f"cos://{self.bucket}/{self.folder}/from", self.target, **options)


class SyncAcross(Copy):
    """sync of a folder of a bucket to another."""

    operations: ClassVar[Operations] = (LIST_OBJECTS, *Copy.operations, COPY_OBJECT)
    skips_existing = True
    sizes: ClassVar[Mapping[str, int]] = DIRECTORY

    def run(self, world: World, **options: Any) -> Any:
        """Run the transfer."""
        source, target = (f"cos://{self.bucket}/{self.folder}/{end}" for end in ("from", "to"))
        return world.sync(source, target, PartSize=1, **options)


TRANSFERS: tuple[type[Transfer], ...] = (
    Upload,
    SmallUpload,
    Stream,
    SmallStream,
    Copy,
    SmallCopy,
    Download,
    SmallDownload,
    DownloadToFile,
    UploadDirectory,
    DownloadDirectory,
    SyncUp,
    SyncDown,
    SyncAcross,
)
