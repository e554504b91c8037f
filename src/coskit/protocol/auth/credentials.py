"""Credentials, and the check that they hold nothing but what the service issued."""

import re
from dataclasses import dataclass

from coskit.protocol.errors import CredentialsError


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key pair, with the session token if it is temporary.

    Attributes:
        secret_id: the key's name.
        secret_key: the secret that signs; it is never sent.
        token: the session token of temporary keys, sent along; "" for permanent keys.
        expires: Unix second from which the keys are void; None if it is not known.
    """

    secret_id: str
    secret_key: str
    token: str = ""
    expires: float | None = None

    def __repr__(self) -> str:
        until = "" if self.expires is None else f", expires={self.expires:.0f}"
        return f"Credentials(secret_id={self.secret_id!r}, secret_key=..., token=...{until})"


# Characters that editors, shells and copying leave around a text: blanks, line breaks, byte order
# marks.
_MARGIN = " \t\r\n\v\f\0\x1c\x1d\x1e\x1f\x85\xa0\u200b\u200c\u200d\u2028\u2029\u2060\u3000\ufeff"
_CONTROL = re.compile("[\0-\x1f\x7f]").search


def without_margin(text: str) -> str:
    """Return a value from a file or the environment without the blanks and quotes around it."""
    bare = text.strip(_MARGIN)
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        return bare[1:-1].strip(_MARGIN)
    return bare


def check_keys(keys: Credentials) -> None:
    """Refuse keys with characters around them that the service did not issue.

    Raises:
        CredentialsError: a key is no text, or has blanks, line breaks or quotes around it.
    """
    for name in ("secret_id", "secret_key", "token"):
        text = getattr(keys, name)
        if not isinstance(text, str):
            raise CredentialsError(f"{name} must be text, not {type(text).__name__}")
        if text != without_margin(text):
            raise CredentialsError(
                f"{name} begins or ends with a blank, a line break, a byte order mark or quotes, "
                "which are no part of it: strip them"
            )
        if _CONTROL(text):
            raise CredentialsError(f"{name} holds a line break or another control character")
