"""Columns that grow with the texts that come."""

from coskit.cli.terminal.columns import Columns


def test_columns_keep_their_width_and_grow() -> None:
    columns = Columns(2, -3)
    assert columns.lines([("a", "1", "x"), ("b", "22", "{}")]) == ["a     1  x", "b    22  {}"]
    assert columns.lines([("a", "12345", "x"), ("b", "1", "y")]) == ["a   12345  x", "b       1  y"]
    assert columns.lines([("a", "1", "x")]) == ["a       1  x"]


def test_no_rows_are_no_lines() -> None:
    assert Columns(2, 3).lines([]) == []
