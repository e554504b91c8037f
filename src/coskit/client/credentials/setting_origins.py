"""The settings of a client with the place that each of them comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coskit.client.credentials.provider import METADATA
from coskit.client.credentials.resolver import SPELLINGS, read_sources
from coskit.client.credentials.system_keyring import KEYRING
from coskit.client.credentials.vendor_files import find_foreign
from coskit.protocol.errors import ParameterError

_PLAIN = ("region", "endpoint", "dialect")
_KEYS = ("secret_id", "secret_key", "token")


@dataclass(frozen=True, slots=True)
class SettingOrigin:
    """A setting, its value and the place that it comes from.

    Attributes:
        name: the name of the setting, as in a profile.
        value: the value; a secret as it is.
        origin: the place, such as `COSKIT_REGION` or `profile work of ~/.config/...`.
    """

    name: str
    value: str
    origin: str


def setting_origins(
    arguments: Mapping[str, str | None],
    environ: Mapping[str, str],
    file: Path,
    profile: str,
    home: Path | None,
    now: float,
) -> list[SettingOrigin]:
    """Return the settings that a client would use; the parameters are the same as for `find`.

    A setting that no source has is absent. Nothing is read from the keyring.

    Raises:
        ParameterError: the file cannot be read or lacks the profile.
    """
    sources = read_sources(arguments, environ, file, profile)
    rows = sources.rows
    found = [
        SettingOrigin(name, source[name], _origin(where, name, environ))
        for name in _PLAIN
        for where, source in [next((row for row in rows if row[1].get(name)), ("", {name: ""}))]
        if source[name]
    ]
    keys = next((row for row in rows if {*row[1]} & {"secret_id", "secret_key", "source"}), None)
    if keys is not None and (sources.has_profile or not profile):
        return found + _keys(*keys, environ)
    theirs = find_foreign(home, profile, now) if home and sources.dialect == "cos" else None
    if theirs is None:
        if profile and not sources.has_profile:
            raise ParameterError(f"{file} has no profile {profile}")
        return found if keys is None else found + _keys(*keys, environ)
    if keys is not None:
        return found + _keys(*keys, environ)
    own = {"secret_id": theirs.credentials.secret_id, "secret_key": theirs.credentials.secret_key}
    own["token"] = theirs.credentials.token
    if not {setting.name for setting in found} & {"region", "endpoint"}:
        own |= {"region": theirs.region, "endpoint": theirs.endpoint}
    return found + [SettingOrigin(name, own[name], theirs.file) for name in own if own[name]]


def _keys(where: str, source: Mapping[str, str], environ: Mapping[str, str]) -> list[SettingOrigin]:
    """Return the key pair, its token and the place of its secret in one source."""
    found = [
        SettingOrigin(name, source[name], _origin(where, name, environ))
        for name in _KEYS
        if source.get(name)
    ]
    if source.get("source") in (KEYRING, METADATA) and not source.get("secret_key"):
        found.append(SettingOrigin("source", source["source"], where))
    return found


def _origin(where: str, name: str, environ: Mapping[str, str]) -> str:
    """Return the place of a setting: for the environment, the variable."""
    if where == "the arguments":
        return f"--{name.replace('_', '-')}"
    prefix = where.removesuffix("* variables")
    if prefix == where:
        return where
    return next(each for each in SPELLINGS[name] if each.startswith(prefix) and environ.get(each))
