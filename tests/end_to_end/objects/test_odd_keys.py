"""Directory transfers with folder objects that have content, and keys that XML cannot hold."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coskit.client.directory.result import DirectoryTransferError
from coskit.protocol.model import Operation
from coskit.protocol.operations import DELETE_OBJECT, DELETE_OBJECTS
from coskit.testing import LocalServer
from tests.faults.proxy.faults import Status
from tests.faults.proxy.proxy import FaultProxy, Rule
from tests.support.worlds import World


@pytest.fixture(scope="module")
def proxy(server: LocalServer) -> Iterator[FaultProxy]:
    """Yield a proxy that refuses requests as a test says."""
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def world(
    request: pytest.FixtureRequest, server: LocalServer, proxy: FaultProxy
) -> Iterator[World]:
    """Yield each kind of client."""
    proxy.decide = lambda _: None
    keys = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    with World(request.param, endpoint=proxy.endpoint, **keys) as client:
        yield client


def keys(world: World, bucket: str, prefix: str = "") -> dict[str, bytes]:
    """Return all objects below a prefix."""
    listed = world.all(world.client.iter_objects(bucket, Prefix=prefix))
    return {
        item["Key"]: world.fetch(bucket, "/" * item["Key"].startswith("/") + item["Key"])
        for item in listed
    }


@pytest.mark.parametrize("marker", ["ph/", "ph/in/", "ph/in/deep/"])
def test_a_marker_with_content_fails_where_it_cannot_be_a_file(
    world: World, bucket: str, tmp_path: Path, marker: str
) -> None:
    world.put_object(bucket, b"notempty", marker)
    world.put_object(bucket, b"file", "ph/file")
    transfers: tuple[Callable[[], Any], ...] = (
        lambda: world.download_dir(bucket, tmp_path, "ph", OnError="continue"),
        lambda: world.sync(f"cos://{bucket}/ph", tmp_path, OnError="continue"),
        lambda: world.sync(f"cos://{bucket}/ph/", tmp_path, OnError="continue", DryRun=True),
    )
    for transfer in transfers:
        with pytest.raises(DirectoryTransferError) as raised:
            transfer()
        assert [failure.name for failure in raised.value.result.failures] == [marker[3:]]
    assert (tmp_path / "file").read_bytes() == b"file"


@pytest.mark.parametrize("marker", ["ph/", "ph/in/"])
def test_a_marker_with_content_is_copied_between_buckets(
    world: World, bucket: str, marker: str
) -> None:
    world.put_object(bucket, b"notempty", marker)
    world.put_object(bucket, b"file", "ph/file")
    world.sync(f"cos://{bucket}/ph", f"cos://{bucket}/to")
    expected = {"to/" + marker[3:]: b"notempty", "to/file": b"file"}
    assert keys(world, bucket, "to/") == expected
    again = world.sync(f"cos://{bucket}/ph", f"cos://{bucket}/to")
    assert again.transferred == 0


def test_a_marker_without_content_is_no_file(world: World, bucket: str, tmp_path: Path) -> None:
    for key in ("ph/", "ph/in/"):
        world.put_object(bucket, b"", key)
    world.put_object(bucket, b"file", "ph/in/file")
    assert world.download_dir(bucket, tmp_path, "ph").transferred == 1
    assert world.sync(tmp_path, f"cos://{bucket}/ph", Delete=True).deleted == 0


# XML 1.0, 2.2 Characters: any other character cannot be in a document, not even escaped.
UNWRITABLE = ["\x01", "a\x0bb", "a\x0c", "a\x1fb", "a\ufffeb", "a\uffff"]
WRITABLE = ["plain", "a\tb", "a\nb", "a\rb", "a\x7fb", "a&<>'\"b", "a\u2028b", "a\U0001f600"]


def test_keys_that_xml_cannot_carry_are_deleted_too(
    world: World, bucket: str, tmp_path: Path
) -> None:
    for key in (*UNWRITABLE, *WRITABLE):
        world.put_object(bucket, b"x", f"p/{key}")
    (tmp_path / "kept").write_bytes(b"kept")
    result = world.sync(tmp_path, f"cos://{bucket}/p", Delete=True)
    assert result.deleted == len(UNWRITABLE) + len(WRITABLE)
    assert keys(world, bucket) == {"p/kept": b"kept"}


@pytest.mark.parametrize(
    ("operation", "failed"), [(DELETE_OBJECT, ["\x01"]), (DELETE_OBJECTS, ["b", "c"])]
)
def test_those_that_fail_are_as_on_error_says(
    world: World,
    proxy: FaultProxy,
    bucket: str,
    tmp_path: Path,
    operation: Operation,
    failed: list[str],
) -> None:
    for key in ("\x01", "b", "c"):
        world.put_object(bucket, b"x", key)
    rule = Rule(operation, Status(403))
    proxy.decide = lambda exchange: rule.fault if rule.takes(exchange) else None
    with pytest.raises(DirectoryTransferError):
        world.sync(tmp_path, f"cos://{bucket}/", Delete=True)
    with pytest.raises(DirectoryTransferError) as raised:
        world.sync(tmp_path, f"cos://{bucket}/", Delete=True, OnError="continue")
    assert sorted(failure.name for failure in raised.value.result.failures) == failed
    proxy.decide = lambda _: None
    assert sorted(keys(world, bucket)) == failed
