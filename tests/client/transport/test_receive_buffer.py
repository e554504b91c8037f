"""Memory that a body is received into."""

import os
import resource
import secrets
import socket
from pathlib import Path

import pytest

from coskit.client.transport import libc
from coskit.client.transport.receive_buffer import reserved

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


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells")
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
