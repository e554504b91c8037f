"""Check that a directory is a server's or may become one; keep where it was served last."""

import json
import os
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from coskit.server.auth.accounts import FILE as ACCOUNTS_FILE
from coskit.server.settings import KEYS_FILE, MASTER_KEY_FILE
from coskit.server.store.blobs import backup_lock
from coskit.server.store.index import database

ADDRESS_FILE = "address.json"
_NAMES = "SELECT name FROM bucket ORDER BY name"
# What a start that was cut short may have left, and what a new file system has.
_OURS = frozenset(
    {
        *(ADDRESS_FILE, ACCOUNTS_FILE, KEYS_FILE, MASTER_KEY_FILE),
        *(f"{name}.new" for name in (ADDRESS_FILE, ACCOUNTS_FILE, MASTER_KEY_FILE)),
        *(database.FILE, database.LOG, f"{database.FILE}-shm", f"{database.FILE}-journal"),
        *("lock", backup_lock.FILE, backup_lock.TURN, "tmp", "blobs", "lost+found"),
    }
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a directory is, or was last, served.

    Attributes:
        url: of the server.
        region: the name that clients see.
        secret_id: of its own key pair.
    """

    url: str
    region: str
    secret_id: str


def is_servers(directory: Path) -> bool:
    """Return whether a server keeps its objects in a directory."""
    return (directory / database.FILE).is_file()


def require_servers(directory: Path) -> None:
    """Let only a server's directory pass.

    Raises:
        ValueError: it is none.
    """
    if not is_servers(directory):
        raise ValueError(f"{directory} is no directory of a server")


def require_room(directory: Path, flag: str) -> None:
    """Let only a directory pass that is a server's, or empty, or not there yet.

    Args:
        directory: in which a server's files are to be made.
        flag: of the command, that allows another one.

    Raises:
        ValueError: other things lie in it.
        OSError: it cannot be read, or it is no directory.
    """
    if is_servers(directory):
        return
    try:
        others = sorted({entry.name for entry in directory.iterdir()} - _OURS)
    except FileNotFoundError:
        return
    if others:
        raise ValueError(
            f"{directory} is not empty and no directory of a server: it holds {others[0]!r}; "
            f"{flag} allows that"
        )


def buckets(directory: Path) -> list[str]:
    """Return the names of all buckets in a server's directory, in order; none if unreadable."""
    try:
        with closing(database.connect(directory / database.FILE, create=False)) as db:
            return [str(name) for (name,) in database.fetch_all(db, _NAMES)]
    except database.Error:
        return []


def note_address(directory: Path, address: Address) -> None:
    """Keep where a directory is served, for `coskit admin env`; on a full disk it is not kept."""
    new = directory / f"{ADDRESS_FILE}.new"
    with suppress(OSError):
        new.unlink(missing_ok=True)
        with open(new, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            json.dump(asdict(address), out)
        new.replace(directory / ADDRESS_FILE)


def read_address(directory: Path) -> Address | None:
    """Return where a directory is or was served, or None if that is not known."""
    try:
        kept = json.loads((directory / ADDRESS_FILE).read_text())
        return Address(str(kept["url"]), str(kept["region"]), str(kept["secret_id"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None
