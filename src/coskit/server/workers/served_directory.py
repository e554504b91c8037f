"""Check that a directory is a server's or may become one; save the address of its server."""

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
# Files that an interrupted start may have left, and the one of a new file system.
_OURS = frozenset(
    {
        *(ADDRESS_FILE, ACCOUNTS_FILE, KEYS_FILE, MASTER_KEY_FILE),
        *(f"{name}.new" for name in (ADDRESS_FILE, ACCOUNTS_FILE, MASTER_KEY_FILE)),
        *(database.FILE, database.LOG, f"{database.FILE}-shm", f"{database.FILE}-journal"),
        *("lock", backup_lock.FILE, backup_lock.TURN, "tmp", "blobs", "lost+found"),
    }
)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """The address at which a directory is, or was last, served.

    Attributes:
        url: the server's URL.
        region: the region's name for clients.
        secret_id: the secret id of the server's own key pair.
    """

    url: str
    region: str
    secret_id: str


def is_servers(directory: Path) -> bool:
    """Return whether a directory holds a server's index."""
    return (directory / database.FILE).is_file()


def require_servers(directory: Path) -> None:
    """Refuse a directory that is not a server's.

    Raises:
        ValueError: the directory is not a server's.
    """
    if not is_servers(directory):
        raise ValueError(f"{directory} is no directory of a server")


def require_room(directory: Path, flag: str) -> None:
    """Refuse a directory with files that are not a server's; it may be missing.

    Args:
        directory: the directory for a server's files.
        flag: the option that allows another directory, for the error's text.

    Raises:
        ValueError: the directory has other files.
        OSError: the directory cannot be read.
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


def note_address(directory: Path, address: ServerAddress) -> None:
    """Save the address of a directory's server for `coskit admin env`, unless the disk is full."""
    new = directory / f"{ADDRESS_FILE}.new"
    with suppress(OSError):
        new.unlink(missing_ok=True)
        with open(new, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as out:
            json.dump(asdict(address), out)
        new.replace(directory / ADDRESS_FILE)


def read_address(directory: Path) -> ServerAddress | None:
    """Return the saved address of a directory's server, or None."""
    try:
        kept = json.loads((directory / ADDRESS_FILE).read_text())
        return ServerAddress(str(kept["url"]), str(kept["region"]), str(kept["secret_id"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None
