"""`coskit find`: its conditions, its output and the pages it leaves out."""

import json
import logging
import re

import pytest

from coskit import Client
from coskit.cli.objects import listing
from tests.cli.conftest import Coskit

KEYS = {
    "A.CSV": 5,
    "docs/": 0,
    "docs/b c.txt": 1500,
    "docs/old/1/x.csv": 1024,
    "docs/old/2/y.csv": 3000,
    "docs/old2/z": 1,
    "z\nz/q[1].gz": 7,
    "中文/a.csv": 5,
}
ALL = [*KEYS]
FOLDERS = ["docs/", "docs/old/", "docs/old/1/", "docs/old/2/", "docs/old2/", "z\nz/", "中文/"]


@pytest.fixture
def filled(client: Client, bucket: str) -> str:
    """A bucket with objects, one of them archived."""
    for key, size in KEYS.items():
        client.put_object(bucket, bytes(size), key)
    client.put_object(bucket, b"z", "docs/old2/z", StorageClass="ARCHIVE")
    return bucket


def found(coskit: Coskit, *words: str) -> list[str]:
    """Return the keys that a search prints, exactly."""
    done = coskit("find", "-0", *words)
    assert (done.status, done.error) == (0, "")
    return [re.sub("^cos://[^/]*/", "", place) for place in done.output.split("\0")[:-1]]


SEARCHES = [
    ("", ALL),
    ("--name *.csv", ["docs/old/1/x.csv", "docs/old/2/y.csv", "中文/a.csv"]),
    ("--iname *.csv --name ?.*", ["A.CSV", "docs/old/1/x.csv", "docs/old/2/y.csv", "中文/a.csv"]),
    ("--name *.gz --name [ab]*", ["docs/b c.txt", "z\nz/q[1].gz", "中文/a.csv"]),
    ("--name docs", ["docs/"]),
    ("--path docs/*", ["docs/", "docs/b c.txt"]),
    ("--path docs/** --type f --size +1000", ["docs/b c.txt", *ALL[3:5]]),
    (r"--regex ^docs/.*\.csv$", ["docs/old/1/x.csv", "docs/old/2/y.csv"]),
    ("--regex q\\[", ["z\nz/q[1].gz"]),
    ("--size +1k", ["docs/b c.txt", "docs/old/2/y.csv"]),
    ("--size 1KiB", ["docs/old/1/x.csv"]),
    ("--size -6 --size +1", ["A.CSV", "中文/a.csv"]),
    ("--newer 1h", ALL),
    ("--older 1h", []),
    ("--older 2020-01-01", []),
    ("--newer 2020-01-01", ALL),
    ("--storage-class archive", ["docs/old2/z"]),
    ("--storage-class ARCHIVE --storage-class standard", ALL),
    ("--max-depth 1", ["A.CSV", "docs/"]),
    ("--max-depth 2 --name ?*", [*ALL[:3], "z\nz/q[1].gz", "中文/a.csv"]),
    ("--type d", FOLDERS),
    ("--type folder --max-depth 1", ["docs/", "z\nz/", "中文/"]),
    ("--type d --max-depth 2 --name o*", ["docs/old/", "docs/old2/"]),
]


@pytest.mark.parametrize("page", [1000, 2])
@pytest.mark.parametrize(("words", "keys"), SEARCHES)
def test_a_search(
    coskit: Coskit,
    filled: str,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    keys: list[str],
    page: int,
) -> None:
    monkeypatch.setattr(listing, "PAGE", page)
    assert found(coskit, *words.split(), f"cos://{filled}") == keys


PLACES = [
    ("/docs/old", 1, []),
    ("/docs/old", 2, ["docs/old2/z"]),
    ("/docs/", 1, ["docs/", "docs/b c.txt"]),
    ("/docs/", 3, ["docs/", "docs/b c.txt", "docs/old/1/x.csv", "docs/old/2/y.csv", "docs/old2/z"]),
    ("/**.csv", 2, ["中文/a.csv"]),
    ("/none", 1, []),
]


@pytest.mark.parametrize(("place", "depth", "keys"), PLACES)
def test_depth_counts_from_where_the_search_begins(
    coskit: Coskit, filled: str, place: str, depth: int, keys: list[str]
) -> None:
    assert found(coskit, "--max-depth", str(depth), f"cos://{filled}{place}") == keys


def test_deep_folders_are_not_listed(
    coskit: Coskit, client: Client, bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(30):
        client.put_object(bucket, b"", f"deep/{number:02}")
    client.put_object(bucket, b"", "deep0")
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.DEBUG, "coskit"):
        patch.setattr(listing, "PAGE", 2)
        assert found(coskit, "--max-depth", "1", f"cos://{bucket}") == ["deep0"]
    assert len([line for line in caplog.messages if line.startswith("list_objects")]) == 2


def test_lines_on_a_terminal_and_in_json(coskit: Coskit, filled: str) -> None:
    done = coskit("find", "--size=+4", "--size=-8", f"cos://{filled}", columns=80)
    assert done.output.replace(filled, "B") == (
        "cos://B/A.CSV\n$'cos://B/z\\nz/q[1].gz'\ncos://B/中文/a.csv\n"
    )
    done = coskit("find", "--json", "--name", "A*", f"cos://{filled}")
    facts = json.loads(done.output)
    assert facts.pop("modified")
    assert facts == {
        "location": f"cos://{filled}/A.CSV",
        "type": "object",
        "key": "A.CSV",
        "size": 5,
        "etag": facts["etag"],
        "storage_class": "STANDARD",
    }


def test_versions_and_delete_markers(coskit: Coskit, client: Client, bucket: str) -> None:
    client.put_bucket_versioning(bucket, "Enabled")
    first = client.put_object(bucket, b"one", "k")["x-cos-version-id"]
    client.put_object(bucket, b"three", "k")
    client.delete_object(bucket, "k")
    place = f"cos://{bucket}"
    assert found(coskit, "--versions", place) == ["k"] * 3
    assert coskit("find", place).raw == b""
    assert coskit("find", "--versions", "--size", "3", place).output.split() == [
        first,
        f"{place}/k",
    ]
    marker = json.loads(coskit("find", "--versions", "--type=marker", "--json", place).output)
    assert (marker["type"], marker["is_latest"]) == ("delete marker", True)


FAILURES = [
    ("cos://", 2, "names no bucket"),
    ("cos://missing-1250000000", 1, "NoSuchBucket"),
    ("--size x cos://{b}", 2, "a size is written like"),
    ("--newer x cos://{b}", 2, "a date is written like"),
    ("--regex ( cos://{b}", 2, "'(' is not a regular expression"),
    ("--type d --size 1 cos://{b}", 2, "folders have neither a size nor a date"),
    ("--type d --versions cos://{b}", 2, "folders have neither a storage class nor versions"),
    ("--type marker cos://{b}", 2, "--type marker needs --versions"),
    ("--type x cos://{b}", 2, "'x' is not one of"),
    ("--max-depth 0 cos://{b}", 2, "--max-depth"),
]


@pytest.mark.parametrize(("words", "status", "error"), FAILURES)
def test_what_cannot_be_searched(
    coskit: Coskit, bucket: str, words: str, status: int, error: str
) -> None:
    done = coskit("find", *words.format(b=bucket).split())
    assert (done.status, error in done.error) == (status, True), done.error
    assert done.error.count("\n") == 1


def test_a_closed_pipe_ends_a_search_quietly(coskit: Coskit, filled: str) -> None:
    done = coskit.into_closed_pipe("find", f"cos://{filled}")
    assert (done.status, done.error) == (141, "")
