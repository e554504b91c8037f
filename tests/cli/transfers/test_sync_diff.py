"""`coskit sync` and `coskit diff`: what differs, what is deleted, what is asked."""

import json
from pathlib import Path

import pytest

from coskit import Client
from tests.cli.conftest import Coskit
from tests.support.trees import put_objects, read_objects, read_tree, write_tree

FILES = {"a": b"1", "s/b.csv": b"22", "line\nbreak": b"3"}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of files, below the working directory."""
    monkeypatch.chdir(tmp_path)
    return write_tree(tmp_path / "src", FILES)


def test_only_what_differs_is_transferred_each_way(
    coskit: Coskit, client: Client, bucket: str, source: Path
) -> None:
    for expected in (3, 0):
        done = coskit("sync", "src", f"cos://{bucket}/p")
        assert (done.status, len(done.lines)) == (0, expected)
    for expected in (3, 0):
        done = coskit("sync", f"cos://{bucket}/p/", f"cos://{bucket}/q")
        assert (done.status, len(done.lines)) == (0, expected)
    for expected in (3, 0):
        done = coskit("sync", f"cos://{bucket}/q", "down")
        assert (done.status, len(done.lines)) == (0, expected)
    assert read_tree(Path("down")) == FILES


@pytest.mark.parametrize(("option", "count"), [("--size-only", 0), ("--checksum", 1)])
def test_other_comparisons(
    coskit: Coskit, bucket: str, source: Path, option: str, count: int
) -> None:
    coskit("sync", "src", f"cos://{bucket}/p")
    write_tree(source, {"a": b"X"})  # as old and as long as before
    assert len(coskit("sync", "src", f"cos://{bucket}/p").lines) == 0
    assert len(coskit("sync", option, "src", f"cos://{bucket}/p").lines) == count


def test_deletions_need_a_yes_in_a_pipe_but_no_dry_run_does(
    coskit: Coskit, client: Client, bucket: str, source: Path
) -> None:
    put_objects(client, bucket, {"p/old": b"", "p/x.keep": b""})
    words = ["sync", "--delete", "--exclude", "*.keep", "src", f"cos://{bucket}/p"]
    done = coskit(*words)
    assert (done.status, done.output) == (2, "")
    assert "add --yes" in done.error
    dry = coskit(*words, "-n")
    assert dry.lines[-1] == f"(dry run) delete: cos://{bucket}/p/old"
    assert {*read_objects(client, bucket, "p/")} == {"old", "x.keep"}
    assert coskit(*words, "--yes").lines[-1] == f"delete: cos://{bucket}/p/old"
    assert {*read_objects(client, bucket, "p/")} == {*FILES, "x.keep"}
    assert coskit(*words).status == 0  # there is nothing to ask about any more


def test_a_terminal_is_asked_with_the_number_of_deletions(
    coskit: Coskit, client: Client, bucket: str, source: Path
) -> None:
    put_objects(client, bucket, {"p/old": b""})
    words = ["sync", "--delete", "src", f"cos://{bucket}/p"]
    done = coskit(*words, stdin=b"no\n", columns=80)
    assert done.error.startswith(f"Delete 1 file in cos://{bucket}/p/ that the source lacks? [y/N]")
    assert (done.status, {*read_objects(client, bucket, "p/")}) == (1, {"old"})
    done = coskit(*words, stdin=b"y\n", columns=80)
    assert (done.status, done.lines[-1].split(", ")[-1]) == (0, "1 deleted")
    assert {*read_objects(client, bucket, "p/")} == {*FILES}


@pytest.mark.parametrize("options", [[], ["--dry-run"], ["--exclude", "*.keep"]])
def test_a_misspelt_source_deletes_nothing(
    coskit: Coskit, client: Client, bucket: str, source: Path, options: list[str]
) -> None:
    put_objects(client, bucket, {"p/a": b"1"})
    before = read_tree(source)
    for target in ("src", f"cos://{bucket}/p"):
        done = coskit("sync", "--delete", "--yes", *options, f"cos://{bucket}/typo", target)
        assert (done.status, done.output) == (1, "")
        assert f"cos://{bucket}/typo/: nothing is below it" in done.error
    assert (read_tree(source), read_objects(client, bucket)) == (before, {"p/a": b"1"})


@pytest.mark.parametrize(("options", "columns"), [(["--yes"], 0), ([], 80)])
def test_nothing_is_deleted_if_a_file_fails_and_the_rest_is_transferred(
    coskit: Coskit, client: Client, bucket: str, source: Path, options: list[str], columns: int
) -> None:
    put_objects(client, bucket, {"p/old": b"1"})
    (source / "dead").symlink_to("nowhere")
    words = ["sync", "--delete", *options, "src", f"cos://{bucket}/p"]
    done = coskit(*words, columns=columns) if columns else coskit(*words)
    assert done.status == 1
    assert "src/dead: No such file or directory" in done.error
    assert "nothing was deleted, because" in done.error
    assert {*read_objects(client, bucket, "p/")} == {"old", *FILES}


def test_names_limit_what_is_compared(
    coskit: Coskit, client: Client, bucket: str, source: Path
) -> None:
    words = ["sync", "--files-from", "-", "src", f"cos://{bucket}"]
    for expected in (1, 0):
        assert len(coskit(*words, stdin=b"s/b.csv\n").lines) == expected
    assert {*read_objects(client, bucket)} == {"s/b.csv"}


def test_json_ends_in_the_total(coskit: Coskit, bucket: str, source: Path) -> None:
    coskit("sync", "src", f"cos://{bucket}/p")
    write_tree(source, {"new": b"4444"})
    done = coskit("sync", "--json", "src", f"cos://{bucket}/p")
    assert [json.loads(line) for line in done.lines] == [
        {"type": "upload", "source": "src/new", "target": f"cos://{bucket}/p/new", "size": 4},
        {"type": "total", "transferred": 1, "bytes": 4, "unchanged": 3, "deleted": 0, "failed": 0},
    ]


def test_a_diff_has_a_line_for_each_file_and_changes_nothing(
    coskit: Coskit, client: Client, bucket: str, source: Path
) -> None:
    put_objects(client, bucket, {"p/a": b"longer", "p/extra": b"", "p/s/b.csv": b"22"})
    before = read_objects(client, bucket)
    done = coskit("diff", "src", f"cos://{bucket}/p")
    assert (done.status, done.error) == (1, "")
    assert sorted(done.lines) == [r"changed a", "extra   extra", r"new     $'line\nbreak'"]
    done = coskit("diff", "--json", f"cos://{bucket}/p", "src")
    assert sorted(map(json.loads, done.lines), key=str) == [
        {"type": "difference", "state": "different", "name": "a"},
        {"type": "difference", "state": "different", "name": "s/b.csv"},
        {"type": "difference", "state": "only-destination", "name": "line\nbreak"},
        {"type": "difference", "state": "only-source", "name": "extra"},
    ]
    assert coskit("diff", "-q", "src", f"cos://{bucket}/p").output == ""
    assert (read_objects(client, bucket), read_tree(source)) == (before, FILES)


def test_lines_of_a_terminal(
    coskit: Coskit,
    client: Client,
    bucket: str,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    put_objects(client, bucket, {"p/extra 1": b"", "p/s/b.csv": b"22", "p/a": b"1"})
    words = ["src", f"cos://{bucket}/p", "--size-only"]
    done = coskit("diff", *words, columns=80)
    assert done.lines == [r"new     $'line\nbreak'", "extra   'extra 1'"]
    done = coskit("sync", "--delete", *words, stdin=b"y\n", columns=80)
    *lines, total = done.lines
    assert lines == [
        rf"upload: $'src/line\nbreak' to $'cos://{bucket}/p/line\nbreak'",
        f"delete: 'cos://{bucket}/p/extra 1'",
    ]
    assert total.startswith("1 file uploaded, 1 B in 0.")
    assert total.endswith(" B/s, 2 unchanged, 1 deleted")


def test_equal_trees_have_no_diff(coskit: Coskit, bucket: str, source: Path) -> None:
    coskit("sync", "src", f"cos://{bucket}/p")
    for words in ([], ["--checksum"], ["--size-only"], ["--json"]):
        done = coskit("diff", *words, "src", f"cos://{bucket}/p/")
        assert (done.status, done.output, done.error) == (0, "", "")


TROUBLE = [
    ("diff src cos://none-1250000000/", 2, "NoSuchBucket"),
    ("diff src none", 2, "one side has to be in a bucket"),
    ("diff none cos://{b}", 2, "none does not exist"),
    ("sync none cos://{b}", 2, "none does not exist"),
    ("sync src/a cos://{b}", 2, "is not a directory"),
    ("sync --checksum --size-only src cos://{b}", 2, "exclude each other"),
    ("sync --delete --files-from - src cos://{b}", 2, "without --files-from"),
    ("sync src cos://{b}/a*", 2, "is a pattern: use a folder with --include"),
    ("sync src cos://none-1250000000/", 1, "NoSuchBucket"),
]


@pytest.mark.parametrize(("words", "status", "error"), TROUBLE)
def test_what_cannot_be_compared(
    coskit: Coskit, bucket: str, source: Path, words: str, status: int, error: str
) -> None:
    done = coskit(*words.format(b=bucket).split())
    assert (done.status, done.output) == (status, "")
    assert error in done.error
    assert done.error.count("\n") == 1
