"""How long connections have been in which state, and the end of those that take too long."""

import asyncio
import time
from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

from coskit.server.settings import Limits

BODIES = ("body", "stranger")  # phases in which more of a body has to come
_LAST = 2.0  # seconds in which a client may take note that its connection is over
_SHORTEST, _LONGEST = 0.02, 1.0  # seconds between two looks


class State(NamedTuple):
    """What a connection waits for, and two numbers of which one changes with any progress.

    Attributes:
        phase: `idle`, `head`, `body`, `stranger` (a body of nobody who is known), `response` or
            `last`, each with a limit, or `work`, while the client waits for the server.
        first: of a body: the number of its request.
        second: of a body: the bytes that have come over the connection.
    """

    phase: str
    first: int
    second: int


class Watched(Protocol):
    """A connection as the watch sees it."""

    def state(self) -> State:
        """Return what it waits for."""
        ...

    def end(self, phase: str) -> None:
        """Give up waiting."""
        ...


class _Pace(NamedTuple):
    """How a body has come: seconds that the server has waited for it, and where that began."""

    request: int
    waited: float
    start: int


class Watch:
    """Looks at all connections now and then, which costs requests nothing.

    Times are right to within a tenth of the shortest limit, or a second.

    Args:
        connections: those that are open; changes.
        limits: for how long.
        clock: seconds, only ever compared.
    """

    def __init__(
        self,
        connections: Collection[Watched],
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections
        self._clock = clock
        self._slowest = limits.slowest
        self._longest = {
            "idle": limits.idle,
            "head": limits.head,
            "body": limits.body,
            "stranger": min(limits.stranger, limits.body),
            "response": limits.response,
            "last": _LAST,
        }
        self._looked = clock()
        self._seen: dict[Watched, tuple[State, float]] = {}
        self._paces: dict[Watched, _Pace] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        shortest = min(self._longest.values())
        beat = min(max(shortest / 10, _SHORTEST), _LONGEST)
        while True:
            await asyncio.sleep(beat)
            self.look()

    def look(self) -> None:
        """End every connection that has not come on for as long as its state allows."""
        now = self._clock()
        passed, self._looked = now - self._looked, now
        seen: dict[Watched, tuple[State, float]] = {}
        paces: dict[Watched, _Pace] = {}
        for connection in tuple(self._connections):
            state = connection.state()
            before, since = self._seen.get(connection, (state, now))
            if state != before:
                since = now
            seen[connection] = state, since
            if now - since >= self._longest.get(state.phase, float("inf")):
                connection.end(state.phase)
            elif state.phase in BODIES:
                pace = self._paces.get(connection, _Pace(state.first, 0.0, state.second))
                paces[connection] = self._judge(connection, state, before, pace, passed)
        self._seen, self._paces = seen, paces

    def _judge(
        self, connection: Watched, state: State, before: State, pace: _Pace, passed: float
    ) -> _Pace:
        """End a connection whose body comes too slowly; return how it has come so far."""
        if pace.request != state.first:
            return _Pace(state.first, 0.0, state.second)
        waited = pace.waited + (passed if before.phase in BODIES else 0.0)
        if waited < self._longest[state.phase]:
            return pace._replace(waited=waited)
        if state.second - pace.start < self._slowest * waited:
            connection.end(state.phase)
        return _Pace(state.first, 0.0, state.second)
