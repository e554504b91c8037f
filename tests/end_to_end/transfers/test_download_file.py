"""download_file: a complete file of one object, or none."""

import contextlib
import errno
import json
import os
import signal
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coskit import (
    Client,
    CosServiceError,
    IntegrityError,
    ObjectChanged,
    ParameterError,
    RetryPolicy,
    TransferSettings,
    TransferTimeout,
    errors,
)
from coskit.client.transfer.targets.download_target import FileTarget
from coskit.protocol.endpoint import is_banned_key
from coskit.protocol.operations import GET_OBJECT, HEAD_OBJECT
from coskit.testing import LocalServer
from tests.faults.proxy.exchange import RecordedRequest
from tests.faults.proxy.faults import (
    CutResponse,
    Fault,
    FlipByte,
    HeaderCase,
    ShortLength,
    Stall,
    Status,
)
from tests.faults.proxy.proxy import FaultProxy, Rule
from tests.support.keys import HOSTILE_KEYS
from tests.support.worlds import World

MIB = 1 << 20
SIZE = 3 * MIB + 500_000  # four parts of 1 MiB
QUICK = RetryPolicy(attempts=3, base=0.001, longest=0.01)


@pytest.fixture
def proxy(server: LocalServer) -> Iterator[FaultProxy]:
    """Yield a proxy that forwards to the server until it gets rules."""
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture
def journals(tmp_path: Path) -> Path:
    """Return the directory of journals."""
    return tmp_path / "journals"


@pytest.fixture(params=["sync", "async"])
def world(
    request: pytest.FixtureRequest, server: LocalServer, proxy: FaultProxy, journals: Path
) -> Iterator[World]:
    """Yield each of coskit's clients behind the proxy, and check for leaks."""
    keys = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    transfers = TransferSettings(journals=journals)
    settings = {"endpoint": proxy.endpoint, "retry": QUICK, "transfers": transfers}
    with World(request.param, **keys, **settings) as client:
        yield client
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("coskit")]
    assert not [name for name in open_files() if name.startswith(str(journals.parent))]


def open_files() -> list[str]:
    """Return the names of this process's open files."""
    names = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # another thread has just closed it
            names.append(os.fspath(link.readlink()))
    return names


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return the file to download to, in an empty directory."""
    (tmp_path / "target").mkdir()
    return tmp_path / "target" / "file"


def content(size: int = SIZE, seed: str = "") -> bytes:
    """Return bytes in which no two KiB are equal."""
    return b"".join(f"{seed}{n:1000}".encode()[:1024] for n in range(-(-size // 1000)))[:size]


def beside(target: Path) -> list[str]:
    """Return the names in the target's directory."""
    return sorted(path.name for path in target.parent.iterdir())


def kept(journals: Path) -> list[str]:
    """Return the files in the directory of journals."""
    return sorted(path.name for path in journals.iterdir()) if journals.exists() else []


def ranges(proxy: FaultProxy) -> list[str]:
    """Return the requested ranges."""
    return [exchange.headers.get("range", "") for exchange in proxy.matching(GET_OBJECT)]


def at_request(number: int, act: Callable[[], object]) -> Callable[[RecordedRequest], Fault | None]:
    """Return a decision that forwards all requests and acts before one of them."""
    passed: list[RecordedRequest] = []

    def decide(exchange: RecordedRequest) -> None:
        passed.append(exchange)
        if len(passed) == number:
            act()

    return decide


