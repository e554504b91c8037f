"""`coskit cp`: which names are formed, what is printed, what fails while the rest goes on."""

import json
import os
from pathlib import Path

import pytest

from coskit import Client
from tests.cli.conftest import Coskit
from tests.support.trees import put_objects, read_objects, read_tree, write_tree

FILES = {
    "-dash": b"1",
    "a.txt": b"22",
    "glob*?[x].txt": b"3",
    "line\nbreak": b"4",
    "s/b.csv": b"55555",
    "with space/+ c.html": b"6",
    "中.txt": b"7",
}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of files, below the working directory."""
    monkeypatch.chdir(tmp_path)
    return write_tree(tmp_path / "src", FILES)


@pytest.fixture
def filled(client: Client, bucket: str) -> str:
    """A bucket with the same files below `p/`."""
    put_objects(client, bucket, {f"p/{name}": content for name, content in FILES.items()})
    return bucket


NAMES = [
    ("cp src/a.txt cos://{b}/new", {"new": b"22"}),
    ("cp src/a.txt cos://{b}", {"a.txt": b"22"}),
    ("cp src/a.txt cos://{b}/", {"a.txt": b"22"}),
    ("cp src/a.txt cos://{b}/d/", {"d/a.txt": b"22"}),
    ("cp src/a.txt src/s/b.csv cos://{b}/d", {"d/a.txt": b"22", "d/b.csv": b"55555"}),
    ("cp -r src/s cos://{b}/d", {"d/b.csv": b"55555"}),
    ("cp -r src/s/ cos://{b}/d/", {"d/b.csv": b"55555"}),
    ("cp -r src/s src/a.txt cos://{b}/d", {"d/s/b.csv": b"55555", "d/a.txt": b"22"}),
    ("cp -r src cos://{b}", FILES),
    ("cp -r --exclude * --include *.csv src cos://{b}", {"s/b.csv": b"55555"}),
    ("cp -r --include *.csv --exclude * src cos://{b}", {}),
    ("cp -r --exclude=* --include=*.txt --exclude=g* src cos://{b}", {"a.txt": 0, "中.txt": 0}),
    ("cp -- src/-dash cos://{b}/-d", {"-d": b"1"}),
]


@pytest.mark.parametrize(("words", "expected"), NAMES, ids=[words for words, _ in NAMES])
def test_uploads_get_their_names(
    coskit: Coskit,
    client: Client,
    bucket: str,
    source: Path,
    words: str,
    expected: dict[str, bytes],
) -> None:
    done = coskit(*words.format(b=bucket).split(" "))
    assert (done.status, done.error) == (0, "")
    assert {*read_objects(client, bucket)} == {*expected}
    for name, content in expected.items():
        assert client.get_object(bucket, name)["Body"].read() == content or not content


DOWNLOADS = [
    ("cp cos://{b}/p/a.txt new", {"new"}),
    ("cp cos://{b}/p/a.txt there", {"there/a.txt"}),
    ("cp cos://{b}/p/a.txt made/", {"made/a.txt"}),
    ("cp cos://{b}/p/a.txt cos://{b}/p/s/b.csv there", {"there/a.txt", "there/b.csv"}),
    ("cp -r cos://{b}/p d", {f"d/{name}" for name in FILES}),
    ("cp -r cos://{b}/p/s/ d/", {"d/b.csv"}),
    ("cp -r cos://{b} d", {f"d/p/{name}" for name in FILES}),
    ("cp cos://{b}/p/*.txt d", {"d/a.txt", "d/glob*?[x].txt", "d/中.txt"}),
    ("cp cos://{b}/p/?.txt d", {"d/a.txt", "d/中.txt"}),
    ("cp cos://{b}/*/s/*.csv d", {"d/p/s/b.csv"}),
    ("cp cos://{b}/p/s* d -r", {"d/s/b.csv"}),
    ("cp --raw cos://{b}/p/glob*?[x].txt d", {"d"}),
]


@pytest.mark.parametrize(("words", "expected"), DOWNLOADS, ids=[words for words, _ in DOWNLOADS])
def test_downloads_get_their_names(
    coskit: Coskit,
    filled: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    expected: set[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    done = coskit(*words.format(b=filled).split(" "))
    assert (done.status, done.error) == (0, "")
    assert {*read_tree(tmp_path)} == expected


def test_copies_between_folders_keep_or_change_what_the_options_say(
    coskit: Coskit, client: Client, bucket: str
) -> None:
    client.put_object(bucket, b"1", "a", CacheControl="max-age=1", Metadata={"x-cos-meta-k": "v"})
    coskit("cp", f"cos://{bucket}/a", f"cos://{bucket}/kept", "--storage-class", "STANDARD_IA")
    head = client.head_object(bucket, "kept")
    assert (head.get("x-cos-meta-k"), head["x-cos-storage-class"]) == ("v", "STANDARD_IA")
    coskit("cp", f"cos://{bucket}/a", f"cos://{bucket}/new", "--meta", "n=1", "--content-type=x/y")
    head = client.head_object(bucket, "new")
    assert (head.get("x-cos-meta-k"), head.get("x-cos-meta-n")) == (None, "1")
    assert head["Content-Type"] == "x/y"


def test_the_type_is_guessed_unless_it_is_given(
    coskit: Coskit, client: Client, bucket: str, source: Path
) -> None:
    coskit("cp", source / "s/b.csv", f"cos://{bucket}/x.html", "--cache-control", "no-cache")
    head = client.head_object(bucket, "x.html")
    assert (head["Content-Type"], head.get("Cache-Control")) == ("text/html", "no-cache")


def test_a_line_for_each_action_in_a_pipe(coskit: Coskit, bucket: str, source: Path) -> None:
    done = coskit("cp", "-r", "src", f"cos://{bucket}/d/")
    shown = {name: f"src/{name} to cos://{bucket}/d/{name}" for name in FILES}
    shown["line\nbreak"] = rf"$'src/line\nbreak' to $'cos://{bucket}/d/line\nbreak'"
    assert sorted(done.lines) == sorted(f"upload: {line}" for line in shown.values())


def test_the_lines_of_a_terminal_without_moving_lines_end_in_a_total(
    coskit: Coskit, bucket: str, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    done = coskit("cp", "src/a.txt", "src/with space/+ c.html", f"cos://{bucket}/d/", columns=80)
    *lines, total = done.lines
    assert sorted(lines) == [
        f"upload: 'src/with space/+ c.html' to 'cos://{bucket}/d/+ c.html'",
        f"upload: src/a.txt to cos://{bucket}/d/a.txt",
    ]
    assert total.startswith("2 files uploaded, 3 B in 0.")
    assert done.error == ""


def test_a_terminal_shows_a_bar_and_then_only_the_total(
    coskit: Coskit, bucket: str, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    done = coskit("cp", "-r", "src", f"cos://{bucket}/d/", columns=80)
    assert [line.partition(",")[0] for line in done.lines] == ["7 files uploaded"]
    assert "7 done" in done.error


@pytest.mark.parametrize("words", [["--quiet"], ["--json"], ["--dry-run"]])
def test_nothing_moves_if_other_output_is_wanted(
    coskit: Coskit, bucket: str, source: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    done = coskit("cp", *words, "src/a.txt", f"cos://{bucket}/d/", columns=80)
    assert done.error == ""
    assert len(done.lines) == {"--quiet": 0, "--json": 2, "--dry-run": 1}[words[0]]


def test_json_has_an_object_for_each_action_failure_and_the_total(
    coskit: Coskit, bucket: str, source: Path
) -> None:
    done = coskit("cp", "--json", "src/a.txt", "src/none", f"cos://{bucket}/d/")
    facts = sorted((json.loads(line) for line in done.lines), key=lambda found: found["type"])
    assert facts == [
        {
            "type": "failure",
            "source": "src/none",
            "code": "FileNotFoundError",
            "message": "src/none: No such file or directory",
        },
        {"type": "total", "transferred": 1, "bytes": 2, "unchanged": 0, "deleted": 0, "failed": 1},
        {
            "type": "upload",
            "source": "src/a.txt",
            "target": f"cos://{bucket}/d/a.txt",
            "size": 2,
        },
    ]
    assert done.status == 1


def test_a_dry_run_prints_a_line_an_action_and_does_nothing(
    coskit: Coskit, client: Client, filled: str, source: Path
) -> None:
    before = read_objects(client, filled)
    done = coskit("cp", "-n", "src/a.txt", f"cos://{filled}/d/")
    assert done.lines == [f"(dry run) upload: src/a.txt to cos://{filled}/d/a.txt"]
    done = coskit("cp", "-nr", f"cos://{filled}/p/s/", "down")
    assert done.lines == [f"(dry run) download: cos://{filled}/p/s/b.csv to down/b.csv"]
    assert read_objects(client, filled) == before
    assert coskit("cp", "-n", f"cos://{filled}/p/a.txt", "down/").status == 0
    assert not Path("down").exists()


def test_failures_come_last_with_their_reasons_while_the_rest_goes_on(
    coskit: Coskit, client: Client, bucket: str, source: Path
) -> None:
    os.mkfifo(source / "fifo")
    (source / "dead").symlink_to("nowhere")
    done = coskit("cp", "-r", "src", f"cos://{bucket}")
    assert done.status == 1
    assert done.error.splitlines() == [
        "coskit: src/dead: No such file or directory",
        "coskit: src/fifo: 'src/fifo' cannot be uploaded: it is not a regular file",
        "coskit: 2 failed",
    ]
    assert read_objects(client, bucket) == FILES


def test_a_reader_that_ends_ends_the_transfer(coskit: Coskit, bucket: str, source: Path) -> None:
    for words in (["cp", "-nr", "src", f"cos://{bucket}"], ["diff", "src", f"cos://{bucket}"]):
        done = coskit.into_closed_pipe(*words)
        assert (done.status, done.error) == (141, "")


LISTS = [
    (b"a.txt\ns/b.csv\r\n\n", [], {"a.txt", "s/b.csv"}),
    (b"line\nbreak\0a.txt", ["--null"], {"line\nbreak", "a.txt"}),
    (b"a.txt\0s/b.csv\0", ["-0", "--exclude", "*.csv"], {"a.txt"}),
    (b"./a.txt\n././s/b.csv\n.//-dash\n", [], {"a.txt", "s/b.csv", "-dash"}),
]


@pytest.mark.parametrize(("names", "options", "expected"), LISTS)
def test_names_come_from_standard_input(
    coskit: Coskit,
    client: Client,
    bucket: str,
    source: Path,
    names: bytes,
    options: list[str],
    expected: set[str],
) -> None:
    words = ["cp", "--files-from", "-", *options, "src", f"cos://{bucket}"]
    done = coskit(*words, stdin=names)
    assert (done.status, done.error) == (0, "")
    assert {*read_objects(client, bucket)} == expected


def test_names_come_from_a_file_and_each_is_checked(
    coskit: Coskit, filled: str, tmp_path: Path
) -> None:
    (tmp_path / "names").write_text("a.txt\n../x\nnone\n")
    words = ["--files-from", tmp_path / "names", f"cos://{filled}/p", tmp_path / "d"]
    done = coskit("cp", *words)
    assert done.status == 1
    assert [line.split(": ")[1] for line in done.error.splitlines()[:2]] == [
        f"cos://{filled}/p/../x",
        f"cos://{filled}/p/none",
    ]
    assert read_tree(tmp_path / "d") == {"a.txt": b"22"}


def test_names_may_be_the_locations_that_find_prints(
    coskit: Coskit, filled: str, tmp_path: Path
) -> None:
    for place in (f"cos://{filled}", f"cos://{filled}/p", f"cos://{filled}/p/"):
        found = coskit("find", "--name", "*.csv", "-0", place)
        done = coskit("cp", "--files-from", "-", "-0", place, tmp_path / "d", stdin=found.raw)
        assert (done.status, done.error) == (0, "")
    assert {*read_tree(tmp_path / "d")} == {"p/s/b.csv", "s/b.csv"}


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "s/../a.txt"])
def test_names_of_files_stay_below_the_directory(
    coskit: Coskit, bucket: str, source: Path, name: str
) -> None:
    done = coskit("cp", "--files-from", "-", "src", f"cos://{bucket}", stdin=name.encode())
    assert (done.status, done.output) == (1, "")
    assert f"{name!r} is not the name of a file below src" in done.error


def test_streams_go_both_ways(coskit: Coskit, client: Client, bucket: str, tmp_path: Path) -> None:
    content = bytes(range(256)) * 50_000
    coskit("cp", "-", f"cos://{bucket}/k.html")
    assert client.head_object(bucket, "k.html")["Content-Type"] == "text/html"
    done = coskit("cp", "-", f"cos://{bucket}/k", "--meta", "a=b", stdin=content)
    assert (done.status, done.raw, done.error) == (0, b"", "")
    assert client.head_object(bucket, "k").get("x-cos-meta-a") == "b"
    assert coskit("cp", f"cos://{bucket}/k", "-").raw == content
    done = coskit("cp", "--json", "-", f"cos://{bucket}/k", stdin=b"123")
    facts = {"type": "upload", "source": "-", "target": f"cos://{bucket}/k", "size": 3}
    assert json.loads(done.output) == facts


def test_an_older_version_is_copied(
    coskit: Coskit, client: Client, bucket: str, tmp_path: Path
) -> None:
    client.put_bucket_versioning(bucket, "Enabled")
    version = client.put_object(bucket, b"old", "k")["x-cos-version-id"]
    client.put_object(bucket, b"new", "k")
    coskit("cp", "--version-id", version, f"cos://{bucket}/k", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"old"
    coskit("cp", "--version-id", version, f"cos://{bucket}/k", f"cos://{bucket}/copy")
    assert coskit("cp", "--version-id", version, f"cos://{bucket}/k", "-").raw == b"old"
    assert client.get_object(bucket, "copy")["Body"].read() == b"old"


def test_a_link_as_destination_leads_to_its_file(
    coskit: Coskit, filled: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"before")
    (tmp_path / "link").symlink_to("file")
    assert coskit("cp", f"cos://{filled}/p/a.txt", tmp_path / "link").status == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"22"


USAGE = [
    ("cp src cos://{b}/p", "src is a directory: add -r"),
    ("cp cos://{b}/p/ .", "is a folder: add -r"),
    ("cp cos://{b} .", "is a folder: add -r"),
    ("cp src/a.txt there", "one side has to be in a bucket"),
    ("cp src/a.txt", "Missing argument"),
    ("cp - -", "- stands for one side of a cp with one source"),
    ("cp - cos://{b}/", "names no key"),
    ("cp -r - cos://{b}/k", "without -r"),
    ("cp src/a.txt cos://", "names no bucket"),
    ("cp --storage-class ARCHIVE cos://{b}/k f", "--storage-class is for uploads and copies"),
    ("cp --meta a cos://{b}/k cos://{b}/l", "--meta is written NAME=VALUE"),
    ("cp --part-size x src/a.txt cos://{b}/l", "a size is written like"),
    ("cp --limit-rate -1 src/a.txt cos://{b}/l", "a size is written like"),
    ("cp --limit-rate 0 src/a.txt cos://{b}/l", "at least a byte a second"),
    ("cp --version-id 1 -r cos://{b}/p d", "--version-id is for a single object"),
    ("cp --files-from - src src cos://{b}", "--files-from takes one SOURCE"),
    ("cp -r none cos://{b}/p", "none does not exist"),
    ("cp src/a.txt s3://{b}/p", "s3:// needs --dialect s3"),
    ("cp cos://{b}/k cos:/{b}/l", "cos:/{b}/l is not a location such as cos://bucket/key"),
    ("mv -r cos://{b}/p oss://{b}/p", "a path is written ./oss://{b}/p"),
    ("sync cos://{b}/p Cos://{b}/q", "Cos://{b}/q is not a location"),
]


@pytest.mark.parametrize(("words", "error"), USAGE, ids=[words for words, _ in USAGE])
def test_wrong_arguments_are_refused_before_anything_is_sent(
    coskit: Coskit, bucket: str, source: Path, words: str, error: str
) -> None:
    done = coskit(*words.format(b=bucket).split())
    assert (done.status, done.output) == (2, "")
    assert error.format(b=bucket) in done.error
    assert done.error.count("\n") == 1


FAILURES = [
    ("cp gone cos://{b}/k", "coskit: gone: No such file or directory"),
    ("cp ./gone cos://{b}/k", "coskit: gone: No such file or directory"),
    ("cp cos://{b}/none f", "none: there is no such object; if it is a folder, add -r"),
    ("cp cos://{b}/none* f", "none*': nothing matches it"),
    ("cp -r cos://{b}/none f", "cos://{b}/none/: nothing is below it"),
    ("cp cos://{b}/none -", "NoSuchKey"),
    ("cp -r src cos://none-1250000000/", "coskit: NoSuchBucket: "),
    ("cp cos://{b}/k src/a.txt/f", "coskit: src/a.txt: Not a directory"),
    ("cp -r cos://{b}/k src/a.txt", "coskit: src/a.txt: Not a directory"),
    ("cp -r src cos://{b}/p --endpoint http://127.0.0.1:9", "coskit: no connection to 127.0.0.1:9"),
]


@pytest.mark.parametrize(("words", "error"), FAILURES, ids=[words for words, _ in FAILURES])
def test_what_fails_is_one_line(
    coskit: Coskit, bucket: str, source: Path, words: str, error: str
) -> None:
    done = coskit(*words.format(b=bucket).split())
    assert (done.status, done.output) == (1, "")
    assert error.format(b=bucket) in done.error
    assert done.error.count("\n") == 1
    assert not Path("f").exists()
