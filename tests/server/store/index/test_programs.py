"""Random programs of writes: every body and its properties are right, and every blob is counted."""

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coskit.protocol.errors import AccessDenied, BadDigest, NoSuchKey
from coskit.server.store.index.database import connect, one
from coskit.server.store.model import Bucket, DeletionResult, NewVersion, Part, Upload, Version
from coskit.server.store.part_layout import part_sizes
from coskit.server.store.store import Store
from tests.server.store.store_fixture import (
    OPENERS,
    StoreFixture,
    body,
    open_fixture,
    put,
    put_part,
)

KEYS = st.sampled_from(["a", "b", "c"])
# None, inline and file bodies; the store of these programs keeps 8 bytes in its index.
DATA = st.sampled_from([b"", b"tiny", b"exactly8", b"a whole file", b"another, longer file"])
STATES = st.sampled_from(["Enabled", "Suspended"])
SUMS = st.sampled_from([None, "crc32 1", "crc32 2"])
LOCKS = st.sampled_from([None, None, "hold"])

STEPS = st.one_of(
    st.tuples(st.just("put"), KEYS, DATA, SUMS, LOCKS),
    st.tuples(st.just("copy"), KEYS, KEYS, SUMS, LOCKS),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("delete_version"), KEYS, st.integers(0, 3)),
    st.tuples(st.just("lock"), KEYS, st.integers(0, 3), LOCKS),
    st.tuples(st.just("versioning"), STATES),
    st.tuples(st.just("begin"), KEYS, LOCKS),
    st.tuples(st.just("put_part"), st.integers(0, 2), st.integers(1, 3), DATA, SUMS),
    st.tuples(st.just("copy_part"), st.integers(0, 2), st.integers(1, 3), KEYS, st.integers(0, 5)),
    st.tuples(st.just("complete"), st.integers(0, 2), st.booleans()),
    st.tuples(st.just("abort"), st.integers(0, 2)),
)


class State(NamedTuple):
    """A version's body and what is said of it."""

    data: bytes
    checksums: str | None = None
    lock: str | None = None
    sizes: tuple[int, ...] = ()


class UploadedPart(NamedTuple):
    etag: str
    data: bytes
    checksums: str | None = None


@dataclass
class OpenUpload:
    key: str
    upload_id: str
    lock: str | None
    parts: dict[int, UploadedPart] = field(default_factory=dict)


