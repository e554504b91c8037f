"""append_object checks the appended bytes or raises."""

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coskit.protocol.errors import (
    AppendPositionErr,
    CosException,
    IntegrityError,
    NoSuchKey,
    ParameterError,
)
from coskit.protocol.operations import APPEND_OBJECT, HEAD_OBJECT
from coskit.testing import LocalServer
from tests.end_to_end.faulty_client import via_proxy
from tests.faults.proxy.exchange import RecordedRequest
from tests.faults.proxy.faults import Fault, FlipByte, Status
from tests.faults.proxy.proxy import FaultProxy, Rule
from tests.support.worlds import World

MIB = 1 << 20
FIRST = b"first"


@pytest.fixture(params=["sync", "async"])
def world(
    request: pytest.FixtureRequest, server: LocalServer, proxy: FaultProxy, tmp_path: Path
) -> Iterator[World]:
    with via_proxy(request.param, proxy, server, tmp_path / "journals") as client:
        yield client


def bodies(world: World, content: bytes, folder: Path) -> dict[str, Callable[[], Any]]:
    """Return the kinds of bodies with the content."""
    path = folder / "file"
    path.write_bytes(content)
    middle = len(content) // 2
    return {
        "bytes": lambda: content,
        "a file": lambda: path.open("rb"),
        "memory": lambda: io.BytesIO(content),
        "chunks": lambda: world.source([content[:middle], content[middle:]]),
        "a pipe": lambda: OneWay(content),
    }


class OneWay(io.RawIOBase):
    """A file that cannot seek."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._content.read(size)


def always(fault: Fault) -> Callable[[RecordedRequest], Fault | None]:
    rule = Rule(APPEND_OBJECT, fault)
    return lambda exchange: fault if rule.takes(exchange) else None


@pytest.mark.parametrize("size", [10, 3 * MIB])
@pytest.mark.parametrize("position", [0, len(FIRST)])
def test_a_byte_that_flips_on_the_way_is_an_error(
    world: World, proxy: FaultProxy, bucket: str, tmp_path: Path, size: int, position: int
) -> None:
    content = os.urandom(size)
    for number, (kind, make) in enumerate(bodies(world, content, tmp_path).items()):
        key = f"k{number}"
        if position:
            world.append_object(bucket, key, 0, FIRST)
        proxy.decide = always(FlipByte(offset=size // 2, where="request"))
        body = make()
        with pytest.raises(CosException):
            world.append_object(bucket, key, position, body)
        proxy.decide = lambda _: None
        if hasattr(body, "close"):
            body.close()
        if kind in ("bytes", "a file", "memory"):  # their MD5 goes before them
            try:
                assert world.fetch(bucket, key) == FIRST[:position]
            except NoSuchKey:
                assert not position


def test_a_byte_that_flips_once_is_sent_again(world: World, proxy: FaultProxy, bucket: str) -> None:
    world.append_object(bucket, "k", 0, FIRST)
    rule, hit = Rule(APPEND_OBJECT, FlipByte(where="request")), iter([True])
    proxy.decide = lambda exchange: (
        rule.fault if rule.takes(exchange) and next(hit, False) else None
    )
    world.append_object(bucket, "k", len(FIRST), b"second")
    assert world.fetch(bucket, "k") == FIRST + b"second"


@pytest.mark.parametrize("size", [0, 1, 10, 3 * MIB])
def test_what_is_appended_rightly_is_no_error(
    world: World, bucket: str, tmp_path: Path, size: int
) -> None:
    content, whole = os.urandom(size), b""
    for make in bodies(world, content, tmp_path).values():
        body = make()
        result = world.append_object(bucket, "k", str(len(whole)), body)
        whole += content
        assert result["x-cos-next-append-position"] == str(len(whole))
        if hasattr(body, "close"):
            body.close()
    assert world.fetch(bucket, "k") == whole


def test_a_position_that_is_wrong_stays_that_error(world: World, bucket: str) -> None:
    world.append_object(bucket, "k", 0, FIRST)
    for body in (b"x", world.source([b"x"])):
        with pytest.raises(AppendPositionErr):
            world.append_object(bucket, "k", 3, body)
    with pytest.raises(CosException):
        world.append_object(bucket, "missing", 3, world.source([b"x"]))
    assert world.fetch(bucket, "k") == FIRST


def test_who_may_not_look_appends_only_what_can_be_read_twice(
    world: World, proxy: FaultProxy, bucket: str
) -> None:
    world.append_object(bucket, "k", 0, FIRST)
    rule = Rule(HEAD_OBJECT, Status(403))
    proxy.decide = lambda exchange: rule.fault if rule.takes(exchange) else None
    with pytest.raises(CosException) as raised:
        world.append_object(bucket, "k", len(FIRST), world.source([b"x"]))
    assert "read only once" in raised.value.__notes__[0]
    world.append_object(bucket, "k", len(FIRST), b"x")
    assert world.fetch(bucket, "k") == FIRST + b"x"


@pytest.mark.parametrize("position", ["x", None, 1.5])
def test_what_is_no_position(world: World, bucket: str, position: Any) -> None:
    with pytest.raises(ParameterError, match="Position"):
        world.append_object(bucket, "k", position, b"x")


def test_integrity_errors_are_not_tried_again(world: World, proxy: FaultProxy, bucket: str) -> None:
    proxy.decide = always(FlipByte(where="request"))
    with pytest.raises(IntegrityError):
        world.append_object(bucket, "k", 0, world.source([b"abc"]))
    assert len(proxy.matching(APPEND_OBJECT)) == 1
