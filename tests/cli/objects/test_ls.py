"""`coskit ls`: its lines in a pipe, on a terminal and in JSON."""

import json
import re

import pytest

from coskit import Client
from coskit.cli.objects import listing
from tests.cli.conftest import Coskit

KEYS = (
    "a.txt",
    "docs/b c.txt",
    "docs/x1.csv",
    "docs/x22.csv",
    "docs/sub/x1.csv",
    "中文.txt",
    "z\nz",
)
DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@pytest.fixture
def filled(client: Client, bucket: str) -> str:
    """A bucket with objects of 3 bytes."""
    for key in KEYS:
        client.put_object(bucket, b"abc", key)
    return bucket


def dated(lines: list[str]) -> list[str]:
    """Return lines with DATE in the place of each date."""
    return [DATE.sub("DATE", line) for line in lines]


LISTINGS = {
    "": ["DATE             3  a.txt", " " * 30 + "DIR  docs/"],
    "/docs/": [
        "DATE             3  b c.txt",
        " " * 30 + "DIR  sub/",
        "DATE             3  x1.csv",
        "DATE             3  x22.csv",
    ],
    "/docs/x2": ["DATE             3  x22.csv"],
    "/docs/x?.csv": ["DATE             3  docs/x1.csv"],
    "/**x1.csv": ["DATE             3  docs/sub/x1.csv", "DATE             3  docs/x1.csv"],
}


@pytest.mark.parametrize("place", LISTINGS)
def test_a_listing_in_a_pipe(coskit: Coskit, filled: str, place: str) -> None:
    done = coskit("ls", f"cos://{filled}{place}")
    assert (done.status, done.error) == (0, "")
    assert dated(done.lines)[: len(LISTINGS[place])] == LISTINGS[place]


def test_a_terminal_shows_odd_names_as_a_shell_reads_them(coskit: Coskit, filled: str) -> None:
    done = coskit("ls", f"cos://{filled}/", columns=80)
    assert dated(done.lines)[2:] == ["DATE             3  $'z\\nz'", "DATE             3  中文.txt"]


def test_recursive_lists_whole_keys_and_a_total(coskit: Coskit, filled: str) -> None:
    done = coskit("ls", "-rsh", f"cos://{filled}/docs/")
    assert dated(done.lines) == [
        "DATE           3 B  docs/b c.txt",
        "DATE           3 B  docs/sub/x1.csv",
        "DATE           3 B  docs/x1.csv",
        "DATE           3 B  docs/x22.csv",
        "4 entries, 12 B",
    ]


def test_json_has_one_object_a_line(coskit: Coskit, filled: str) -> None:
    done = coskit("ls", "--json", f"cos://{filled}/")
    listed = [json.loads(line) for line in done.lines]
    assert [(entry["type"], entry["key"]) for entry in listed] == [
        ("object", "a.txt"),
        ("folder", "docs/"),
        ("object", "z\nz"),
        ("object", "中文.txt"),
    ]
    assert listed[0]["size"] == 3
    assert listed[0]["storage_class"] == "STANDARD"
    assert listed[0]["etag"] == "900150983cd24fb0d6963f7d28e17f72"


def test_buckets_are_listed_with_their_region(coskit: Coskit, bucket: str) -> None:
    line = next(line for line in coskit("ls").lines if line.endswith(bucket))
    assert DATE.sub("DATE", line) == f"DATE  ap-local        {bucket}"


def test_versions_show_markers_and_the_latest(coskit: Coskit, client: Client, bucket: str) -> None:
    client.put_bucket_versioning(bucket, "Enabled")
    client.put_object(bucket, b"one", "k")
    client.delete_object(bucket, "k")
    done = coskit("ls", "--versions", "--json", f"cos://{bucket}/k")
    kinds = [(entry["type"], entry["is_latest"]) for entry in map(json.loads, done.lines)]
    assert kinds == [("delete marker", True), ("version", False)]


FAILURES = [
    ("ls cos://{b}/none", 1, ""),
    ("ls cos://{b}/n*", 1, ""),
    ("ls cos://missing-1250000000/", 1, "NoSuchBucket"),
    ("ls s3://{b}/", 2, "s3:// needs --dialect s3"),
    ("ls {b}", 2, "is not a location such as cos://bucket/key"),
    ("ls cos://{b}/[z-a]", 2, "'[z-a]' is a malformed pattern: bad character range z-a"),
    ("ls cos://{b}/[a&&b]", 1, ""),
    ("ls cos:///key", 2, "names no bucket"),
    ("--endpoint http://127.0.0.1:9 ls cos://{b}", 1, "no connection to 127.0.0.1:9"),
]


@pytest.mark.parametrize(("words", "status", "error"), FAILURES)
def test_what_cannot_be_listed(
    coskit: Coskit, bucket: str, words: str, status: int, error: str
) -> None:
    done = coskit(*words.format(b=bucket).split())
    assert done.status == status
    assert error in done.error
    assert done.error.count("\n") == bool(error)


@pytest.mark.parametrize("options", ["-r", "--versions"])
def test_pages_are_joined(
    coskit: Coskit, filled: str, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    monkeypatch.setattr(listing, "PAGE", 2)
    done = coskit("ls", "--json", options, f"cos://{filled}")
    keys = [json.loads(line)["key"] for line in done.lines]
    assert keys == sorted(KEYS, key=lambda key: key.encode())


def test_a_closed_pipe_ends_a_listing_quietly(coskit: Coskit, filled: str) -> None:
    done = coskit.into_closed_pipe("ls", f"cos://{filled}")
    assert (done.status, done.error) == (141, "")


def test_an_empty_bucket_is_no_lines_and_no_failure(coskit: Coskit, bucket: str) -> None:
    done = coskit("ls", f"cos://{bucket}")
    assert (done.status, done.raw, done.error) == (0, b"", "")
    assert coskit("ls", "--versions", f"cos://{bucket}").raw == b""
    assert coskit("ls", "--json", f"cos://{bucket}").raw == b""
    assert coskit("ls", "-s", f"cos://{bucket}").output == "0 entries, 0 bytes\n"


def test_columns_are_aligned(coskit: Coskit, client: Client, bucket: str) -> None:
    client.put_object(bucket, b"abc", "a")
    client.put_object(bucket, b"abcd", "b", StorageClass="MAZ_INTELLIGENT_TIERING")
    done = coskit("ls", "-l", f"cos://{bucket}", columns=80)
    assert dated(done.lines) == [
        "DATE             3  STANDARD                 a",
        "DATE             4  MAZ_INTELLIGENT_TIERING  b",
    ]
