"""`coskit versions` and `coskit undelete`: old versions and deleted objects."""

import json
import re
from typing import Any

import pytest

from coskit import Client
from tests.cli.conftest import Coskit

ODD_KEYS = ("docs/a b", "docs/中文", "docs/z\nz", "docs/*?[x]", "docs/\x01")
DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@pytest.fixture
def versioned(client: Client, bucket: str) -> str:
    """An empty bucket with versioning."""
    client.put_bucket_versioning(bucket, "Enabled")
    return bucket


def put(client: Client, bucket: str, key: str, count: int = 1) -> list[str]:
    """Store versions with 1, 2, ... bytes, and return their ids, newest first."""
    made = [client.put_object(bucket, b"x" * (number + 1), key) for number in range(count)]
    return [result["x-cos-version-id"] for result in reversed(made)]


def sizes(client: Client, bucket: str, key: str) -> list[str]:
    """Return the sizes of the versions of a key, newest first; DELETED for a marker."""
    found = client.iter_versions(bucket, key)
    return [str(entry.get("Size", "DELETED")) for entry in found if entry["Key"] == key]


def test_a_list_in_a_pipe(coskit: Coskit, client: Client, versioned: str) -> None:
    new, old = put(client, versioned, "k", 2)
    put(client, versioned, "k2")
    marker = client.delete_object(versioned, "k")["x-cos-version-id"]
    done = coskit("versions", f"cos://{versioned}/k")
    assert (done.status, done.error) == (0, "")
    assert [DATE.sub("DATE", line) for line in done.lines] == [
        f"DATE       DELETED  *  {marker:20}  k",
        f"DATE             2     {new:20}  k",
        f"DATE             1     {old:20}  k",
    ]


def test_a_list_on_a_terminal_and_in_json(coskit: Coskit, client: Client, versioned: str) -> None:
    [only] = put(client, versioned, "docs/a b")
    done = coskit("versions", "-rh", f"cos://{versioned}/docs", columns=80)
    assert [DATE.sub("DATE", line) for line in done.lines] == [
        f"DATE           1 B  *  {only:20}  'docs/a b'"
    ]
    facts = json.loads(coskit("versions", "ls", "--json", f"cos://{versioned}/docs/*").output)
    assert (facts["version_id"], facts["is_latest"]) == (only, True)


@pytest.mark.parametrize("command", ["versions", "undelete"])
def test_a_folder_needs_recursive(coskit: Coskit, versioned: str, command: str) -> None:
    done = coskit(command, f"cos://{versioned}/docs/")
    assert done.status == 1
    assert "add --recursive for everything below the folder" in done.error


def test_an_old_version_is_the_latest_again(coskit: Coskit, client: Client, versioned: str) -> None:
    rich = client.put_object(
        versioned, b"old", "k", StorageClass="STANDARD_IA", Metadata={"a": "b"}, Tagging="t=1"
    )["x-cos-version-id"]
    client.put_object_acl(versioned, "k", ACL="public-read")
    client.put_object(versioned, b"new", "k")
    place = f"cos://{versioned}/k"
    assert coskit("versions", "restore", "-n", place, rich).lines == [
        f"would restore {place} {rich}"
    ]
    facts = json.loads(coskit("versions", "restore", "--json", place, rich).output)
    head: dict[str, Any] = {**client.head_object(versioned, "k")}
    assert facts == {
        "type": "restored",
        "key": "k",
        "from": rich,
        "version_id": head["x-cos-version-id"],
    }
    assert client.get_object(versioned, "k")["Body"].read() == b"old"
    assert head["x-cos-storage-class"] == "STANDARD_IA"
    assert head["x-cos-meta-a"] == "b"
    assert coskit("tag", place).lines == ["t=1"]
    assert "(public-read)" in coskit("acl", place).output
    assert coskit("versions", "restore", place, "none").status == 1


