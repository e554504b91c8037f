"""The effect of each write on a key's versions, in each versioning state of the bucket."""

import itertools

import pytest

from coskit.protocol.errors import CosServiceError, NoSuchKey, NoSuchVersion
from coskit.server.store.model import Bucket, DeletionResult, NewVersion, Version
from coskit.server.store.store import Store
from tests.server.store.store_fixture import StoreFixture, body, compose, put

_numbers = itertools.count()

# Steps: put=<body>, del, del=<id>, Enabled, Suspended. The n-th version or marker is called vn, or
# null if that is its id. Histories are newest first.
HISTORIES = [
    ("a write is there", "put=a", "null=a"),
    ("never enabled, a write replaces", "put=a put=b", "null=b"),
    ("never enabled, a deletion removes", "put=a del", ""),
    ("never enabled, deleting nothing leaves nothing", "del", ""),
    ("never enabled, the null version can be named", "put=a del=null", ""),
    ("never enabled, an unknown version is not there", "put=a del=v9", "null=a"),
    ("enabled, a write adds", "Enabled put=a put=b", "v2=b v1=a"),
    ("enabled, the older null version stays", "put=a Enabled put=b", "v2=b null=a"),
    ("enabled, a deletion adds a marker", "Enabled put=a del", "v2=marker v1=a"),
    ("enabled, each deletion adds a marker", "Enabled put=a del del", "v3=marker v2=marker v1=a"),
    ("enabled, deleting nothing adds a marker", "Enabled del", "v1=marker"),
    ("enabled, a write covers a marker", "Enabled put=a del put=b", "v3=b v2=marker v1=a"),
    ("removing the marker brings back the object", "Enabled put=a del del=v2", "v1=a"),
    (
        "removing the newer marker leaves the older",
        "Enabled put=a del del del=v3",
        "v2=marker v1=a",
    ),
    (
        "removing the older marker changes no state",
        "Enabled put=a del del del=v2",
        "v3=marker v1=a",
    ),
    ("removing the newest promotes the next", "Enabled put=a put=b put=c del=v3", "v2=b v1=a"),
    ("removing an older one leaves the newest", "Enabled put=a put=b del=v1", "v2=b"),
    ("under the newest there may be a marker", "Enabled put=a del put=b del=v3", "v2=marker v1=a"),
    ("removing below a marker leaves it", "Enabled put=a put=b del del=v2", "v3=marker v1=a"),
    ("removing all leaves nothing", "Enabled put=a put=b del=v2 del=v1", ""),
    ("a version is removed once", "Enabled put=a put=b del=v1 del=v1", "v2=b"),
    ("no version has another's id", "Enabled put=a del=null del=v7 del=rubbish", "v1=a"),
    ("the null version is removed below", "put=a Enabled put=b del=null", "v2=b"),
    ("the null version is removed on top", "Enabled put=a Suspended put=b del=null", "v1=a"),
    ("suspended, a write replaces the null version", "put=a Enabled Suspended put=b", "null=b"),
    (
        "suspended, a write replaces an older null version",
        "put=a Enabled put=b Suspended put=c",
        "null=c v2=b",
    ),
    ("suspended, a write keeps versions", "Enabled put=a Suspended put=b", "null=b v1=a"),
    ("suspended, a write replaces its like", "Enabled Suspended put=a put=b", "null=b"),
    ("suspended, a deletion replaces by a marker", "put=a Enabled Suspended del", "null=marker"),
    ("suspended, a deletion keeps versions", "Enabled put=a Suspended del", "null=marker v1=a"),
    ("suspended, there is one null marker", "Enabled put=a Suspended del del", "null=marker v1=a"),
    ("suspended, a write replaces the null marker", "Enabled Suspended del put=a", "null=a"),
    ("the null marker can be removed", "Enabled put=a Suspended del del=null", "v1=a"),
    (
        "enabled again, the null version stays and a new one covers it",
        "Enabled put=a Suspended put=b Enabled put=c",
        "v3=c null=b v1=a",
    ),
    (
        "enabled again, the null marker stays",
        "Enabled put=a Suspended del Enabled put=b",
        "v3=b null=marker v1=a",
    ),
]


