"""Plans: every byte is in exactly one part, and no plan is refused by the service."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.client.settings.transfers import MIB
from coskit.client.transfer.parts import (
    MAX_PART,
    MAX_PARTS,
    comfortable_part_size,
    plan_parts,
    stream_part_size,
)
from coskit.protocol.errors import ParameterError

LARGEST = MAX_PARTS * MAX_PART
SIZES = st.one_of(
    st.integers(1, 200 * MIB), st.integers(1, LARGEST), st.sampled_from((LARGEST, LARGEST - 1))
)


@given(size=SIZES, least=st.integers(1, 64))
def test_parts_cover_a_file_without_gap_within_the_limits_of_the_service(
    size: int, least: int
) -> None:
    step = comfortable_part_size(size, least * MIB)
    parts = plan_parts(size, step)
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert len(parts) <= MAX_PARTS
    assert parts[0].offset == 0
    for part, following in pairwise(parts):
        assert part.offset + part.length == following.offset
        assert step <= part.length <= MAX_PART
    assert parts[-1].offset + parts[-1].length == size
    assert 0 < parts[-1].length <= MAX_PART


@given(size=SIZES, more=st.integers(0, 1 << 40), least=st.integers(1, 64))
def test_a_larger_file_has_no_smaller_parts(size: int, more: int, least: int) -> None:
    of = comfortable_part_size
    assert least * MIB <= of(size, least * MIB) <= of(size + more, least * MIB)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (63 * MIB, 1),
        (64 * MIB, 8),
        (1 << 30, 8),
        ((1 << 30) + 1, 16),
        (4 << 30, 16),
        (1 << 40, 256),
    ],
)
def test_parts_of_large_files_are_large(size: int, expected: int) -> None:
    assert comfortable_part_size(size, MIB) == expected * MIB
    assert comfortable_part_size(size, 1024 * MIB) == 1024 * MIB


@pytest.mark.parametrize(
    ("size", "part_size"), [(1, 0), (1, -1), (LARGEST + 1, MIB), (1, MAX_PART + 1)]
)
def test_what_no_plan_can_do_is_refused(size: int, part_size: int) -> None:
    with pytest.raises(ParameterError):
        plan_parts(size, part_size)


def test_an_empty_file_has_no_parts() -> None:
    assert plan_parts(0, MIB) == ()


@given(least=st.integers(1, 512), memory=st.integers(1, 1 << 36))
def test_the_parts_of_a_stream_grow_but_never_beyond_the_memory(least: int, memory: int) -> None:
    sizes = [stream_part_size(n, least * MIB, memory) for n in (1, 1000, 1001, 5000, MAX_PARTS)]
    assert sizes == sorted(sizes)
    assert sizes[0] == sizes[1] == min(least * MIB, memory)
    assert all(0 < size <= min(memory, MAX_PART) for size in sizes)


def test_a_stream_of_terabytes_fits_if_there_is_memory_and_is_refused_past_10_000_parts() -> None:
    sizes = [stream_part_size(number, 16 * MIB, 1 << 40) for number in range(1, MAX_PARTS + 1)]
    assert sum(sizes) > 12 << 40
    with pytest.raises(ParameterError, match="larger PartSize"):
        stream_part_size(MAX_PARTS + 1, MIB, 1 << 40)
