"""Checksums, layouts and locks: stored as text, copied with the body, dropped when it changes."""

import hashlib
import itertools
from collections.abc import Sequence

import pytest

from coskit.protocol.errors import (
    AccessDenied,
    BadDigest,
    CosServiceError,
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    NoSuchKey,
    PreconditionFailed,
)
from coskit.server.store.model import Bucket, DeletionResult, NewVersion, Part, Upload, Version
from coskit.server.store.part_layout import LayoutPart, part_sizes, pieces
from coskit.server.store.store import Store
from tests.server.store.store_fixture import StoreFixture, body, compose, put, put_part

_numbers = itertools.count()

SAID = NewVersion(checksums="sums é", lock="lock")


def fresh(fixture: StoreFixture, versioning: str | None = None) -> Bucket:
    """Make a bucket of the test's own."""
    return fixture.bucket(f"said{next(_numbers)}", versioning)


def said(version: Version) -> tuple[str | None, str | None, tuple[int, ...]]:
    return version.checksums, version.lock, part_sizes(version)


@pytest.mark.parametrize("data", [b"", b"inline", b"a file" * 20_000])
def test_what_is_said_with_a_body_stays_with_it_in_every_place(
    fixture: StoreFixture, data: bytes
) -> None:
    store, bucket = fixture.store, fresh(fixture, "Enabled")
    first = fixture.run(put(store, bucket, "key", data, new=SAID))
    assert said(first) == ("sums é", "lock", ())
    newer = fixture.run(put(store, bucket, "key", b"newer"))
    assert said(newer) == (None, None, ())
    store = fixture.reopen()
    # A newer version has moved it to another table, and the end of that one moves it back.
    assert said(store.index.version(bucket.id, "key", first.version_id)) == said(first)
    fixture.call(store.index.delete_version, bucket.id, "key", newer.version_id)
    assert store.index.latest(bucket.id, "key") == store.get(bucket, "key")[0] == first
    fixture.call(store.index.delete_version, bucket.id, "key")
    assert said(store.index.version(bucket.id, "key", first.version_id)) == said(first)


def test_a_delete_marker_says_nothing(shared: StoreFixture) -> None:
    bucket = fresh(shared, "Enabled")
    shared.run(put(shared.store, bucket, "key", new=SAID))
    marker = shared.call(shared.store.index.delete_version, bucket.id, "key").version_id
    assert said(shared.store.index.version(bucket.id, "key", str(marker))) == (None, None, ())


COPIES = [
    ("the bytes are the same, the lock is not", NewVersion(), ("source sums", None)),
    ("a lock of its own", NewVersion(lock="mine"), ("source sums", "mine")),
    ("other sums", NewVersion(checksums="others"), ("others", None)),
]


@pytest.mark.parametrize(("says", "new", "expected"), COPIES, ids=[row[0] for row in COPIES])
@pytest.mark.parametrize("itself", [False, True])
def test_a_copy_keeps_what_follows_from_the_bytes(
    shared: StoreFixture, says: str, new: NewVersion, expected: tuple[str | None, ...], itself: bool
) -> None:
    store, bucket = shared.store, fresh(shared)
    source = NewVersion(lock="source lock")
    version = shared.run(
        compose(store, bucket, "key", [b"one", b"three"], source, finish=lambda *_: "source sums")
    )
    assert said(version) == ("source sums", "source lock", (3, 5))
    copy = shared.call(
        store.index.copy_version, bucket.id, "key" if itself else "copy", version, new
    )
    assert said(copy) == (*expected, (3, 5))
    assert said(store.index.latest(bucket.id, copy.key)) == said(copy)


