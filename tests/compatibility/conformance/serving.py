"""A server with the accounts that a conformance suite needs."""

import http.client
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from coskit.protocol.auth.credentials import Credentials
from coskit.server.auth.accounts import add_key, change_accounts
from coskit.server.settings import ACCOUNT
from coskit.testing import LocalServer

# The first is the server's own account.
ACCOUNTS = {
    "main": ACCOUNT,
    "alt": "1260000000",
    "tenant": "1270000000",
    "iam": "1280000000",
    "root": "1290000000",
    "alt root": "1300000000",
}
# Suites wait for lifecycle rules in real time, so a day is short and the job runs almost always.
# The day that suites use is longer: they wait two days for an age of one, which ends at a midnight.
DAY = 6  # seconds
_OPTIONS = ("--day-length", "5.2s", "--lifecycle-interval", "0.3s")


@dataclass(frozen=True)
class SuiteAccount:
    """An account with its keys."""

    account: str
    keys: Credentials


@dataclass(frozen=True)
class SuiteServer:
    """A running server and its accounts."""

    host: str
    port: int
    accounts: dict[str, SuiteAccount]


@contextmanager
def serving(options: Sequence[str] = ()) -> Iterator[SuiteServer]:
    """Run a server in a temporary directory."""
    with (
        tempfile.TemporaryDirectory(prefix="conformance-") as scratch,
        LocalServer(Path(scratch) / "data", options=[*_OPTIONS, *options]) as server,
    ):
        _wait_until_ready(server)
        own = Credentials(server.secret_id, server.secret_key)
        accounts = {"main": SuiteAccount(ACCOUNT, own)}
        for role, account in ACCOUNTS.items():
            if role not in accounts:
                accounts[role] = SuiteAccount(account, _make(server, account, role))
        yield SuiteServer("127.0.0.1", server.port, accounts)


def _wait_until_ready(server: LocalServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("GET", "/-/ready")
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"the server is not ready: {response.status}")
    finally:
        connection.close()


def _make(server: LocalServer, account: str, name: str) -> Credentials:
    book = change_accounts(server.directory, lambda book: add_key(book, account, name)[0])
    found = book.find(account)
    if found is None:
        raise RuntimeError(f"there is no account {account}")
    return found.keys[-1]
