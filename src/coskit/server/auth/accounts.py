"""The accounts besides the owner's own key pair: a file in the data directory."""

import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from coskit.protocol.auth.credentials import Credentials
from coskit.server.settings import ACCOUNT

FILE = "accounts.json"
_ID = re.compile(r"[0-9]{1,20}(/[0-9]{1,20})?")


@dataclass(frozen=True, slots=True)
class Account:
    """An account `<id>`, or a sub-account `<id>/<sub>` of one, with its key pairs.

    Attributes:
        id: the account's id.
        name: the account's name, for people.
        keys: the account's key pairs.
        created: milliseconds since 1970; 0 if an earlier version made the account.
    """

    id: str
    name: str = ""
    keys: tuple[Credentials, ...] = ()
    created: int = 0


@dataclass(frozen=True, slots=True)
class AccountRegistry:
    """All accounts, and the secret that signs temporary keys ("" until the first one is issued)."""

    accounts: tuple[Account, ...] = ()
    token_secret: str = ""

    def __repr__(self) -> str:
        return f"AccountRegistry(accounts={self.accounts!r}, token_secret=...)"

    def find(self, account: str) -> Account | None:
        """Return the account with an id, or None."""
        return next((found for found in self.accounts if found.id == account), None)


def read_accounts(directory: Path) -> AccountRegistry:
    """Return the accounts stored in a directory; a missing file is an empty registry.

    Raises:
        ValueError: the file holds no accounts.
    """
    file = directory / FILE
    try:
        kept = json.loads(file.read_text())
        accounts = tuple(_read_account(item) for item in kept["accounts"])
        return AccountRegistry(accounts, str(kept["token_secret"]))
    except FileNotFoundError:
        return AccountRegistry()
    except (ValueError, LookupError, TypeError) as cause:
        raise ValueError(f"{file} holds no accounts") from cause


def _read_account(item: Any) -> Account:
    pairs = tuple(Credentials(key["secret_id"], key["secret_key"]) for key in item["keys"])
    return Account(checked_id(item["id"]), item["name"], pairs, int(item.get("created", 0)))


def change_accounts(
    directory: Path, change: Callable[[AccountRegistry], AccountRegistry]
) -> AccountRegistry:
    """Replace the accounts stored in a directory by the result of `change`, and return that.

    Concurrent changes run one after the other. A reader sees the old file or the new one. The new
    one is on disk when this returns.

    Raises:
        ValueError: the file holds no accounts, or `change` refused.
        OSError: the directory does not exist or cannot be written.
    """
    with _exclusive(directory):
        registry = change(read_accounts(directory))
        _write(directory, registry)
    return registry


@contextmanager
def _exclusive(directory: Path) -> Iterator[None]:
    fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
        os.fsync(fd)
    finally:
        os.close(fd)


def _write(directory: Path, registry: AccountRegistry) -> None:
    accounts = [
        {
            "id": account.id,
            "name": account.name,
            "created": account.created,
            "keys": [
                {"secret_id": key.secret_id, "secret_key": key.secret_key} for key in account.keys
            ],
        }
        for account in registry.accounts
    ]
    text = json.dumps({"accounts": accounts, "token_secret": registry.token_secret}, indent=2)
    new = directory / f"{FILE}.new"
    new.unlink(missing_ok=True)  # left by an interrupted change
    with open(new, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
        out.write(text + "\n")
        out.flush()
        os.fsync(out.fileno())
    new.replace(directory / FILE)


def checked_id(account: str) -> str:
    """Return an account's id.

    Raises:
        ValueError: the id is not of the form `<digits>` or `<digits>/<digits>`.
    """
    if not _ID.fullmatch(account):
        raise ValueError(f"an account must be <digits> or <digits>/<digits>, not {account[:60]}")
    return account


def add_key(
    registry: AccountRegistry, account: str, name: str
) -> tuple[AccountRegistry, Credentials]:
    """Return the registry with one more key pair, and that pair; a new account is created.

    Args:
        registry: the registry so far.
        account: the account's id, which may be the owner's.
        name: replaces the account's name unless it is empty.

    Raises:
        ValueError: the id is malformed, or the account of a sub-account does not exist.
    """
    root = checked_id(account).partition("/")[0]
    if root not in (account, ACCOUNT) and registry.find(root) is None:
        raise ValueError(f"there is no account {root}")
    pair = Credentials(f"AKID{secrets.token_hex(16)}", secrets.token_urlsafe(24))
    old = registry.find(account) or Account(account, created=time.time_ns() // 1_000_000)
    new = replace(old, name=name or old.name, keys=(*old.keys, pair))
    others = [other for other in registry.accounts if other.id != account]
    accounts = sorted([*others, new], key=lambda item: item.id)
    return replace(registry, accounts=tuple(accounts)), pair


def with_token_secret(registry: AccountRegistry) -> AccountRegistry:
    """Return the registry with the secret for temporary keys."""
    return (
        registry
        if registry.token_secret
        else replace(registry, token_secret=secrets.token_urlsafe(32))
    )


def remove_account(registry: AccountRegistry, account: str, secret_id: str = "") -> AccountRegistry:
    """Return the registry without an account and its sub-accounts, or without one key of it.

    Raises:
        ValueError: there is no such account or key.
    """
    old = registry.find(account)
    if old is None:
        raise ValueError(f"there is no account {account}")
    if not secret_id:
        kept = [a for a in registry.accounts if not f"{a.id}/".startswith(f"{account}/")]
        return replace(registry, accounts=tuple(kept))
    keys = tuple(key for key in old.keys if key.secret_id != secret_id)
    if len(keys) == len(old.keys):
        raise ValueError(f"account {account} has no key {secret_id}")
    new = replace(old, keys=keys)
    return replace(
        registry, accounts=tuple(new if a.id == account else a for a in registry.accounts)
    )
