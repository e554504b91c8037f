"""upload_file resumes, detects changes of the file and leaves nothing behind."""

import asyncio
import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coskit.client._async.body import request_body as async_request_body
from coskit.client._sync.body import request_body
from coskit.client.settings.progress import Consumed
from coskit.client.transfer import upload_source
from coskit.protocol.codec.checksums.md5_crc64 import crc64
from coskit.protocol.errors import (
    AccessDenied,
    CosException,
    IntegrityError,
    NoSuchBucket,
    ParameterError,
    PreconditionFailed,
    SourceChanged,
    TransferTimeout,
    TransportError,
)
from coskit.protocol.operations import (
    ABORT_MULTIPART_UPLOAD,
    COMPLETE_MULTIPART_UPLOAD,
    CREATE_MULTIPART_UPLOAD,
    LIST_MULTIPART_UPLOADS,
    LIST_PARTS,
    PUT_OBJECT,
    UPLOAD_PART,
)
from coskit.testing import LocalServer
from tests.end_to_end.faulty_client import MIB, no_leaks, unfinished_uploads, via_proxy
from tests.faults.proxy.exchange import RecordedRequest
from tests.faults.proxy.faults import (
    CutRequest,
    DropReply,
    Duplicate,
    FlipByte,
    HeaderCase,
    LateError,
    Stall,
    Status,
    StatusAfter,
)
from tests.faults.proxy.proxy import FaultProxy, Rule
from tests.support.local import write_file
from tests.support.worlds import World

PARTS = 6
LARGE = 21 * MIB  # in parts of 4 MiB
ALWAYS = None


