"""Ordered filters: the last pattern that matches decides, as in the AWS CLI."""

import pytest

from coskit.client.directory.filters import Filter
from coskit.protocol.errors import ParameterError

NAMES = ["a.csv", "a.txt", "d/b.csv", "d/e/c.txt", "[x].csv", "line\nbreak.csv"]


@pytest.mark.parametrize(
    ("filters", "taken"),
    [
        ([], NAMES),
        ([("exclude", "*"), ("include", "*.csv")], ["a.csv", "d/b.csv", "[x].csv", NAMES[5]]),
        ([("include", "*.csv"), ("exclude", "*")], []),
        ([("exclude", "*.txt")], ["a.csv", "d/b.csv", "[x].csv", NAMES[5]]),
        ([("exclude", "d/*"), ("include", "d/e/*")], [*NAMES[:2], *NAMES[3:]]),
        ([("exclude", "?.csv")], NAMES[1:]),
        ([("exclude", "b.csv")], NAMES),
        ([("exclude", "*"), ("include", "[[]x].csv")], ["[x].csv"]),
        ([("exclude", "[!a]*")], NAMES[:2]),
    ],
)
def test_the_last_filter_that_matches_decides(
    filters: list[tuple[str, str]], taken: list[str]
) -> None:
    wanted = Filter(ordered=filters)
    assert [name for name in NAMES if wanted.takes(name)] == taken


@pytest.mark.parametrize(
    ("filters", "folder", "walked"),
    [
        ([("exclude", ".git/*")], ".git/", False),
        ([("exclude", ".git/*"), ("include", "*.md")], ".git/", True),
        ([("include", "*.md"), ("exclude", ".git/*")], ".git/", False),
        ([("exclude", "*")], "any/", False),
        ([("exclude", "*.tmp")], "a.tmp/", True),
        ([], "any/", True),
    ],
)
def test_a_folder_is_not_walked_if_nothing_in_it_can_be_accepted(
    filters: list[tuple[str, str]], folder: str, walked: bool
) -> None:
    assert Filter(ordered=filters).enters(folder) is walked


def test_ordered_filters_apply_beside_include_and_exclude() -> None:
    wanted = Filter(include=["*.csv"], ordered=[("exclude", "d/*")])
    assert [name for name in NAMES if wanted.takes(name)] == ["a.csv", "[x].csv", NAMES[5]]


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [("/2026-*/x?.csv", "2026-"), ("a/b.txt", "a/b.txt"), ("/*", ""), ("*.csv", ""), ("d/", "")],
)
def test_a_single_anchored_pattern_narrows_the_listing(pattern: str, prefix: str) -> None:
    assert Filter(include=[pattern]).prefix == prefix


def test_several_anchored_patterns_narrow_the_listing_to_what_they_share() -> None:
    assert Filter(include=["/2026-*", "/2026-*/**"]).prefix == "2026-"
    assert Filter(include=["/a/b", "*.csv"]).prefix == ""


def test_only_folders_on_the_way_of_a_single_pattern_are_walked() -> None:
    wanted = Filter(include=["/a/b*/c"])
    assert [wanted.enters(folder) for folder in ("a/", "a/bx/", "a/c/", "d/")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("filters", [["*.csv"], [("only", "*")], [("include",)], [("include", 1)]])
def test_a_filter_is_a_pair_of_a_word_and_a_pattern(filters: list[tuple[str, str]]) -> None:
    with pytest.raises(ParameterError, match="must hold pairs such as"):
        Filter(ordered=filters)
