"""Transfers of sources and objects that change, and of bytes that are damaged in transit."""

import io
import mmap
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from coskit import (
    Client,
    CosServiceError,
    DirectoryTransferError,
    ObjectChanged,
    SourceChanged,
)
from coskit.protocol.model import Operation
from coskit.protocol.operations import (
    CREATE_MULTIPART_UPLOAD,
    GET_OBJECT,
    PUT_OBJECT,
    UPLOAD_PART,
    UPLOAD_PART_COPY,
)
from coskit.testing import LocalServer
from tests.end_to_end.faulty_client import no_leaks, unfinished_uploads, via_proxy
from tests.faults.program import MIB, content
from tests.faults.proxy.exchange import RecordedRequest
from tests.faults.proxy.faults import CutResponse, Fault, FlipByte, Status
from tests.faults.proxy.proxy import FaultProxy, Rule
from tests.faults.subprocesses import journals_in, partial_files
from tests.faults.vendor.clients import use_small_parts
from tests.support.worlds import World

LARGE = 4 * MIB + 1000
# More than the sockets on the way hold, so that it is not read before the server hears of it.
IN_ONE_REQUEST = 19 * MIB


@pytest.fixture(params=["sync", "async"])
def world(
    request: pytest.FixtureRequest, server: LocalServer, proxy: FaultProxy, tmp_path: Path
) -> Iterator[World]:
    with (
        no_leaks(tmp_path),
        via_proxy(request.param, proxy, server, tmp_path / "journals") as client,
    ):
        yield client


def act_at(
    proxy: FaultProxy, operation: Operation, number: int, act: Callable[[], object]
) -> threading.Event:
    """Act when a request of an operation arrives, before the server gets it."""
    done = threading.Event()

    def decide(exchange: RecordedRequest) -> Fault | None:
        if (
            Rule(operation, Fault()).takes(exchange)
            and len(proxy.matching(operation)) == number - 1
        ):
            done.set()  # first: the client may be through before `act` returns
            act()
        return None

    proxy.decide = decide
    return done


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shorten(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 100)
        file.write(b"x" * 100)