@dataclass
class Program:
    """Makes the same changes to a store and to plain lists; both must be equal.

    `history` holds (version id, state) of each key, newest first; a marker's state is None.
    """

    store: Store
    bucket: Bucket
    versioning: str = ""
    history: dict[str, list[tuple[str, State | None]]] = field(default_factory=dict)
    uploads: list[OpenUpload] = field(default_factory=list)

    async def take(self, verb: str, *details: object) -> None:
        await getattr(self, verb)(*details)

    async def put(self, key: str, data: bytes, sums: str | None, lock: str | None) -> None:
        new = NewVersion(checksums=sums, lock=lock)
        version = await put(self.store, self.bucket, key, data, new=new)
        self.add(key, version, State(data, sums, lock))

    async def copy(self, key: str, source: str, sums: str | None, lock: str | None) -> None:
        try:
            version = self.store.index.latest(self.bucket.id, source)
        except NoSuchKey:
            assert self.live(source) is None
        else:
            new = NewVersion(checksums=sums, lock=lock)
            copied = await self.store.index.copy_version(self.bucket.id, key, version, new)
            state = self.live(source)
            assert state is not None
            sums = state.checksums if sums is None else sums
            self.add(key, copied, state._replace(checksums=sums, lock=lock))

    async def delete(self, key: str) -> None:
        versions = self.history.get(key, [])
        lost = "null" if self.versioning != "Enabled" else ""
        locked = any(name == lost and state and state.lock for name, state in versions)
        try:
            deleted = await self.store.index.delete_version(
                self.bucket.id, key, may_delete=keep_locked
            )
        except AccessDenied:
            assert locked
            return
        assert not locked
        if self.versioning:
            assert deleted.version_id is not None
            self.insert(key, deleted.version_id, None)
        else:
            self.history.pop(key, None)

    async def delete_version(self, key: str, place: int) -> None:
        versions = self.history.get(key, [])
        if place < len(versions):
            version_id, state = versions[place]
            (deleted,) = await self.store.index.delete_versions(
                self.bucket.id, [(key, version_id)], may_delete=keep_locked
            )
            if state and state.lock:
                assert isinstance(deleted, AccessDenied)
            else:
                assert deleted == DeletionResult(version_id, state is None, True)
                del versions[place]

    async def lock(self, key: str, place: int, lock: str | None) -> None:
        versions = self.history.get(key, [])
        if place < len(versions) and (state := versions[place][1]):
            version_id = versions[place][0]
            await self.store.index.update_version(self.bucket.id, key, version_id, {"lock": lock})
            versions[place] = (version_id, state._replace(lock=lock))

    async def versioning_(self, state: str) -> None:
        await self.store.index.update_bucket(self.bucket.name, versioning=state)
        self.versioning = state

    async def begin(self, key: str, lock: str | None) -> None:
        if len(self.uploads) < 3:
            upload = await self.store.index.begin_upload(self.bucket.id, key, NewVersion(lock=lock))
            self.uploads.append(OpenUpload(key, upload.upload_id, lock))

    async def put_part(self, place: int, number: int, data: bytes, sums: str | None) -> None:
        if place < len(self.uploads):
            upload = self.uploads[place]
            part = await put_part(
                self.store, self.bucket, upload.key, upload.upload_id, number, data, sums
            )
            upload.parts[number] = UploadedPart(part.etag, data, sums)

    async def copy_part(self, place: int, number: int, source: str, first: int) -> None:
        state = self.live(source)
        if place < len(self.uploads) and state is not None:
            upload = self.uploads[place]
            version = self.store.index.latest(self.bucket.id, source)
            part = await self.store.copy_part(
                self.bucket, upload.key, upload.upload_id, number, version, first, 7
            )
            upload.parts[number] = UploadedPart(part.etag, state.data[first : first + 7])

    async def complete(self, place: int, refused: bool) -> None:
        """Complete an upload with all of its parts, unless that is refused at the last moment."""
        if place < len(self.uploads) and self.uploads[place].parts:
            upload = self.uploads[place]
            parts = dict(sorted(upload.parts.items()))
            sums = ",".join(str(part.checksums) for part in parts.values())

            def finish(_: Upload, returned: Sequence[Part]) -> str:
                assert sums == ",".join(str(part.checksums) for part in returned)
                if refused:
                    raise BadDigest
                return sums

            work = self.store.index.complete_upload(
                *(self.bucket.id, upload.key, upload.upload_id),
                [(number, part.etag) for number, part in parts.items()],
                minimum_part=0,
                gaps=True,
                finish=finish,
            )
            if refused:
                with pytest.raises(BadDigest):
                    await work
                return
            del self.uploads[place]
            data = [part.data for part in parts.values()]
            state = State(b"".join(data), sums, upload.lock, tuple(map(len, data)))
            self.add(upload.key, await work, state)

    async def abort(self, place: int) -> None:
        if place < len(self.uploads):
            upload = self.uploads.pop(place)
            await self.store.index.abort_upload(self.bucket.id, upload.key, upload.upload_id)

    def live(self, key: str) -> State | None:
        versions = self.history.get(key, [])
        return versions[0][1] if versions else None

    def add(self, key: str, version: Version, state: State) -> None:
        assert (version.version_id == "null") is (self.versioning != "Enabled")
        self.insert(key, version.version_id, state)

    def insert(self, key: str, version_id: str, state: State | None) -> None:
        """Put a version or marker on top; there is never a second null version."""
        kept = [pair for pair in self.history.get(key, []) if pair[0] != version_id]
        self.history[key] = [(version_id, state), *kept]

    async def check(self) -> None:
        """Compare all that the store returns with the lists."""
        returned: dict[str, list[tuple[str, State | None]]] = {}
        for entry in (await self.store.index.list_versions(self.bucket.id)).entries:
            version = self.store.index.version(self.bucket.id, entry.key, entry.version_id)
            state = None if entry.is_marker else await self.state(version)
            returned.setdefault(entry.key, []).append((entry.version_id, state))
        assert returned == {key: versions for key, versions in self.history.items() if versions}
        live = [
            entry.key for entry in (await self.store.index.list_objects(self.bucket.id)).entries
        ]
        assert live == sorted(key for key in self.history if self.live(key) is not None)

    async def state(self, version: Version) -> State:
        data = await body(self.store, version)
        return State(data, version.checksums, version.lock, part_sizes(version))


def keep_locked(version: Version | None) -> None:
    """Refuse to delete what is locked."""
    assert version is not None
    if version.lock:
        raise AccessDenied


def audit_sqlite(fixture: StoreFixture) -> None:
    """Count all references anew and compare them with the counts and with the files."""
    with closing(connect(fixture.directory / "index.db")) as db:
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
    assert fixture.files() == files
    assert fixture.drafts() == set()


AUDITS = {"sqlite and files": audit_sqlite}


@pytest.mark.parametrize("backend", OPENERS)
@settings(max_examples=30, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_any_program_of_writes(backend: str, steps: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as directory, asyncio.Runner() as runner:
        fixture = open_fixture(Path(directory), OPENERS[backend], runner, inline_limit=8)

        async def take_all() -> None:
            for verb, *details in steps:
                await program.take(f"{verb}_" if verb == "versioning" else str(verb), *details)
            await program.check()

        async def empty() -> None:
            for upload in program.uploads:
                await fixture.store.index.abort_upload(
                    program.bucket.id, upload.key, upload.upload_id
                )
            entries = (await fixture.store.index.list_versions(program.bucket.id)).entries
            await fixture.store.index.delete_versions(
                program.bucket.id, [(entry.key, entry.version_id) for entry in entries]
            )
            await fixture.store.index.delete_bucket(program.bucket.name)

        try:
            program = Program(fixture.store, fixture.bucket())
            fixture.run(take_all())
            fixture.close()
            AUDITS[backend](fixture)
            program.store = fixture.reopen(inline_limit=8)
            fixture.run(program.check())
            fixture.run(empty())
        finally:
            fixture.close()
        AUDITS[backend](fixture)
        assert fixture.files() == set()
