"""Memory that a body is received into."""

import resource
import secrets
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.client.transport.large_pages import prefer_large_pages
from coskit.client.transport.receive_buffer import ReceiveBuffer, reserved

MIB = 1 << 20
DATA = secrets.token_bytes(9 * MIB + 5)


@pytest.mark.parametrize("size", [0, 1, MIB, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, len(DATA)])
def test_what_is_written_is_what_comes_out(size: int) -> None:
    whole = reserved(size)
    with whole.getbuffer() as memory:
        assert len(memory) == size
        memory[:] = DATA[:size]
    assert type(whole.getvalue()) is bytes
    assert whole.getvalue() == DATA[:size]


def test_what_was_not_written_can_be_cut_off() -> None:
    whole = reserved(len(DATA))
    with whole.getbuffer() as memory:
        memory[:MIB] = DATA[:MIB]
    whole.truncate(MIB)
    assert whole.getvalue() == DATA[:MIB]


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux has this file")
def test_memory_is_taken_where_it_is_written_and_never_twice() -> None:
    before = resident()
    whole = reserved(256 * MIB)
    assert resident() - before < 32 * MIB
    block = bytes(MIB)
    with whole.getbuffer() as memory:
        for at in range(0, 64 * MIB, MIB):
            memory[at : at + MIB] = block
    whole.truncate(64 * MIB)
    value = whole.getvalue()
    assert len(value) == 64 * MIB
    assert resident() - before < 96 * MIB


@pytest.mark.parametrize("size", [0, 1, 2 * MIB, 4 * MIB, 8 * MIB + 3])
def test_asking_for_large_pages_changes_nothing(size: int) -> None:
    memory = bytearray(DATA[:size])
    prefer_large_pages(memoryview(memory))
    assert memory == DATA[:size]


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=9)),
    sizes=st.lists(st.integers(0, 12)),
    seed=st.randoms(),
)
def test_what_is_taken_is_what_was_put(chunks: list[bytes], sizes: list[int], seed: Random) -> None:
    buffer, taken = ReceiveBuffer(), list[bytes]()
    for size in sizes:
        buffer.extend(chunks) if seed.random() < 0.5 and chunks else buffer.put(b"one")
        held = buffer.held
        taken.append(buffer.take(size))
        assert len(taken[-1]) == min(size, held)
        assert type(taken[-1]) is bytes
        assert buffer.held == held - len(taken[-1])
    rest = buffer.take()
    assert not buffer.held
    assert buffer.arrived == sum(map(len, taken)) + len(rest)
