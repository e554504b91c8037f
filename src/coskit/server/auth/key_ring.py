"""The keys that a running server accepts, kept current with the file of accounts."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from coskit.server.auth.accounts import FILE, AccountRegistry, read_accounts
from coskit.server.settings import ACCOUNT

_log = logging.getLogger("coskit.server")
_CHECK = 1.0  # seconds for which a removed key may still be accepted


class KeyRing:
    """Finds the secret key and the account of a secret id.

    Args:
        directory: the data directory, in which the file of accounts may appear.
        fixed: secret key and account by secret id, independent of the file.
        max_validity: the seconds that a signature may be valid for, or None for no limit.
        clock: returns seconds from any origin.

    Raises:
        ValueError: the file holds no accounts.
    """

    def __init__(
        self,
        directory: Path,
        fixed: Mapping[str, tuple[str, str]],
        clock: Callable[[], float] = time.monotonic,
        *,
        max_validity: int | None = None,
    ) -> None:
        self.max_validity = max_validity
        self._directory = directory
        self._fixed = fixed
        self._clock = clock
        self._checked = clock()
        self._seen = self._stamp()
        self._use(read_accounts(directory))

    @property
    def token_secret(self) -> str:
        """The secret that signs temporary keys, or "" if there are none."""
        self._refresh()
        return self._registry.token_secret

    def get(self, secret_id: str) -> tuple[str, str] | None:
        """Return the secret key and the account of a key pair, or None."""
        self._refresh(eagerly=secret_id not in self._keys)
        return self._keys.get(secret_id)

    def has_account(self, account: str) -> bool:
        """Return whether an account exists."""
        # Read the file for an unknown account: it may be new.
        self._refresh(eagerly=self._registry.find(account) is None)
        return account == ACCOUNT or self._registry.find(account) is not None

    def accepts_tokens(self, account: str, issued: int) -> bool:
        """Return whether temporary keys of an account that were issued at a given time are valid.

        An account that was removed and added again does not bring back its temporary keys.

        Args:
            account: the account's id.
            issued: milliseconds since 1970.
        """
        if not self.has_account(account):
            return False
        found = self._registry.find(account)
        return account == ACCOUNT or found is None or issued >= found.created

    def _refresh(self, *, eagerly: bool = False) -> None:
        now = self._clock()
        if not eagerly and now - self._checked < _CHECK:
            return
        self._checked = now
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._use(read_accounts(self._directory))
        except (OSError, ValueError):
            _log.exception("Reading the accounts failed; the earlier ones stay in use")

    def _use(self, registry: AccountRegistry) -> None:
        self._registry = registry
        listed = {
            key.secret_id: (key.secret_key, account.id)
            for account in registry.accounts
            for key in account.keys
        }
        self._keys = {**listed, **self._fixed}

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._directory / FILE)  # noqa: PTH116 - half the time of Path.stat
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
