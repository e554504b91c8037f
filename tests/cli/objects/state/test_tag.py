"""`coskit tag`: tags shown, replaced, added and removed."""

import json

import pytest

from coskit import Client
from tests.cli.conftest import Coskit

KEYS = ("docs/a b", "docs/sub/c", "document")


@pytest.fixture
def filled(client: Client, bucket: str) -> str:
    """A bucket with three objects, the first of which has two tags."""
    for key in KEYS:
        client.put_object(bucket, b"x", key)
    client.put_object(bucket, b"x", KEYS[0], Tagging="a=1&b=%E4%B8%AD%20x")
    return bucket


def tags_of(coskit: Coskit, bucket: str) -> list[dict[str, str]]:
    """Return the tags of the three objects."""
    lines = coskit("tag", "-r", "--json", f"cos://{bucket}").lines
    return [json.loads(line)["tags"] for line in lines]


def test_one_object_in_a_pipe(coskit: Coskit, filled: str) -> None:
    done = coskit("tag", f"cos://{filled}/docs/a b")
    assert (done.status, done.error, done.lines) == (0, "", ["a=1", "b=中 x"])


def test_several_objects_on_a_terminal(coskit: Coskit, filled: str) -> None:
    done = coskit("tag", "-r", f"cos://{filled}/docs", columns=80)
    assert done.lines == ["'docs/a b'  a=1  'b=中 x'", "docs/sub/c"]


def test_set_replaces_and_add_keeps(coskit: Coskit, filled: str) -> None:
    place = f"cos://{filled}/docs/a b"
    assert coskit("tag", "set", place, "c=3", "d=").lines == [f"tagged {place} c=3 d="]
    assert coskit("tag", "add", "-r", f"cos://{filled}", "c=4").status == 0
    assert tags_of(coskit, filled) == [{"c": "4", "d": ""}, {"c": "4"}, {"c": "4"}]


def test_rm_by_name_or_all(coskit: Coskit, filled: str) -> None:
    done = coskit("tag", "rm", "-r", f"cos://{filled}/docs", "a")
    assert done.lines == [
        f"tagged cos://{filled}/docs/a b 'b=中 x'",
        f"unchanged cos://{filled}/docs/sub/c",
    ]
    assert coskit("tag", "rm", "--all", "-n", f"cos://{filled}/docs/*").lines == [
        f"would tag cos://{filled}/docs/a b"
    ]
    assert tags_of(coskit, filled)[0] == {"b": "中 x"}
    assert coskit("tag", "rm", "--all", f"cos://{filled}/docs/*").status == 0
    assert tags_of(coskit, filled) == [{}, {}, {}]


def test_what_fails_is_listed_while_the_rest_goes_on(coskit: Coskit, filled: str) -> None:
    tags = [f"t{number}=1" for number in range(9)]
    done = coskit("tag", "add", "-r", f"cos://{filled}", *tags)
    assert done.status == 1
    assert len(done.lines) == 2
    assert done.error.startswith(f"coskit: 'cos://{filled}/docs/a b': ")


@pytest.mark.parametrize(
    ("words", "status", "error"),
    [
        ("set cos://{b}/document x", 2, "'x' is not a tag"),
        ("set cos://{b}/document a=1 a=2", 2, "named twice"),
        ("rm cos://{b}/document", 2, "or add --all"),
        ("rm cos://{b}/document a --all", 2, "or add --all"),
        ("cos://{b}/none", 1, "NoSuchKey"),
    ],
)
def test_failures(coskit: Coskit, filled: str, words: str, status: int, error: str) -> None:
    done = coskit("tag", *words.format(b=filled).split())
    assert done.status == status
    assert error in done.error
