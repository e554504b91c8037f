"""The command `coskit config set`: asks for the settings of a profile, tests and saves them."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

from coskit.cli.arguments.client_options import ClientOptions
from coskit.cli.setup.config.profile_file import (
    check_profile_name,
    default_name,
    profiles_of,
    write_profile,
)
from coskit.cli.setup.config.questions import (
    ask,
    ask_secret,
    ask_yes,
    piped_secret,
    secret_of_variable,
)
from coskit.cli.setup.masking import masked_id
from coskit.cli.terminal.errors import describe
from coskit.client.credentials.resolver import config_file
from coskit.client.credentials.system_keyring import KEYRING, KeyringKeys
from coskit.protocol.errors import CredentialsError

_KEYS = ("source", "secret_id", "secret_key", "token")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetProfileOptions(ClientOptions):
    """The options of `coskit config set`."""

    secret_id: Annotated[
        str | None,
        typer.Option(help="Id of the key pair. The secret is read from standard input."),
    ] = None
    secret_env: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Read the secret from this environment variable."),
    ] = None
    token_env: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Read a token from this environment variable."),
    ] = None
    keyring: Annotated[
        bool, typer.Option("--keyring", help="Keep the secret in the system's keyring.")
    ] = False
    role: Annotated[
        bool, typer.Option("--role", help="Use the keys of the machine's role; no key pair.")
    ] = False
    no_test: Annotated[bool, typer.Option("--no-test", help="Save without a test request.")] = False


def set_profile(options: SetProfileOptions) -> int:
    """Ask for the settings of a profile, test them and save them.

    On a terminal, what no option gives is asked for. Otherwise the secret is the first line of
    standard input; without --secret-id a profile keeps its keys. Nothing from the environment goes
    into the profile. A test request is sent before anything is saved.
    """
    file = config_file()
    asks = sys.stdin.isatty()
    name = options.profile
    if name is None and asks and not _is_complete(options):
        name = ask("Profile", default_name(file))
    name = check_profile_name(name or default_name(file))
    present = profiles_of(file).get(name, {})
    settings = _asked(options, present) if asks else _given(options, present)
    if not options.no_test and not _works(settings, asks=asks):
        print("coskit: nothing was saved; --no-test saves without a test", file=sys.stderr)
        return 1
    if options.keyring or present.get("source") == KEYRING:
        settings = _kept_in_keyring(settings)
    became_default = write_profile(file, name, settings)
    print(f"saved profile {name} in {file}")
    if became_default and name != "default":
        print(f"{name} is the default profile")
    _warn_of_variables()
    return 0


def _is_complete(options: SetProfileOptions) -> bool:
    """Return whether the options say everything but the secret."""
    return bool((options.region or options.endpoint) and (options.secret_id or options.role))


def _asked(options: SetProfileOptions, present: Mapping[str, str]) -> dict[str, str]:
    """Return the settings; what the options lack is asked for."""
    settings = _service(options, {})
    if not settings:
        default = present.get("endpoint") or present.get("region", "")
        place = ""
        while not place:
            place = ask("Region, as ap-guangzhou, or endpoint, as http://127.0.0.1:9000", default)
        kind = "endpoint" if is_endpoint(place) else "region"
        settings = _service(options, {**present, "endpoint": "", "region": "", kind: place})
        if kind == "endpoint" and not options.dialect:
            settings["dialect"] = _asked_dialect(present.get("dialect", "cos"))
    if options.role:
        return {**settings, "source": "metadata"}
    secret_id = options.secret_id or ""
    while not secret_id:
        known = present.get("secret_id", "")
        secret_id = ask("Secret id", known, shown=masked_id(known) if known else "")
    same = secret_id == present.get("secret_id")
    secret_key = _variable_secret(options)
    while not secret_key:
        secret_key = ask_secret("Secret key", _present_secret(present) if same else "")
    return settings | _pair(options, secret_id, secret_key)


def _asked_dialect(default: str) -> str:
    dialect = ""
    while dialect not in ("cos", "s3"):
        dialect = ask("Dialect of the service, cos or s3", default)
    return dialect


def _present_secret(present: Mapping[str, str]) -> str:
    """Return the secret of the profile as it is, from the file or the keyring."""
    if present.get("source") != KEYRING:
        return present.get("secret_key", "")
    try:
        return KeyringKeys(present["secret_id"])().secret_key
    except CredentialsError:
        return ""


def _given(options: SetProfileOptions, present: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that the options, standard input and named variables give."""
    settings = _service(options, present)
    if not settings:
        raise typer.BadParameter("give --region or --endpoint: standard input is not a terminal")
    if options.role:
        return {**settings, "source": "metadata"}
    keys = {name: present[name] for name in _KEYS if present.get(name)}
    if keys and not options.secret_id and not options.secret_env:
        return settings | keys
    if not options.secret_id:
        raise typer.BadParameter("give --secret-id or --role: standard input is not a terminal")
    return settings | _pair(options, options.secret_id, _variable_secret(options) or piped_secret())


def is_endpoint(place: str) -> bool:
    """Return whether a text is an address rather than the name of a region."""
    return place == "localhost" or any(sign in place for sign in ":./")


def _service(options: SetProfileOptions, present: Mapping[str, str]) -> dict[str, str]:
    """Return region, endpoint and dialect: from the options, else as they are."""
    given = {"region": options.region or "", "endpoint": options.endpoint or ""}
    if not any(given.values()):
        given = {name: present.get(name, "") for name in given}
    dialect = options.dialect or present.get("dialect", "")
    found = {name: value for name, value in given.items() if value}
    return {**found, "dialect": dialect} if found and dialect else found


def _variable_secret(options: SetProfileOptions) -> str:
    return secret_of_variable(options.secret_env, "--secret-env") if options.secret_env else ""


def _pair(options: SetProfileOptions, secret_id: str, secret_key: str) -> dict[str, str]:
    pair = {"secret_id": secret_id, "secret_key": secret_key}
    if options.token_env:
        pair["token"] = secret_of_variable(options.token_env, "--token-env")
    return pair


def _works(settings: Mapping[str, str], *, asks: bool) -> bool:
    """Return whether the service accepts the settings, or the user wants them anyway."""
    from coskit.cli.setup.service_probe import client_of, probe_keys
    from coskit.protocol.errors import CosException

    try:
        with client_of(settings) as client:
            print(probe_keys(client))
    except CosException as error:
        print(f"coskit: the test failed: {describe(error)}", file=sys.stderr)
        return asks and ask_yes("Save the profile anyway?")
    return True


def _kept_in_keyring(settings: dict[str, str]) -> dict[str, str]:
    """Put the secret, if there is one, into the keyring and return the settings for the file."""
    if "secret_key" not in settings:
        return settings
    from coskit.cli.setup.config.secret_places import move_to_keyring

    return move_to_keyring(settings)


def _warn_of_variables() -> None:
    """Say which variables take precedence over the profile."""
    names = [
        name
        for name in ("COSKIT_ENDPOINT", "COSKIT_REGION", "COSKIT_SECRET_ID", "COSKIT_DIALECT")
        if os.environ.get(name)
    ]
    if names:
        verb = "takes" if len(names) == 1 else "take"
        print(f"coskit: {', '.join(names)} {verb} precedence over the profile", file=sys.stderr)
