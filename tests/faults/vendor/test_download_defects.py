"""Download defects that the vendor's client has and coskit has not."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from coskit import CosException, IntegrityError, ObjectChanged
from coskit.protocol.operations import GET_OBJECT
from tests.faults.proxy.exchange import RecordedRequest
from tests.faults.proxy.faults import CutResponse, Fault, FlipByte, Status
from tests.faults.proxy.proxy import Rule
from tests.faults.proxy.proxy_steps import ProxiedRequest
from tests.faults.vendor.clients import MIB, Subject, failure, subject

__all__ = ["subject"]

LARGE = 3 * MIB
ALWAYS = None


class WithoutChecksum(Fault):
    """Remove the CRC64 from the response, as for objects older than the service's CRC64."""

    async def play(self, request: ProxiedRequest) -> None:
        await request.forward()
        response = await request.response()
        name = "x-cos-hash-crc64ecma:"
        kept = tuple(f for f in response.head.fields if not f.lower().startswith(name))
        await request.deliver(replace(response, head=replace(response.head, fields=kept)))


def content(seed: str = "", size: int = LARGE) -> bytes:
    """Return bytes in which no two MiB are equal."""
    return b"".join(f"{seed}{n:1024}".encode()[:1024] for n in range(-(-size // 1024)))[:size]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target" / "file"


def test_d1_not_modified_is_a_response_of_the_service(subject: Subject) -> None:
    etag = subject.owner.put_object(subject.bucket, b"content", "key")["ETag"]
    world = subject.connect()
    error = failure(lambda: world.get_object(subject.bucket, "key", IfNoneMatch=etag))
    # It raises or returns an empty body, depending on the headers of the 304.
    subject.expect_defect(error is None or type(error) is OSError, error)
    assert subject.is_vendor or (isinstance(error, CosException) and "304" in str(error))


def test_d12_read_returns_everything(subject: Subject) -> None:
    subject.owner.put_object(subject.bucket, content(), "key")
    world = subject.connect()
    body = world.get_object(subject.bucket, "key")["Body"]
    size = len(world.run(body.read()))
    while size < LARGE and (more := world.run(body.read(MIB))):
        size += len(more)
    end = world.run(body.read())
    subject.expect_defect(end == "", end)
    assert subject.is_vendor or (size, end) == (LARGE, b"")


def test_d12_read_returns_everything_in_one_call(subject: Subject) -> None:
    subject.owner.put_object(subject.bucket, content(), "key")
    world = subject.connect()
    body = world.get_object(subject.bucket, "key")["Body"]
    got = len(world.run(body.read()))
    subject.expect_defect(got == 1024, got)
    assert subject.is_vendor or got == LARGE
    if subject.is_vendor:
        body.get_raw_stream().close()


def test_d12_an_unread_body_can_be_closed(subject: Subject) -> None:
    subject.owner.put_object(subject.bucket, content(), "key")
    world = subject.connect()
    response = world.get_object(subject.bucket, "key")
    body = response["Body"]
    closes = hasattr(body, "close") or hasattr(body, "aclose")
    subject.expect_defect(not closes)
    if closes:
        world.close_body(response)
    else:
        body.get_raw_stream().close()


def test_d13_a_body_that_is_cut_within_a_part_resumes(subject: Subject, target: Path) -> None:
    subject.owner.put_object(subject.bucket, content(), "key")
    subject.proxy.rules = [Rule(GET_OBJECT, CutResponse(MIB // 2, reset=False))]
    world = subject.connect(tries=3)
    error = failure(lambda: subject.download(world, "key", target))
    subject.expect_defect(error is not None, error)
    assert subject.is_vendor or target.read_bytes() == content()


def test_d14_an_object_that_is_replaced_during_the_download_is_not_mixed(
    subject: Subject, target: Path
) -> None:
    old, new = content("old"), content("new")
    subject.owner.put_object(subject.bucket, old, "key")
    asked: list[RecordedRequest] = []

    def replace_at_the_second(exchange: RecordedRequest) -> None:
        if exchange.operation is not None and exchange.operation.name == GET_OBJECT.name:
            asked.append(exchange)
            if len(asked) == 2:
                subject.owner.put_object(subject.bucket, new, "key")

    subject.proxy.decide = replace_at_the_second
    error = failure(lambda: subject.download(subject.connect(), "key", target, MAXThread=1))
    got = target.read_bytes() if target.exists() else None
    subject.expect_defect(error is None and got not in (old, new), error)
    assert subject.is_vendor or (error is None and got == new)


def test_d14_an_object_that_is_deleted_during_the_download_raises(
    subject: Subject, target: Path
) -> None:
    subject.owner.put_object(subject.bucket, content(), "key")
    asked: list[RecordedRequest] = []

    def delete_at_the_second(exchange: RecordedRequest) -> None:
        if exchange.operation is not None and exchange.operation.name == GET_OBJECT.name:
            asked.append(exchange)
            if len(asked) == 2:
                subject.owner.delete_object(subject.bucket, "key")

    subject.proxy.decide = delete_at_the_second
    error = failure(lambda: subject.download(subject.connect(), "key", target, MAXThread=1))
    assert error is not None
    assert not target.exists()
    # The vendor's error has only a text that recommends a retry.
    subject.expect_defect("download_part fail after max_retry" in str(error), error)
    assert subject.is_vendor or isinstance(error, ObjectChanged)


@pytest.mark.parametrize("size", [MIB // 2, LARGE])
def test_d15_a_damaged_file_does_not_appear(subject: Subject, target: Path, size: int) -> None:
    subject.owner.put_object(subject.bucket, content(size=size), "key")
    subject.proxy.rules = [Rule(GET_OBJECT, FlipByte(1000), times=ALWAYS)]
    world = subject.connect()
    error = failure(lambda: subject.download(world, "key", target, EnableCRC=True))
    subject.expect_defect(target.exists(), error)
    assert subject.is_vendor or isinstance(error, IntegrityError)


def test_d15_an_object_without_a_checksum_is_downloaded(subject: Subject, target: Path) -> None:
    subject.owner.put_object(subject.bucket, content(), "key")
    subject.proxy.decide = lambda _exchange: WithoutChecksum()
    world = subject.connect()
    error = failure(lambda: subject.download(world, "key", target, EnableCRC=True))
    subject.expect_defect(isinstance(error, KeyError), error)
    assert subject.is_vendor or target.read_bytes() == content()


def test_d16_a_damaged_journal_only_prevents_resuming(subject: Subject, target: Path) -> None:
    subject.owner.put_object(subject.bucket, content(), "key")
    world = subject.connect()
    subject.proxy.rules = [Rule(GET_OBJECT, Status(500), times=ALWAYS, skip=1)]
    assert failure(lambda: subject.download(world, "key", target)) is not None
    records = [path for path in subject.journals.iterdir() if path.suffix != ".lock"]
    assert len(records) == 1
    os.truncate(records[0], records[0].stat().st_size // 2)
    subject.proxy.rules = []
    errors = [failure(lambda: subject.download(world, "key", target)) for _ in range(2)]
    subject.expect_defect(
        [type(error).__name__ for error in errors] == ["JSONDecodeError"] * 2, errors
    )
    assert subject.is_vendor or (errors, target.read_bytes()) == ([None, None], content())


def test_d22_progress_of_a_small_object_is_reported(subject: Subject, target: Path) -> None:
    subject.owner.put_object(subject.bucket, content(size=1000), "key")
    reported: list[tuple[int, int]] = []

    def tell(through: int, size: int) -> None:
        reported.append((through, size))

    subject.download(subject.connect(), "key", target, progress_callback=tell)
    subject.expect_defect(reported == [], reported)
    assert subject.is_vendor or reported[-1] == (1000, 1000)
