"""Who else has keys to a server: accounts and sub-accounts, made as `coskit admin` makes them."""

from coskit.server.auth.accounts import add_key, change_accounts, read_accounts
from coskit.testing import LocalServer
from tests.server.support.wire import OWNER, Peer

FRIEND = "1260000000"
OTHER = "1270000000"
HELPER = f"{OWNER}/77"  # a sub-account of the owner
STRANGER_HELPER = f"{OTHER}/88"


def member(server: LocalServer, account: str) -> Peer:
    """Return somebody with keys of an account, which is made if it is missing."""
    assert Peer.of(server).ask("GET", "/-/ready").status == 200  # its directory exists by now
    root = account.partition("/")[0]
    if root not in (account, OWNER):
        member(server, root)
    found = read_accounts(server.directory).find(account)
    if found is None:
        book = change_accounts(server.directory, lambda book: add_key(book, account, "")[0])
        found = book.find(account)
    assert found is not None
    return Peer(server.port, found.keys[0].secret_id, found.keys[0].secret_key)
