"""A store with an event loop of its own, and helpers of its tests."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from coskit.server.store.interfaces.conditions import Finish, WriteCondition
from coskit.server.store.model import Bucket, NewVersion, Part, Version
from coskit.server.store.recovery import open_store
from coskit.server.store.store import Store

P = ParamSpec("P")
T = TypeVar("T")
Opener = Callable[..., Awaitable[Store]]

# Each suite runs on every backend here.
OPENERS: dict[str, Opener] = {"sqlite and files": open_store}


@dataclass
class StoreFixture:
    """A directory and its open store, which a test can close and reopen."""

    directory: Path
    opener: Opener
    runner: asyncio.Runner
    store: Store

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the store's loop."""
        return self.runner.run(work)

    def call(self, method: Callable[P, asyncio.Future[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method of the index on the store's loop, and return its result."""

        async def awaited() -> T:
            return await method(*args, **kwargs)

        return self.runner.run(awaited())

    def reopen(self, **options: Any) -> Store:
        """Close the store and open it again."""
        self.close()
        self.store = self.run(_call(self.opener, self.directory, **options))
        return self.store

    def close(self) -> None:
        """Close the store, and finish its postponed work."""
        self.run(self.store.close())

    def bucket(self, name: str = "shelf", versioning: str | None = None) -> Bucket:
        """Create a bucket."""
        bucket = self.call(self.store.index.create_bucket, name, "owner", "acl", limit=1_000_000)
        if versioning:
            bucket = self.call(self.store.index.update_bucket, name, versioning=versioning)
        return bucket

    def files(self) -> set[str]:
        """Return the names of all blob files."""
        return {path.name for path in (self.directory / "blobs").glob("*/*")}

    def drafts(self) -> set[str]:
        """Return the names of unfinished and unsettled files."""
        return {path.name for path in (self.directory / "tmp").iterdir()}


def open_fixture(
    directory: Path, opener: Opener, runner: asyncio.Runner, **options: Any
) -> StoreFixture:
    """Open a store for tests, which have to close it."""
    return StoreFixture(directory, opener, runner, runner.run(_call(opener, directory, **options)))


async def _call(opener: Opener, directory: Path, **options: Any) -> Store:
    return await opener(directory, **options)


async def run(write: Callable[[], Awaitable[T]]) -> T:
    """Make a call on the running loop, and return its result."""
    return await write()


async def put(
    store: Store,
    bucket: Bucket,
    key: str,
    data: bytes = b"body",
    condition: WriteCondition | None = None,
    new: NewVersion | None = None,
) -> Version:
    """Receive and publish a body."""
    async with store.receive(len(data)) as receiver:
        await receiver.write(data)
        stored = await receiver.finish()
        return await store.put(bucket, key, stored, new or NewVersion(), condition)


async def put_part(
    store: Store,
    bucket: Bucket,
    key: str,
    upload_id: str,
    number: int,
    data: bytes,
    checksums: str | None = None,
) -> Part:
    """Receive and publish a part."""
    async with store.receive(len(data), inline=False) as receiver:
        await receiver.write(data)
        stored = await receiver.finish()
        return await store.put_part(bucket, key, upload_id, number, stored, checksums)


async def body(store: Store, version: Version, first: int = 0, length: int | None = None) -> bytes:
    """Read a body, or some of it."""
    return b"".join([chunk async for chunk in store.read(version, first, length)])


async def compose(
    store: Store,
    bucket: Bucket,
    key: str,
    parts: list[bytes],
    new: NewVersion | None = None,
    finish: Finish | None = None,
) -> Version:
    """Publish a body by a multipart upload."""
    upload = await store.index.begin_upload(bucket.id, key, new or NewVersion())
    listed = []
    for number, data in enumerate(parts, 1):
        part = await put_part(store, bucket, key, upload.upload_id, number, data)
        listed.append((number, part.etag))
    return await store.index.complete_upload(
        bucket.id, key, upload.upload_id, listed, minimum_part=0, finish=finish
    )