def test_an_object_that_grows_loses_its_sums_and_keeps_its_lock(shared: StoreFixture) -> None:
    store, bucket = shared.store, fresh(shared)

    async def append(data: bytes, position: int) -> Version:
        async with store.receive(len(data)) as receiver:
            await receiver.write(data)
            stored = await receiver.finish()
            return await store.append(bucket, "log", stored, SAID, position, limit=100)

    assert said(shared.run(append(b"first", 0))) == ("sums é", "lock", ())
    assert said(shared.run(append(b"more", 5))) == (None, "lock", ())
    assert said(store.index.latest(bucket.id, "log")) == (None, "lock", ())


def test_an_upload_and_its_parts_keep_what_was_said_of_them(fixture: StoreFixture) -> None:
    store, bucket = fixture.store, fresh(fixture)
    asked = NewVersion(checksums="CRC32C", lock="until Friday")
    upload = fixture.call(store.index.begin_upload, bucket.id, "key", asked)
    assert (upload.checksums, upload.lock) == ("CRC32C", "until Friday")
    source = fixture.run(put(store, bucket, "source", b"source" * 20_000))
    inline = fixture.run(put(store, bucket, "inline", b"inline"))
    place = (bucket, "key", upload.upload_id)
    named = (bucket.id, "key", upload.upload_id)

    async def put_all() -> list[Part]:
        return [
            await put_part(store, *place, 1, b"old", checksums="old"),
            await put_part(store, *place, 1, b"new", checksums="new"),
            await put_part(store, *place, 2, b"silent"),
            await store.copy_part(*place, 3, source, 0, 10, "shared"),
            await store.copy_part(*place, 4, inline, checksums="received"),
            await store.copy_part(*place, 5, source),
        ]

    parts = fixture.run(put_all())[1:]
    store = fixture.reopen()
    assert [part.checksums for part in parts] == ["new", None, "shared", "received", None]
    assert list(fixture.call(store.index.list_parts, *named).entries) == parts
    assert store.index.upload(*named) == upload
    assert fixture.call(store.index.list_uploads, bucket.id).entries == (upload,)
    version = fixture.call(
        store.index.complete_upload,
        *named,
        [(part.number, part.etag) for part in parts],
        minimum_part=0,
    )
    assert said(version) == (None, "until Friday", (3, 6, 10, 6, 120_000))
    assert pieces(store.index.latest(bucket.id, "key")) == tuple(
        LayoutPart(part.number, part.size, part.checksums) for part in parts
    )


PARTS = [b"one", b"second", b"3rd"]
TAGS = [hashlib.md5(data).hexdigest() for data in PARTS]
NUMBERS = (1, 3, 7)


async def begun(store: Store, bucket: Bucket) -> Upload:
    """Open an upload with parts 1, 3 and 7."""
    upload = await store.index.begin_upload(bucket.id, "key", SAID)
    for number, data in zip(NUMBERS, PARTS, strict=True):
        await put_part(store, bucket, "key", upload.upload_id, number, data, f"of {number}")
    return upload


def test_the_sums_of_an_object_are_made_from_its_parts_in_the_commit(shared: StoreFixture) -> None:
    store, bucket = shared.store, fresh(shared)
    upload = shared.run(begun(store, bucket))
    asked: list[str] = []

    def finish(returned: Upload, parts: Sequence[Part]) -> str:
        assert returned == upload
        assert [part.etag for part in parts] == TAGS[:2]
        asked.append("finish")
        return " and ".join(str(part.checksums) for part in parts)

    def absent(version: Version | None) -> None:
        asked.append("condition")
        if version:
            raise PreconditionFailed

    named = (bucket.id, "key", upload.upload_id)
    listed = [(1, TAGS[0]), (3, TAGS[1])]
    version = shared.call(
        store.index.complete_upload, *named, listed, 0, absent, gaps=True, finish=finish
    )
    assert said(version) == ("of 1 and of 3", "lock", (3, 6))
    assert asked == ["finish", "condition"]
    assert store.index.latest(bucket.id, "key") == version


class Untrue(Exception):
    """No error of the protocol."""