class HistoryWriter:
    """Takes the steps of a history."""

    def __init__(self, store: Store, bucket: Bucket, writer: str) -> None:
        self.store = store
        self.bucket = bucket
        self.writer = writer
        self.ids: list[str] = []

    async def take(self, step: str) -> None:
        verb, _, rest = step.partition("=")
        if verb == "put":
            self.ids.append((await self.write(rest.encode())).version_id)
        elif verb == "del" and rest:
            await self.store.index.delete_version(self.bucket.id, "key", self.id_of(rest))
        elif verb == "del":
            deleted = await self.store.index.delete_version(self.bucket.id, "key")
            if deleted.is_marker:
                assert deleted.version_id is not None
                self.ids.append(deleted.version_id)
        else:
            await self.store.index.update_bucket(self.bucket.name, versioning=verb)

    async def write(self, data: bytes) -> Version:
        if self.writer == "put":
            return await put(self.store, self.bucket, "key", data)
        if self.writer == "complete":
            return await compose(self.store, self.bucket, "key", [data])
        source = await put(self.store, self.store.index.bucket("sources"), "source", data)
        return await self.store.index.copy_version(self.bucket.id, "key", source, NewVersion())

    def id_of(self, name: str) -> str:
        """Return the id of the version that the table calls `name`."""
        number = name.removeprefix("v")
        known = number.isdigit() and int(number) <= len(self.ids)
        return self.ids[int(number) - 1] if known else name

    def name_of(self, version_id: str) -> str:
        return version_id if version_id == "null" else f"v{self.ids.index(version_id) + 1}"

    async def history(self) -> str:
        """Return what the listing says; check that every other way to ask says the same."""
        returned = []
        entries = (await self.store.index.list_versions(self.bucket.id)).entries
        for entry in entries:
            version, data = self.store.get(self.bucket, "key", entry.version_id)
            assert version == self.store.index.version(self.bucket.id, "key", entry.version_id)
            assert version.is_latest is entry.is_latest is (entry == entries[0])
            assert version.is_marker is entry.is_marker
            if not version.is_marker and data is None:
                data = await body(self.store, version)
            returned.append(f"{self.name_of(entry.version_id)}={(data or b'marker').decode()}")
        await self.check_live(returned[0].partition("=")[2] if returned else "marker")
        return " ".join(returned)

    async def check_live(self, returned: str) -> None:
        listed = (await self.store.index.list_objects(self.bucket.id)).entries
        if returned == "marker":
            assert listed == ()
            with pytest.raises(NoSuchKey):
                self.store.index.latest(self.bucket.id, "key")
            with pytest.raises(NoSuchKey):
                self.store.get(self.bucket, "key")
        else:
            version = self.store.index.latest(self.bucket.id, "key")
            assert (await body(self.store, version)).decode() == returned
            assert [entry.version_id for entry in listed] == [version.version_id]


@pytest.mark.parametrize("writer", ["put", "copy", "complete"])
@pytest.mark.parametrize(("says", "steps", "history"), HISTORIES, ids=[row[0] for row in HISTORIES])
def test_history(shared: StoreFixture, says: str, steps: str, history: str, writer: str) -> None:
    if writer == "copy" and "sources" not in [
        bucket.name for bucket in shared.store.index.buckets()
    ]:
        shared.bucket("sources")
    teller = HistoryWriter(shared.store, shared.bucket(f"history{next(_numbers)}"), writer)

    async def tell() -> str:
        for step in steps.split():
            await teller.take(step)
        return await teller.history()

    assert shared.run(tell()) == history


DELETIONS = [
    ("never enabled, present", "", "key", None, DeletionResult(None, False, True)),
    ("never enabled, absent", "", "other", None, DeletionResult(None, False, False)),
    ("never enabled, the null version", "", "key", "null", DeletionResult("null", False, True)),
    ("never enabled, no such version", "", "key", "abc", DeletionResult("abc", False, False)),
    ("suspended, present", "Suspended", "key", None, DeletionResult("null", True, True)),
    ("suspended, absent", "Suspended", "other", None, DeletionResult("null", True, False)),
]