@pytest.mark.parametrize("size", [0, 1, 5000, MIB - 1, MIB, MIB + 1, 2 * MIB, SIZE])
def test_the_file_equals_the_object_for_any_size(
    world: World, owner: Client, bucket: str, target: Path, journals: Path, size: int
) -> None:
    put = owner.put_object(bucket, content(size), "a", Metadata={"x-cos-meta-a": "1"})
    reported: list[tuple[int, int | None]] = []
    got = world.download_file(
        bucket, "a", target, PartSize=1, progress_callback=lambda *at: reported.append(at)
    )
    assert target.read_bytes() == content(size)
    assert (got["ETag"], got["Content-Length"], got["x-cos-meta-a"]) == (
        put["ETag"],
        str(size),
        "1",
    )
    assert not {"Body", "Content-Range"} & set(got)
    assert reported == sorted(reported), "progress went back"
    assert len(set(reported)) == len(reported), "the same progress was reported twice"
    assert reported[-1] == (size, size)
    assert (beside(target), kept(journals)) == (["file"], [])


@pytest.mark.parametrize(("size", "requests"), [(1, 1), (MIB, 1), (SIZE, 4)])
def test_no_request_is_made_that_brings_no_bytes(
    world: World,
    proxy: FaultProxy,
    owner: Client,
    bucket: str,
    target: Path,
    size: int,
    requests: int,
) -> None:
    owner.put_object(bucket, content(size), "a")
    world.download_file(bucket, "a", target, PartSize=1)
    assert len(proxy.exchanges) == requests, proxy.report()


@pytest.mark.parametrize("key", [key for key in HOSTILE_KEYS if not is_banned_key(key)], ids=ascii)
def test_any_key_can_be_downloaded(
    world: World, owner: Client, bucket: str, target: Path, key: str
) -> None:
    owner.put_object(bucket, b"content", key)
    world.download_file(bucket, key, target)
    assert target.read_bytes() == b"content"


def test_a_file_that_exists_keeps_its_content_until_the_end_and_its_permissions_after(
    world: World, owner: Client, bucket: str, target: Path
) -> None:
    owner.put_object(bucket, content(), "a")
    target.write_bytes(b"old")
    target.chmod(0o640)
    seen: list[bytes] = []
    world.download_file(
        bucket,
        "a",
        target,
        PartSize=1,
        progress_callback=lambda *_: seen.append(target.read_bytes()),
    )
    assert set(seen[:-1]) == {b"old"}, "it was replaced before it was whole"
    assert target.read_bytes() == content()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_new_file_has_the_permissions_that_the_umask_leaves(
    world: World, owner: Client, bucket: str, target: Path
) -> None:
    owner.put_object(bucket, content(2 * MIB), "a")
    before = os.umask(0o027)
    try:
        world.download_file(bucket, "a", target, PartSize=1)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_link_is_followed(world: World, owner: Client, bucket: str, target: Path) -> None:
    owner.put_object(bucket, b"new", "a")
    elsewhere = target.with_name("elsewhere")
    elsewhere.write_bytes(b"old")
    target.symlink_to(elsewhere)
    world.download_file(bucket, "a", target)
    assert target.is_symlink()
    assert elsewhere.read_bytes() == b"new"


def test_a_long_name_in_any_script_is_no_obstacle(
    world: World, owner: Client, bucket: str, target: Path
) -> None:
    owner.put_object(bucket, content(2 * MIB), "a")
    longest = target.with_name("\u4e2d" * 85)  # 255 bytes, the most that a name can have
    world.download_file(bucket, "a", longest, PartSize=1)
    assert longest.read_bytes() == content(2 * MIB)


def test_a_place_that_cannot_be_is_refused_before_anything_is_sent(
    world: World, proxy: FaultProxy, bucket: str, target: Path
) -> None:
    for place, error in (
        (target.parent, IsADirectoryError),
        (f"{target}/", IsADirectoryError),
        (target / "none" / "file", FileNotFoundError),
    ):
        with pytest.raises(error):
            world.download_file(bucket, "a", place)
    for wrong in ({"Range": "bytes=0-1"}, {"PartSize": 0}, {"MAXThread": 0}, {"Partsize": 1}):
        with pytest.raises(ParameterError):
            world.download_file(bucket, "a", target, **wrong)
    assert proxy.exchanges == []
    assert beside(target) == []


