"""`coskit mv` and `coskit rm`: what is gone afterwards, and what is not."""

import json
from pathlib import Path

import pytest

from coskit import Client
from tests.cli.conftest import Coskit
from tests.support.trees import put_objects, read_objects, read_tree, write_tree

FILES = {"a.txt": b"1", "s/b.csv": b"22", "line\nbreak": b"3"}


def test_trees_are_moved_each_way(
    coskit: Coskit, client: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "src", FILES)
    assert coskit("mv", "-r", source, f"cos://{bucket}/p").status == 0
    assert (read_tree(source), read_objects(client, bucket, "p/")) == ({}, FILES)
    assert coskit("mv", "-r", f"cos://{bucket}/p", f"cos://{bucket}/q/").status == 0
    assert read_objects(client, bucket) == {f"q/{name}": FILES[name] for name in FILES}
    assert coskit("mv", f"cos://{bucket}/q/*.txt", tmp_path / "d").status == 0
    assert coskit("mv", "-r", f"cos://{bucket}/q", tmp_path / "d").status == 0
    assert (read_tree(tmp_path / "d"), read_objects(client, bucket)) == (FILES, {})


def test_an_object_is_renamed_and_never_moved_to_itself(
    coskit: Coskit, client: Client, bucket: str
) -> None:
    put_objects(client, bucket, {"a": b"1"})
    done = coskit("mv", f"cos://{bucket}/a", f"cos://{bucket}/b")
    assert done.lines == [f"move: cos://{bucket}/a to cos://{bucket}/b"]
    done = coskit("mv", f"cos://{bucket}/b", f"cos://{bucket}/", "--storage-class", "STANDARD_IA")
    assert (done.status, "cannot be moved to itself" in done.error) == (1, True)
    assert read_objects(client, bucket) == {"b": b"1"}


def test_the_lines_of_a_move_on_a_terminal(
    coskit: Coskit, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write_tree(tmp_path / "src", {"a b": b"1"}))
    monkeypatch.setenv("TERM", "dumb")
    line, total = coskit("mv", "a b", f"cos://{bucket}/p/", columns=80).lines
    assert line == f"move: 'a b' to 'cos://{bucket}/p/a b'"
    assert total.startswith("1 file moved, 1 B in 0.")


def test_a_dry_run_of_a_move_does_nothing(
    coskit: Coskit, client: Client, bucket: str, tmp_path: Path
) -> None:
    source = write_tree(tmp_path / "src", {"a": b"1"})
    done = coskit("mv", "--json", "-nr", source, f"cos://{bucket}/p")
    assert json.loads(done.lines[0]) == {
        "type": "move",
        "source": f"{source}/a",
        "target": f"cos://{bucket}/p/a",
        "size": 1,
        "dry_run": True,
    }
    assert (read_tree(source), read_objects(client, bucket)) == ({"a": b"1"}, {})


@pytest.fixture
def filled(client: Client, bucket: str) -> str:
    """A bucket with a folder, and objects beside it."""
    names = ["a", "p", "p/", "p/a.txt", "p/s/b.csv", "p/line\nbreak", "px", "p/x[1].txt"]
    put_objects(client, bucket, dict.fromkeys(names, b""))
    return bucket


EVERYTHING = {"a", "p", "p/", "p/a.txt", "p/s/b.csv", "p/line\nbreak", "px", "p/x[1].txt"}
FOLDER = {name for name in EVERYTHING if name.startswith("p/")}
DELETIONS = [
    ("rm cos://{b}/a cos://{b}/px", {"a", "px"}),
    ("rm -ry cos://{b}/p", FOLDER),
    ("rm -ry cos://{b}/p/", FOLDER),
    ("rm -r --yes cos://{b}", EVERYTHING),
    ("rm -y cos://{b}/p/*.txt", {"p/a.txt", "p/x[1].txt"}),
    ("rm --raw cos://{b}/p/x[1].txt", {"p/x[1].txt"}),
    ("rm -ry --exclude * --include *.csv cos://{b}/p", {"p/s/b.csv"}),
    ("rm -ry cos://{b}/p/s*", {"p/s/b.csv"}),
    ("rm -rn cos://{b}/p", set()),
    ("rm cos://{b}/none", set()),
]


@pytest.mark.parametrize(("words", "gone"), DELETIONS, ids=[words for words, _ in DELETIONS])
def test_what_is_deleted(
    coskit: Coskit, client: Client, filled: str, words: str, gone: set[str]
) -> None:
    done = coskit(*words.format(b=filled).split())
    assert (done.status, done.error) == (0, "")
    assert EVERYTHING - {*read_objects(client, filled)} == gone


def test_an_empty_bucket_is_no_failure(coskit: Coskit, bucket: str) -> None:
    for words in (["rm", "-ry"], ["cp", "-r"]):
        target = ["down"] if words[0] == "cp" else []
        done = coskit(*words, f"cos://{bucket}/", *target)
        assert (done.status, done.output, done.error) == (0, "", "")


