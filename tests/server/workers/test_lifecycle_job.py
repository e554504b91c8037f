"""LifecycleJob rules carried out on a store, with a clock that the tests turn."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest

from coskit.protocol.bucket.lifecycle_document import dump_rules
from coskit.protocol.errors import AccessDenied
from coskit.server.store.model import Bucket, NewVersion, Version
from coskit.server.store.recovery import open_store
from coskit.server.store.store import Store
from coskit.server.workers.lifecycle_job import LifecycleJob
from tests.server.store.store_fixture import body, put, put_part

P = ParamSpec("P")
T = TypeVar("T")

DAY = 86_400
MIDNIGHT = 1_700_006_400  # in November 2023
AFTER_2 = {"Expiration": {"Days": 2}}
NONCURRENT_2 = {"NoncurrentVersionExpiration": {"NoncurrentDays": 2}}
LONE_MARKERS = {"Expiration": {"ExpiredObjectDeleteMarker": "true"}}
TO_ARCHIVE = {"Transition": [{"Days": 1, "StorageClass": "ARCHIVE"}]}


class World:
    """A store in which time passes only when a test says so."""

    def __init__(self, directory: Path, runner: asyncio.Runner) -> None:
        self.now = float(MIDNIGHT + 3600)
        self.directory = directory
        self.run = runner.run
        self.store = self.run(open_store(directory, clock=lambda: self.now))

    def call(self, method: Callable[P, asyncio.Future[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method of the index on the store's loop, and return its result."""

        async def awaited() -> T:
            return await method(*args, **kwargs)

        return self.run(awaited())

    def bucket(self, *rules: dict[str, Any], versioning: str | None = None) -> Bucket:
        """Create a bucket with lifecycle rules."""
        document = {"Rule": [{"Status": "Enabled", "Filter": {}, **rule} for rule in rules]}
        config = {"lifecycle": dump_rules(document)}
        self.call(self.store.index.create_bucket, "b", "owner", "acl", config=config)
        return self.call(self.store.index.update_bucket, "b", versioning=versioning)

    def put(self, bucket: Bucket, key: str, data: bytes = b"body", **new: Any) -> Version:
        return self.run(put(self.store, bucket, key, data, new=NewVersion(**new)))

    def job(self) -> LifecycleJob:
        return LifecycleJob(self.store, clock=lambda: self.now)

    def sweep(self, days: float = 0) -> Counter[str]:
        """Let days pass, then let the job make a pass."""
        self.now += days * DAY
        return self.run(self.job().sweep())

    def keys(self, bucket: Bucket) -> list[str]:
        page = self.call(self.store.index.list_objects, bucket.id)
        return [entry.key for entry in page.entries]

    def versions(self, bucket: Bucket) -> list[tuple[str, str]]:
        """Return all versions, newest first, with M for a marker and the class otherwise."""
        page = self.call(self.store.index.list_versions, bucket.id)
        return [(e.key, "M" if e.is_marker else e.storage_class) for e in page.entries]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Open a store of the test's own."""
    with asyncio.Runner() as runner:
        opened = World(tmp_path / "data", runner)
        yield opened
        runner.run(opened.store.close())


def test_an_object_expires_after_its_days_and_not_before(world: World) -> None:
    bucket = world.bucket({**AFTER_2, "Filter": {"Prefix": "logs/"}})
    for key in ("a", "logs/1", "logs/2", "z"):
        world.put(bucket, key)
    assert world.sweep(days=2) == {}
    world.put(bucket, "logs/2")
    assert world.sweep(days=1) == {"expired": 1}
    assert world.keys(bucket) == ["a", "logs/2", "z"]
    assert world.sweep(days=2) == {"expired": 1}
    assert world.keys(bucket) == ["a", "z"]
    assert world.sweep(days=100) == {}


def test_in_a_versioned_bucket_expiring_leaves_a_marker(world: World) -> None:
    bucket = world.bucket(AFTER_2, versioning="Enabled")
    world.put(bucket, "key")
    assert world.sweep(days=3) == {"expired": 1}
    assert world.versions(bucket) == [("key", "M"), ("key", "STANDARD")]
    assert world.sweep(days=3) == {}


def test_noncurrent_versions_age_from_when_they_were_replaced(world: World) -> None:
    bucket = world.bucket(NONCURRENT_2, versioning="Enabled")
    world.put(bucket, "key")
    world.put(bucket, "other")
    world.now += 10 * DAY
    world.put(bucket, "key")
    assert world.sweep(days=2) == {}
    assert world.sweep(days=1) == {"removed": 1}
    assert world.versions(bucket) == [("key", "STANDARD"), ("other", "STANDARD")]