def test_what_does_not_exist_leaves_nothing(world: World, bucket: str, target: Path) -> None:
    target.write_bytes(b"old")
    with pytest.raises(errors.NoSuchKey):
        world.download_file(bucket, "a", target)
    assert (beside(target), target.read_bytes()) == (["file"], b"old")


def test_a_pipe_gets_the_bytes_in_order(
    world: World, owner: Client, bucket: str, target: Path
) -> None:
    owner.put_object(bucket, content(6 * MIB), "a")
    os.mkfifo(target)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(target.read_bytes()))
    reader.start()
    try:
        world.download_file(bucket, "a", target, PartSize=1)
    finally:
        reader.join()
    assert got == [content(6 * MIB)]
    assert stat.S_ISFIFO(target.stat().st_mode)


def test_a_cut_body_resumes(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path
) -> None:
    owner.put_object(bucket, content(), "a")
    proxy.rules = [Rule(GET_OBJECT, CutResponse(after=700_000))]
    world.download_file(bucket, "a", target, PartSize=1, MAXThread=1)
    assert target.read_bytes() == content()
    assert len(proxy.exchanges) == 5, proxy.report()


def test_headers_in_lower_case_are_understood(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path
) -> None:
    owner.put_object(bucket, content(), "a")
    proxy.rules = [Rule(GET_OBJECT, HeaderCase("lower"), times=None)]
    world.download_file(bucket, "a", target, PartSize=1)
    assert target.read_bytes() == content()


@pytest.mark.parametrize(("size", "part"), [(5000, 1), (SIZE, 20), (SIZE, 1)])
def test_bytes_that_are_not_those_stored_never_come_under_the_name(
    world: World,
    proxy: FaultProxy,
    owner: Client,
    bucket: str,
    target: Path,
    journals: Path,
    size: int,
    part: int,
) -> None:
    owner.put_object(bucket, content(size), "a")
    target.write_bytes(b"old")
    proxy.rules = [Rule(GET_OBJECT, FlipByte(4000))]
    with pytest.raises(IntegrityError, match="CRC64"):
        world.download_file(bucket, "a", target, PartSize=part)
    assert (beside(target), target.read_bytes(), kept(journals)) == (["file"], b"old", [])


def test_a_response_shorter_than_its_range_is_no_part(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path
) -> None:
    owner.put_object(bucket, content(), "a")
    proxy.rules = [Rule(GET_OBJECT, ShortLength(missing=7), skip=2, times=1)]
    world.download_file(bucket, "a", target, PartSize=1, MAXThread=1, Resume=False)
    assert target.read_bytes() == content()
    target.unlink()
    proxy.rules = [Rule(GET_OBJECT, ShortLength(missing=7), skip=2, times=None)]
    with pytest.raises(IntegrityError) as failure:
        world.download_file(bucket, "a", target, PartSize=1, MAXThread=1, Resume=False)
    assert failure.value.part_number == 3
    assert beside(target) == []


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize("at", [2, 3, 4])
def test_an_object_replaced_during_the_download_is_never_mixed(
    world: World,
    proxy: FaultProxy,
    owner: Client,
    bucket: str,
    target: Path,
    versioned: bool,
    at: int,
) -> None:
    if versioned:
        owner.put_bucket_versioning(bucket, Status="Enabled")
    old, new = content(seed="old"), content(SIZE - 100_000, seed="new")
    owner.put_object(bucket, old, "a")
    proxy.decide = at_request(at, lambda: owner.put_object(bucket, new, "a"))
    reported: list[int] = []
    got = world.download_file(
        bucket,
        "a",
        target,
        PartSize=1,
        progress_callback=lambda through, _: reported.append(through),
    )
    # The started version still exists; without versions everything is fetched again.
    expected = old if versioned else new
    assert target.read_bytes() == expected
    assert got["Content-Length"] == str(len(expected))
    assert reported == sorted(reported)
    assert beside(target) == ["file"]


