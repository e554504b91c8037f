"""`coskit admin`: accounts, their keys and temporary keys, kept in a server's directory."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coskit.cli import upkeep

if TYPE_CHECKING:
    from coskit.protocol.signature import Credentials

app = typer.Typer(help="Accounts and keys of a server, and care for what it stores.")
account = typer.Typer(help="Accounts and sub-accounts besides the owner's own key pair.")
app.add_typer(account, name="account")
upkeep.add_to(app)

Directory = Annotated[Path, typer.Option("--dir", help="The server's directory.")]
Id = Annotated[str, typer.Argument(help="<digits>, or <digits>/<digits> for a sub-account.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT = Path("coskit-data")


@account.command("add")
def add(
    id: Id,
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    directory: Directory = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Make an account with a key pair, or one more key pair for an account."""
    from coskit.server.accounts import Book, add_key, change_book

    made = []

    def change(book: Book) -> Book:
        book, pair = add_key(book, id, name)
        made.append(pair)
        return book

    with _failures_told():
        change_book(directory, change)
    found = {"account": id, "secret_id": made[0].secret_id, "secret_key": made[0].secret_key}
    _tell(found, as_json)


@account.command("ls")
def ls(directory: Directory = DEFAULT, as_json: AsJson = False) -> None:
    """List the accounts with the ids of their keys."""
    from coskit.server.accounts import read_book

    with _failures_told():
        book = read_book(directory)
    rows = [
        {"account": item.id, "name": item.name, "keys": [key.secret_id for key in item.keys]}
        for item in book.accounts
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print("\t".join((str(row["account"]), str(row["name"]), " ".join(row["keys"]))))


@account.command("rm")
def rm(
    id: Id,
    key: Annotated[str, typer.Option(help="Remove only the key of this secret id.")] = "",
    directory: Directory = DEFAULT,
) -> None:
    """Remove an account with its sub-accounts and keys; its buckets stay and are still its own."""
    from coskit.server.accounts import change_book, remove

    with _failures_told():
        change_book(directory, lambda book: remove(book, id, key))


@app.command("sts")
def sts(
    account: Annotated[str, typer.Option(help="Whose rights the key has.")],
    seconds: Annotated[int, typer.Option(help="How long it is valid, up to 36 hours.")] = 1800,
    policy: Annotated[Path | None, typer.Option(help="A policy that narrows its rights.")] = None,
    directory: Directory = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Make a temporary key: secret id, secret key and token."""
    import time

    with _failures_told():
        limits = _read_limits(policy) if policy else ""
        expires = int(time.time()) + seconds
        key = _issue(directory, account, seconds, expires, limits)
    _tell(
        {
            "account": account,
            "secret_id": key.secret_id,
            "secret_key": key.secret_key,
            "token": key.token,
            "expires": expires,
        },
        as_json,
    )


def _read_limits(file: Path) -> str:
    from coskit.protocol.errors import MalformedPolicy
    from coskit.protocol.policy import parse_policy
    from coskit.server.tokens import MAX_POLICY

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
    from coskit.server.accounts import change_book, with_token_secret
    from coskit.server.settings import ACCOUNT
    from coskit.server.tokens import MAX_SECONDS, issue

    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"a temporary key is valid for 1 to {MAX_SECONDS} seconds")
    book = change_book(directory, with_token_secret)
    if account != ACCOUNT and book.find(account) is None:
        raise ValueError(f"there is no account {account[:60]}")
    return issue(book.token_secret, account, expires, limits)


@contextmanager
def _failures_told() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as cause:
        sys.exit(f"coskit: {cause}")


def _tell(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name.replace('_', ' '):10}  {value}")
