"""Random programs of writes: every body is right, and every blob is counted exactly."""

import asyncio
import json
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coskit.protocol.errors import NoSuchKey
from coskit.server.store.database import connect, one
from coskit.server.store.model import Bucket, NewVersion, Version
from coskit.server.store.store import Store
from tests.store.shelf import OPENERS, Shelf, body, open_shelf, put, put_part

KEYS = st.sampled_from(["a", "b", "c"])
# None, inline and file bodies; the store of these programs keeps 8 bytes in its index.
DATA = st.sampled_from([b"", b"tiny", b"exactly8", b"a whole file", b"another, longer file"])
STATES = st.sampled_from(["Enabled", "Suspended"])

STEPS = st.one_of(
    st.tuples(st.just("put"), KEYS, DATA),
    st.tuples(st.just("copy"), KEYS, KEYS),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("delete_version"), KEYS, st.integers(0, 3)),
    st.tuples(st.just("versioning"), STATES),
    st.tuples(st.just("begin"), KEYS),
    st.tuples(st.just("put_part"), st.integers(0, 2), st.integers(1, 3), DATA),
    st.tuples(st.just("copy_part"), st.integers(0, 2), st.integers(1, 3), KEYS, st.integers(0, 5)),
    st.tuples(st.just("complete"), st.integers(0, 2)),
    st.tuples(st.just("abort"), st.integers(0, 2)),
)


@dataclass
class OpenUpload:
    key: str
    upload_id: str
    parts: dict[int, tuple[str, bytes]] = field(default_factory=dict)


@dataclass
class Program:
    """Takes steps with a store and with plain lists; both must tell the same.

    `history` holds (version id, body) of each key, newest first; a marker's body is None.
    """

    store: Store
    bucket: Bucket
    versioning: str = ""
    history: dict[str, list[tuple[str, bytes | None]]] = field(default_factory=dict)
    uploads: list[OpenUpload] = field(default_factory=list)

    async def take(self, verb: str, *details: object) -> None:
        await getattr(self, verb)(*details)

    async def put(self, key: str, data: bytes) -> None:
        self.add(key, await put(self.store, self.bucket, key, data), data)

    async def copy(self, key: str, source: str) -> None:
        try:
            version = self.store.latest(self.bucket, source)
        except NoSuchKey:
            assert self.live(source) is None
        else:
            copied = await self.store.copy(self.bucket, key, version, NewVersion())
            self.add(key, copied, self.live(source))

    async def delete(self, key: str) -> None:
        deleted = await self.store.delete(self.bucket, key)
        if self.versioning:
            assert deleted.version_id is not None
            self.insert(key, deleted.version_id, None)
        else:
            self.history.pop(key, None)

    async def delete_version(self, key: str, place: int) -> None:
        versions = self.history.get(key, [])
        if place < len(versions):
            version_id, data = versions.pop(place)
            deleted = await self.store.delete(self.bucket, key, version_id)
            assert (deleted.existed, deleted.is_marker) == (True, data is None)

    async def versioning_(self, state: str) -> None:
        await self.store.update_bucket(self.bucket.name, versioning=state)
        self.versioning = state

    async def begin(self, key: str) -> None:
        if len(self.uploads) < 3:
            upload = await self.store.begin_upload(self.bucket, key, NewVersion())
            self.uploads.append(OpenUpload(key, upload.upload_id))

    async def put_part(self, place: int, number: int, data: bytes) -> None:
        if place < len(self.uploads):
            upload = self.uploads[place]
            part = await put_part(
                self.store, self.bucket, upload.key, upload.upload_id, number, data
            )
            upload.parts[number] = (part.etag, data)

    async def copy_part(self, place: int, number: int, source: str, first: int) -> None:
        data = self.live(source)
        if place < len(self.uploads) and data is not None:
            upload = self.uploads[place]
            version = self.store.latest(self.bucket, source)
            part = await self.store.copy_part(
                self.bucket, upload.key, upload.upload_id, number, version, first, 7
            )
            upload.parts[number] = (part.etag, data[first : first + 7])

    async def complete(self, place: int) -> None:
        if place < len(self.uploads) and 1 in self.uploads[place].parts:
            upload = self.uploads.pop(place)
            numbers = [1, 2] if 2 in upload.parts else [1]
            listed = [(number, upload.parts[number][0]) for number in numbers]
            version = await self.store.complete(
                self.bucket, upload.key, upload.upload_id, listed, minimum_part=0
            )
            self.add(upload.key, version, b"".join(upload.parts[n][1] for n in numbers))

    async def abort(self, place: int) -> None:
        if place < len(self.uploads):
            upload = self.uploads.pop(place)
            await self.store.abort(self.bucket, upload.key, upload.upload_id)

    def live(self, key: str) -> bytes | None:
        versions = self.history.get(key, [])
        return versions[0][1] if versions else None

    def add(self, key: str, version: Version, data: bytes | None) -> None:
        assert (version.version_id == "null") is (self.versioning != "Enabled")
        self.insert(key, version.version_id, data)

    def insert(self, key: str, version_id: str, data: bytes | None) -> None:
        """Put a version or marker on top; there is never a second null version."""
        kept = [pair for pair in self.history.get(key, []) if pair[0] != version_id]
        self.history[key] = [(version_id, data), *kept]

    async def check(self) -> None:
        """Compare all that the store tells with the lists."""
        told: dict[str, list[tuple[str, bytes | None]]] = {}
        for entry in (await self.store.list_versions(self.bucket)).entries:
            version = self.store.version(self.bucket, entry.key, entry.version_id)
            data = None if entry.is_marker else await body(self.store, version)
            told.setdefault(entry.key, []).append((entry.version_id, data))
        assert told == {key: versions for key, versions in self.history.items() if versions}
        live = [entry.key for entry in (await self.store.list_objects(self.bucket)).entries]
        assert live == sorted(key for key in self.history if self.live(key) is not None)