def test_a_symbolic_link_is_not_restored(coskit: Coskit, client: Client, versioned: str) -> None:
    put(client, versioned, "target")
    link = client.put_symlink(versioned, "link", "target")["x-cos-version-id"]
    done = coskit("versions", "restore", f"cos://{versioned}/link", link)
    assert done.status == 1
    assert "it is a symbolic link" in done.error
    assert coskit("meta", "set", f"cos://{versioned}/link", "Expires=0").status == 1
    assert len([*client.iter_versions(versioned, "link")]) == 1


def test_prune_keeps_the_newest(coskit: Coskit, client: Client, versioned: str) -> None:
    ids = put(client, versioned, "k", 4)
    put(client, versioned, "other")
    client.delete_object(versioned, "other")
    words = ("versions", "prune", "-r", "--keep", "2", f"cos://{versioned}")
    done = coskit(*words, "--dry-run")
    assert [DATE.sub("DATE", line) for line in done.lines] == [
        f"would delete cos://{versioned}/k {version} DATE" for version in ids[2:]
    ]
    assert coskit(*words).status == 2
    asked = coskit(*words, stdin=b"no\n", columns=80)
    assert asked.error.startswith(
        f"Delete 2 old versions (3 B) in cos://{versioned} for good? [y/N] "
    )
    assert (asked.status, sizes(client, versioned, "k")) == (1, ["4", "3", "2", "1"])
    assert coskit(*words, "-q", "--yes").output == ""
    assert sizes(client, versioned, "k") == ["4", "3"]
    assert sizes(client, versioned, "other") == ["DELETED", "1"]


def test_prune_by_age(coskit: Coskit, client: Client, versioned: str) -> None:
    put(client, versioned, "k", 3)
    place = f"cos://{versioned}/k"
    assert coskit("versions", "prune", "-y", "--older-than", "7d", place).output == ""
    assert coskit("versions", "prune", place).status == 2
    assert coskit("versions", "prune", "-y", "--older-than", "0s", place).status == 0
    assert sizes(client, versioned, "k") == ["3"]


@pytest.mark.parametrize(("place", "at_once"), [("docs", 1000), ("docs/", 3), ("docs/*", 1)])
def test_deleted_objects_come_back(
    coskit: Coskit,
    client: Client,
    versioned: str,
    place: str,
    at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deletion = "coskit.cli.objects.selection.version_deletion"
    monkeypatch.setattr(f"{deletion}._IN_A_REQUEST", at_once)
    for key in (*ODD_KEYS, "document"):
        put(client, versioned, key)
        client.delete_object(versioned, key)
        client.delete_object(versioned, key)
    put(client, versioned, "docs/alive")
    words = ("undelete", f"cos://{versioned}/{place}", *(() if "*" in place else ("-r",)))
    names = sorted(f"cos://{versioned}/{key}" for key in ODD_KEYS)
    done = coskit(*words, "--dry-run", "--json")
    assert sorted(json.loads(line)["key"] for line in done.lines) == sorted(ODD_KEYS)
    assert sizes(client, versioned, "docs/a b") == ["DELETED", "DELETED", "1"]
    done = coskit(*words)
    assert (done.status, done.error) == (0, "")
    assert sorted(done.output.split("brought back ")[1:]) == [f"{name}\n" for name in names]
    for key in ODD_KEYS:
        assert sizes(client, versioned, key) == ["1"]
    assert sizes(client, versioned, "document") == ["DELETED", "DELETED", "1"]
    assert coskit(*words).status == 1


def test_only_the_latest_markers_go(coskit: Coskit, client: Client, versioned: str) -> None:
    put(client, versioned, "k")
    client.delete_object(versioned, "k")
    put(client, versioned, "k")
    client.delete_object(versioned, "k")
    client.delete_object(versioned, "never")
    assert coskit("undelete", f"cos://{versioned}/k").lines == [f"brought back cos://{versioned}/k"]
    assert sizes(client, versioned, "k") == ["1", "DELETED", "1"]
    done = coskit("undelete", f"cos://{versioned}/never")
    assert done.status == 1
    assert "no deleted object can be brought back here" in done.error
    assert sizes(client, versioned, "never") == ["DELETED"]
