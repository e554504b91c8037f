"""Sizes as people write them, and conditions on sizes."""

import pytest
import typer

from coskit.cli.arguments.sizes import parse_size, parse_size_condition

SIZES = [
    ("0", 0),
    ("512", 512),
    ("512B", 512),
    ("1k", 1024),
    ("64KiB", 65_536),
    ("10mib", 10 << 20),
    ("1.5G", 3 << 29),
    ("10MB", 10_000_000),
    ("1 kb", 1000),
    ("2T", 2 << 40),
    ("1Pi", 1 << 50),
    ("0.1k", 102),
]


@pytest.mark.parametrize(("text", "size"), SIZES)
def test_a_size(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "k", "1x", "-1", "1e3", "1.k", "1,5G", "١", "1KiBB", "9" * 40]
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="a size is written like 512"):
        parse_size(text)


CONDITIONS = [
    ("+1k", [1025, 9999], [0, 1023, 1024]),
    ("-1k", [0, 1023], [1024, 1025]),
    ("1k", [1024], [0, 1023, 1025]),
    ("0", [0], [1]),
]


@pytest.mark.parametrize(("text", "meeting", "missing"), CONDITIONS)
def test_a_condition(text: str, meeting: list[int], missing: list[int]) -> None:
    condition = parse_size_condition(text)
    assert [size for size in meeting + missing if condition.holds(size)] == meeting


@pytest.mark.parametrize("text", ["", "+", "--1k", "+ 1x"])
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_size_condition(text)
