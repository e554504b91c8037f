"""The keys of a synchronous client; the twin in `_async` serves an asynchronous one."""

import inspect
import time
from collections.abc import Callable
from typing import Any

from coskit.client.credentials.provider import (
    METADATA,
    CredentialsSource,
    checked_credentials,
    is_async,
    is_outdated,
    is_provider,
    log_unrenewed,
    required_credentials,
    source_error,
)
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.errors import CredentialsError


class SigningKeys:
    """The keys that a synchronous client signs with.

    Args:
        source: credentials, a provider, a function that fetches credentials, `"metadata"`, or None
            for an anonymous client.
        clock: returns Unix seconds, for keys that are fetched here.

    Attributes:
        fixed: the keys, if they never change.

    Raises:
        CredentialsError: the source is none of these or must be awaited, or the keys have blanks
            or quotes around them.
    """

    def __init__(
        self, source: CredentialsSource | None, clock: Callable[[], float] = time.time
    ) -> None:
        self.fixed = checked_credentials(source) if isinstance(source, Credentials) else None
        self._provider: Any = None
        if source is not None and self.fixed is None:
            self._provider = provider_of(source, clock)

    def get(self) -> Credentials | None:
        """Return the keys for the next request, None to leave it unsigned.

        Raises:
            CredentialsError: the provider has no keys.
        """
        return self.fixed if self._provider is None else checked_credentials(self._provider.get())

    def get_without_waiting(self) -> Credentials:
        """Return the keys for a signature that is made without a request.

        Raises:
            CredentialsError: the client is anonymous, or the provider has no keys.
        """
        return required_credentials(self.get())

    def renew_after(self, error: Exception, used: Credentials | None) -> bool:
        """Return whether other keys are at hand after the service called the used ones outdated."""
        if self._provider is None or used is None or not is_outdated(error):
            return False
        try:
            if hasattr(self._provider, "renew"):
                return checked_credentials(self._provider.renew(used)) != used
            return self.get() != used
        except CredentialsError as failure:
            log_unrenewed(failure)
            return False


def provider_of(source: Any, clock: Callable[[], float]) -> Any:
    """Return the provider that a source stands for: itself, or one that refreshes.

    Raises:
        CredentialsError: the source is neither a provider nor a function, or must be awaited.
    """
    # Imported here: most clients have fixed keys.
    if source == METADATA:
        from coskit.client._sync.credentials.instance_metadata import MetadataCredentials

        return MetadataCredentials(clock=clock)
    if is_provider(source):
        if inspect.iscoroutinefunction(source.get):
            raise CredentialsError(
                "The credentials have to be awaited: only AsyncClient takes them"
            )
        return source
    if not callable(source) or is_async(source):
        raise source_error(source, "a function that returns Credentials")
    from coskit.client._sync.credentials.refreshable import RefreshingCredentials

    return RefreshingCredentials(source, clock=clock)
