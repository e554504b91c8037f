"""How keys are fetched: one caller at a time, the others wait or do without, in either world."""

import os
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from coskit.protocol.auth.signature import Credentials
from coskit.protocol.errors import CosException, CredentialsError

if TYPE_CHECKING:
    import asyncio


class Fetching:
    """A fetch that one thread does at a time.

    A forked process has a turn of its own, so that a lock held at the fork hinders nobody.

    Args:
        fetch: returns the keys.
    """

    def __init__(self, fetch: Callable[[], Credentials]) -> None:
        self.fetch = fetch
        self._locks: dict[int, threading.Lock] = {}

    def _lock(self) -> threading.Lock:
        return self._locks.setdefault(os.getpid(), threading.Lock())

    def take(self, *, wait: bool) -> bool:
        """Take the turn and return True; False if it is taken and not to be waited for."""
        return self._lock().acquire(blocking=wait)

    def give(self) -> None:
        """Let the next one in."""
        self._lock().release()

    def call(self) -> Credentials:
        """Return what is fetched.

        Raises:
            CredentialsError: it is no Credentials.
            Exception: what the fetch raised.
        """
        return _keys(self.fetch())


class AsyncFetching:
    """A fetch that one task does at a time on each event loop.

    Args:
        fetch: returns the keys; if it is not an async function, it is called in a thread.
    """

    def __init__(self, fetch: Callable[[], Credentials | Awaitable[Credentials]]) -> None:
        self.fetch = fetch
        self._locks: WeakKeyDictionary[Any, asyncio.Lock] = WeakKeyDictionary()

    def _lock(self) -> "asyncio.Lock":
        import asyncio  # here, since the other world does without

        loop = asyncio.get_running_loop()
        lock = self._locks.get(loop)
        if lock is None:
            lock = self._locks[loop] = asyncio.Lock()
        return lock

    async def take(self, *, wait: bool) -> bool:
        """Take the turn and return True; False if it is taken and not to be waited for."""
        lock = self._lock()
        if not wait and lock.locked():
            return False
        return await lock.acquire()

    def give(self) -> None:
        """Let the next one in."""
        self._lock().release()

    async def call(self) -> Credentials:
        """Return what is fetched.

        Raises:
            CredentialsError: it is no Credentials.
            Exception: what the fetch raised.
        """
        import asyncio
        import inspect

        if inspect.iscoroutinefunction(self.fetch):
            return _keys(await self.fetch())
        answer: Any = await asyncio.to_thread(self.fetch)
        return _keys(await answer if inspect.isawaitable(answer) else answer)


def _keys(answer: Any) -> Credentials:
    if not isinstance(answer, Credentials):
        raise CredentialsError(f"it gave {type(answer).__name__} instead of Credentials")
    return answer


def reason(failure: Exception) -> str:
    """Return why a fetch failed: of a foreign exception only the kind, as it may quote a secret."""
    return str(failure) if isinstance(failure, CosException) else type(failure).__name__
