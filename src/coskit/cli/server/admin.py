"""`coskit admin`: accounts, their keys and temporary keys, kept in a server's directory."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coskit.cli.server import maintenance
from coskit.cli.server.directories import (
    DEFAULT,
    AsJson,
    Directory,
    DirectoryCommand,
    errors_in_one_line,
    moment,
    print_facts,
)

if TYPE_CHECKING:
    from coskit.protocol.auth.credentials import Credentials

app = typer.Typer(help="Accounts and keys of a server, and care for its data.")
account = typer.Typer(help="Accounts and sub-accounts besides the owner's own key pair.")
app.add_typer(account, name="account")
maintenance.add_to(app)

Id = Annotated[str, typer.Argument(help="<digits>, or <digits>/<digits> for a sub-account.")]


@account.command("add", cls=DirectoryCommand)
def add(
    directory: Directory,
    id: Id,
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make an account with a key pair, or one more key pair for an account."""
    from coskit.server.auth.accounts import AccountRegistry, add_key, change_accounts

    made = []

    def change(book: AccountRegistry) -> AccountRegistry:
        book, pair = add_key(book, id, name)
        made.append(pair)
        return book

    with errors_in_one_line(directory):
        change_accounts(directory, change)
    found = {"account": id, "secret_id": made[0].secret_id, "secret_key": made[0].secret_key}
    print_facts(found, as_json)


@account.command("ls", cls=DirectoryCommand)
def ls(directory: Directory = DEFAULT, as_json: AsJson = False) -> None:
    """List the accounts with the ids of their keys."""
    from coskit.server.auth.accounts import read_accounts

    with errors_in_one_line(directory):
        book = read_accounts(directory)
    rows = [
        {"account": item.id, "name": item.name, "keys": [key.secret_id for key in item.keys]}
        for item in book.accounts
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print("\t".join((str(row["account"]), str(row["name"]), " ".join(row["keys"]))))


@account.command("rm", cls=DirectoryCommand)
def rm(
    directory: Directory,
    id: Id,
    key: Annotated[str, typer.Option(help="Remove only the key of this secret id.")] = "",
) -> None:
    """Remove an account with its sub-accounts and keys; its buckets stay and are still its own."""
    from coskit.server.auth.accounts import change_accounts, remove_account

    with errors_in_one_line(directory):
        change_accounts(directory, lambda book: remove_account(book, id, key))


@app.command("sts", cls=DirectoryCommand)
def sts(
    account: Annotated[str, typer.Option(help="Whose rights the key has.")],
    directory: Directory = DEFAULT,
    seconds: Annotated[int, typer.Option(help="How long it is valid, up to 36 hours.")] = 1800,
    policy: Annotated[Path | None, typer.Option(help="A policy that narrows its rights.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a temporary key: secret id, secret key and token."""
    import time

    with errors_in_one_line(directory):
        limits = _read_limits(policy) if policy else ""
        expires = int(time.time()) + seconds
        key = _issue(directory, account, seconds, expires, limits)
    print_facts(
        {
            "account": account,
            "secret_id": key.secret_id,
            "secret_key": key.secret_key,
            "token": key.token,
            "expires": moment(expires),
        },
        as_json,
    )


@app.command("env", cls=DirectoryCommand)
def env(
    directory: Directory = DEFAULT,
    endpoint: Annotated[
        str, typer.Option(help="The server's URL; where it was served last if this is not given.")
    ] = "",
) -> None:
    """Print lines for a shell to eval, after which clients find the server and its keys."""
    from dataclasses import replace

    from coskit.cli.server.ready_message import export
    from coskit.server.workers.served_directory import read_address

    with errors_in_one_line(directory):
        address = read_address(directory)
        if address is None:
            raise ValueError(f"{directory} was not served yet: start coskit serve first")
        keys = _own_keys(directory, address.secret_id)
    for line in export(replace(address, url=endpoint or address.url), keys):
        print(line)
    print("unset COSKIT_TOKEN AWS_SESSION_TOKEN")  # of other keys


def _own_keys(directory: Path, secret_id: str) -> "Credentials":
    """Return the key pair that a server takes for its own, wherever it lies.

    Raises:
        ValueError: it is neither in the directory nor in the environment.
    """
    from coskit.server.settings import KEYS_FILE, find_keys

    places: tuple[Mapping[str, str], ...] = ({}, os.environ)
    for environ in places:
        if environ or (directory / KEYS_FILE).exists():
            keys, _ = find_keys(directory, environ)
            if keys.secret_id == secret_id:
                return keys
    raise ValueError(
        "the server has its keys from the environment: set COSKIT_SECRET_ID and COSKIT_SECRET_KEY"
    )


def _read_limits(file: Path) -> str:
    from coskit.protocol.bucket.policy import parse_policy
    from coskit.protocol.errors import MalformedPolicy
    from coskit.server.auth.session_tokens import MAX_POLICY

    text = file.read_text()
    try:
        parse_policy(text, of_bucket=False)
    except MalformedPolicy as cause:
        raise ValueError(f"{file} is no policy: {cause.message}") from cause
    short = json.dumps(json.loads(text), separators=(",", ":"))
    if len(short) > MAX_POLICY:
        raise ValueError(f"{file} is larger than {MAX_POLICY} bytes")
    return short


def _issue(directory: Path, account: str, seconds: int, expires: int, limits: str) -> "Credentials":
    from coskit.server.auth.accounts import change_accounts, with_token_secret
    from coskit.server.auth.session_tokens import MAX_SECONDS, issue
    from coskit.server.settings import ACCOUNT

    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"a temporary key is valid for 1 to {MAX_SECONDS} seconds")
    book = change_accounts(directory, with_token_secret)
    if account != ACCOUNT and book.find(account) is None:
        raise ValueError(f"there is no account {account[:60]}")
    return issue(book.token_secret, account, expires, limits)