@pytest.fixture
def proxy(server: LocalServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def faulty(
    request: pytest.FixtureRequest, server: LocalServer, proxy: FaultProxy, tmp_path: Path
) -> Iterator[World]:
    with via_proxy(request.param, proxy, server, tmp_path / "journals") as world:
        yield world


@pytest.fixture
def large(tmp_path: Path) -> Path:
    write_file(tmp_path / "large", LARGE)
    return tmp_path / "large"


def part(number: int) -> Any:
    """Match the uploads of one part."""
    return lambda exchange: exchange.query.get("partNumber") == str(number)


def journals(path: Path) -> list[dict[str, Any]]:
    """Return the texts of the journals next to a file."""
    found = (path.parent / "journals").glob("*.json")
    return [json.loads(each.read_bytes().partition(b"\n")[2])["state"] for each in found]


def interrupt(world: World, proxy: FaultProxy, bucket: str, path: Path, **options: Any) -> None:
    """Upload a file and fail at its fourth part."""
    proxy.rules = [Rule(part(4), CutRequest(MIB), times=ALWAYS)]
    with pytest.raises(TransportError) as failure:
        world.upload_file(bucket, "key", path, PartSize=4, MAXThread=1, **options)
    assert (failure.value.part_number, failure.value.attempts) == (4, 3)
    proxy.rules = []
    proxy.clear()


def sent_parts(proxy: FaultProxy) -> list[int]:
    """Return the numbers of the sent parts, in order."""
    return sorted(int(exchange.query["partNumber"]) for exchange in proxy.matching(UPLOAD_PART))


def assert_clean(world: World, bucket: str, path: Path) -> None:
    """Check that neither the server nor this machine has remains of an upload."""
    assert unfinished_uploads(world, bucket) == []
    directory = path.parent / "journals"
    assert not directory.exists() or list(directory.iterdir()) == []


@pytest.mark.parametrize("world", ["sync", "async"], indirect=True)
def test_each_byte_is_summed_once(
    world: World, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summed = 0

    def counted(data: bytes, value: int = 0) -> int:
        nonlocal summed
        summed += len(data)
        return crc64(data, value)

    for module in (upload_source, async_request_body, request_body):
        monkeypatch.setattr(module, "crc64", counted)
    for size in (MIB // 2, 2 * MIB, 21 * MIB):
        summed = 0
        write_file(tmp_path / "file", size)
        world.upload_file(bucket, "key", tmp_path / "file", PartSize=8, MAXThread=1)
        assert summed == size


def test_that_one_sum_shows_what_was_damaged_on_the_way(
    faulty: World, proxy: FaultProxy, bucket: str, tmp_path: Path
) -> None:
    proxy.rules = [Rule(PUT_OBJECT, FlipByte(1000, "request"), times=ALWAYS)]
    for size in (MIB // 2, MIB + 1):  # sent from memory, and as a stream
        write_file(tmp_path / "file", size)
        with pytest.raises(IntegrityError, match="CRC64"):
            faulty.upload_file(bucket, "key", tmp_path / "file")


@pytest.mark.parametrize(
    ("size", "parts"),
    [
        (0, 0),
        (1, 0),
        (MIB, 0),
        (MIB + 1, 0),
        (20 * MIB, 0),
        (20 * MIB + 1, 3),
        (24 * MIB, 3),
        (24 * MIB + 1, 4),
    ],
)
def test_every_size_arrives_as_it_is(
    faulty: World, proxy: FaultProxy, bucket: str, tmp_path: Path, size: int, parts: int
) -> None:
    content = write_file(tmp_path / "file", size)
    heard: list[tuple[int, int | None]] = []
    with no_leaks(tmp_path):
        result = faulty.upload_file(
            bucket,
            "key",
            tmp_path / "file",
            PartSize=8,
            progress_callback=lambda consumed, total: heard.append((consumed, total)),
        )
    assert faulty.fetch(bucket, "key") == content
    assert len(proxy.matching(UPLOAD_PART)) == parts
    assert len(proxy.matching(PUT_OBJECT)) == (0 if parts else 1)
    assert proxy.matching(LIST_MULTIPART_UPLOADS) == proxy.matching(LIST_PARTS) == []
    numbers = [consumed for consumed, _ in heard]
    assert numbers == sorted(set(numbers))
    assert heard[-1] == (size, size)
    assert result["ETag"] == faulty.head_object(bucket, "key")["ETag"]
    assert_clean(faulty, bucket, tmp_path / "file")


def test_an_interrupted_upload_resumes_with_the_missing_parts(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    interrupt(faulty, proxy, bucket, large)
    assert len(unfinished_uploads(faulty, bucket)) == len(journals(large)) == 1
    proxy.clear()
    heard: list[Consumed] = []
    faulty.upload_file(
        bucket, "key", large, PartSize=4, progress_callback=lambda done, _: heard.append(done)
    )
    assert sent_parts(proxy) == [4, 5, 6]
    assert proxy.matching(LIST_MULTIPART_UPLOADS) == proxy.matching(CREATE_MULTIPART_UPLOAD) == []
    assert heard == sorted(set(heard))
    assert (heard[-1], heard[-1].resumed) == (LARGE, 12 * MIB)
    assert faulty.fetch(bucket, "key") == large.read_bytes()
    assert_clean(faulty, bucket, large)


def test_a_part_on_the_server_that_is_not_the_files_is_sent_again(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    interrupt(faulty, proxy, bucket, large)
    [upload_id] = unfinished_uploads(faulty, bucket)
    faulty.upload_part(bucket, "key", b"x" * (4 * MIB), 2, upload_id)
    faulty.upload_part(bucket, "key", b"x" * MIB, 3, upload_id)
    proxy.clear()
    faulty.upload_file(bucket, "key", large, PartSize=4)
    assert sent_parts(proxy) == [2, 3, 4, 5, 6]
    assert faulty.fetch(bucket, "key") == large.read_bytes()


def test_an_upload_that_was_aborted_on_the_server_starts_anew(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    interrupt(faulty, proxy, bucket, large)
    [upload_id] = unfinished_uploads(faulty, bucket)
    faulty.abort_multipart_upload(bucket, "key", upload_id)
    proxy.clear()
    faulty.upload_file(bucket, "key", large, PartSize=4)
    assert sent_parts(proxy) == list(range(1, PARTS + 1))
    assert faulty.fetch(bucket, "key") == large.read_bytes()
    assert_clean(faulty, bucket, large)


def test_without_the_right_to_list_parts_an_upload_starts_anew_and_leaves_nothing(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    interrupt(faulty, proxy, bucket, large)
    proxy.rules = [Rule(LIST_PARTS, Status(403), times=ALWAYS)]
    faulty.upload_file(bucket, "key", large, PartSize=4)
    proxy.rules = []
    assert faulty.fetch(bucket, "key") == large.read_bytes()
    assert_clean(faulty, bucket, large)


@pytest.mark.parametrize("change", ["options", "part size", "content", "modification time"])
def test_another_upload_of_the_same_place_aborts_the_stale_one(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path, change: str
) -> None:
    interrupt(faulty, proxy, bucket, large, Metadata={"x-cos-meta-v": "old"})
    [stale] = unfinished_uploads(faulty, bucket)
    options: dict[str, Any] = {"PartSize": 4, "Metadata": {"x-cos-meta-v": "old"}}
    if change == "options":
        options["Metadata"] = {"x-cos-meta-v": "new"}
    elif change == "part size":
        options["PartSize"] = 5
    elif change == "content":
        large.write_bytes(large.read_bytes()[::-1])
    else:
        os.utime(large, ns=(1, 1))
    faulty.upload_file(bucket, "key", large, **options)
    assert [each.query["uploadId"] for each in proxy.matching(ABORT_MULTIPART_UPLOAD)] == [stale]
    head = faulty.head_object(bucket, "key")
    assert head["x-cos-meta-v"] == options["Metadata"]["x-cos-meta-v"]
    assert faulty.fetch(bucket, "key") == large.read_bytes()
    assert_clean(faulty, bucket, large)


def test_a_damaged_journal_costs_only_the_resumption(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    interrupt(faulty, proxy, bucket, large)
    [journal] = (large.parent / "journals").glob("*.json")
    journal.write_bytes(journal.read_bytes()[:-3])
    faulty.upload_file(bucket, "key", large, PartSize=4)
    assert sent_parts(proxy) == list(range(1, PARTS + 1))
    assert faulty.fetch(bucket, "key") == large.read_bytes()


def test_uploads_of_others_are_neither_used_nor_aborted(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    theirs = faulty.create_multipart_upload(bucket, "key")["UploadId"]
    faulty.upload_part(bucket, "key", large.read_bytes()[: 4 * MIB], 1, theirs)
    empty = faulty.create_multipart_upload(bucket, "key")["UploadId"]
    proxy.rules = [Rule(UPLOAD_PART, StatusAfter(500))]
    faulty.upload_file(bucket, "key", large, PartSize=4)
    assert sorted(unfinished_uploads(faulty, bucket)) == sorted([theirs, empty])
    assert faulty.fetch(bucket, "key") == large.read_bytes()


def test_without_resume_a_failed_upload_is_aborted(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    interrupt(faulty, proxy, bucket, large, Resume=False)
    assert_clean(faulty, bucket, large)
    assert not faulty.object_exists(bucket, "key")


def test_where_no_journal_can_be_kept_a_failed_upload_is_aborted(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    (large.parent / "journals").write_bytes(b"a file where the directory should be")
    interrupt(faulty, proxy, bucket, large)
    assert unfinished_uploads(faulty, bucket) == []
    faulty.upload_file(bucket, "key", large, PartSize=4)
    assert faulty.fetch(bucket, "key") == large.read_bytes()


def test_an_upload_that_cannot_be_aborted_is_named_in_the_error(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    proxy.rules = [
        Rule(part(2), Status(403), times=ALWAYS),
        Rule(ABORT_MULTIPART_UPLOAD, Status(403), times=ALWAYS),
    ]
    with pytest.raises(AccessDenied) as failure:
        faulty.upload_file(bucket, "key", large, PartSize=4, Resume=False)
    proxy.rules = []
    [upload_id] = unfinished_uploads(faulty, bucket)
    assert upload_id in "".join(failure.value.__notes__)
    assert failure.value.part_number == 2
    assert failure.value.request_id


@pytest.mark.parametrize(
    ("options", "error"),
    [({"IfNoneMatch": "*"}, PreconditionFailed), ({"IfMatch": '"other"'}, PreconditionFailed)],
    ids=str,
)
def test_a_condition_that_fails_leaves_the_object_and_nothing_else(
    faulty: World, bucket: str, large: Path, options: dict[str, str], error: type[Exception]
) -> None:
    faulty.put_object(bucket, b"before", "key")
    with pytest.raises(error):
        faulty.upload_file(bucket, "key", large, PartSize=4, **options)
    assert faulty.fetch(bucket, "key") == b"before"
    assert_clean(faulty, bucket, large)


def test_a_bucket_that_is_not_there_leaves_nothing(faulty: World, large: Path) -> None:
    with pytest.raises(NoSuchBucket):
        faulty.upload_file("missing-1250000000", "key", large, PartSize=4)
    assert list((large.parent / "journals").iterdir()) == []


@pytest.mark.parametrize(
    "wrong", [{"MAXThread": 0}, {"PartSize": 0}, {"Metdata": {}}, {"PartSize": 6000}], ids=str
)
def test_a_wrong_parameter_is_refused_before_anything_is_stored(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ParameterError):
        faulty.upload_file(bucket, "key", large, **wrong)
    assert proxy.exchanges == []
    assert_clean(faulty, bucket, large)


@pytest.mark.parametrize(
    "fault", [DropReply(), StatusAfter(500), StatusAfter(504)], ids=lambda fault: str(fault)
)
@pytest.mark.parametrize("times", [1, 2])
def test_an_initiation_whose_reply_is_lost_leaves_no_orphan(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path, fault: Any, times: int
) -> None:
    # On a connection that is kept from here libcurl must not initiate twice by itself.
    assert not faulty.object_exists(bucket, "key")
    proxy.rules = [Rule(CREATE_MULTIPART_UPLOAD, fault, times=times)]
    faulty.upload_file(bucket, "key", large, PartSize=4)
    assert len(proxy.matching(CREATE_MULTIPART_UPLOAD)) == times + 1
    assert faulty.fetch(bucket, "key") == large.read_bytes()
    assert_clean(faulty, bucket, large)


@pytest.mark.parametrize("size", [0, 3, 3 * MIB])
@pytest.mark.parametrize("condition", [{"IfNoneMatch": "*"}, {"ForbidOverwrite": "true"}], ids=str)
def test_a_conditional_write_is_not_sent_twice_unasked_on_a_kept_connection(
    faulty: World,
    proxy: FaultProxy,
    bucket: str,
    tmp_path: Path,
    size: int,
    condition: dict[str, str],
) -> None:
    write_file(tmp_path / "file", size)
    assert not faulty.object_exists(bucket, "key")
    proxy.rules = [Rule(PUT_OBJECT, DropReply())]
    with pytest.raises(TransportError):
        faulty.upload_file(bucket, "key", tmp_path / "file", **condition)
    assert len(proxy.matching(PUT_OBJECT)) == 1


def test_an_orphan_of_an_upload_that_was_given_up_is_remembered(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    proxy.rules = [Rule(CREATE_MULTIPART_UPLOAD, DropReply(), times=ALWAYS)]
    with pytest.raises(TransportError):
        faulty.upload_file(bucket, "key", large, PartSize=4)
    proxy.rules = []
    assert len(unfinished_uploads(faulty, bucket)) == 3
    [left] = journals(large)
    assert (left["upload_id"], len(left["lost"])) == ("", 3)
    faulty.upload_file(bucket, "key", large, PartSize=4)
    assert_clean(faulty, bucket, large)


def test_only_the_very_key_is_swept(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    neighbour = faulty.create_multipart_upload(bucket, "key/2")["UploadId"]
    proxy.rules = [Rule(CREATE_MULTIPART_UPLOAD, DropReply())]
    faulty.upload_file(bucket, "/key", large, PartSize=4)
    assert unfinished_uploads(faulty, bucket) == [neighbour]


@pytest.mark.parametrize(
    "fault",
    [DropReply(), StatusAfter(500), Duplicate(), LateError()],
    ids=lambda fault: type(fault).__name__,
)
@pytest.mark.parametrize("condition", [{}, {"IfNoneMatch": "*"}, {"ForbidOverwrite": "true"}])
def test_a_completion_whose_reply_is_lost_is_no_failure(
    faulty: World,
    proxy: FaultProxy,
    bucket: str,
    large: Path,
    fault: Any,
    condition: dict[str, str],
) -> None:
    proxy.rules = [Rule(COMPLETE_MULTIPART_UPLOAD, fault)]
    result = faulty.upload_file(bucket, "key", large, PartSize=4, **condition)
    head = faulty.head_object(bucket, "key")
    assert result["ETag"] == head["ETag"]
    assert result["x-cos-hash-crc64ecma"] == head["x-cos-hash-crc64ecma"]
    assert (result["Bucket"], result["Key"]) == (bucket, "key")
    assert result["Location"].endswith("/key")
    assert faulty.fetch(bucket, "key") == large.read_bytes()
    assert sent_parts(proxy) == list(range(1, PARTS + 1))
    assert_clean(faulty, bucket, large)


def test_an_upload_that_was_killed_after_its_completion_is_found_done(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    proxy.rules = [
        Rule(COMPLETE_MULTIPART_UPLOAD, DropReply(), times=ALWAYS),
        Rule(lambda exchange: exchange.method == "HEAD", Status(403), times=ALWAYS),
    ]
    with pytest.raises(TransportError):
        faulty.upload_file(bucket, "key", large, PartSize=4)
    proxy.rules = []
    proxy.clear()
    result = faulty.upload_file(bucket, "key", large, PartSize=4)
    assert sent_parts(proxy) == []
    assert result["ETag"] == faulty.head_object(bucket, "key")["ETag"]
    assert_clean(faulty, bucket, large)


def test_a_byte_that_flips_on_the_way_is_sent_again(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    proxy.rules = [Rule(part(2), FlipByte(1000, "request"))]
    faulty.upload_file(bucket, "key", large, PartSize=4)
    assert sent_parts(proxy) == [1, 2, 2, 3, 4, 5, 6]
    assert faulty.fetch(bucket, "key") == large.read_bytes()


@pytest.mark.parametrize("size", [1, 3 * MIB, LARGE])
def test_an_error_inside_a_200_is_no_success(
    faulty: World, proxy: FaultProxy, bucket: str, tmp_path: Path, size: int
) -> None:
    write_file(tmp_path / "file", size)
    proxy.rules = [
        Rule(PUT_OBJECT, LateError(), times=ALWAYS),
        Rule(UPLOAD_PART, LateError(), times=ALWAYS),
    ]
    with pytest.raises(CosException):
        faulty.upload_file(bucket, "key", tmp_path / "file", PartSize=4)
    with pytest.raises(CosException):
        faulty.upload_stream(bucket, "key", bytes(size), PartSize=1)
    assert not faulty.object_exists(bucket, "key")


def test_headers_in_small_letters_are_understood(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    proxy.rules = [Rule(lambda _: True, HeaderCase(), times=ALWAYS)]
    faulty.upload_file(bucket, "key", large, PartSize=4)
    assert faulty.fetch(bucket, "key") == large.read_bytes()


@pytest.mark.parametrize("size", [3 * MIB, LARGE])
@pytest.mark.parametrize("change", ["touched", "cut", "replaced"])
def test_a_file_that_changes_while_it_is_sent_is_not_stored(
    faulty: World, bucket: str, tmp_path: Path, size: int, change: str
) -> None:
    path = tmp_path / "file"
    write_file(path, size)
    once = iter([True])

    def spoil(consumed: int, _total: int | None) -> None:
        if consumed > MIB and next(once, False):
            if change == "cut":
                os.truncate(path, consumed)
            elif change == "touched":
                os.utime(path, ns=(1, 1))
            else:
                (tmp_path / "new").write_bytes(bytes(size))
                (tmp_path / "new").replace(path)

    with no_leaks(tmp_path), pytest.raises(SourceChanged):
        faulty.upload_file(bucket, "key", path, PartSize=4, progress_callback=spoil)
    assert not faulty.object_exists(bucket, "key")
    assert_clean(faulty, bucket, path)


def test_an_object_that_is_wrong_after_all_is_an_error(
    faulty: World, bucket: str, large: Path
) -> None:
    real = faulty.client.complete_multipart_upload

    def falsified(result: dict[str, Any]) -> dict[str, Any]:
        return {**result, "x-cos-hash-crc64ecma": "1"}

    async def later(**options: Any) -> dict[str, Any]:
        return falsified(await real(**options))

    def now(**options: Any) -> dict[str, Any]:
        return falsified(real(**options))

    faulty.client.complete_multipart_upload = now if faulty._runner is None else later
    with pytest.raises(IntegrityError, match="is there, but wrong"):
        faulty.upload_file(bucket, "key", large, PartSize=4)
    assert_clean(faulty, bucket, large)


@pytest.mark.parametrize("resume", [True, False])
def test_a_deadline_ends_an_upload_that_stalls(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path, resume: bool
) -> None:
    proxy.rules = [Rule(part(3), Stall(), times=ALWAYS)]
    with no_leaks(large.parent), pytest.raises(TransferTimeout, match="deadline"):
        faulty.upload_file(bucket, "key", large, PartSize=4, Resume=resume, Deadline=1)
    proxy.rules = []
    assert len(unfinished_uploads(faulty, bucket)) == len(journals(large)) == int(resume)
    faulty.upload_file(bucket, "key", large, PartSize=4)
    assert_clean(faulty, bucket, large)


def test_two_uploads_of_one_file_side_by_side_do_not_meet(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    client = faulty.client

    async def both() -> None:
        await asyncio.gather(
            *(client.upload_file(bucket, "key", large, PartSize=4) for _ in range(2))
        )

    if faulty._runner:
        faulty.run(both())
    else:
        failures: list[BaseException] = []

        def work() -> None:
            try:
                client.upload_file(bucket, "key", large, PartSize=4)
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
    assert len(proxy.matching(CREATE_MULTIPART_UPLOAD)) == 2
    assert faulty.fetch(bucket, "key") == large.read_bytes()
    assert_clean(faulty, bucket, large)


def test_a_callback_that_raises_ends_the_upload_with_its_own_error(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    def refuse(consumed: int, _total: int | None) -> None:
        if consumed > 8 * MIB:
            raise LookupError("enough")

    with no_leaks(large.parent), pytest.raises(LookupError, match="enough"):
        faulty.upload_file(bucket, "key", large, PartSize=4, Resume=False, progress_callback=refuse)
    assert_clean(faulty, bucket, large)


def test_a_directory_is_refused_by_its_name(faulty: World, bucket: str, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path))):
        faulty.upload_file(bucket, "key", tmp_path)


@pytest.mark.parametrize("resume", [True, False])
def test_ctrl_c_ends_an_upload_and_its_threads(
    server: LocalServer,
    proxy: FaultProxy,
    bucket: str,
    large: Path,
    resume: bool,
) -> None:
    main, once = threading.main_thread(), iter([True])

    def interrupt_main(exchange: RecordedRequest) -> bool:
        stalls = exchange.query.get("partNumber") == "3"
        if stalls and next(once, False):
            signal.pthread_kill(main.ident or 0, signal.SIGINT)
        return stalls

    proxy.rules = [Rule(interrupt_main, Stall(), times=ALWAYS)]
    with via_proxy("sync", proxy, server, large.parent / "journals") as world:
        with no_leaks(large.parent), pytest.raises(KeyboardInterrupt):
            # One thread, since CPython does not survive Ctrl-C while it starts one.
            world.upload_file(bucket, "key", large, PartSize=4, MAXThread=1, Resume=resume)
        assert len(unfinished_uploads(world, bucket)) == len(journals(large)) == int(resume)


@pytest.mark.parametrize("resume", [True, False])
def test_a_cancelled_upload_leaves_nothing_but_its_journal(
    server: LocalServer, proxy: FaultProxy, bucket: str, large: Path, resume: bool
) -> None:
    stalled = threading.Event()

    def notice(exchange: RecordedRequest) -> bool:
        if exchange.query.get("partNumber") == "3":
            stalled.set()
            return True
        return False

    proxy.rules = [Rule(notice, Stall(), times=ALWAYS)]

    async def cancelled(world: World) -> None:
        upload = asyncio.create_task(
            world.client.upload_file(bucket, "key", large, PartSize=4, Resume=resume)
        )
        assert await asyncio.to_thread(stalled.wait, 30)
        upload.cancel()
        await asyncio.sleep(0)
        upload.cancel()  # without waiting
        with pytest.raises(asyncio.CancelledError):
            await upload
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with via_proxy("async", proxy, server, large.parent / "journals") as world:
        with no_leaks(large.parent):
            world.run(cancelled(world))
        assert len(unfinished_uploads(world, bucket)) == len(journals(large)) == int(resume)


def test_a_failure_ends_the_parts_beside_it(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    proxy.rules = [
        Rule(part(1), Stall(), times=ALWAYS),
        Rule(part(2), Status(403), times=ALWAYS),
    ]
    with no_leaks(large.parent), pytest.raises(AccessDenied) as failure:
        faulty.upload_file(bucket, "key", large, PartSize=4)
    assert failure.value.part_number == 2


def test_options_of_the_object_and_of_parts_go_where_they_belong(
    faulty: World, proxy: FaultProxy, bucket: str, large: Path
) -> None:
    faulty.upload_file(
        bucket,
        "key",
        large,
        PartSize=4,
        EnableMD5=True,
        StorageClass="STANDARD_IA",
        TrafficLimit="838860800",
        Metadata={"x-cos-meta-a": "1"},
    )
    head = faulty.head_object(bucket, "key")
    assert (head["x-cos-storage-class"], head["x-cos-meta-a"]) == ("STANDARD_IA", "1")
    for exchange in proxy.matching(UPLOAD_PART):
        assert exchange.headers["x-cos-traffic-limit"] == "838860800"
        assert exchange.headers["content-md5"]