def test_an_object_that_is_replaced_again_and_again_is_an_error(
    world: World,
    proxy: FaultProxy,
    owner: Client,
    bucket: str,
    target: Path,
    journals: Path,
) -> None:
    owner.put_object(bucket, content(), "a")
    target.write_bytes(b"old")
    versions = iter(range(100))

    def decide(exchange: RecordedRequest) -> None:
        if exchange.headers.get("range") != f"bytes=0-{MIB - 1}":
            owner.put_object(bucket, content(seed=f"{next(versions)}"), "a")

    proxy.decide = decide
    with pytest.raises(ObjectChanged):
        world.download_file(bucket, "a", target, PartSize=1)
    proxy.close()  # otherwise it would act on requests after the bucket is removed
    assert (beside(target), target.read_bytes(), kept(journals)) == (["file"], b"old", [])


def test_an_object_deleted_during_the_download_is_an_error(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path
) -> None:
    owner.put_object(bucket, content(), "a")
    proxy.decide = at_request(2, lambda: owner.delete_object(bucket, "a"))
    with pytest.raises(ObjectChanged):
        world.download_file(bucket, "a", target, PartSize=1)
    assert beside(target) == []


def test_a_version_is_downloaded_though_there_is_a_later_one(
    world: World, owner: Client, bucket: str, target: Path
) -> None:
    owner.put_bucket_versioning(bucket, Status="Enabled")
    old = owner.put_object(bucket, content(seed="old"), "a")["x-cos-version-id"]
    owner.put_object(bucket, content(seed="new"), "a")
    world.download_file(bucket, "a", target, PartSize=1, VersionId=old)
    assert target.read_bytes() == content(seed="old")


def interrupt(world: World, proxy: FaultProxy, bucket: str, target: Path, **options: Any) -> None:
    """Fail a download after two of its four parts."""
    proxy.rules = [Rule(GET_OBJECT, Status(403, "AccessDenied"), skip=2)]
    with pytest.raises(CosServiceError) as failure:
        world.download_file(bucket, "a", target, PartSize=1, MAXThread=1, **options)
    assert (failure.value.code, failure.value.part_number) == ("AccessDenied", 3)
    assert not target.exists()
    proxy.rules = []
    proxy.clear()


def test_the_next_download_fetches_only_what_is_missing(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path, journals: Path
) -> None:
    owner.put_object(bucket, content(), "a")
    interrupt(world, proxy, bucket, target)
    (partial,) = beside(target)
    assert stat.S_IMODE(target.with_name(partial).stat().st_mode) == 0o600
    reported: list[tuple[int, int]] = []
    world.download_file(
        bucket,
        "a",
        target,
        PartSize=2,  # the part size of the start is kept
        MAXThread=1,
        progress_callback=lambda through, size: reported.append((through, through.resumed)),
    )
    assert target.read_bytes() == content()
    assert ranges(proxy) == [f"bytes={2 * MIB}-{3 * MIB - 1}", f"bytes={3 * MIB}-{SIZE - 1}"]
    assert reported[0] == (MIB, MIB)
    assert reported[-1] == (SIZE, 2 * MIB)
    assert (beside(target), kept(journals)) == (["file"], [])


def test_a_failed_download_that_is_not_to_be_resumed_leaves_nothing(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path, journals: Path
) -> None:
    owner.put_object(bucket, content(), "a")
    interrupt(world, proxy, bucket, target, Resume=False)
    assert (beside(target), kept(journals)) == ([], [])


def test_without_a_place_for_journals_a_failed_download_leaves_nothing(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path, journals: Path
) -> None:
    owner.put_object(bucket, content(), "a")
    journals.write_bytes(b"no directory")
    interrupt(world, proxy, bucket, target)
    assert beside(target) == []


