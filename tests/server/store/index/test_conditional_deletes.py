"""Conditional deletions: a condition receives the version in the commit, and raises to keep it."""

import pytest

from coskit.protocol.errors import PreconditionFailed
from coskit.server.store.model import DeletionResult, Version
from tests.server.store.store_fixture import StoreFixture, put


class Recorder:
    """A condition that records the versions it receives and refuses the given ones."""

    def __init__(self, *refused: str) -> None:
        self.seen: list[tuple[str, bool] | None] = []
        self._refused = refused

    def __call__(self, version: Version | None) -> None:
        self.seen.append((version.key, version.is_latest) if version else None)
        if version is None or version.key in self._refused:
            raise PreconditionFailed


@pytest.mark.parametrize("versioning", [None, "Enabled", "Suspended"])
def test_refused_versions_stay_and_the_others_are_deleted(
    fixture: StoreFixture, versioning: str | None
) -> None:
    bucket, store = fixture.bucket(versioning=versioning), fixture.store
    for key in ("a", "b"):
        fixture.run(put(store, bucket, key))
    condition = Recorder("a")
    targets = [("a", None), ("b", None), ("absent", None)]
    outcomes = fixture.call(store.index.delete_versions, bucket.id, targets, condition)
    assert [isinstance(outcome, DeletionResult) for outcome in outcomes] == [False, True, False]
    assert condition.seen == [("a", True), ("b", True), None]
    page = fixture.call(store.index.list_objects, bucket.id)
    assert [entry.key for entry in page.entries] == ["a"]
    versions = fixture.call(store.index.list_versions, bucket.id).entries
    assert "absent" not in [entry.key for entry in versions]


def test_a_condition_sees_the_version_that_would_go(fixture: StoreFixture) -> None:
    bucket, store = fixture.bucket(versioning="Enabled"), fixture.store
    old = fixture.run(put(store, bucket, "key"))
    new = fixture.run(put(store, bucket, "key"))
    condition = Recorder()
    targets = [("key", old.version_id), ("key", new.version_id), ("key", "0" * 16)]
    fixture.call(store.index.delete_versions, bucket.id, targets, condition)
    assert condition.seen == [("key", False), ("key", True), None]
    assert fixture.call(store.index.list_versions, bucket.id).entries == ()
