"""Accounts and their keys: made and removed by command while the server runs."""

import json
import logging
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from coskit.cli.commands import app
from coskit.server.auth.accounts import (
    FILE,
    AccountRegistry,
    add_key,
    change_accounts,
    checked_id,
    read_accounts,
    remove_account,
)
from coskit.server.auth.key_ring import KeyRing
from coskit.testing import LocalServer
from tests.server.support.http_client import HTTPClient

UNKNOWN = (403, "InvalidAccessKeyId")


def admin(directory: Path, *words: str) -> str:
    """Run `coskit admin account` and return what it printed."""
    result = run(directory, *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def run(directory: Path, word: str, *words: str) -> Result:
    """Run a command, the directory in its place."""
    return CliRunner().invoke(app, ["admin", "account", word, str(directory), *words])


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """Give a directory that passes for a server's."""
    (tmp_path / "index.db").touch()
    return tmp_path


def make(server: LocalServer, account: str) -> HTTPClient:
    """Make a key pair once the server has come up and made its directory."""
    assert HTTPClient.of(server).request("GET", "/-/ready").status == 200
    made = json.loads(admin(server.directory, "add", account, "--json"))
    assert made["account"] == account
    return HTTPClient(server.port, made["secret_id"], made["secret_key"])


def test_a_new_key_is_accepted_at_once_and_a_removed_one_no_more(server: LocalServer) -> None:
    first, second = make(server, "1310000000"), make(server, "1310000000")
    helper = make(server, "1310000000/5")
    for http_client in (first, second):
        listing = http_client.request("GET", "/")
        assert (listing.status, listing.text("ID")) == (200, "1310000000")
    assert helper.request("GET", "/").outcome == (403, "AccessDenied")
    admin(server.directory, "rm", "1310000000", "--key", first.credentials.secret_id)
    notice(server)
    assert first.request("GET", "/").outcome == UNKNOWN
    assert second.request("GET", "/").status == 200
    admin(server.directory, "rm", "1310000000")
    notice(server)
    assert second.request("GET", "/").outcome == UNKNOWN
    assert helper.request("GET", "/").outcome == UNKNOWN


def notice(server: LocalServer) -> None:
    """Use an unknown key, so that the server reads the accounts at once."""
    assert HTTPClient(server.port, "AKIDnobody", "x").request("GET", "/").outcome == UNKNOWN


def test_buckets_belong_to_the_account_that_made_them(
    server: LocalServer, http_client: HTTPClient
) -> None:
    other = make(server, "1320000000")
    assert other.request("PUT", "/theirs-1320000000/").status == 200
    assert other.request("GET", "/").texts("Name") == ["theirs-1320000000"]
    assert "theirs-1320000000" not in http_client.request("GET", "/").texts("Name")
    assert http_client.request("PUT", "/theirs-1320000000/").outcome == (409, "BucketAlreadyExists")
    assert other.request("PUT", "/theirs-1320000000/").outcome == (409, "BucketAlreadyOwnedByYou")
    assert http_client.request("GET", "/theirs-1320000000/").outcome == (403, "AccessDenied")
    assert other.request("DELETE", "/theirs-1320000000/").status == 204


def test_the_owner_may_have_more_keys(
    server: LocalServer, http_client: HTTPClient, room: str
) -> None:
    again = make(server, "1250000000")
    assert again.request("GET", f"/{room}/kept").body == b"kept"
    admin(server.directory, "rm", "1250000000")
    notice(server)
    assert again.request("GET", f"/{room}/kept").outcome == UNKNOWN
    assert http_client.request("GET", f"/{room}/kept").body == b"kept"


def test_secrets_are_shown_once_and_kept_for_the_owner_alone(served: Path) -> None:
    text = admin(served, "add", "1", "--name", "Ann")
    secret = text.split()[-1]
    assert stat.S_IMODE((served / FILE).stat().st_mode) == 0o600
    assert secret in (served / FILE).read_text()
    listed = admin(served, "ls"), admin(served, "ls", "--json")
    assert all("Ann" in page and "AKID" in page and secret not in page for page in listed)
    assert secret not in repr(read_accounts(served))
    assert "hidden" not in repr(AccountRegistry(token_secret="hidden"))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add", "x"), "digits"),
        (("add", "1/2/3"), "digits"),
        (("add", "1" * 21), "digits"),
        (("add", "2/1"), "no account 2"),
        (("rm", "2"), "no account 2"),
        (("rm", "1", "--key", "AKIDx"), "no key AKIDx"),
    ],
)
def test_a_wrong_command_changes_nothing(served: Path, words: tuple[str, ...], reason: str) -> None:
    admin(served, "add", "1")
    before = (served / FILE).read_bytes()
    result = run(served, *words)
    assert result.exit_code == 1
    assert reason in result.output
    assert (served / FILE).read_bytes() == before


@pytest.mark.parametrize("account", ["", "1/", "/1", "1 ", "१", "1\n", "a"])
def test_what_is_no_account_id(account: str) -> None:
    with pytest.raises(ValueError, match="an account must be"):
        checked_id(account)


def test_changes_at_the_same_time_all_count(tmp_path: Path) -> None:
    def add(number: int) -> None:
        change_accounts(tmp_path, lambda book: add_key(book, str(number), "")[0])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(1, 25)))
    assert {a.id for a in read_accounts(tmp_path).accounts} == {str(n) for n in range(1, 25)}
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_removing_an_account_removes_its_sub_accounts_alone() -> None:
    book = AccountRegistry()
    for account in ("1", "1/2", "12", "12/2"):
        book, _ = add_key(book, account, "")
    assert [a.id for a in remove_account(book, "1").accounts] == ["12", "12/2"]
    assert [a.id for a in remove_account(book, "12/2").accounts] == ["1", "1/2", "12"]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_ring_looks_at_the_file_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    ring = KeyRing(tmp_path, {"AKIDfixed": ("s", "9")}, clock)
    assert ring.get("AKIDfixed") == ("s", "9")
    key = change_accounts(tmp_path, lambda book: add_key(book, "1", "")[0]).accounts[0].keys[0]
    assert ring.get(key.secret_id) == (key.secret_key, "1")
    looks: list[object] = []
    real = os.stat

    def stat(path: Path) -> os.stat_result:
        looks.append(path)
        return real(path)

    monkeypatch.setattr(os, "stat", stat)
    for _ in range(100):
        ring.get(key.secret_id)
    assert looks == []
    clock.now = 1.0
    ring.get(key.secret_id)
    assert len(looks) == 1


def test_a_spoiled_file_stops_a_start_but_not_a_running_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = change_accounts(tmp_path, lambda book: add_key(book, "1", "")[0]).accounts[0].keys[0]
    ring = KeyRing(tmp_path, {})
    (tmp_path / FILE).write_text('{"accounts": [')
    with pytest.raises(ValueError, match="holds no accounts"):
        KeyRing(tmp_path, {})
    with caplog.at_level(logging.CRITICAL):
        assert ring.get("AKIDunknown") is None
    assert ring.get(key.secret_id) == (key.secret_key, "1")
    assert ring.has_account("1")