@pytest.mark.parametrize(
    ("says", "versioning", "key", "version_id", "expected"), DELETIONS, ids=lambda value: str(value)
)
def test_what_a_deletion_reports(
    shared: StoreFixture,
    says: str,
    versioning: str,
    key: str,
    version_id: str | None,
    expected: DeletionResult,
) -> None:
    bucket = shared.bucket(f"deletion{next(_numbers)}", versioning or None)
    shared.run(put(shared.store, bucket, "key"))
    assert shared.call(shared.store.index.delete_version, bucket.id, key, version_id) == expected


def test_markers_are_reported_and_owned_by_the_bucket(shared: StoreFixture) -> None:
    bucket = shared.bucket(f"markers{next(_numbers)}", "Enabled")
    made = shared.call(shared.store.index.delete_version, bucket.id, "key")
    assert made.is_marker
    assert not made.existed
    assert made.version_id is not None
    marker = shared.store.index.version(bucket.id, "key", made.version_id)
    assert (marker.owner, marker.size, marker.etag, marker.extents) == ("owner", 0, "", ())
    removed = shared.call(shared.store.index.delete_version, bucket.id, "key", made.version_id)
    assert removed == DeletionResult(made.version_id, True, True)


def test_ascending_ids_are_newest_first_even_if_the_clock_goes_back(fixture: StoreFixture) -> None:
    times = iter(range(1_800_000_000, 0, -1))
    store = fixture.reopen(clock=lambda: float(next(times)))
    bucket = fixture.bucket(versioning="Enabled")
    made = [fixture.run(put(store, bucket, "key")) for _ in range(5)]
    assert [v.order for v in made] == sorted({v.order for v in made})
    assert [v.version_id for v in made] == sorted((v.version_id for v in made), reverse=True)
    store = fixture.reopen()
    later = fixture.run(put(store, bucket, "key"))
    assert later.version_id < made[-1].version_id


def test_a_version_that_is_not_there(shared: StoreFixture) -> None:
    bucket = shared.bucket(f"absent{next(_numbers)}", "Enabled")
    version = shared.run(put(shared.store, bucket, "key"))
    for version_id in ("null", "", "0" * 16, "f" * 16, "rubbish", version.version_id.upper() + "0"):
        with pytest.raises(NoSuchVersion):
            shared.store.index.version(bucket.id, "key", version_id)
    with pytest.raises(NoSuchVersion):
        shared.store.get(bucket, "other", version.version_id)


def test_state_of_a_version_is_set_apart_from_the_others(shared: StoreFixture) -> None:
    store = shared.store
    bucket = shared.bucket(f"state{next(_numbers)}", "Enabled")
    old = shared.run(put(store, bucket, "key", b"old"))
    new = shared.run(put(store, bucket, "key", b"new"))
    shared.call(
        store.index.update_version, bucket.id, "key", old.version_id, {"acl": "A", "tags": "T"}
    )
    shared.call(store.index.update_version, bucket.id, "key", None, {"restore": "R"})
    shared.call(store.index.update_version, bucket.id, "key", old.version_id, {"acl": None})

    def state(version_id: str) -> tuple[str | None, str | None, str | None]:
        version = store.index.version(bucket.id, "key", version_id)
        return version.acl, version.tags, version.restore

    assert state(old.version_id) == (None, "T", None)
    assert state(new.version_id) == (None, None, "R")
    assert [e.restore for e in shared.call(store.index.list_versions, bucket.id).entries] == [
        "R",
        None,
    ]


@pytest.mark.parametrize(
    ("key", "version_id", "error"),
    [("none", None, NoSuchKey), ("key", None, NoSuchKey), ("key", "null", NoSuchVersion)],
)
def test_state_of_what_is_not_there_cannot_be_set(
    shared: StoreFixture, key: str, version_id: str | None, error: type[CosServiceError]
) -> None:
    bucket = shared.bucket(f"stateless{next(_numbers)}", "Enabled")
    shared.run(put(shared.store, bucket, "key"))
    marker = shared.call(shared.store.index.delete_version, bucket.id, "key")
    with pytest.raises(error):
        shared.call(shared.store.index.update_version, bucket.id, key, version_id, {"acl": "A"})
    with pytest.raises(NoSuchVersion):
        shared.call(
            shared.store.index.update_version, bucket.id, "key", marker.version_id, {"acl": "A"}
        )
