"""CORS, lifecycle and tags of buckets are stored and returned through both clients."""

from collections.abc import Iterator
from typing import Any

import pytest

from coskit.protocol.errors import (
    CosServiceError,
    NoSuchCORSConfiguration,
    NoSuchLifecycleConfiguration,
    NoSuchTagSet,
)
from coskit.testing import LocalServer
from tests.support.worlds import World, connect


@pytest.fixture(params=["sync", "async"])
def world(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[World]:
    """Yield each kind of client of the server."""
    with connect(request.param, server) as client:
        yield client


SETTINGS: list[tuple[str, dict[str, Any], type[CosServiceError]]] = [
    (
        "cors",
        {"CORSRule": [{"AllowedOrigin": ["*"], "AllowedMethod": ["GET"], "MaxAgeSeconds": "5"}]},
        NoSuchCORSConfiguration,
    ),
    (
        "lifecycle",
        {"Rule": [{"Filter": {"Prefix": "a/"}, "Status": "Enabled", "Expiration": {"Days": "9"}}]},
        NoSuchLifecycleConfiguration,
    ),
    ("tagging", {"TagSet": {"Tag": [{"Key": "color", "Value": "blue"}]}}, NoSuchTagSet),
]


@pytest.mark.parametrize(("name", "document", "missing"), SETTINGS, ids=[s[0] for s in SETTINGS])
def test_a_setting_is_put_read_and_removed(
    world: World, bucket: str, name: str, document: dict[str, Any], missing: type[CosServiceError]
) -> None:
    put, get = getattr(world, f"put_bucket_{name}"), getattr(world, f"get_bucket_{name}")
    delete = getattr(world, f"delete_bucket_{name}")
    with pytest.raises(missing):
        get(bucket)
    put(bucket, document)
    assert get(bucket) == document
    delete(bucket)
    with pytest.raises(missing):
        get(bucket)


def test_a_bucket_is_created_with_tags_and_found_by_them(world: World, bucket: str) -> None:
    name = bucket.replace("test", "tags")
    world.create_bucket(name, Tagging=f"made-for={bucket}")
    found = world.list_buckets(TagKey="made-for", TagValue=bucket)["Buckets"]["Bucket"]
    assert [entry["Name"] for entry in found] == [name]
    world.delete_bucket(name)