def test_each_deletion_is_a_line(coskit: Coskit, filled: str) -> None:
    done = coskit("rm", "-ry", f"cos://{filled}/p/")
    assert done.lines == [
        f"delete: cos://{filled}/p/",
        f"delete: cos://{filled}/p/a.txt",
        rf"delete: $'cos://{filled}/p/line\nbreak'",
        f"delete: cos://{filled}/p/s/b.csv",
        f"delete: cos://{filled}/p/x[1].txt",
    ]


def test_names_to_delete_come_from_a_list(coskit: Coskit, client: Client, filled: str) -> None:
    words = ["rm", "--yes", "--files-from", "-", "-0", f"cos://{filled}/p"]
    assert coskit(*words, stdin=b"line\nbreak\0a.txt\0").status == 0
    assert EVERYTHING - {*read_objects(client, filled)} == {"p/line\nbreak", "p/a.txt"}


def test_an_excluded_name_is_not_deleted(coskit: Coskit, client: Client, filled: str) -> None:
    places = [f"cos://{filled}/{name}" for name in ("p/a.txt", "p/s/b.csv")]
    assert coskit("rm", *places, "--exclude", "b.csv").status == 0
    assert EVERYTHING - {*read_objects(client, filled)} == {"p/a.txt"}


def test_an_excluded_name_is_not_moved(coskit: Coskit, client: Client, filled: str) -> None:
    places = [f"cos://{filled}/{name}" for name in ("p/a.txt", "p/s/b.csv")]
    assert coskit("mv", *places, f"cos://{filled}/q/", "--exclude", "b.csv").status == 0
    assert {*read_objects(client, filled)} == EVERYTHING - {"p/a.txt"} | {"q/a.txt"}


OUTSIDE = [
    (
        "cos://{b}/p",
        "cos://{b}/x1",
        "'cos://{b}/x1' in the list of names is not below cos://{b}/p/",
    ),
    ("cos://{b}", "cos://other-1250000000/x", "is not below cos://{b}/"),
    ("cos://", "cos://{b}/p/a.txt", "cos:// names no bucket"),
]


@pytest.mark.parametrize(("place", "name", "error"), OUTSIDE)
def test_locations_outside_are_not_said_to_be_deleted(
    coskit: Coskit, client: Client, filled: str, place: str, name: str, error: str
) -> None:
    words = ["rm", "--yes", "--files-from", "-", place.format(b=filled)]
    done = coskit(*words, stdin=name.format(b=filled).encode())
    assert (done.status, done.output) == (2, "")
    assert error.format(b=filled) in done.error
    assert {*read_objects(client, filled)} == EVERYTHING


def test_versions_are_deleted_for_good(coskit: Coskit, client: Client, bucket: str) -> None:
    client.put_bucket_versioning(bucket, "Enabled")
    put_objects(client, bucket, {"p/a": b"1", "p/ab": b"2"})
    put_objects(client, bucket, {"p/a": b"3"})
    assert coskit("rm", f"cos://{bucket}/p/a").status == 0
    assert len(list(client.iter_versions(bucket))) == 4
    done = coskit("rm", "--versions", "-y", "--json", f"cos://{bucket}/p/a")
    assert [json.loads(line)["type"] for line in done.lines] == ["delete"] * 3 + ["total"]
    [left] = client.iter_versions(bucket)
    assert left["Key"] == "p/ab"
    coskit("rm", "--version-id", left["VersionId"], f"cos://{bucket}/p/ab")
    assert list(client.iter_versions(bucket)) == []


def test_a_terminal_is_asked_before_much_is_deleted(
    coskit: Coskit, client: Client, filled: str
) -> None:
    done = coskit("rm", "-r", f"cos://{filled}/p", stdin=b"n\n", columns=80)
    assert (done.status, done.output) == (1, "")
    assert f"Delete everything below cos://{filled}/p/? [y/N]" in done.error
    assert {*read_objects(client, filled)} == EVERYTHING
    done = coskit("rm", "-r", f"cos://{filled}/p", stdin=b"y\n", columns=80)
    assert (done.status, done.lines) == (0, ["5 files deleted"])


FAILURES = [
    ("rm -r cos://{b}/p", 2, "add --yes"),
    ("rm cos://{b}/*", 2, "add --yes"),
    ("rm cos://{b}/p/", 2, "is a folder: add -r"),
    ("rm cos://{b}", 2, "is a folder: add -r"),
    ("rm a.txt", 2, "is not a location"),
    ("rm cos://", 2, "names no bucket"),
    ("rm --version-id 1 cos://{b}/a cos://{b}/p", 2, "for a single object"),
    ("rm -y cos://{b}/none*", 1, "nothing matches it"),
    ("rm -ry cos://{b}/none", 1, "nothing is below it"),
    ("rm cos://none-1250000000/a", 1, "NoSuchBucket"),
]


@pytest.mark.parametrize(("words", "status", "error"), FAILURES)
def test_what_is_refused_deletes_nothing(
    coskit: Coskit, client: Client, filled: str, words: str, status: int, error: str
) -> None:
    done = coskit(*words.format(b=filled).split())
    assert (done.status, done.output) == (status, "")
    assert error in done.error
    assert {*read_objects(client, filled)} == EVERYTHING
