"""Accounts and sub-accounts of a server, made as `coskit admin` makes them."""

from coskit.server.auth.accounts import add_key, change_accounts, read_accounts
from coskit.testing import LocalServer
from tests.server.support.http_client import OWNER, HTTPClient

FRIEND = "1260000000"
OTHER = "1270000000"
SUB_ACCOUNT = f"{OWNER}/77"  # a sub-account of the owner
OTHER_SUB_ACCOUNT = f"{OTHER}/88"


def account_client(server: LocalServer, account: str) -> HTTPClient:
    """Return a client with a key of an account, which is created if it does not exist."""
    assert (
        HTTPClient.of(server).request("GET", "/-/ready").status == 200
    )  # now its directory exists
    root = account.partition("/")[0]
    if root not in (account, OWNER):
        account_client(server, root)
    found = read_accounts(server.directory).find(account)
    if found is None:
        registry = change_accounts(
            server.directory, lambda registry: add_key(registry, account, "")[0]
        )
        found = registry.find(account)
    assert found is not None
    return HTTPClient(server.port, found.keys[0].secret_id, found.keys[0].secret_key)
