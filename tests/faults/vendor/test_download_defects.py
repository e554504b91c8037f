"""Defects of the vendor's published client where bytes come down: it shows each, coskit none."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from coskit import CosException, IntegrityError, ObjectChanged
from coskit.protocol.operations import GET_OBJECT
from tests.faults.proxy.exchange import Exchange
from tests.faults.proxy.faults import CutResponse, Fault, FlipByte, Status
from tests.faults.proxy.proxy import Rule
from tests.faults.proxy.proxy_steps import Passage
from tests.faults.vendor.clients import MIB, Party, failure, party

__all__ = ["party"]

LARGE = 3 * MIB
ALWAYS = None


class WithoutChecksum(Fault):
    """The answer lacks its CRC64, as that of an object older than the service's CRC64."""

    async def play(self, passage: Passage) -> None:
        await passage.ask()
        answer = await passage.answer()
        name = "x-cos-hash-crc64ecma:"
        kept = tuple(f for f in answer.head.fields if not f.lower().startswith(name))
        await passage.deliver(replace(answer, head=replace(answer.head, fields=kept)))


def content(seed: str = "", size: int = LARGE) -> bytes:
    """Return bytes of which no two MiB are alike."""
    return b"".join(f"{seed}{n:1024}".encode()[:1024] for n in range(-(-size // 1024)))[:size]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target" / "file"


def test_d1_not_modified_is_an_answer_of_the_service(party: Party) -> None:
    etag = party.owner.put_object(party.bucket, b"content", "key")["ETag"]
    world = party.connect()
    error = failure(lambda: world.get_object(party.bucket, "key", IfNoneMatch=etag))
    # Whether it dies or returns an empty body depends on the headers of the 304.
    party.judge(error is None or type(error) is OSError, error)
    assert party.is_vendor or (isinstance(error, CosException) and "304" in str(error))


def test_d12_read_gives_all_that_there_is(party: Party) -> None:
    party.owner.put_object(party.bucket, content(), "key")
    world = party.connect()
    body = world.get_object(party.bucket, "key")["Body"]
    size = len(world.run(body.read()))
    while size < LARGE and (more := world.run(body.read(MIB))):
        size += len(more)
    end = world.run(body.read())
    party.judge(end == "", end)
    assert party.is_vendor or (size, end) == (LARGE, b"")


def test_d12_read_gives_all_at_once(party: Party) -> None:
    party.owner.put_object(party.bucket, content(), "key")
    world = party.connect()
    body = world.get_object(party.bucket, "key")["Body"]
    got = len(world.run(body.read()))
    party.judge(got == 1024, got)
    assert party.is_vendor or got == LARGE
    if party.is_vendor:
        body.get_raw_stream().close()


def test_d12_a_body_that_is_not_wanted_can_be_closed(party: Party) -> None:
    party.owner.put_object(party.bucket, content(), "key")
    world = party.connect()
    response = world.get_object(party.bucket, "key")
    body = response["Body"]
    closes = hasattr(body, "close") or hasattr(body, "aclose")
    party.judge(not closes)
    if closes:
        world.close_body(response)
    else:
        body.get_raw_stream().close()


def test_d13_a_body_that_is_cut_within_a_part_goes_on(party: Party, target: Path) -> None:
    party.owner.put_object(party.bucket, content(), "key")
    party.proxy.rules = [Rule(GET_OBJECT, CutResponse(MIB // 2, reset=False))]
    world = party.connect(tries=3)
    error = failure(lambda: party.download(world, "key", target))
    party.judge(error is not None, error)
    assert party.is_vendor or target.read_bytes() == content()


def test_d14_an_object_that_is_replaced_meanwhile_is_not_mixed(party: Party, target: Path) -> None:
    old, new = content("old"), content("new")
    party.owner.put_object(party.bucket, old, "key")
    asked: list[Exchange] = []

    def replace_at_the_second(exchange: Exchange) -> None:
        if exchange.operation is not None and exchange.operation.name == GET_OBJECT.name:
            asked.append(exchange)
            if len(asked) == 2:
                party.owner.put_object(party.bucket, new, "key")

    party.proxy.decide = replace_at_the_second
    error = failure(lambda: party.download(party.connect(), "key", target, MAXThread=1))
    got = target.read_bytes() if target.exists() else None
    party.judge(error is None and got not in (old, new), error)
    assert party.is_vendor or (error is None and got == new)


def test_d14_an_object_that_is_deleted_meanwhile_is_told_to_be_gone(
    party: Party, target: Path
) -> None:
    party.owner.put_object(party.bucket, content(), "key")
    asked: list[Exchange] = []

    def delete_at_the_second(exchange: Exchange) -> None:
        if exchange.operation is not None and exchange.operation.name == GET_OBJECT.name:
            asked.append(exchange)
            if len(asked) == 2:
                party.owner.delete_object(party.bucket, "key")

    party.proxy.decide = delete_at_the_second
    error = failure(lambda: party.download(party.connect(), "key", target, MAXThread=1))
    assert error is not None
    assert not target.exists()
    # The vendor only has a text that advises to try again.
    party.judge("download_part fail after max_retry" in str(error), error)
    assert party.is_vendor or isinstance(error, ObjectChanged)


@pytest.mark.parametrize("size", [MIB // 2, LARGE])
def test_d15_a_damaged_file_does_not_appear(party: Party, target: Path, size: int) -> None:
    party.owner.put_object(party.bucket, content(size=size), "key")
    party.proxy.rules = [Rule(GET_OBJECT, FlipByte(1000), times=ALWAYS)]
    world = party.connect()
    error = failure(lambda: party.download(world, "key", target, EnableCRC=True))
    party.judge(target.exists(), error)
    assert party.is_vendor or isinstance(error, IntegrityError)


def test_d15_an_object_without_a_checksum_can_be_had(party: Party, target: Path) -> None:
    party.owner.put_object(party.bucket, content(), "key")
    party.proxy.decide = lambda _exchange: WithoutChecksum()
    world = party.connect()
    error = failure(lambda: party.download(world, "key", target, EnableCRC=True))
    party.judge(isinstance(error, KeyError), error)
    assert party.is_vendor or target.read_bytes() == content()


def test_d16_a_damaged_record_costs_only_the_resumption(party: Party, target: Path) -> None:
    party.owner.put_object(party.bucket, content(), "key")
    world = party.connect()
    party.proxy.rules = [Rule(GET_OBJECT, Status(500), times=ALWAYS, skip=1)]
    assert failure(lambda: party.download(world, "key", target)) is not None
    records = [path for path in party.journals.iterdir() if path.suffix != ".lock"]
    assert len(records) == 1
    os.truncate(records[0], records[0].stat().st_size // 2)
    party.proxy.rules = []
    errors = [failure(lambda: party.download(world, "key", target)) for _ in range(2)]
    party.judge([type(error).__name__ for error in errors] == ["JSONDecodeError"] * 2, errors)
    assert party.is_vendor or (errors, target.read_bytes()) == ([None, None], content())


def test_d22_progress_of_a_small_object_is_told(party: Party, target: Path) -> None:
    party.owner.put_object(party.bucket, content(size=1000), "key")
    told: list[tuple[int, int]] = []

    def tell(through: int, size: int) -> None:
        told.append((through, size))

    party.download(party.connect(), "key", target, progress_callback=tell)
    party.judge(told == [], told)
    assert party.is_vendor or told[-1] == (1000, 1000)
