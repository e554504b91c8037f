"""`coskit acl`: access lists shown and set, of one object, a pattern or a folder."""

import json

import pytest

from coskit import Client
from tests.cli.conftest import Coskit

KEYS = ("docs/a b.txt", "docs/sub/中文.txt", "document.txt")


@pytest.fixture
def filled(client: Client, bucket: str) -> str:
    """A bucket with three objects, one of which anyone may read."""
    for key in KEYS:
        client.put_object(bucket, b"x", key)
    client.put_object_acl(bucket, KEYS[0], ACL="public-read")
    return bucket


def test_one_object_in_a_pipe(coskit: Coskit, filled: str) -> None:
    done = coskit("acl", f"cos://{filled}/docs/a b.txt")
    assert (done.status, done.error) == (0, "")
    assert done.lines == [
        "1250000000                owner",
        "everybody                 READ",
        "                          (public-read)",
    ]


def test_a_folder_on_a_terminal(coskit: Coskit, filled: str) -> None:
    done = coskit("acl", "-r", f"cos://{filled}/docs", columns=80)
    assert done.lines == [
        "public-read         'docs/a b.txt'",
        "default             docs/sub/中文.txt",
    ]


def test_json(coskit: Coskit, filled: str) -> None:
    done = coskit("acl", "show", "--json", f"cos://{filled}/**.txt")
    facts = [json.loads(line) for line in done.lines]
    assert [entry["key"] for entry in facts] == list(KEYS)
    assert facts[0] == {
        "key": KEYS[0],
        "owner": "1250000000",
        "canned": "public-read",
        "grants": [{"grantee": "everybody", "permission": "READ"}],
    }


def test_a_canned_acl_for_a_folder(coskit: Coskit, filled: str) -> None:
    done = coskit("acl", "set", "-n", "-r", f"cos://{filled}/docs/", "private")
    assert done.lines == [f"would set the ACL of cos://{filled}/{key}" for key in KEYS[:2]]
    done = coskit("acl", "set", "-r", f"cos://{filled}/docs/", "private")
    assert done.lines == [f"set the ACL of cos://{filled}/{key}" for key in KEYS[:2]]
    lines = coskit("acl", "-r", f"cos://{filled}").lines
    assert [line.split()[0] for line in lines] == ["private", "private", "default"]


def test_grants_to_accounts(coskit: Coskit, filled: str) -> None:
    place = f"cos://{filled}/document.txt"
    grants = ("--grant-read", "100000000011", "--grant-read", "100000000022")
    assert coskit("acl", "set", "-q", place, *grants, "--grant-full-control", "1/2").output == ""
    assert sorted(coskit("acl", place).lines[1:]) == [
        "                          (custom)",
        "1/2                       FULL_CONTROL",
        "100000000011              READ",
        "100000000022              READ",
    ]


@pytest.mark.parametrize(
    ("words", "status", "error"),
    [
        ("set cos://{b}/document.txt", 2, "name a canned ACL"),
        ("set cos://{b}/document.txt private --grant-read 1", 2, "not both"),
        ("set cos://{b}/document.txt odd", 1, "cos://{b}/document.txt: InvalidArgument"),
        ("cos://{b}/none", 1, "cos://{b}/none: NoSuchKey"),
        ("cos://{b}/none*", 1, "nothing matches"),
        ("cos://{b}", 2, "name a key, or add --recursive"),
        ("shwo cos://{b}/k", 2, "Did you mean show?"),
    ],
)
def test_failures(coskit: Coskit, filled: str, words: str, status: int, error: str) -> None:
    done = coskit("acl", *words.format(b=filled).split())
    assert done.status == status
    assert error.format(b=filled) in done.error
    assert done.error.count("\n") == 1
