"""Keys and paths: no key leaves its directory, every pattern takes what it says."""

import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coskit.client.directory.filters import Filter
from coskit.client.directory.local_files import LocalDirectory
from coskit.client.directory.locations import (
    BucketPlace,
    NameCollisions,
    bucket_place,
    check_name,
    is_partial,
    is_text,
    parse_place,
)
from coskit.protocol.errors import CosClientError, ParameterError
from tests.support.keys import HOSTILE_KEYS


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("cos://b-1", BucketPlace("b-1")),
        ("cos://b-1/", BucketPlace("b-1")),
        ("cos://b-1/p", BucketPlace("b-1", "p/")),
        ("cos://b-1/p/q/", BucketPlace("b-1", "p/q/")),
        ("photos", Path("photos")),
        ("/cos://x", Path("/cos://x")),
        (Path("cos://x"), Path("cos://x")),
    ],
)
def test_a_place_is_a_folder_of_a_bucket_or_a_directory(
    text: str | Path, place: BucketPlace | Path
) -> None:
    assert parse_place(text) == place


def test_a_place_without_a_bucket_is_refused() -> None:
    with pytest.raises(ParameterError, match="names no bucket"):
        parse_place("cos:///prefix")


def test_a_prefix_means_a_folder_with_and_without_its_slash() -> None:
    assert bucket_place("b", "p") == bucket_place("b", "p/") == bucket_place("b", "/p")


def test_a_key_that_begins_with_a_slash_keeps_it_when_the_client_drops_one() -> None:
    assert BucketPlace("b").key("/x") == "//x"
    assert BucketPlace("b", "p/").key("/x") == "p//x"


@pytest.mark.parametrize(
    ("left", "right", "overlap"),
    [
        (("b", ""), ("b", ""), True),
        (("b", ""), ("b", "p/"), True),
        (("b", "p/q/"), ("b", "p/"), True),
        (("b", "p/"), ("b", "q/"), False),
        (("b", "p/"), ("b", "p2/"), False),
        (("b", ""), ("c", ""), False),
    ],
)
def test_folders_overlap_if_one_lies_in_the_other(
    left: tuple[str, str], right: tuple[str, str], overlap: bool
) -> None:
    assert BucketPlace(*left).overlaps(BucketPlace(*right)) is overlap


def is_safe(name: str) -> bool:
    """Return whether a name passes as a file's."""
    try:
        check_name(name)
    except CosClientError:
        return False
    return True


@pytest.mark.parametrize(
    "name",
    ["", "/", "a/", "/a", "a//b", ".", "..", "../a", "a/..", "a/../b", "./a", "a\0b", "x" * 256],
)
def test_a_key_that_cannot_be_a_file_is_refused_by_name(name: str) -> None:
    with pytest.raises(CosClientError) as refusal:
        check_name(name)
    assert repr(name) in str(refusal.value)


@pytest.mark.parametrize("name", ["a", "a/b", "...", "..a/b..", "~", " ", "a\\b", "\n", "中" * 85])
def test_an_odd_key_that_can_be_a_file_passes(name: str) -> None:
    check_name(name)


@given(st.one_of(st.sampled_from(HOSTILE_KEYS), st.text("./a\0", max_size=8)))
def test_no_key_leads_out_of_its_directory(name: str) -> None:
    if is_safe(name):
        path = os.path.normpath(f"/root/dir/{name}")
        assert path == f"/root/dir/{name}"


def test_names_that_are_not_utf8_are_known() -> None:
    assert is_text("中.txt")
    assert not is_text(os.fsdecode(b"\xff.txt"))


def test_only_a_downloads_own_name_is_taken_for_a_partial_file() -> None:
    assert is_partial(".movie.mp4.0123456789abcdef.part")
    assert not is_partial("movie.mp4.0123456789abcdef.part")
    assert not is_partial(".movie.mp4.part")
    assert not is_partial(".config.d.part")


def clashing(names: list[str], *, case_blind: bool = False) -> list[str]:
    """Return the names that are refused."""
    clashes, refused = NameCollisions(case_blind=case_blind), []
    for name in names:
        try:
            clashes.check(name)
        except CosClientError:
            refused.append(name)
    return refused


def test_a_key_below_another_key_clashes_with_it_wherever_it_is_sorted() -> None:
    names = ["a", "a-b/c", "a.txt", "a/b", "a/b/c", "ab/c"]
    assert clashing(names) == ["a/b", "a/b/c"]


def test_names_that_differ_in_case_clash_where_the_file_system_is_blind_for_it() -> None:
    assert clashing(["A", "B", "a"]) == []
    assert clashing(["A", "B", "a"], case_blind=True) == ["a"]


