"""Where keys and settings come from: arguments, environment, configuration file, in this order."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coskit.protocol.errors import CredentialsError, ParameterError
from coskit.protocol.signature import Credentials

_SPELLINGS = {
    "secret_id": ("COSKIT_SECRET_ID", "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRETID"),
    "secret_key": ("COSKIT_SECRET_KEY", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_SECRETKEY"),
    "token": ("COSKIT_TOKEN", "TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SESSIONTOKEN"),
    "region": ("COSKIT_REGION", "TENCENTCLOUD_REGION"),
    "endpoint": ("COSKIT_ENDPOINT",),
}


@dataclass(frozen=True, slots=True)
class Found:
    """What the sources together say; empty where none says anything."""

    region: str
    endpoint: str
    credentials: Credentials | None


def find(
    arguments: Mapping[str, str | None], environ: Mapping[str, str], file: Path, profile: str
) -> Found:
    """Return the settings of a client.

    A key pair and its token are taken from one source: the token of one key never goes with
    another.

    Args:
        arguments: `secret_id`, `secret_key`, `token`, `region`, `endpoint` of the caller.
        environ: the environment.
        file: the configuration file; it need not exist.
        profile: the table of that file to read.

    Raises:
        CredentialsError: a source has only half of a key pair.
        ParameterError: the file cannot be read or lacks a profile that was asked for by name.
    """
    given = {name: value for name, value in arguments.items() if value}
    variables = {
        prefix: {
            name: environ[spelling]
            for name, spellings in _SPELLINGS.items()
            for spelling in reversed(spellings)
            if spelling.startswith(prefix) and environ.get(spelling)
        }
        for prefix in ("COSKIT_", "TENCENTCLOUD_")
    }
    sources = [
        ("the arguments", given),
        ("COSKIT_* variables", variables["COSKIT_"]),
        ("TENCENTCLOUD_* variables", variables["TENCENTCLOUD_"]),
        (f"profile {profile or 'default'} of {file}", read_profile(file, profile)),
    ]
    merged: dict[str, str] = {}
    for _, source in reversed(sources):
        merged.update(source)
    return Found(merged.get("region", ""), merged.get("endpoint", ""), _first_pair(sources))


def _first_pair(sources: list[tuple[str, dict[str, str]]]) -> Credentials | None:
    for where, source in sources:
        pair = source.get("secret_id", ""), source.get("secret_key", "")
        if all(pair):
            return Credentials(*pair, source.get("token", ""))
        if any(pair):
            raise CredentialsError(f"{where} give only one of secret_id and secret_key")
    return None


def read_profile(file: Path, profile: str) -> dict[str, str]:
    """Return one profile of the configuration file; `default` need not exist."""
    import tomllib  # imported with the first client: `import coskit` stays quick

    try:
        tables: dict[str, Any] = tomllib.loads(file.read_text())
    except FileNotFoundError:
        tables = {}
    except (OSError, ValueError) as cause:
        raise ParameterError(f"{file} cannot be read: {cause}") from cause
    table = tables.get(profile or "default")
    if table is None and profile:
        raise ParameterError(f"{file} has no profile {profile}")
    return {name: str(value) for name, value in (table or {}).items() if name in _SPELLINGS}


def config_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the path of the configuration file."""
    if named := environ.get("COSKIT_CONFIG"):
        return Path(named)
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "coskit" / "config.toml"
