"""The keys of an asynchronous client; the twin in `_sync` serves a synchronous one."""

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


class AsyncSigningKeys:
    """The keys that an asynchronous client signs with.

    Args:
        source: credentials, a provider of either world, a function of either world that fetches
            credentials, `"metadata"`, or None for an anonymous client.
        clock: returns Unix seconds, for keys that are fetched here.

    Attributes:
        fixed: the keys, if they never change.

    Raises:
        CredentialsError: the source is none of these.
    """

    def __init__(
        self, source: CredentialsSource | None, clock: Callable[[], float] = time.time
    ) -> None:
        self.fixed = checked_credentials(source) if isinstance(source, Credentials) else None
        self._clock = clock
        self._last: Credentials | None = None
        self._provider: Any = None
        self._blocking_provider: Any = None
        if source is not None and self.fixed is None:
            self._provider, self._blocking_provider = _providers_of(source, clock)
            self._clock = getattr(self._provider, "clock", clock)

    async def get(self) -> Credentials | None:
        """Return the keys for the next request, None to leave it unsigned.

        Raises:
            CredentialsError: the provider has no keys.
        """
        if self._provider is None:
            return self.fixed
        found = self._provider.get()
        self._last = checked_credentials(await found if inspect.isawaitable(found) else found)
        return self._last

    def get_without_waiting(self) -> Credentials:
        """Return the keys for a signature that is made without a request and without waiting.

        Raises:
            CredentialsError: the client is anonymous, or its provider must be awaited and the keys
                that it gave last, if any, have expired.
        """
        if self._blocking_provider is not None:
            return checked_credentials(self._blocking_provider.get())
        if self._provider is None:
            return required_credentials(self.fixed)
        last = self._last
        if last is None or (last.expires is not None and last.expires <= self._clock()):
            raise CredentialsError(
                "There are no valid keys to sign with in place: "
                "call `await client.refresh_credentials()` first"
            )
        return last

    async def renew_after(self, error: Exception, used: Credentials | None) -> bool:
        """Return whether other keys are at hand after the service called the used ones outdated."""
        if self._provider is None or used is None or not is_outdated(error):
            return False
        try:
            if not hasattr(self._provider, "renew"):
                return await self.get() != used
            found = self._provider.renew(used)
            self._last = checked_credentials(await found if inspect.isawaitable(found) else found)
        except CredentialsError as failure:
            log_unrenewed(failure)
            return False
        return self._last != used


class BlockingProviderFetch:
    """A refreshing provider of the synchronous world as the fetch of an asynchronous one.

    Both hold the same keys.
    """

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._last: Credentials | None = None

    def __call__(self) -> Credentials:
        """Return keys other than those returned last."""
        last = self._last
        found = self._provider.get() if last is None else self._provider.renew(last)
        self._last = checked_credentials(found)
        return self._last


def _providers_of(source: Any, clock: Callable[[], float]) -> tuple[Any, Any]:
    """Return the provider for requests and, if it need not be awaited, the one to call in place."""
    # Imported here: most clients have fixed keys.
    from coskit.client._async.credentials.refreshable import AsyncRefreshingCredentials

    if source == METADATA:
        from coskit.client._async.credentials.instance_metadata import AsyncMetadataCredentials

        return AsyncMetadataCredentials(clock=clock), None
    if not is_provider(source):
        if not callable(source):
            raise source_error(source, "a function")
        if is_async(source):
            return AsyncRefreshingCredentials(source, clock=clock), None
        # A program of one world loads the other one only for this.
        from coskit.client._sync.credentials.keys import provider_of

        source = provider_of(source, clock)
    if inspect.iscoroutinefunction(source.get):
        return source, None
    if hasattr(source, "renew"):
        # Its `get` may wait for the network, which must not hold up the event loop.
        early, clock = getattr(source, "early", 300.0), getattr(source, "clock", clock)
        fetch = BlockingProviderFetch(source)
        return AsyncRefreshingCredentials(fetch, early, clock=clock), source
    return source, source
