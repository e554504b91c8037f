"""Secret keys in the system's keyring, read when they are first needed."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.errors import CredentialsError

KEYRING: Literal["keyring"] = "keyring"
_SERVICE = "coskit"


@dataclass(frozen=True, slots=True)
class KeyringKeys:
    """A function that fetches a key pair whose secret is in the system's keyring.

    Attributes:
        secret_id: the id of the key pair; the keyring has the secret under this name.
    """

    secret_id: str

    def __call__(self) -> Credentials:
        """Return the key pair.

        Raises:
            CredentialsError: the keyring has no such secret, or cannot be read.
        """
        stored = _call("get_password", self.secret_id)
        if not stored:
            raise CredentialsError(
                f"the system's keyring has no secret for {self.secret_id}: run coskit config"
            )
        secret_key, token = _parts(stored)
        return Credentials(self.secret_id, secret_key, token)


def store_in_keyring(keys: Credentials) -> None:
    """Put the secret of a key pair, and its token if it has one, into the keyring.

    Raises:
        CredentialsError: the keyring cannot be written.
    """
    text = keys.secret_key
    if keys.token:
        text = json.dumps({"secret_key": keys.secret_key, "token": keys.token})
    _call("set_password", keys.secret_id, text)


def remove_from_keyring(secret_id: str) -> None:
    """Remove the secret of a key pair from the keyring; it need not be there.

    Raises:
        CredentialsError: the keyring cannot be written.
    """
    if _call("get_password", secret_id) is not None:
        _call("delete_password", secret_id)


def _parts(stored: str) -> tuple[str, str]:
    """Return the secret key and the token in an entry; a plain text is the secret key."""
    if not stored.startswith("{"):
        return stored, ""
    try:
        table = json.loads(stored)
        return str(table["secret_key"]), str(table.get("token", ""))
    except (ValueError, KeyError) as cause:
        raise CredentialsError("the entry in the system's keyring is malformed") from cause


def _call(function: str, *arguments: str) -> Any:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise CredentialsError(
            "the secret is in the system's keyring, which needs the package keyring: "
            "pip install 'coskit[keyring]'"
        ) from None
    try:
        return getattr(keyring, function)(_SERVICE, *arguments)
    except keyring.errors.KeyringError as cause:
        # Without a backend, as on a server without a desktop, the message says what to install.
        reason = " ".join(str(cause).split()) or type(cause).__name__
        raise CredentialsError(f"the system's keyring cannot be used: {reason}") from cause