@pytest.mark.parametrize("error", [BadDigest, InvalidPart, Untrue])
def test_a_completion_whose_sums_are_wrong_leaves_the_upload_open(
    shared: StoreFixture, error: type[Exception]
) -> None:
    store, bucket = shared.store, fresh(shared)
    upload = shared.run(begun(store, bucket))
    named = (bucket.id, "key", upload.upload_id)

    def refuse(*_: object) -> str:
        raise error

    listed = list(zip(NUMBERS, TAGS, strict=True))
    with pytest.raises(error):
        shared.call(store.index.complete_upload, *named, listed, 0, gaps=True, finish=refuse)
    with pytest.raises(NoSuchKey):
        store.index.latest(bucket.id, "key")
    assert len(shared.call(store.index.list_parts, *named).entries) == 3
    assert part_sizes(shared.call(store.index.complete_upload, *named, listed, 0, gaps=True)) == (
        3,
        6,
        3,
    )


def test_numbers_may_be_left_out_where_gaps_are_allowed(shared: StoreFixture) -> None:
    store, bucket = shared.store, fresh(shared)
    upload = shared.run(begun(store, bucket))
    named = (bucket.id, "key", upload.upload_id)
    listed = [(3, TAGS[1]), (7, TAGS[2])]
    with pytest.raises(InvalidPart):
        shared.call(store.index.complete_upload, *named, listed, 0)
    version = shared.call(store.index.complete_upload, *named, listed, 0, gaps=True)
    assert pieces(version) == (LayoutPart(3, 6, "of 3"), LayoutPart(7, 3, "of 7"))
    assert (version.parts, shared.run(body(store, version))) == (2, b"second3rd")


STILL_REFUSED: list[tuple[str, list[tuple[int, str]], int, type[CosServiceError]]] = [
    ("descending", [(3, TAGS[1]), (1, TAGS[0])], 0, InvalidPartOrder),
    ("twice the same", [(3, TAGS[1]), (3, TAGS[1])], 0, InvalidPartOrder),
    ("not uploaded", [(1, TAGS[0]), (2, TAGS[1])], 0, InvalidPart),
    ("another tag", [(1, TAGS[0]), (3, TAGS[0])], 0, InvalidPart),
    ("too small", [(1, TAGS[0]), (3, TAGS[1])], 4, EntityTooSmall),
]


@pytest.mark.parametrize(
    ("says", "listed", "minimum", "error"), STILL_REFUSED, ids=[row[0] for row in STILL_REFUSED]
)
def test_gaps_allow_nothing_else(
    shared: StoreFixture,
    says: str,
    listed: list[tuple[int, str]],
    minimum: int,
    error: type[CosServiceError],
) -> None:
    store, bucket = shared.store, fresh(shared)
    upload = shared.run(begun(store, bucket))

    def never(*_: object) -> str:
        raise AssertionError("parts that are refused have no sums")

    with pytest.raises(error):
        shared.call(
            store.index.complete_upload,
            bucket.id,
            "key",
            upload.upload_id,
            listed,
            minimum,
            gaps=True,
            finish=never,
        )


def test_an_object_that_was_not_completed_has_no_parts(shared: StoreFixture) -> None:
    bucket = fresh(shared)
    version = shared.run(put(shared.store, bucket, "key"))
    assert (version.layout, pieces(version), part_sizes(version)) == (None, (), ())


def test_a_lock_is_set_and_taken_off_without_touching_the_rest(shared: StoreFixture) -> None:
    store, bucket = shared.store, fresh(shared, "Enabled")
    old = shared.run(put(store, bucket, "key", new=NewVersion(acl="A", checksums="S")))
    new = shared.run(put(store, bucket, "key", new=NewVersion(tags="T", lock="L")))
    shared.call(store.index.update_version, bucket.id, "key", old.version_id, {"lock": "held"})
    shared.call(store.index.update_version, bucket.id, "key", None, {"acl": "B"})

    def state(version_id: str) -> tuple[str | None, ...]:
        version = store.index.version(bucket.id, "key", version_id)
        return version.acl, version.tags, version.checksums, version.lock

    assert state(old.version_id) == ("A", None, "S", "held")
    assert state(new.version_id) == ("B", "T", None, "L")

    def extend(version: Version) -> dict[str, str | None]:
        return {"lock": f"{version.lock}+"}

    revised = shared.call(store.index.update_version, bucket.id, "key", old.version_id, extend)
    assert revised.lock == state(old.version_id)[3] == "held+"
    shared.call(store.index.update_version, bucket.id, "key", None, {"lock": None})
    assert state(new.version_id) == ("B", "T", None, None)


