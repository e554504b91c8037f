"""Secrets of profiles in the system's keyring."""

from collections.abc import Mapping
from pathlib import Path

from coskit.cli.setup.config.profile_file import profiles_of
from coskit.client.credentials.system_keyring import (
    KEYRING,
    remove_from_keyring,
    store_in_keyring,
)
from coskit.protocol.auth.credentials import Credentials


def move_to_keyring(settings: Mapping[str, str]) -> dict[str, str]:
    """Put the secret of a profile into the keyring and return the settings for the file.

    Raises:
        CredentialsError: the keyring cannot be written.
    """
    secret_key, token = settings["secret_key"], settings.get("token", "")
    store_in_keyring(Credentials(settings["secret_id"], secret_key, token))
    rest = {name: value for name, value in settings.items() if name not in ("secret_key", "token")}
    return {**rest, "source": KEYRING}


def forget_secret(file: Path, removed: Mapping[str, str]) -> bool:
    """Remove the secret of a removed profile from the keyring; return whether it was there.

    It stays if another profile uses the same key pair.

    Raises:
        CredentialsError: the keyring cannot be written.
    """
    if not _in_keyring(removed):
        return False
    secret_id = removed["secret_id"]
    if any(
        _in_keyring(other) and other["secret_id"] == secret_id
        for other in profiles_of(file).values()
    ):
        return False
    remove_from_keyring(secret_id)
    return True


def _in_keyring(profile: Mapping[str, str]) -> bool:
    return profile.get("source") == KEYRING and bool(profile.get("secret_id"))
