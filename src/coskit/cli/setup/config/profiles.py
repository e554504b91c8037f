"""The commands `coskit config ls`, `show`, `use` and `rm`."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.arguments.flags import AsJsonLines
from coskit.cli.setup.config.profile_file import (
    default_name,
    profiles_of,
    remove_profile,
    set_default,
)
from coskit.cli.setup.config.secret_places import forget_secret
from coskit.cli.setup.masking import masked, masked_id
from coskit.cli.terminal.lines import print_json
from coskit.client.credentials.resolver import config_file, home_directory
from coskit.client.credentials.setting_origins import SettingOrigin, setting_origins
from coskit.protocol.errors import ParameterError

ProfileName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the profile.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigLsOptions(ClientOptions):
    """The options of `coskit config ls`."""

    as_json: AsJsonLines = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigShowOptions(ClientOptions):
    """The options of `coskit config show`."""

    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of the profile.", show_default=False)
    ] = None
    as_json: AsJsonLines = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigUseOptions:
    """The options of `coskit config use`."""

    name: ProfileName


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigRmOptions:
    """The options of `coskit config rm`."""

    name: ProfileName


def ls_profiles(options: ConfigLsOptions) -> int:
    """List the profiles, and where each setting in use comes from.

    The default profile has a star. Secrets are masked.
    """
    file = config_file()
    profiles, default = profiles_of(file), default_name(file)
    width = max(map(len, profiles), default=0)
    for name, settings in profiles.items():
        facts = _profile_facts(name, settings, is_default=name == default)
        if options.as_json:
            print_json(facts)
        else:
            place = settings.get("endpoint") or settings.get("region") or "-"
            star = "*" if name == default else " "
            print(f"{star} {name:{width}}  {place}  {facts.get('secret_id', '-')}  {_keep(facts)}")
    if not options.as_json:
        print("" if profiles else f"no profiles in {file}", end="\n" if profiles else "\n\n")
        print("Settings in use:")
    _print_settings(_in_use(options, options.profile or ""), as_json=options.as_json)
    return 0


def show_settings(options: ConfigShowOptions) -> int:
    """Show the settings that commands use with a profile, and where each comes from.

    Without a name it is the default profile, or the one of --profile. Secrets are masked. The exit
    status is 1 if there are no settings.
    """
    settings = _in_use(options, options.name or options.profile or "")
    _print_settings(settings, as_json=options.as_json)
    if not settings:
        print("coskit: there are no settings: coskit config asks for them", file=sys.stderr)
    return 0 if settings else 1


def use_profile(options: ConfigUseOptions) -> int:
    """Make a profile the one that commands use without --profile."""
    file = config_file()
    _required(file, options.name)
    set_default(file, options.name)
    print(f"{options.name} is the default profile")
    return 0


def rm_profile(options: ConfigRmOptions) -> int:
    """Remove a profile, with its secret in the keyring if no other profile uses it."""
    file = config_file()
    settings = _required(file, options.name)
    was_default = default_name(file) == options.name
    remove_profile(file, options.name)
    print(f"removed profile {options.name}")
    if forget_secret(file, settings):
        print(f"removed the secret of {masked_id(settings['secret_id'])} from the keyring")
    if was_default and profiles_of(file):
        print("coskit: there is no default profile now: coskit config use NAME", file=sys.stderr)
    return 0


def _required(file: Path, name: str) -> dict[str, str]:
    profiles = profiles_of(file)
    if name not in profiles:
        known = f"; it has {', '.join(profiles)}" if profiles else ""
        raise ParameterError(f"{file} has no profile {name}{known}")
    return profiles[name]


def _in_use(options: ClientOptions, profile: str) -> list[SettingOrigin]:
    arguments = {
        "endpoint": options.endpoint,
        "region": options.region,
        "dialect": options.dialect,
    }
    home = home_directory()
    return setting_origins(arguments, os.environ, config_file(), profile, home, time.time())


def _profile_facts(name: str, settings: dict[str, str], *, is_default: bool) -> dict[str, Any]:
    shown = {key: masked(key, value) for key, value in settings.items()}
    return {"type": "profile", "name": name, "default": is_default, **shown}


def _keep(facts: dict[str, Any]) -> str:
    """Return the place of a profile's secret."""
    kept = {"keyring": "secret in the keyring", "metadata": "keys of the machine's role"}
    if facts.get("secret_key"):
        return "secret in the file"
    return kept.get(facts.get("source", ""), "no keys")


def _print_settings(settings: list[SettingOrigin], *, as_json: bool) -> None:
    for setting in settings:
        name, origin = setting.name, setting.origin
        value = masked(name, setting.value)
        if as_json:
            print_json({"type": "setting", "name": name, "value": value, "origin": origin})
        else:
            print(f"{name:10}  {value}  ({origin})")
