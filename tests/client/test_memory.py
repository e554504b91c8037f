"""A body in one piece of memory, whatever way it comes."""

import asyncio
import os
import secrets
import socket
from collections.abc import Callable

import pytest

from coskit.client import libc
from coskit.client._async.workers import async_gathered
from coskit.client.memory import gathered

MIB = 1 << 20
DATA = secrets.token_bytes(9 * MIB + 5)
Fill = Callable[[memoryview], int]


def by_tasks(first: bytes, size: int, fill: Fill) -> bytes:
    async def filled(memory: memoryview) -> int:
        return fill(memory)

    return asyncio.run(async_gathered(first, size, filled))


WORLDS = pytest.mark.parametrize("gather", [gathered, by_tasks], ids=["sync", "async"])


def supply(data: bytes, piece: int) -> Fill:
    """Return what writes data bit by bit."""
    left = memoryview(data)

    def fill(memory: memoryview) -> int:
        nonlocal left
        taken = left[: min(piece, len(memory))]
        left = left[len(taken) :]
        memory[: len(taken)] = taken
        return len(taken)

    return fill


@WORLDS
@pytest.mark.parametrize("first", [0, 1, 16_000])
@pytest.mark.parametrize("size", [16_000, MIB, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, len(DATA)])
def test_bytes_come_together(
    gather: Callable[[bytes, int, Fill], bytes], size: int, first: int
) -> None:
    found = gather(DATA[:first], size, supply(DATA[first:size], 300_001))
    assert type(found) is bytes
    assert found == DATA[:size]


@WORLDS
@pytest.mark.parametrize("there", [0, 5, 4 * MIB, 5 * MIB])
def test_fewer_than_promised_are_returned_as_they_are(
    gather: Callable[[bytes, int, Fill], bytes], there: int
) -> None:
    assert gather(b"", len(DATA), supply(DATA[:there], MIB)) == DATA[:there]


@WORLDS
def test_a_failure_comes_out_as_it_is(gather: Callable[[bytes, int, Fill], bytes]) -> None:
    kept: list[BaseException] = []

    def fill(memory: memoryview) -> int:
        try:
            raise LookupError("lost")
        except LookupError as error:
            kept.append(error)  # and with it this frame, in which the memory has a name
            raise

    with pytest.raises(LookupError, match="lost"):
        gather(b"a", len(DATA), fill)


def test_a_length_that_is_too_long_takes_no_memory_before_anything_comes() -> None:
    """What a server promises is not what there is: memory grows with what arrives."""
    found = by_tasks(b"ab", 1 << 45, supply(b"cd", 1))
    assert found == b"abcd"


@pytest.mark.skipif(os.name != "posix", reason="only there are these calls")
def test_short_messages_are_sent_and_received() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        calls = libc.short_calls(ours.fileno())
        assert calls is not None
        assert calls.receive() is None
        assert calls.send(b"a\0b") == 3
        assert theirs.recv(100) == b"a\0b"
        theirs.send(DATA[: libc.SHORT + 1])
        assert calls.receive() == DATA[: libc.SHORT]
        assert calls.receive() == DATA[libc.SHORT : libc.SHORT + 1]
        theirs.close()
        assert calls.receive() == b""
        assert calls.send(b"x") == -1


@pytest.mark.parametrize("size", [0, 1, 2 * MIB, 4 * MIB, 8 * MIB + 3])
def test_asking_for_large_pages_changes_nothing(size: int) -> None:
    memory = bytearray(DATA[:size])
    libc.prefer_large_pages(memoryview(memory))
    assert memory == DATA[:size]
