"""Changes to the configuration file; comments and other tables stay as they are."""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomlkit
import typer

from coskit.client.credentials.resolver import DEFAULT_PROFILE, SPELLINGS, read_tables

# The keys of a profile, in the order in which they are written.
PROFILE_KEYS = ("region", "endpoint", "dialect", "source", "secret_id", "secret_key", "token")


def check_profile_name(name: str) -> str:
    """Return a name that a profile may have.

    Raises:
        typer.BadParameter: the name is empty, reserved, or has control characters.
    """
    if not name or not name.isprintable() or name == DEFAULT_PROFILE:
        raise typer.BadParameter(f"{name!r} cannot be the name of a profile")
    return name


def profiles_of(file: Path) -> dict[str, dict[str, str]]:
    """Return the settings of each profile in the configuration file.

    Raises:
        ParameterError: the file cannot be read.
    """
    known = {*SPELLINGS, "source"}
    return {
        name: {key: str(value) for key, value in table.items() if key in known}
        for name, table in read_tables(file).items()
        if isinstance(table, dict)
    }


def default_name(file: Path) -> str:
    """Return the name of the default profile, which need not exist."""
    return str(read_tables(file).get(DEFAULT_PROFILE, "default"))


def write_profile(file: Path, name: str, settings: Mapping[str, str]) -> bool:
    """Write a profile; return whether it became the default because there was none.

    Keys of the table that are no settings stay.

    Raises:
        OSError: the file cannot be written.
    """
    with _changed(file) as document:
        table = document.get(name)
        if not isinstance(table, Mapping):
            table = tomlkit.table()
            document[name] = table
        for key in PROFILE_KEYS:
            if settings.get(key):
                table[key] = settings[key]
            else:
                table.pop(key, None)
        lacks_default = document.get(DEFAULT_PROFILE, "default") not in document
        if lacks_default:
            document[DEFAULT_PROFILE] = name
    return lacks_default


def remove_profile(file: Path, name: str) -> None:
    """Remove a profile, and the default if it names this profile.

    Raises:
        OSError: the file cannot be written.
    """
    with _changed(file) as document:
        del document[name]
        if document.get(DEFAULT_PROFILE) == name:
            del document[DEFAULT_PROFILE]


def set_default(file: Path, name: str) -> None:
    """Make a profile the default.

    Raises:
        OSError: the file cannot be written.
    """
    with _changed(file) as document:
        document[DEFAULT_PROFILE] = name


@contextmanager
def _changed(file: Path) -> Iterator[Any]:
    """Yield the document of the file; write it when it has been changed."""
    read_tables(file)  # a file that is no TOML is refused in the same words everywhere
    text = file.read_text("utf-8-sig") if file.exists() else ""
    document = tomlkit.parse(text)
    yield document
    _replace(file, tomlkit.dumps(document))


def _replace(file: Path, text: str) -> None:
    """Replace a file at once by one that only its owner may read."""
    target = file.resolve()  # a symbolic link stays one
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as written:
            written.write(text)
            written.flush()
            os.fsync(descriptor)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