def audit_sqlite(shelf: Shelf) -> None:
    """Count all references anew and compare them with the counts and with the files."""
    with closing(connect(shelf.directory / "index.db")) as db:
        bodies = db.execute(
            "SELECT body FROM head UNION ALL SELECT body FROM version"
            " UNION ALL SELECT body FROM part"
        )
        references: Counter[str] = Counter()
        for (text,) in bodies:
            names = [extent[0] for extent in json.loads(text)] if text[:1] == "[" else [text]
            references.update(name for name in names if name)
        counts = dict(db.execute("SELECT id, refs FROM blob"))
        files = {row[0] for row in db.execute("SELECT id FROM blob WHERE data IS NULL")}
        assert one(db, "SELECT count(*) FROM garbage") == (0,)
    assert counts == references
    assert shelf.files() == files
    assert shelf.drafts() == set()


AUDITS = {"sqlite and files": audit_sqlite}


@pytest.mark.parametrize("backend", OPENERS)
@settings(max_examples=30, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_any_program_of_writes(backend: str, steps: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as directory, asyncio.Runner() as runner:
        shelf = open_shelf(Path(directory), OPENERS[backend], runner, inline_limit=8)

        async def take_all() -> None:
            for verb, *details in steps:
                await program.take(f"{verb}_" if verb == "versioning" else str(verb), *details)
            await program.check()

        async def empty() -> None:
            for upload in program.uploads:
                await shelf.store.abort(program.bucket, upload.key, upload.upload_id)
            entries = (await shelf.store.list_versions(program.bucket)).entries
            await shelf.store.delete_many(
                program.bucket, [(entry.key, entry.version_id) for entry in entries]
            )
            await shelf.store.delete_bucket(program.bucket.name)

        try:
            program = Program(shelf.store, shelf.bucket())
            shelf.run(take_all())
            shelf.close()
            AUDITS[backend](shelf)
            program.store = shelf.reopen(inline_limit=8)
            shelf.run(program.check())
            shelf.run(empty())
        finally:
            shelf.close()
        AUDITS[backend](shelf)
        assert shelf.files() == set()