@pytest.mark.parametrize("page", [2, 3, 1000])
def test_the_newest_noncurrent_versions_are_spared(
    world: World, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr("coskit.server.workers.lifecycle_job._PAGE", page)
    rule = {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 3}}
    bucket = world.bucket(rule, versioning="Enabled")
    for key in ("few", "many"):
        for number in range(3 if key == "few" else 8):
            world.put(bucket, key, f"{key} {number}".encode())
    assert world.sweep(days=3) == {"removed": 4}
    left = Counter(key for key, _ in world.versions(bucket))
    assert left == {"few": 3, "many": 4}, "the live one and three more"
    assert world.sweep(days=9) == {}


def test_a_deleted_object_goes_step_by_step_until_nothing_is_left(world: World) -> None:
    bucket = world.bucket(AFTER_2, NONCURRENT_2, LONE_MARKERS, versioning="Enabled")
    world.put(bucket, "key")
    assert [world.sweep(days=1) for _ in range(8)] == [
        {},
        {},
        {"expired": 1},
        {},
        {},
        {"removed": 1},
        {"removed": 1},
        {},
    ]
    assert world.versions(bucket) == []


def test_rules_choose_by_tags(world: World) -> None:
    tag = {"Key": "keep", "Value": "no"}
    bucket = world.bucket({**AFTER_2, "Filter": {"Tag": [tag]}})
    world.put(bucket, "tagged", tags=json.dumps([["keep", "no"], ["a", "b"]]))
    world.put(bucket, "other", tags=json.dumps([["keep", "yes"]]))
    world.put(bucket, "plain")
    assert world.sweep(days=5) == {"expired": 1}
    assert world.keys(bucket) == ["other", "plain"]


def test_classes_change_where_the_object_lies(world: World) -> None:
    bucket = world.bucket(
        TO_ARCHIVE,
        {"NoncurrentVersionTransition": [{"NoncurrentDays": 1, "StorageClass": "DEEP_ARCHIVE"}]},
        versioning="Enabled",
    )
    large = bytes(1 << 16)
    world.put(bucket, "old", large)
    first = world.put(bucket, "key", large, headers={"Content-Type": "a/b"})
    world.put(bucket, "old", large)
    world.put(bucket, "small", large[:-1])
    assert world.sweep(days=2) == {"moved": 3}
    assert world.versions(bucket) == [
        ("key", "ARCHIVE"),
        ("old", "ARCHIVE"),
        ("old", "DEEP_ARCHIVE"),
        ("small", "STANDARD"),
    ]
    moved = world.store.index.latest(bucket.id, "key")
    assert (moved.version_id, moved.modified, moved.headers, moved.etag) == (
        first.version_id,
        first.modified,
        first.headers,
        first.etag,
    )
    assert world.run(body(world.store, moved)) == large
    assert world.sweep(days=9) == {}


