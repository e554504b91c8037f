"""`coskit du` and `coskit tree`: sums of folders, in a pipe, on a terminal and in JSON."""

import json

import pytest

from coskit import Client
from tests.cli.conftest import Coskit

KEYS = {
    "a.txt": 1,
    "docs/": 0,
    "docs/b c.txt": 1500,
    "docs/sub//q": 2,
    "docs/sub/y/z": 3,
    "docs2/x": 4,
    "中文/z\nz": 5,
}


@pytest.fixture
def filled(client: Client, bucket: str) -> str:
    """A bucket with folders."""
    for key, size in KEYS.items():
        client.put_object(bucket, bytes(size), key)
    return bucket


SUMS = {
    ("", "--depth=0"): ["          1515          7  cos://B"],
    ("",): [
        "          1505          4  cos://B/docs/",
        "             4          1  cos://B/docs2/",
        "             5          1  cos://B/中文/",
        "          1515          7  cos://B",
    ],
    ("/docs/", "-h", "--depth", "2"): [
        "       2 B          1  cos://B/docs/sub//",
        "       3 B          1  cos://B/docs/sub/y/",
        "       5 B          2  cos://B/docs/sub/",
        "   1.5 KiB          4  cos://B/docs/",
    ],
    ("/docs", "--depth=0"): ["          1509          5  cos://B/docs"],
    ("/**z", "--depth=1"): [
        "             3          1  cos://B/docs/",
        "             5          1  cos://B/中文/",
        "             8          2  cos://B/**z",
    ],
}


@pytest.mark.parametrize("words", SUMS)
def test_du_in_a_pipe(coskit: Coskit, filled: str, words: tuple[str, ...]) -> None:
    done = coskit("du", *words[1:], f"cos://{filled}{words[0]}")
    assert (done.status, done.error) == (0, "")
    assert done.output.replace(filled, "B").splitlines() == SUMS[words]


def test_du_quotes_names_on_a_terminal(coskit: Coskit, filled: str) -> None:
    done = coskit("du", "-d0", f"cos://{filled}/docs/b c", f"cos://{filled}/*.txt", columns=80)
    assert done.output.replace(filled, "B").splitlines() == [
        "          1500          1  'cos://B/docs/b c'",
        "             1          1  'cos://B/*.txt'",
    ]


def test_du_counts_versions_and_delete_markers(coskit: Coskit, client: Client, bucket: str) -> None:
    client.put_bucket_versioning(bucket, "Enabled")
    client.put_object(bucket, b"one", "f/k")
    client.put_object(bucket, b"four", "f/k")
    client.delete_object(bucket, "f/k")
    done = coskit("du", "--versions", "--json", f"cos://{bucket}")
    assert [json.loads(line) for line in done.lines] == [
        {
            "type": kind,
            "location": f"cos://{bucket}{place}",
            "depth": depth,
            "count": 2,
            "size": 7,
            "delete_markers": 1,
        }
        for kind, place, depth in (("folder", "/f/", 1), ("total", "", 0))
    ]
    assert coskit("du", f"cos://{bucket}").lines == [f"             0          0  cos://{bucket}"]


TREES = {
    ("",): """cos://B
├── docs/  4 objects, 1505 bytes
│   └── sub/  2 objects, 5 bytes
│       ├── /  1 object, 2 bytes
│       └── y/  1 object, 3 bytes
├── docs2/  1 object, 4 bytes
└── 中文/  1 object, 5 bytes
6 folders, 7 objects, 1515 bytes
""",
    ("", "--depth=1", "-h"): """cos://B
├── docs/  4 objects, 1.5 KiB
├── docs2/  1 object, 4 B
└── 中文/  1 object, 5 B
3 folders, 7 objects, 1.5 KiB
""",
    ("/docs/", "-d2", "--all"): """cos://B/docs/
├── 'b c.txt'  1500 bytes
└── sub/  2 objects, 5 bytes
    ├── /  1 object, 2 bytes
    └── y/  1 object, 3 bytes
3 folders, 4 objects, 1505 bytes
""",
    ("/中", "--all"): """cos://B/中
└── 中文/  1 object, 5 bytes
    └── $'z\\nz'  5 bytes
1 folder, 1 object, 5 bytes
""",
}


@pytest.mark.parametrize("words", TREES)
def test_a_tree_on_a_terminal(coskit: Coskit, filled: str, words: tuple[str, ...]) -> None:
    done = coskit("tree", *words[1:], f"cos://{filled}{words[0]}", columns=80)
    assert (done.status, done.error) == (0, "")
    assert done.output.replace(filled, "B") == TREES[words]


def test_a_tree_in_json_names_a_folder_before_what_is_in_it(coskit: Coskit, filled: str) -> None:
    done = coskit("tree", "--all", "--depth", "2", "--json", f"cos://{filled}")
    facts = [json.loads(line) for line in done.lines]
    assert [(each["type"], each.get("key"), each["depth"], each["size"]) for each in facts] == [
        ("object", "a.txt", 1, 1),
        ("folder", "docs/", 1, 1505),
        ("object", "docs/b c.txt", 2, 1500),
        ("folder", "docs/sub/", 2, 5),
        ("folder", "docs2/", 1, 4),
        ("object", "docs2/x", 2, 4),
        ("folder", "中文/", 1, 5),
        ("object", "中文/z\nz", 2, 5),
        ("total", None, 0, 1515),
    ]


def test_an_empty_bucket(coskit: Coskit, bucket: str) -> None:
    assert coskit("tree", f"cos://{bucket}").lines == [
        f"cos://{bucket}",
        "0 folders, 0 objects, 0 bytes",
    ]
    assert coskit("du", f"cos://{bucket}").status == 0


FAILURES = [
    ("cos://{b}/none", 1, ""),
    ("cos://{b}/n*", 1, ""),
    ("cos://missing-1250000000", 1, "NoSuchBucket"),
    ("cos://", 2, "names no bucket"),
]


@pytest.mark.parametrize(("place", "status", "error"), FAILURES)
@pytest.mark.parametrize("command", ["du", "tree"])
def test_what_cannot_be_summed(
    coskit: Coskit, bucket: str, command: str, place: str, status: int, error: str
) -> None:
    done = coskit(command, place.format(b=bucket))
    assert done.status == status
    assert error in done.error
    assert done.error.count("\n") == bool(error)


def test_a_closed_pipe_ends_a_tree_quietly(coskit: Coskit, filled: str) -> None:
    done = coskit.into_closed_pipe("tree", f"cos://{filled}")
    assert (done.status, done.error) == (141, "")
