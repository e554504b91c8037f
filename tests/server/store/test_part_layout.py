"""The layout of a completed object: its parts are read back as they were written."""

from hypothesis import given
from hypothesis import strategies as st

from coskit.server.store.part_layout import LayoutPart, dump_layout, load_layout

PIECES = st.builds(
    LayoutPart, st.integers(1, 10_000), st.integers(0, 5 << 30), st.none() | st.text(max_size=9)
)
IN_PLACE = st.lists(st.integers(0, 5 << 30)).map(
    lambda sizes: [LayoutPart(place, size) for place, size in enumerate(sizes, 1)]
)


@given(st.lists(PIECES) | IN_PLACE)
def test_any_parts_are_written_down_and_read_back(parts: list[LayoutPart]) -> None:
    assert load_layout(dump_layout("u", parts)) == tuple(parts)


def test_ten_thousand_plain_parts_take_little_room() -> None:
    parts = [LayoutPart(number, 8 << 20) for number in range(1, 10_001)]
    assert len(dump_layout("u", parts)) < 8 * len(parts) + 30 + len(parts)
