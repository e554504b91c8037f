"""What a client signs with: fixed keys, or those that a provider has at the moment."""

import inspect
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

from coskit.protocol.auth.signature import Credentials, check_keys
from coskit.protocol.errors import CosServiceError, CredentialsError

_log = logging.getLogger("coskit")
METADATA: Literal["metadata"] = "metadata"
# What the service says of keys that were good once; new ones may be.
_OUTDATED = frozenset(("ExpiredToken", "InvalidAccessKeyId"))


class CredentialsProvider(Protocol):
    """Has keys at any time; asked for each request, so it answers from memory as a rule."""

    def get(self) -> Credentials:
        """Return the keys to sign with now."""


class AsyncCredentialsProvider(Protocol):
    """A provider that `AsyncClient` waits for."""

    async def get(self) -> Credentials:
        """Return the keys to sign with now."""


CredentialsSource = (
    Credentials
    | CredentialsProvider
    | AsyncCredentialsProvider
    | Callable[[], Credentials | Awaitable[Credentials]]
    | Literal["metadata"]
)


class Keys:
    """What a synchronous client signs with.

    Args:
        source: keys, a provider, a function that fetches keys, `"metadata"`, or None.
        clock: Unix seconds; for keys that are fetched here.

    Raises:
        CredentialsError: the source is none of these, or must be awaited; or keys have something
            around them that is no part of them.
    """

    def __init__(
        self, source: CredentialsSource | None, clock: Callable[[], float] = time.time
    ) -> None:
        self.fixed = _checked(source) if isinstance(source, Credentials) else None
        self._provider: Any = None
        if source is not None and self.fixed is None:
            self._provider = _for_threads(source, clock)

    def get(self) -> Credentials | None:
        """Return the keys for the next request, None to leave it unsigned.

        Raises:
            CredentialsError: the provider has none.
        """
        return self.fixed if self._provider is None else _checked(self._provider.get())

    def here(self) -> Credentials:
        """Return the keys for a signature that is made without a request.

        Raises:
            CredentialsError: the client is anonymous, or the provider has no keys.
        """
        return _needed(self.get())

    def renewed(self, error: Exception, used: Credentials | None) -> bool:
        """Return whether there are other keys after a call failed because these were outdated."""
        if self._provider is None or used is None or not _is_outdated(error):
            return False
        try:
            if hasattr(self._provider, "renew"):
                return _checked(self._provider.renew(used)) != used
            return self.get() != used
        except CredentialsError as failure:
            _tell_unrenewed(failure)
            return False


class AsyncKeys:
    """What an asynchronous client signs with.

    Args:
        source: keys, a provider of either kind, a function of either kind that fetches keys,
            `"metadata"`, or None.
        clock: Unix seconds; for keys that are fetched here.

    Raises:
        CredentialsError: the source is none of these.
    """

    def __init__(
        self, source: CredentialsSource | None, clock: Callable[[], float] = time.time
    ) -> None:
        self.fixed = _checked(source) if isinstance(source, Credentials) else None
        self._clock = clock
        self._last: Credentials | None = None
        self._provider: Any = None
        self._in_place: Any = None
        if source is not None and self.fixed is None:
            self._provider, self._in_place = _for_tasks(source, clock)
            self._clock = getattr(self._provider, "clock", clock)

    async def get(self) -> Credentials | None:
        """Return the keys for the next request, None to leave it unsigned.

        Raises:
            CredentialsError: the provider has none.
        """
        if self._provider is None:
            return self.fixed
        answer = self._provider.get()
        self._last = _checked(await answer if inspect.isawaitable(answer) else answer)
        return self._last

    def here(self) -> Credentials:
        """Return the keys for a signature that is made in place, without waiting.

        Raises:
            CredentialsError: the client is anonymous, or its provider has to be waited for and
                the keys it gave last, if any, have expired.
        """
        if self._in_place is not None:
            return _checked(self._in_place.get())
        if self._provider is None:
            return _needed(self.fixed)
        last = self._last
        if last is None or (last.expires is not None and last.expires <= self._clock()):
            raise CredentialsError(
                "There are no valid keys to sign with in place: "
                "call `await client.refresh_credentials()` first"
            )
        return last

    async def renewed(self, error: Exception, used: Credentials | None) -> bool:
        """Return whether there are other keys after a call failed because these were outdated."""
        if self._provider is None or used is None or not _is_outdated(error):
            return False
        try:
            if not hasattr(self._provider, "renew"):
                return await self.get() != used
            answer = self._provider.renew(used)
            self._last = _checked(await answer if inspect.isawaitable(answer) else answer)
        except CredentialsError as failure:
            _tell_unrenewed(failure)
            return False
        return self._last != used


class Borrowed:
    """A refreshing provider of threads as the fetch of one for tasks: both hold the same keys."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._last: Credentials | None = None

    def __call__(self) -> Credentials:
        """Return keys other than those returned last."""
        last = self._last
        self._last = _checked(self._provider.get() if last is None else self._provider.renew(last))
        return self._last


# The providers of each world are imported where they are made: a program of one world does not
# load the other.


def _for_threads(source: Any, clock: Callable[[], float]) -> Any:
    if source == METADATA:
        from coskit.client._sync.credentials.instance_metadata import MetadataCredentials

        return MetadataCredentials(clock=clock)
    if _is_provider(source):
        if inspect.iscoroutinefunction(source.get):
            raise CredentialsError(
                "The credentials have to be awaited: only AsyncClient takes them"
            )
        return source
    if not callable(source) or _is_async(source):
        raise _misfit(source, "a function that returns Credentials")
    from coskit.client._sync.credentials.refreshable import RefreshingCredentials

    return RefreshingCredentials(source, clock=clock)


def _for_tasks(source: Any, clock: Callable[[], float]) -> tuple[Any, Any]:
    """Return the provider to ask for requests and, if it need not be awaited, the one in place."""
    from coskit.client._async.credentials.refreshable import AsyncRefreshingCredentials

    if source == METADATA:
        from coskit.client._async.credentials.instance_metadata import AsyncMetadataCredentials

        return AsyncMetadataCredentials(clock=clock), None
    if not _is_provider(source):
        if not callable(source):
            raise _misfit(source, "a function")
        if _is_async(source):
            return AsyncRefreshingCredentials(source, clock=clock), None
        source = _for_threads(source, clock)
    if inspect.iscoroutinefunction(source.get):
        return source, None
    if hasattr(source, "renew"):
        # Its `get` may wait for the network, which must not hold up the event loop.
        early, clock = getattr(source, "early", 300.0), getattr(source, "clock", clock)
        return AsyncRefreshingCredentials(Borrowed(source), early, clock=clock), source
    return source, source


def _is_provider(source: Any) -> bool:
    return callable(getattr(source, "get", None))


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - of an object whose call is awaited
    )


def _misfit(source: Any, function: str) -> CredentialsError:
    return CredentialsError(
        f"credentials are Credentials, an object with get(), {function}, or {METADATA!r}, "
        f"not {type(source).__name__}"
    )


def _checked(answer: Any) -> Credentials:
    if not isinstance(answer, Credentials):
        raise CredentialsError(f"A provider gave {type(answer).__name__} instead of Credentials")
    check_keys(answer)
    return answer


def _needed(keys: Credentials | None) -> Credentials:
    if keys is None:
        raise CredentialsError("An anonymous client cannot sign")
    return keys


def _is_outdated(error: Exception) -> bool:
    return isinstance(error, CosServiceError) and error.code in _OUTDATED


def _tell_unrenewed(failure: CredentialsError) -> None:
    _log.debug("The service calls the keys outdated, and there are no others: %s", failure)
