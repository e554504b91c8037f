"""Keys that are refreshed before they expire, by one task or thread at a time."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from coskit.client._async.concurrency import AsyncSingleFlight
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.errors import CosException, CredentialsError

_log = logging.getLogger("coskit")
# Seconds until a failed early refresh is tried again.
_RETRY_DELAY = 10.0


@dataclass(frozen=True, slots=True)
class _Held:
    """Keys that were fetched.

    Attributes:
        keys: the keys.
        due: the Unix second from which they should be replaced; None for never.
    """

    keys: Credentials
    due: float | None

    def is_fresh(self, now: float) -> bool:
        return self.due is None or now < self.due

    def is_valid(self, now: float) -> bool:
        return self.keys.expires is None or now < self.keys.expires


class AsyncRefreshingCredentials:
    """Keys from a function, fetched when first needed and again before they expire.

    While one task or thread fetches, others use the keys that are still valid, or wait if there are
    none. A fetch that fails while keys are valid is logged and retried 10 seconds later. Keys
    without `expires` stay until the service calls them outdated. After a fork each process fetches
    its own; a pickle contains no keys.

    Attributes:
        early: the seconds before their expiry at which keys are replaced.
        clock: returns Unix seconds.
    """

    def __init__(
        self,
        fetch: Callable[[], Any],
        early: float = 300.0,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Keep the function; nothing is fetched yet.

        Args:
            fetch: returns `Credentials`, with `expires` if they do expire.
            early: the seconds before their expiry at which keys are replaced, but not before half
                of their lifetime has passed.
            clock: returns Unix seconds.
        """
        self.early = early
        self.clock = clock
        self._single_flight = AsyncSingleFlight(fetch)
        self._held: _Held | None = None
        self._failures = 0
        self._failure: Exception | None = None

    async def get(self) -> Credentials:
        """Return keys that are valid now.

        Raises:
            CredentialsError: there are none and the fetch failed; the cause is attached.
        """
        now, held = self.clock(), self._held
        if held is not None and held.is_fresh(now):
            return held.keys
        if held is None or not held.is_valid(now):
            return await self._wait(None)
        if not await self._single_flight.enter(wait=False):
            return held.keys
        try:
            return await self._early(held)
        finally:
            self._single_flight.leave()

    async def renew(self, used: Credentials) -> Credentials:
        """Return other keys than these, which the service no longer accepts.

        Raises:
            CredentialsError: the fetch failed; the cause is attached.
        """
        return await self._wait(used)

    async def _wait(self, used: Credentials | None) -> Credentials:
        failures = self._failures
        await self._single_flight.enter(wait=True)
        try:
            held = self._held
            if held is not None and held.keys != used and held.is_valid(self.clock()):
                return held.keys  # fetched while this one waited
            if self._failures != failures and self._failure is not None:
                raise self._no_keys(self._failure)
            return await self._fetch()
        finally:
            self._single_flight.leave()

    async def _early(self, held: _Held) -> Credentials:
        if self._held is not None and self._held is not held:
            return self._held.keys
        try:
            return await self._fetch()
        except CredentialsError as failure:
            _log.debug("%s; those at hand are still valid", failure)
            self._held = replace(held, due=self.clock() + _RETRY_DELAY)
            return held.keys

    async def _fetch(self) -> Credentials:
        try:
            keys = await self._single_flight.call()
            if not isinstance(keys, Credentials):
                raise CredentialsError(f"it gave {type(keys).__name__} instead of Credentials")
            now = self.clock()
            if keys.expires is not None and keys.expires <= now:
                raise CredentialsError("they have expired already")
        except Exception as failure:
            self._failures += 1
            self._failure = failure
            raise self._no_keys(failure) from failure
        self._held, self._failure = _Held(keys, self._due(keys, now)), None
        return keys

    def _due(self, keys: Credentials, now: float) -> float | None:
        if keys.expires is None:
            return None
        left = keys.expires - now
        # A source that returns the same keys until they expire is called once a second at most.
        return min(keys.expires, now + max(left - self.early, left / 2, 1.0))

    def _no_keys(self, failure: Exception) -> CredentialsError:
        error = CredentialsError(f"No new keys could be fetched: {_reason(failure)}")
        error.__cause__ = failure
        return error

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickle contains neither the keys nor the lock.
        return partial(type(self), clock=self.clock), (self._single_flight.function, self.early)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(early={self.early:g})"


def _reason(failure: Exception) -> str:
    """Return why a fetch failed: of a foreign exception only its type, as it may quote a secret."""
    return str(failure) if isinstance(failure, CosException) else type(failure).__name__