def flip(path: Path, offset: int) -> None:
    """Damage one byte of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def test_a_part_that_was_damaged_on_the_disk_is_fetched_again(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path
) -> None:
    owner.put_object(bucket, content(), "a")
    interrupt(world, proxy, bucket, target)
    (partial,) = beside(target)
    flip(target.with_name(partial), MIB + 7)
    world.download_file(bucket, "a", target, PartSize=1)
    assert target.read_bytes() == content()
    assert len(ranges(proxy)) == 3


@pytest.mark.parametrize("damage", ["removed", "shortened", "a link"])
def test_a_partial_file_that_is_not_what_was_left_is_not_used(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path, damage: str
) -> None:
    owner.put_object(bucket, content(), "a")
    interrupt(world, proxy, bucket, target)
    partial = target.with_name(beside(target)[0])
    victim = target.parent.parent / "victim"
    victim.write_bytes(content(SIZE))
    if damage == "shortened":
        os.truncate(partial, 10)
    else:
        partial.unlink()
        if damage == "a link":
            partial.symlink_to(victim)
    world.download_file(bucket, "a", target, PartSize=1)
    assert target.read_bytes() == content()
    assert not target.is_symlink()
    assert victim.read_bytes() == content(SIZE)


@pytest.mark.parametrize("damage", ["a byte", "everything", "no state"])
def test_a_damaged_journal_costs_the_resumption_and_no_more(
    world: World,
    proxy: FaultProxy,
    owner: Client,
    bucket: str,
    target: Path,
    journals: Path,
    damage: str,
) -> None:
    owner.put_object(bucket, content(), "a")
    interrupt(world, proxy, bucket, target)
    (journal,) = journals.glob("*.json")
    if damage == "a byte":
        flip(journal, 40)
    else:
        journal.write_text(json.dumps([]) if damage == "no state" else "")
    world.download_file(bucket, "a", target, PartSize=1)
    assert target.read_bytes() == content()
    assert kept(journals) == []


def test_what_is_left_of_an_object_that_was_replaced_is_thrown_away(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path, journals: Path
) -> None:
    owner.put_object(bucket, content(seed="old"), "a")
    interrupt(world, proxy, bucket, target)
    owner.put_object(bucket, content(seed="new"), "a")
    world.download_file(bucket, "a", target, PartSize=1)
    assert target.read_bytes() == content(seed="new")
    assert (beside(target), kept(journals)) == (["file"], [])


def test_what_is_left_of_another_version_is_thrown_away(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path, journals: Path
) -> None:
    owner.put_bucket_versioning(bucket, Status="Enabled")
    old = owner.put_object(bucket, content(seed="old"), "a")["x-cos-version-id"]
    owner.put_object(bucket, content(seed="new"), "a")
    interrupt(world, proxy, bucket, target)
    world.download_file(bucket, "a", target, PartSize=1, VersionId=old)
    assert target.read_bytes() == content(seed="old")
    assert (beside(target), kept(journals)) == (["file"], [])


def test_all_parts_may_be_there_already(
    world: World,
    proxy: FaultProxy,
    owner: Client,
    bucket: str,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner.put_object(bucket, content(), "a")

    def fail(target: FileTarget) -> None:
        raise OSError(errno.EIO, "the disk does not want to")

    with monkeypatch.context() as patch:
        patch.setattr(FileTarget, "finish", fail)
        with pytest.raises(OSError, match="does not want to"):
            world.download_file(bucket, "a", target, PartSize=1)
    proxy.clear()
    got = world.download_file(bucket, "a", target, PartSize=1)
    assert target.read_bytes() == content()
    assert got["Content-Length"] == str(SIZE)
    assert (len(proxy.matching(HEAD_OBJECT)), len(proxy.exchanges)) == (1, 1)


def test_what_no_journal_names_is_not_kept(
    world: World,
    proxy: FaultProxy,
    owner: Client,
    bucket: str,
    target: Path,
    journals: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner.put_object(bucket, content(), "a")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)  # only journals are synced
    interrupt(world, proxy, bucket, target)
    assert (beside(target), kept(journals)) == ([], [])


def test_a_full_disk_raises_and_keeps_the_written_parts(
    world: World,
    proxy: FaultProxy,
    owner: Client,
    bucket: str,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner.put_object(bucket, content(), "a")
    write = os.pwritev

    def full(file: int, pieces: list[bytes], offset: int) -> int:
        if offset >= 3 * MIB:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, pieces, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwritev", full)
        with pytest.raises(OSError, match="No space left"):
            world.download_file(bucket, "a", target, PartSize=1, MAXThread=1)
    assert not target.exists()
    proxy.clear()
    world.download_file(bucket, "a", target, PartSize=1)
    assert target.read_bytes() == content()
    assert len(ranges(proxy)) == 1


def test_two_downloads_to_one_place_do_not_disturb_each_other(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path, journals: Path
) -> None:
    owner.put_object(bucket, content(), "a")
    interrupt(world, proxy, bucket, target)
    second: list[bytes] = []

    def meanwhile(through: int, size: int) -> None:
        if not second:
            second.append(b"")
            with Client(config=world.client._config) as other:
                other.download_file(bucket, "a", target, PartSize=1)
            second.append(target.read_bytes())

    world.download_file(bucket, "a", target, PartSize=1, progress_callback=meanwhile)
    assert second == [b"", content()]
    assert target.read_bytes() == content()
    assert (beside(target), kept(journals)) == (["file"], [])


@pytest.mark.parametrize("size", [5 * MIB, 300_000])
def test_a_deadline_ends_a_download_that_hangs(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path, size: int
) -> None:
    owner.put_object(bucket, content(size), "a")
    proxy.rules = [Rule(GET_OBJECT, Stall(after=200_000), times=None)]
    with pytest.raises(TransferTimeout, match="deadline"):
        world.download_file(bucket, "a", target, PartSize=1, Deadline=0.3)
    assert beside(target) == []


def test_ctrl_c_ends_a_download_that_hangs_and_keeps_its_parts(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path
) -> None:
    owner.put_object(bucket, content(), "a")
    proxy.rules = [Rule(GET_OBJECT, Stall(after=200_000), skip=3)]
    interrupted: list[bool] = []

    def at_the_second_part(through: int, size: int) -> None:
        if through >= 2 * MIB and not interrupted:
            interrupted.append(True)
            signal.raise_signal(signal.SIGINT)

    options = {"PartSize": 1, "MAXThread": 1, "progress_callback": at_the_second_part}
    with pytest.raises(KeyboardInterrupt):
        world.download_file(bucket, "a", target, **options)
    assert not target.exists()
    proxy.rules = []
    proxy.clear()
    world.download_file(bucket, "a", target, PartSize=1)
    assert target.read_bytes() == content()
    assert len(ranges(proxy)) < 4, "nothing was kept"


def test_an_object_with_a_key_of_ones_own(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path
) -> None:
    key: dict[str, Any] = {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=",
        "SSECustomerKeyMD5": "U5L61r7jcwdNvT7frmUG8g==",
    }
    owner.put_object(bucket, content(), "a", **key)
    interrupt(world, proxy, bucket, target, **key)
    world.download_file(bucket, "a", target, PartSize=1, **key)
    assert target.read_bytes() == content()
    assert proxy.matching(HEAD_OBJECT) == []


def test_a_service_that_knows_no_ranges_sends_everything_at_once(
    world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path
) -> None:
    owner.put_object(bucket, content(), "a")

    def without_range(exchange: RecordedRequest) -> Fault:
        headers = (("ETag", '"a"'), ("x-cos-request-id", "i"))
        return Status(200, headers=headers, body=content())

    proxy.decide = without_range
    world.download_file(bucket, "a", target, PartSize=1)
    assert target.read_bytes() == content()
    assert len(proxy.exchanges) == 2  # the second one does not ask for a range


class TestFileobj:
    """Downloads into open files."""

    @pytest.mark.parametrize("size", [0, 1, MIB, MIB + 1, 9 * MIB + 5])
    def test_the_bytes_come_in_order_from_the_present_position_on(
        self, world: World, owner: Client, bucket: str, target: Path, size: int
    ) -> None:
        owner.put_object(bucket, content(size), "a")
        reported: list[tuple[int, int | None]] = []
        with target.open("wb") as file:
            file.write(b"head ")
            got = world.download_fileobj(
                bucket, "a", file, PartSize=1, progress_callback=lambda *at: reported.append(at)
            )
            file.write(b" tail")
        assert target.read_bytes() == b"head " + content(size) + b" tail"
        assert got["Content-Length"] == str(size)
        assert reported == sorted(set(reported))
        assert reported[-1] == (size, size)

    def test_parts_are_written_in_order_though_the_first_comes_last(
        self, world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path
    ) -> None:
        owner.put_object(bucket, content(9 * MIB), "a")
        proxy.rules = [Rule(GET_OBJECT, CutResponse(after=100_000), times=1)]
        with target.open("wb") as file:
            world.download_fileobj(bucket, "a", file, PartSize=1)
        assert target.read_bytes() == content(9 * MIB)

    def test_a_file_that_takes_little_at_a_time_gets_everything(
        self, world: World, owner: Client, bucket: str
    ) -> None:
        owner.put_object(bucket, content(), "a")
        left, right = socket.socketpair()
        got = bytearray()

        def read() -> None:
            while chunk := right.recv(MIB):
                got.extend(chunk)

        reader = threading.Thread(target=read)
        reader.start()
        with right:
            with left, left.makefile("wb", buffering=0) as file:
                world.download_fileobj(bucket, "a", file, PartSize=1)
            reader.join()
        assert bytes(got) == content()

    def test_damaged_bytes_raise(
        self, world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path
    ) -> None:
        owner.put_object(bucket, content(), "a")
        proxy.rules = [Rule(GET_OBJECT, FlipByte(4000), skip=1)]
        with target.open("wb") as file, pytest.raises(IntegrityError, match="CRC64"):
            world.download_fileobj(bucket, "a", file, PartSize=1)

    def test_an_object_replaced_during_the_download_is_an_error(
        self, world: World, proxy: FaultProxy, owner: Client, bucket: str, target: Path
    ) -> None:
        owner.put_object(bucket, content(), "a")
        proxy.decide = at_request(2, lambda: owner.put_object(bucket, b"new", "a"))
        with target.open("wb") as file, pytest.raises(ObjectChanged):
            world.download_fileobj(bucket, "a", file, PartSize=1)

    def test_what_the_file_raises_is_raised(
        self, world: World, owner: Client, bucket: str, target: Path
    ) -> None:
        owner.put_object(bucket, content(), "a")
        target.write_bytes(b"")
        with target.open("rb") as file, pytest.raises(OSError, match="write"):
            world.download_fileobj(bucket, "a", file, PartSize=1)

    def test_what_is_no_binary_file_is_refused(
        self, world: World, proxy: FaultProxy, bucket: str, target: Path
    ) -> None:
        with target.open("w") as text:
            for wrong in (text, b"", None, "path"):
                with pytest.raises(ParameterError):
                    world.download_fileobj(bucket, "a", wrong)
        assert proxy.exchanges == []

    def test_the_memory_budget_holds_and_is_given_back(
        self, world: World, owner: Client, bucket: str, target: Path
    ) -> None:
        owner.put_object(bucket, content(), "a")
        config = replace(world.client._config, transfers=TransferSettings(memory=MIB))
        with World("async" if world._runner else "sync", config=config) as small:
            budget = small.client._transfer_context.memory_budget
            for download, to in ((small.download_fileobj, "fileobj"), (small.download_file, "")):
                with target.open("wb") as file:
                    download(bucket, "a", file if to else target, PartSize=1)
                assert target.read_bytes() == content()
                assert budget._free == MIB
