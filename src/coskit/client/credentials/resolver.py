"""The sources of keys and settings: arguments, environment, configuration file, other tools."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from coskit.client.credentials.provider import METADATA, CredentialsSource
from coskit.client.credentials.system_keyring import KEYRING, KeyringKeys
from coskit.protocol.auth.credentials import Credentials, without_margin
from coskit.protocol.errors import CredentialsError, ParameterError

DialectName = Literal["cos", "s3"]
SPELLINGS = {
    "secret_id": (
        "COSKIT_SECRET_ID",
        "TENCENTCLOUD_SECRET_ID",
        "TENCENTCLOUD_SECRETID",
        "AWS_ACCESS_KEY_ID",
    ),
    "secret_key": (
        "COSKIT_SECRET_KEY",
        "TENCENTCLOUD_SECRET_KEY",
        "TENCENTCLOUD_SECRETKEY",
        "AWS_SECRET_ACCESS_KEY",
    ),
    "token": (
        "COSKIT_TOKEN",
        "TENCENTCLOUD_TOKEN",
        "TENCENTCLOUD_SECURITY_TOKEN",
        "TENCENTCLOUD_SESSIONTOKEN",
        "AWS_SESSION_TOKEN",
    ),
    "region": ("COSKIT_REGION", "TENCENTCLOUD_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
    "endpoint": ("COSKIT_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    "dialect": ("COSKIT_DIALECT",),
}
# Whose variables are read beside our own.
_VENDORS = {"cos": "TENCENTCLOUD_", "s3": "AWS_"}


# The key of the configuration file that names the profile to use if none is asked for.
DEFAULT_PROFILE = "default_profile"


@dataclass(frozen=True, slots=True)
class Found:
    """The settings from all sources; a setting is empty if no source has it."""

    region: str
    endpoint: str
    credentials: CredentialsSource | None
    dialect: DialectName = "cos"


@dataclass(frozen=True, slots=True)
class SettingSources:
    """The settings of each source, the first source first.

    Attributes:
        rows: the name of each source and its settings.
        dialect: the dialect of the service.
        has_profile: whether the configuration file has the profile.
    """

    rows: tuple[tuple[str, dict[str, str]], ...]
    dialect: DialectName
    has_profile: bool


def find(
    arguments: Mapping[str, str | None],
    environ: Mapping[str, str],
    file: Path,
    profile: str,
    home: Path | None = None,
    now: float = 0.0,
) -> Found:
    """Return the settings of a client.

    A key pair and its token are taken from one source, so that the token of one key never goes
    with another key. Blanks, line breaks and quotes around a value of the environment or a file
    are removed. The files of other tools are read if coskit's own sources have no key pair; they
    also give the endpoint if those have none. With the dialect of S3 these files are not read, and
    the variables of AWS replace the vendor's variables.

    Args:
        arguments: `secret_id`, `secret_key`, `token`, `region`, `endpoint`, `dialect` as the
            program gave them.
        environ: the environment.
        file: the configuration file; it need not exist.
        profile: the table of that file to read.
        home: the directory with the files of other tools; None leaves them unread.
        now: the Unix second; expired keys of other tools are skipped.

    Raises:
        CredentialsError: a source has only half of a key pair.
        ParameterError: the file cannot be read or lacks a profile that was asked for by name, or
            there is no such dialect.
    """
    sources = read_sources(arguments, environ, file, profile)
    merged: dict[str, str] = {}
    for _, source in reversed(sources.rows):
        merged.update(source)
    region, endpoint = merged.get("region", ""), merged.get("endpoint", "")
    own, dialect = _first_pair(sources.rows), sources.dialect
    missing = bool(profile) and not sources.has_profile
    theirs = None
    if dialect == "cos" and home is not None and (own is None or missing):
        from coskit.client.credentials.vendor_files import (
            find_foreign,  # most clients do without its parsers
        )

        theirs = find_foreign(home, profile, now)
    if missing and theirs is None:
        raise ParameterError(f"{file} has no profile {profile}")
    if own is not None or theirs is None:
        return Found(region, endpoint, own, dialect)
    if region or endpoint:
        return Found(region, endpoint, theirs.credentials)
    return Found(theirs.region, theirs.endpoint, theirs.credentials)


def read_sources(
    arguments: Mapping[str, str | None], environ: Mapping[str, str], file: Path, profile: str
) -> SettingSources:
    """Return what each of coskit's own sources sets.

    Args:
        arguments: the arguments of the program.
        environ: the environment.
        file: the configuration file; it need not exist.
        profile: the table of that file to read; "" reads the default one.

    Raises:
        ParameterError: the file cannot be read, or there is no such dialect.
    """
    given = {name: value for name, value in arguments.items() if value}
    variables = {
        prefix: {
            name: value
            for name, spellings in SPELLINGS.items()
            for spelling in reversed(spellings)
            if spelling.startswith(prefix) and (value := without_margin(environ.get(spelling, "")))
        }
        for prefix in ("COSKIT_", *_VENDORS.values())
    }
    tables = read_tables(file)
    name = profile or default_profile(tables, file)
    table = _settings_of(tables, name, file)
    dialect = _dialect(given, variables["COSKIT_"], table or {})
    vendor = _VENDORS[dialect]
    rows = (
        ("the arguments", given),
        ("COSKIT_* variables", variables["COSKIT_"]),
        (f"{vendor}* variables", variables[vendor]),
        (f"profile {name} of {file}", table or {}),
    )
    return SettingSources(rows, dialect, table is not None)


def _dialect(*sources: Mapping[str, str]) -> DialectName:
    name = next((source["dialect"] for source in sources if source.get("dialect")), "cos")
    if name not in _VENDORS:
        raise ParameterError(f"dialect must be 'cos' or 's3', not {name!r}")
    return cast("DialectName", name)


def _first_pair(sources: Sequence[tuple[str, dict[str, str]]]) -> CredentialsSource | None:
    for where, source in sources:
        pair = source.get("secret_id", ""), source.get("secret_key", "")
        if all(pair):
            return Credentials(*pair, source.get("token", ""))
        if source.get("source") == KEYRING and pair[0]:
            return KeyringKeys(pair[0])
        if any(pair):
            raise CredentialsError(f"{where} give only one of secret_id and secret_key")
        if "source" in source:
            if source["source"] != METADATA:
                raise ParameterError(
                    f"{where}: source is {METADATA!r}, or {KEYRING!r} with a secret_id"
                )
            return METADATA
    return None


def read_tables(file: Path) -> dict[str, Any]:
    """Return the content of the configuration file, nothing if there is no file.

    Raises:
        ParameterError: the file cannot be read.
    """
    import tomllib  # imported with the first client: `import coskit` stays quick

    try:
        return tomllib.loads(file.read_text("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as cause:
        raise ParameterError(f"{file} cannot be read: {cause}") from cause


def default_profile(tables: Mapping[str, Any], file: Path) -> str:
    """Return the name of the profile that is used if none is asked for.

    Raises:
        ParameterError: the file names a profile that it does not have.
    """
    name = tables.get(DEFAULT_PROFILE, "default")
    if not isinstance(name, str):
        raise ParameterError(
            f"{file} cannot be read: {DEFAULT_PROFILE} must be the name of a table"
        )
    if DEFAULT_PROFILE in tables and name not in tables:
        raise ParameterError(f"{file} has no profile {name}, which {DEFAULT_PROFILE} names")
    return name


def _settings_of(tables: Mapping[str, Any], profile: str, file: Path) -> dict[str, str] | None:
    """Return the settings of one profile, None if there is none of this name."""
    table = tables.get(profile)
    if table is None:
        return None
    if not isinstance(table, dict):
        raise ParameterError(f"{file} cannot be read: {profile} is no table")
    names = (*SPELLINGS, "source")
    return {name: without_margin(str(value)) for name, value in table.items() if name in names}


def config_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the path of the configuration file."""
    if named := environ.get("COSKIT_CONFIG"):
        return Path(named)
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else home_directory() / ".config") / "coskit" / "config.toml"


def home_directory() -> Path:
    """Return the user's home; one that does not exist for a user who has none, as in containers."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.devnull, "home")
