"""The command `coskit config import`: profiles from the files of other tools."""

import configparser
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import typer

from coskit.cli.arguments.flags import AsJsonLines, DryRun
from coskit.cli.setup.config.aws_imports import import_aws
from coskit.cli.setup.config.imported import ImportedProfiles
from coskit.cli.setup.config.profile_file import (
    check_profile_name,
    profiles_of,
    write_profile,
)
from coskit.cli.setup.config.tencent_imports import import_coscli, import_coscmd, import_tccli
from coskit.cli.setup.masking import masked
from coskit.cli.terminal.lines import print_json
from coskit.client.credentials.resolver import config_file, home_directory
from coskit.client.credentials.vendor_files import Unusable
from coskit.protocol.errors import ParameterError

_FILES = MappingProxyType(
    {
        "coscli": ".cos.yaml",
        "coscmd": ".cos.conf",
        "tccli": ".tccli",
        "aws": ".aws/credentials",
    }
)
_VARIABLES = MappingProxyType({"aws": "AWS_SHARED_CREDENTIALS_FILE"})
_IMPORTS: Mapping[str, Callable[[Path], ImportedProfiles]] = MappingProxyType(
    {
        "coscli": import_coscli,
        "coscmd": import_coscmd,
        "tccli": import_tccli,
        "aws": import_aws,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigImportOptions:
    """The options of `coskit config import`."""

    tool: Annotated[
        Literal["coscli", "coscmd", "tccli", "aws"],
        typer.Argument(metavar="TOOL", help="The tool whose files are read."),
    ]
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Its file, if not in the usual place."),
    ] = None
    name: Annotated[
        str | None, typer.Option(help="Name of the profile, if the files hold one.")
    ] = None
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace profiles that exist.")] = (
        False
    )
    keyring: Annotated[
        bool, typer.Option("--keyring", help="Keep the secrets in the system's keyring.")
    ] = False
    dry_run: DryRun = False
    as_json: AsJsonLines = False


def import_profiles(options: ConfigImportOptions) -> int:
    """Take over the profiles of another tool.

    The files of coscli (~/.cos.yaml), coscmd (~/.cos.conf), tccli (~/.tccli) and the AWS CLI
    (~/.aws) are read and stay as they are. A profile that exists is left out without --overwrite.
    A line says what was taken, and one what was left out and why. The exit status is 1 if nothing
    was taken.
    """
    found = _named(_read(options), options.name)
    file = config_file()
    existing = profiles_of(file)
    taken = 0
    for name, settings in found.profiles.items():
        if name in existing and not options.overwrite:
            found.left_out.append(f"profile {name}: it exists; --overwrite replaces it")
            continue
        became_default = False if options.dry_run else _save(file, name, settings, options)
        _print_taken(name, settings, options, is_default=became_default)
        taken += 1
    for reason in found.left_out:
        if options.as_json:
            print_json({"type": "left out", "reason": reason})
        else:
            print(f"left out  {reason}")
    return 0 if taken else 1


def _read(options: ConfigImportOptions) -> ImportedProfiles:
    usual = os.environ.get(_VARIABLES.get(options.tool, ""), "")
    place = options.file or Path(usual or home_directory() / _FILES[options.tool])
    try:
        return _IMPORTS[options.tool](place)
    except Unusable as cause:
        raise ParameterError(f"{place}: {cause}") from None
    except (configparser.Error, UnicodeDecodeError):  # its own words may quote a secret
        raise ParameterError(f"{place} is not a file of {options.tool}") from None


def _named(found: ImportedProfiles, name: str | None) -> ImportedProfiles:
    """Return the profile with another name."""
    if name is None:
        return found
    if len(found.profiles) != 1:
        raise typer.BadParameter(
            f"--name is for one profile; found {', '.join(found.profiles) or 'none'}"
        )
    settings = next(iter(found.profiles.values()))
    return ImportedProfiles({check_profile_name(name): settings}, found.left_out)


def _save(file: Path, name: str, settings: Mapping[str, str], options: ConfigImportOptions) -> bool:
    check_profile_name(name)
    if options.keyring and "secret_key" in settings:
        from coskit.cli.setup.config.secret_places import move_to_keyring

        settings = move_to_keyring(settings)
    return write_profile(file, name, settings)


def _print_taken(
    name: str, settings: Mapping[str, str], options: ConfigImportOptions, *, is_default: bool
) -> None:
    shown = {key: masked(key, value) for key, value in settings.items()}
    if options.as_json:
        print_json({"type": "profile", "name": name, "default": is_default, **shown})
        return
    words = "would take" if options.dry_run else "took"
    facts = ", ".join(f"{key} {value}" for key, value in shown.items())
    print(f"{words}  profile {name}: {facts}{'; it is the default now' if is_default else ''}")
