"""Places and the text of entries."""

from pathlib import Path

import pytest
from rich.cells import cell_len

from coskit.cli.arguments.locations import CosLocation
from coskit.cli.browse.model.entries import PaneEntry, fit
from coskit.cli.browse.model.places import Place, first_place, inner_place, outer_place

STEPS: list[tuple[Place, str, str, Place]] = [
    (Path("/a"), "folder", "b", Path("/a/b")),
    (CosLocation(""), "bucket", "b-1", CosLocation("b-1")),
    (CosLocation("b-1"), "folder", "docs", CosLocation("b-1", "docs/")),
    (CosLocation("b-1", "docs/"), "folder", "", CosLocation("b-1", "docs//")),
    (CosLocation("b-1"), "folder", "", CosLocation("b-1", "/")),
    (CosLocation("b-1", "/"), "folder", "x", CosLocation("b-1", "/x/")),
]


@pytest.mark.parametrize(("outer", "kind", "name", "inner"), STEPS)
def test_a_way_in_leads_out_again(outer: Place, kind: str, name: str, inner: Place) -> None:
    assert inner_place(outer, PaneEntry(kind, name)) == inner
    assert outer_place(inner) == (outer, name)


@pytest.mark.parametrize("top", [Path("/"), CosLocation("")])
def test_nothing_is_above_the_top(top: Place) -> None:
    assert outer_place(top) is None


@pytest.mark.parametrize(
    ("key", "folder", "beginning"), [("", "", ""), ("a/", "a/", ""), ("a/b", "a/", "b")]
)
def test_a_prefix_is_a_folder_and_a_beginning(key: str, folder: str, beginning: str) -> None:
    assert first_place(CosLocation("b-1", key)) == (CosLocation("b-1", folder), beginning)


@pytest.mark.parametrize("name", ["a", "中文" * 40, "x" * 100, "a\nb\x1b[31m", "e\u0301" * 50])
@pytest.mark.parametrize("width", [20, 29, 39, 59])
def test_a_line_fills_its_cells(name: str, width: int) -> None:
    line = PaneEntry("file", name, 123, "2026-11-29 15:00:00").line(width)
    assert cell_len(line) == width
    assert line.isprintable()


@pytest.mark.parametrize("width", [-1, 0, 1, 2, 5])
def test_a_text_may_keep_its_end(width: int) -> None:
    text = fit("cos://bucket/中文/end", width, keep_end=True)
    assert cell_len(text) == max(width, 0)
    assert width < 3 or text.endswith("nd")