@given(st.sets(st.text("ab/.", min_size=1, max_size=6).filter(is_safe), max_size=12))
def test_what_does_not_clash_can_be_made_side_by_side(names: set[str]) -> None:
    kept = names - set(clashing(sorted(names)))
    for name in kept:
        assert not {str(p) for p in PurePosixPath(name).parents} & kept
    refused = names - kept
    for name in refused:
        assert {str(p) for p in PurePosixPath(name).parents} & names


@pytest.mark.parametrize(
    ("pattern", "taken", "left"),
    [
        ("*.txt", ["a.txt", "d/e/a.txt", ".txt"], ["a.txt2", "a.txt/b"]),
        ("a?", ["ab", "d/ab"], ["a", "abc", "a/"]),
        ("d/*", ["d/a"], ["a", "d/e/a", "x/d/a"]),
        ("d/**", ["d/a", "d/e/a"], ["a", "x/d/a"]),
        ("/a", ["a"], ["d/a"]),
        ("**/a", ["a", "d/a", "d/e/a"], ["ba", "d/ba"]),
        ("d/**/a", ["d/a", "d/e/a", "d/e/f/a"], ["a", "d/ba"]),
        ("cache/", ["cache/a", "d/cache/e/a"], ["cache", "d/cache", "xcache/a"]),
        ("/cache/", ["cache/a"], ["d/cache/a"]),
        ("**", ["a", "d/e"], []),
        ("/", ["a", "d/e"], []),
        ("[ab]", ["a", "d/b"], ["c", "ab"]),
        ("[!ab]", ["c"], ["a", "b", "d/a"]),
        ("[a-c]x", ["bx"], ["dx", "-x"]),
        ("x[+/]y", ["x+y"], ["x/y"]),
        ("[", ["["], ["a"]),
        ("[]", ["[]"], ["a"]),
        ("a.b", ["a.b"], ["axb"]),
        ("a\nb*", ["a\nbc\nd"], ["a"]),
        ("(a|b)", ["(a|b)"], ["a"]),
        ("[^]", ["^"], ["a"]),
    ],
)
def test_a_pattern_takes_what_it_says(pattern: str, taken: list[str], left: list[str]) -> None:
    only, rest = Filter(include=[pattern]), Filter(exclude=[pattern])
    names = [*taken, *left]
    assert [name for name in names if only.takes(name)] == taken
    assert [name for name in names if rest.takes(name)] == left


def test_exclude_wins_over_include() -> None:
    both = Filter(include=["*.txt", "d/**"], exclude=["secret*"])
    names = ["a.txt", "secret.txt", "d/a", "d/secret", "a"]
    assert [name for name in names if both.takes(name)] == ["a.txt", "d/a"]


@given(
    st.lists(st.text("ab*/?", min_size=1, max_size=5), max_size=3),
    st.text("ab/", min_size=1, max_size=6),
)
def test_a_folder_that_is_not_entered_has_nothing_that_takes_part(
    patterns: list[str], name: str
) -> None:
    chosen = Filter(exclude=patterns)
    folders = [name[: n + 1] for n, letter in enumerate(name[:-1]) if letter == "/"]
    if not all(chosen.enters(folder) for folder in folders):
        assert not chosen.takes(name)


def test_many_stars_take_no_more_time_than_one() -> None:
    assert not Filter(include=["**/" * 40 + "x"]).takes("a/" * 400)


def test_a_single_text_instead_of_a_list_of_patterns_is_refused() -> None:
    with pytest.raises(ParameterError, match="lists"):
        Filter(exclude="*.txt")


def test_a_malformed_pattern_is_refused() -> None:
    with pytest.raises(ParameterError, match="malformed"):
        Filter(include=["[z-a]"])


def test_a_target_makes_directories_and_refuses_links_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    root = tmp_path / "root"
    target = LocalDirectory(root)
    assert target.prepare("a/b/c").path == str((root / "a/b/c").resolve())
    assert (root / "a/b").is_dir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "a/file").symlink_to(tmp_path / "elsewhere/file")
    for name in ("link/x", "link/x/y", "a/file", "../elsewhere/x"):
        with pytest.raises(CosClientError):
            target.prepare(name)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_directories_that_a_removed_file_leaves_empty_go_too(tmp_path: Path) -> None:
    target = LocalDirectory(tmp_path / "root")
    for name in ("a/b/one", "a/two"):
        target.prepare(name).put(b"")
    target.remove("a/b/one")
    assert sorted(p.name for p in (tmp_path / "root").rglob("*")) == ["a", "two"]
    target.remove("a/two")
    assert list((tmp_path / "root").iterdir()) == []