def exchange_for_another(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(content(path.stat().st_size, "other"))
    other.replace(path)


def overwrite_and_put_the_date_back(path: Path) -> None:
    # utimensat(2) sets access and modification time; only the kernel sets the change time.
    before = path.stat()
    overwrite(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def overwrite_through_memory(path: Path) -> None:
    before = path.stat()
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[-100:] = b"x" * 100
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def exchange_and_put_the_date_back(path: Path) -> None:
    before = path.stat()
    exchange_for_another(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def remove(path: Path) -> None:
    path.unlink()


def make_a_directory_of(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES = [
    append,
    shorten,
    empty,
    overwrite,
    exchange_for_another,
    overwrite_and_put_the_date_back,
    overwrite_through_memory,
    exchange_and_put_the_date_back,
    remove,
    make_a_directory_of,
]


def by_name(function: object) -> str:
    return getattr(function, "__name__", str(function))


@pytest.mark.parametrize("change", CHANGES, ids=by_name)
@pytest.mark.parametrize(
    ("operation", "number"),
    [(CREATE_MULTIPART_UPLOAD, 1), (UPLOAD_PART, 1), (UPLOAD_PART, 3), (UPLOAD_PART, 5)],
    ids=lambda given: given.name if isinstance(given, Operation) else str(given),
)
def test_a_file_that_changes_while_it_is_uploaded_in_parts_is_not_stored(
    world: World,
    proxy: FaultProxy,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
    operation: Operation,
    number: int,
) -> None:
    use_small_parts(monkeypatch)
    path = tmp_path / "file"
    path.write_bytes(content(LARGE))
    changed = act_at(proxy, operation, number, lambda: change(path))
    with pytest.raises(SourceChanged, match=r"changed"):
        world.upload_file(bucket, "key", path)
    assert changed.is_set()
    assert not world.object_exists(bucket, "key")
    assert (unfinished_uploads(world, bucket), journals_in(tmp_path / "journals")) == ([], [])


@pytest.mark.parametrize("change", CHANGES, ids=by_name)
def test_a_file_that_changes_while_it_is_uploaded_at_once_is_not_stored(
    world: World,
    proxy: FaultProxy,
    bucket: str,
    tmp_path: Path,
    change: Callable[[Path], None],
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content(IN_ONE_REQUEST))
    changed = act_at(proxy, PUT_OBJECT, 1, lambda: change(path))
    with pytest.raises(SourceChanged, match=r"changed"):
        world.upload_file(bucket, "key", path)
    assert changed.is_set()
    assert not world.object_exists(bucket, "key")


@pytest.mark.parametrize("number", [1, 2, 5])
def test_an_object_that_is_replaced_during_its_download_is_downloaded_again(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, tmp_path: Path, number: int
) -> None:
    new = content(LARGE, "new")
    owner.put_object(bucket, content(LARGE, "old"), "key")
    act_at(proxy, GET_OBJECT, number, lambda: owner.put_object(bucket, new, "key"))
    world.download_file(bucket, "key", tmp_path / "file", PartSize=1, MAXThread=1)
    assert (tmp_path / "file").read_bytes() == new
    assert (partial_files(tmp_path), journals_in(tmp_path / "journals")) == ([], [])


def test_an_object_that_is_replaced_at_every_request_raises(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, tmp_path: Path
) -> None:
    owner.put_object(bucket, content(LARGE), "key")

    def decide(exchange: RecordedRequest) -> Fault | None:
        owner.put_object(bucket, content(LARGE, f"{exchange.number}"), "key")
        return None

    proxy.decide = decide
    with pytest.raises(ObjectChanged, match=r"changed|replaced"):
        world.download_file(bucket, "key", tmp_path / "file", PartSize=1, MAXThread=1)
    assert not (tmp_path / "file").exists()
    assert (partial_files(tmp_path), journals_in(tmp_path / "journals")) == ([], [])


def test_an_object_that_is_replaced_while_it_is_written_to_an_open_file_raises(
    world: World, proxy: FaultProxy, owner: Client, bucket: str
) -> None:
    old, file = content(LARGE, "old"), io.BytesIO()
    owner.put_object(bucket, old, "key")
    act_at(proxy, GET_OBJECT, 3, lambda: owner.put_object(bucket, b"new", "key"))
    with pytest.raises(ObjectChanged, match=r"changed|replaced"):
        world.download_fileobj(bucket, "key", file, PartSize=1, MAXThread=1)
    assert old.startswith(file.getvalue()), "the file has a mixture"


def test_a_cut_body_does_not_resume_with_another_object(
    world: World, proxy: FaultProxy, owner: Client, bucket: str
) -> None:
    owner.put_object(bucket, content(LARGE, "old"), "key")
    response = world.get_object(bucket, "key")
    world.close_body(response)

    def decide(exchange: RecordedRequest) -> Fault | None:
        if len(proxy.matching(GET_OBJECT)) == 1:
            return CutResponse(MIB, reset=False)
        owner.put_object(bucket, content(LARGE, "new"), "key")
        return None

    proxy.decide = decide
    with pytest.raises(ObjectChanged, match="changed"):
        world.fetch(bucket, "key")


def test_a_source_that_is_replaced_while_it_is_copied_is_not_copied(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_small_parts(monkeypatch)
    owner.put_object(bucket, content(LARGE, "old"), "key")
    new = content(LARGE, "new")
    act_at(proxy, UPLOAD_PART_COPY, 3, lambda: owner.put_object(bucket, new, "key"))
    with pytest.raises(ObjectChanged, match="replaced"):
        world.copy(bucket, "copy", {"Bucket": bucket, "Key": "key"}, PartSize=1, MAXThread=1)
    assert not world.object_exists(bucket, "copy")
    assert unfinished_uploads(world, bucket) == []


@pytest.mark.parametrize("at_once", [True, False])
def test_a_file_that_was_damaged_in_transit_is_not_unchanged(
    world: World,
    proxy: FaultProxy,
    owner: Client,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at_once: bool,
) -> None:
    if not at_once:
        use_small_parts(monkeypatch)
    path = tmp_path / "files" / "key"
    path.parent.mkdir()
    path.write_bytes(content(2 * MIB))
    os.utime(path, (0, 0))
    operation = PUT_OBJECT if at_once else UPLOAD_PART
    proxy.rules = [Rule(operation, FlipByte(1000, "request"), times=None)]
    with pytest.raises(DirectoryTransferError):
        world.sync(path.parent, f"cos://{bucket}/")
    assert not owner.object_exists(bucket, "key")
    proxy.rules = [Rule(operation, FlipByte(1000, "request"))]
    world.sync(path.parent, f"cos://{bucket}/")
    assert owner.get_object(bucket, "key")["Body"].read() == path.read_bytes()


def test_a_part_that_was_damaged_in_an_earlier_download_is_fetched_again(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, tmp_path: Path
) -> None:
    owner.put_object(bucket, content(LARGE), "key")
    # A range has no checksum of its own: only the whole reveals the damage.
    proxy.rules = [
        Rule(GET_OBJECT, FlipByte(1000)),
        Rule(GET_OBJECT, Status(500), times=None, skip=2),
    ]
    call = partial(world.download_file, bucket, "key", tmp_path / "file", PartSize=1, MAXThread=1)
    with pytest.raises(CosServiceError):
        call()
    assert len(partial_files(tmp_path)) == 1
    proxy.rules = []
    call()
    assert (tmp_path / "file").read_bytes() == content(LARGE)
    assert (partial_files(tmp_path), journals_in(tmp_path / "journals")) == ([], [])
