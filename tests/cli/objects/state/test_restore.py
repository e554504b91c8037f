"""`coskit restore`: archived objects made readable, with and without waiting."""

import json

import pytest

from coskit import Client
from tests.cli.conftest import Coskit

KEYS = ("docs/a b", "docs/中文")


@pytest.fixture
def archived(client: Client, bucket: str) -> str:
    """A bucket with two archived objects and one that is not."""
    for key in KEYS:
        client.put_object(bucket, b"abc", key, StorageClass="ARCHIVE")
    client.put_object(bucket, b"abc", "docs/warm")
    return bucket


def test_a_folder_is_restored_and_waited_for(coskit: Coskit, client: Client, archived: str) -> None:
    done = coskit("restore", "-r", "--wait", "--days", "2", f"cos://{archived}/docs")
    assert (done.status, done.error) == (0, "")
    assert done.lines == [f"restored cos://{archived}/{key}" for key in KEYS]
    for key in KEYS:
        assert client.get_object(archived, key)["Body"].read() == b"abc"


@pytest.mark.parametrize("kind", ["xterm", "dumb"])
def test_a_terminal_shows_a_bar(
    coskit: Coskit, archived: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("TERM", kind)
    done = coskit("restore", "--wait", f"cos://{archived}/docs/a b", columns=80)
    assert done.lines == [f"restored 'cos://{archived}/docs/a b'"]
    assert ("restoring" in done.error) == (kind == "xterm")


def test_ctrl_c_says_how_to_go_on(
    coskit: Coskit, archived: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("coskit.cli.objects.state.restore_wait.time.sleep", interrupt)
    place = f"cos://{archived}/docs/中文"
    done = coskit("restore", "--tier", "Bulk", "--wait", place)
    assert done.error == "coskit: the restores go on; the same command waits again\n"
    assert done.status == 130


def test_a_request_returns_at_once(coskit: Coskit, client: Client, archived: str) -> None:
    words = ("restore", "--tier", "bulk", f"cos://{archived}/docs/*")
    assert coskit(*words, "-n").lines == [f"would restore cos://{archived}/{key}" for key in KEYS]
    assert coskit(*words, columns=80).lines == [
        f"requested 'cos://{archived}/docs/a b'",
        f"requested cos://{archived}/docs/中文",
    ]
    facts = [json.loads(line) for line in coskit(*words, "--json").lines]
    assert facts == [{"type": "in progress", "key": key} for key in KEYS]
    assert coskit(*words, "-q").output == ""
    assert 'ongoing-request="true"' in client.head_object(archived, KEYS[0])["x-cos-restore"]


def test_a_wait_ends_in_time(coskit: Coskit, archived: str) -> None:
    place = f"cos://{archived}/docs/中文"
    done = coskit("restore", "--tier", "Bulk", "--wait", "--timeout", "0s", place)
    assert (done.status, done.output) == (1, "")
    assert done.error == f"coskit: {place}: the restore is still in progress\n"


@pytest.mark.parametrize(
    ("words", "status", "error"),
    [
        ("cos://{b}/docs/warm", 1, "RestoreNonArchiveObject"),
        ("cos://{b}/docs/w*", 1, "nothing here is archived"),
        ("cos://{b}/none", 1, "NoSuchKey"),
        ("--days 0 cos://{b}/docs/warm", 2, "--days"),
        ("--tier Slow cos://{b}/docs/warm", 2, "Slow"),
        ("cos://{b}", 2, "add --recursive"),
    ],
)
def test_failures(coskit: Coskit, archived: str, words: str, status: int, error: str) -> None:
    done = coskit("restore", *words.format(b=archived).split())
    assert done.status == status
    assert error in done.error