def unlocked(version: Version | None) -> None:
    """Keep what is locked."""
    assert version is not None
    if version.lock:
        raise AccessDenied


# The state of versioning, whether a write followed, what is deleted (v: the locked version), and
# whether the locked version would be gone for good.
LOSSES = [
    ("never enabled, the object", "", False, None, True),
    ("never enabled, the null version", "", False, "v", True),
    ("enabled, a marker covers it", "Enabled", False, None, False),
    ("enabled, the version", "Enabled", False, "v", True),
    ("enabled, an older version", "Enabled", True, "v", True),
    ("suspended, a null marker replaces the null version", "Suspended", False, None, True),
    ("suspended, a marker covers a version", "Enabled Suspended", False, None, False),
    ("enabled, an older null version is covered", "Suspended Enabled", True, None, False),
    ("suspended, a null marker replaces an older one", "Suspended E+S", True, None, True),
]


@pytest.mark.parametrize(
    ("says", "states", "covered", "target", "lost"), LOSSES, ids=[row[0] for row in LOSSES]
)
def test_what_is_locked_is_never_gone_for_good(
    shared: StoreFixture, says: str, states: str, covered: bool, target: str | None, lost: bool
) -> None:
    store, bucket = shared.store, fresh(shared)
    before, _, after = states.partition(" ")

    async def delete() -> Version:
        if before:
            await store.index.update_bucket(bucket.name, versioning=before)
        locked = await put(store, bucket, "key", b"locked", new=SAID)
        if after == "E+S":
            await store.index.update_bucket(bucket.name, versioning="Enabled")
        elif after:
            await store.index.update_bucket(bucket.name, versioning=after)
        if covered:
            await put(store, bucket, "key", b"newer")
        if after == "E+S":
            await store.index.update_bucket(bucket.name, versioning="Suspended")
        version_id = locked.version_id if target else None
        await put(store, bucket, "free")
        (one, other) = await store.index.delete_versions(
            bucket.id, [("key", version_id), ("free", None)], may_delete=unlocked
        )
        assert isinstance(other, DeletionResult), "one that is locked keeps none that is not"
        assert isinstance(one, AccessDenied if lost else DeletionResult)
        found = store.index.version(bucket.id, "key", locked.version_id)
        assert await body(store, found) == b"locked"
        return found

    assert shared.run(delete()).lock == "lock"


def test_one_deletion_can_be_conditional_too(shared: StoreFixture) -> None:
    store, bucket = shared.store, fresh(shared)
    version = shared.run(put(store, bucket, "key", new=SAID))

    def refuse(found: Version | None) -> None:
        assert found == version
        raise PreconditionFailed

    with pytest.raises(PreconditionFailed):
        shared.call(
            store.index.delete_version, bucket.id, "key", condition=refuse, may_delete=unlocked
        )
    with pytest.raises(AccessDenied):
        shared.call(store.index.delete_version, bucket.id, "key", may_delete=unlocked)
    assert store.index.latest(bucket.id, "key") == version
    absent = shared.call(
        store.index.delete_version, bucket.id, "key", "0" * 16, may_delete=unlocked
    )
    assert not absent.existed
    shared.call(store.index.update_version, bucket.id, "key", None, {"lock": None})
    assert shared.call(store.index.delete_version, bucket.id, "key", may_delete=unlocked).existed
