"""Temporary keys: tokens signed by the server, with account, expiration and policy."""

import hmac
import json
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field

from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.errors import AccessDenied

PREFIX = "AKIDtmp"  # prefix of the secret ids of temporary keys
MAX_SECONDS = 36 * 3600
MAX_POLICY = 4 << 10  # so that a token fits into a URL


@dataclass(frozen=True, slots=True)
class TemporaryKey:
    """The content of a token.

    Attributes:
        secret_id: the key's id.
        account: the account whose rights the key has.
        expires: Unix second at which the key expires.
        policy: the text of the policy that narrows those rights, or "".
        issued: milliseconds since 1970; 0 if an earlier version issued the key.
        secret_key: derived from the other members.
    """

    secret_id: str
    account: str
    expires: int
    policy: str
    issued: int
    secret_key: str = field(repr=False)


def issue(secret: str, account: str, expires: int, policy: str = "") -> Credentials:
    """Return a new temporary key with its token.

    Args:
        secret: the server's token secret, with which any key can be made.
        account: the account whose rights the key has.
        expires: Unix second at which the key expires.
        policy: a valid policy that narrows those rights, or "".
    """
    secret_id = PREFIX + secrets.token_hex(12)
    now = time.time_ns() // 1_000_000
    content = json.dumps([secret_id, account, expires, policy, now], separators=(",", ":"))
    payload = urlsafe_b64encode(content.encode()).decode()
    token = f"{payload}.{_seal(secret, 'token', payload)}"
    return Credentials(secret_id, _seal(secret, "key", payload), token)


def open_token(secret: str, token: str) -> TemporaryKey:
    """Return the content of a token; the expiration is not checked here.

    Raises:
        AccessDenied: this server did not sign the token.
    """
    payload, _, seal = token.rpartition(".")
    expected = _seal(secret, "token", payload)
    if not secret or not hmac.compare_digest(expected.encode(), seal.encode(errors="replace")):
        raise AccessDenied("This server did not issue the token")
    secret_id, account, expires, policy, *rest = json.loads(urlsafe_b64decode(payload))
    issued = rest[0] if rest else 0
    return TemporaryKey(secret_id, account, expires, policy, issued, _seal(secret, "key", payload))


def _seal(secret: str, purpose: str, payload: str) -> str:
    text = f"{purpose}:{payload}".encode(errors="replace")
    return urlsafe_b64encode(hmac.digest(secret.encode(), text, "sha256")).decode().rstrip("=")
