"""Conditions on a bucket are checked in the commit that changes it."""

import asyncio

import pytest

from coskit.protocol.errors import InvalidBucketState, PreconditionFailed
from coskit.server.store.model import Bucket
from tests.server.store.store_fixture import StoreFixture


def test_a_bucket_may_keep_versions_from_its_first_moment(fixture: StoreFixture) -> None:
    made = fixture.call(
        fixture.store.index.create_bucket,
        "b",
        "me",
        "acl",
        config={"lock": "L"},
        versioning="Enabled",
    )
    assert (made.versioning, made.config) == ("Enabled", {"lock": "L"})
    assert fixture.reopen().index.bucket("b") == made


def test_a_condition_sees_the_bucket_and_may_refuse(fixture: StoreFixture) -> None:
    before = fixture.bucket("b")
    seen: list[Bucket] = []

    def refuse(bucket: Bucket) -> None:
        seen.append(bucket)
        raise PreconditionFailed

    with pytest.raises(PreconditionFailed):
        fixture.call(fixture.store.index.update_bucket, "b", versioning="Enabled", condition=refuse)
    assert seen == [before] == [fixture.store.index.bucket("b")]
    after = fixture.call(fixture.store.index.update_bucket, "b", acl="new", condition=seen.append)
    assert (seen[1], after.acl) == (before, "new")


def test_of_two_changes_that_exclude_each_other_one_wins(fixture: StoreFixture) -> None:
    """Each sees what the other did, though both asked before either was done."""

    def keeps(bucket: Bucket) -> None:
        if bucket.versioning != "Enabled":
            raise InvalidBucketState

    def unlocked(bucket: Bucket) -> None:
        if "lock" in bucket.config:
            raise InvalidBucketState

    async def race(name: str, *, suspend_first: bool) -> Bucket:
        await fixture.store.index.update_bucket(name, versioning="Enabled")
        changes = [
            fixture.store.index.update_bucket(name, config={"lock": "L"}, condition=keeps),
            fixture.store.index.update_bucket(name, versioning="Suspended", condition=unlocked),
        ]
        ordered = reversed(changes) if suspend_first else changes
        outcomes = await asyncio.gather(*ordered, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {Bucket, InvalidBucketState}
        return fixture.store.index.bucket(name)

    for number in range(10):
        fixture.bucket(f"b{number}")
        found = fixture.run(race(f"b{number}", suspend_first=bool(number % 2)))
        assert (found.versioning, found.config) in [("Enabled", {"lock": "L"}), ("Suspended", {})]
