"""Paged listings of buckets through both clients, and a restore with a customer key."""

from base64 import b64encode
from collections.abc import Iterator

import pytest

from coskit.protocol.codec.checksums.md5_crc64 import content_md5
from coskit.protocol.errors import CosServiceError
from coskit.testing import LocalServer
from tests.support.worlds import World, connect


@pytest.fixture(params=["sync", "async"])
def world(request: pytest.FixtureRequest, server: LocalServer) -> Iterator[World]:
    """Yield each kind of client of the server."""
    with connect(request.param, server) as client:
        yield client


def test_all_buckets_of_a_tag_are_found(world: World, bucket: str) -> None:
    names = [f"{letter}{bucket}" for letter in "abc"]
    for name in names:
        world.create_bucket(name, Tagging=f"pages={bucket}")
    place = {"TagKey": "pages", "TagValue": bucket, "PageSize": 2}
    found = world.all(world.client.iter_buckets(**place))
    assert [entry["Name"] for entry in found] == names
    assert world.all(world.client.iter_buckets("nowhere", **place)) == []
    page = world.list_buckets(TagKey="pages", TagValue=bucket, Marker=names[0], MaxKeys=1)
    assert (page["Marker"], page["NextMarker"], page["IsTruncated"]) == (names[0], names[1], "true")
    assert world.list_buckets(TagKey="pages", TagValue=bucket)["Marker"] is None
    for name in names:
        world.delete_bucket(name)


def test_a_restore_brings_the_customers_key(world: World, bucket: str) -> None:
    def key(secret: bytes) -> dict[str, str]:
        return {
            "SSECustomerAlgorithm": "AES256",
            "SSECustomerKey": b64encode(secret).decode(),
            "SSECustomerKeyMD5": content_md5(secret),
        }

    world.put_object(bucket, b"x", "k", StorageClass="ARCHIVE", **key(b"k" * 32))
    with pytest.raises(CosServiceError) as refusal:
        world.restore_object(bucket, "k", {"Days": 1}, **key(b"o" * 32))
    assert refusal.value.get_error_code() == "SsecDecryptHeaderInvalid"
    world.restore_object(bucket, "k", {"Days": 1}, **key(b"k" * 32))
    assert "x-cos-restore" in world.head_object(bucket, "k", **key(b"k" * 32))