def test_stale_uploads_are_aborted(world: World) -> None:
    bucket = world.bucket({"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}})

    async def begin(key: str) -> None:
        upload = await world.store.index.begin_upload(bucket.id, key, NewVersion())
        await put_part(world.store, bucket, key, upload.upload_id, 1, b"part")

    world.run(begin("old"))
    world.now += 2 * DAY
    world.run(begin("new"))
    assert world.sweep(days=1) == {"aborted": 1}
    page = world.call(world.store.index.list_uploads, bucket.id)
    assert [upload.key for upload in page.entries] == ["new"]


def test_many_objects_are_worked_off_in_pages(world: World) -> None:
    bucket = world.bucket(AFTER_2, NONCURRENT_2, versioning="Enabled")

    async def fill(rounds: int) -> None:
        for _ in range(rounds):
            await asyncio.gather(*(put(world.store, bucket, f"{n:04}", b"x") for n in range(700)))

    world.run(fill(2))
    assert world.sweep(days=3) == {"expired": 700, "removed": 700}
    assert world.sweep(days=3) == {"removed": 700}
    assert world.keys(bucket) == []


def test_a_bucket_without_rules_or_with_disabled_ones_is_left_alone(world: World) -> None:
    bucket = world.bucket({**AFTER_2, "Status": "Disabled"})
    world.put(bucket, "key")
    assert world.sweep(days=9) == {}
    world.call(world.store.index.update_bucket, "b", config={"lifecycle": None})
    assert world.sweep(days=9) == {}
    assert world.keys(bucket) == ["key"]


def test_a_restart_loses_nothing_that_is_due(world: World) -> None:
    bucket = world.bucket(AFTER_2)
    world.put(bucket, "key")
    world.run(world.store.close())
    world.now += 3 * DAY
    world.store = world.run(open_store(world.directory, clock=lambda: world.now))
    assert world.sweep() == {"expired": 1}
    assert world.keys(bucket) == []


Change = Callable[[Store, Bucket], Awaitable[object]]
CHANGES: dict[str, tuple[dict[str, Any], Change]] = {
    "overwritten": (AFTER_2, lambda store, bucket: put(store, bucket, "key", b"new")),
    "overwritten before a move": (
        TO_ARCHIVE,
        lambda store, bucket: put(store, bucket, "key", bytes(1 << 16)),
    ),
    "tagged anew": (
        {**AFTER_2, "Filter": {"Tag": [{"Key": "keep", "Value": "no"}]}},
        lambda store, bucket: store.index.update_version(bucket.id, "key", None, {"tags": None}),
    ),
}


@pytest.mark.parametrize("versioning", [None, "Enabled", "Suspended"])
@pytest.mark.parametrize("case", CHANGES)
def test_what_changes_between_the_look_and_the_commit_stays(
    world: World, monkeypatch: pytest.MonkeyPatch, case: str, versioning: str | None
) -> None:
    rule, change = CHANGES[case]
    bucket = world.bucket(rule, versioning=versioning)
    world.put(bucket, "key", bytes(1 << 16), tags=json.dumps([["keep", "no"]]))
    world.now += 9 * DAY
    name = "update_version" if "Transition" in rule else "delete_versions"
    call = getattr(world.store.index, name)

    async def change_first(*args: Any) -> Any:
        await change(world.store, bucket)
        return await call(*args)

    monkeypatch.setattr(world.store.index, name, change_first)
    before = world.store.index.latest(bucket.id, "key").order
    assert world.sweep() == {}
    live = world.store.index.latest(bucket.id, "key")
    assert (live.order > before) == case.startswith("overwritten")
    assert live.storage_class == "STANDARD"


def test_a_version_that_became_the_live_one_again_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = world.bucket(NONCURRENT_2, versioning="Enabled")
    world.put(bucket, "key", b"first")
    second = world.put(bucket, "key", b"second")
    world.now += 9 * DAY
    delete = world.store.index.delete_versions

    async def delete_after(*args: Any) -> Any:
        await delete(bucket.id, [("key", second.version_id)])
        return await delete(*args)

    monkeypatch.setattr(world.store.index, "delete_versions", delete_after)
    assert world.sweep() == {}
    assert world.run(body(world.store, world.store.index.latest(bucket.id, "key"))) == b"first"


def keep_locked(version: Version | None) -> None:
    """Refuse to delete what is locked."""
    if version and version.lock:
        raise AccessDenied


def test_what_is_locked_outlives_every_rule(world: World) -> None:
    bucket = world.bucket({**AFTER_2, **NONCURRENT_2}, versioning="Enabled")
    for data in (b"1", b"2"):
        world.put(bucket, "held", data, lock="hold")
        world.put(bucket, "free", data)
    job = LifecycleJob(world.store, clock=lambda: world.now, may_delete=keep_locked)
    for days, done in ((3, {"expired": 2, "removed": 1}), (3, {"removed": 1}), (3, {})):
        world.now += days * DAY
        assert world.run(job.sweep()) == done
    held = [("held", "M"), ("held", "STANDARD"), ("held", "STANDARD")]
    assert world.versions(bucket) == [("free", "M"), *held]
    for entry in world.call(world.store.index.list_versions, bucket.id, "held").entries[1:]:
        world.call(
            world.store.index.update_version, bucket.id, "held", entry.version_id, {"lock": None}
        )
    assert world.run(job.sweep()) == {"removed": 2}


def test_what_is_locked_outlives_its_days_where_nothing_is_versioned(world: World) -> None:
    bucket = world.bucket(AFTER_2)
    world.put(bucket, "held", lock="hold")
    world.put(bucket, "free")
    job = LifecycleJob(world.store, clock=lambda: world.now, may_delete=keep_locked)
    world.now += 3 * DAY
    assert world.run(job.sweep()) == {"expired": 1}
    assert world.keys(bucket) == ["held"]


def test_a_failed_pass_is_logged_and_followed_by_another(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bucket = world.bucket(AFTER_2)
    world.put(bucket, "key")
    world.now += 9 * DAY
    buckets = world.store.index.buckets
    passes, third = itertools.count(1), asyncio.Event()

    def fail_once() -> list[Bucket]:
        number = next(passes)
        if number == 1:
            raise OSError("no disk")
        if number == 3:
            third.set()
        return buckets()

    monkeypatch.setattr(world.store.index, "buckets", fail_once)

    async def run() -> None:
        job = LifecycleJob(world.store, interval=0, clock=lambda: world.now)
        task = asyncio.create_task(job.run())
        await asyncio.wait_for(third.wait(), 20)
        task.cancel()
        await asyncio.wait((task,))

    with caplog.at_level("INFO", "coskit.server.lifecycle"):
        world.run(run())
    assert caplog.records[0].levelname == "ERROR"
    assert "lifecycle of bucket b: expired 1" in caplog.text
