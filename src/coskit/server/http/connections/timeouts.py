"""End connections that stay in one state for too long, or whose body comes too slowly."""

import asyncio
import time
from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

from coskit.server.settings import Limits

BODY_PHASES = ("body", "anonymous")  # phases in which more of a body has to come
_LAST = 2.0  # seconds in which a client has to close a connection that the server has ended
_SHORTEST, _LONGEST = 0.02, 1.0  # seconds between two checks


class ConnectionState(NamedTuple):
    """The phase of a connection, and two numbers of which one changes with any progress.

    Attributes:
        phase: `idle`, `head`, `body`, `anonymous` (the body of an anonymous request), `response` or
            `last`, each with a timeout, or `work`, while the client waits for the server.
        first: for a body, the number of its request.
        second: for a body, the bytes received over the connection.
    """

    phase: str
    first: int
    second: int


class TimedConnection(Protocol):
    """A connection as the timeout monitor sees it."""

    def state(self) -> ConnectionState:
        """Return the phase and its progress."""
        ...

    def time_out(self, phase: str) -> None:
        """Give up waiting in a phase."""
        ...


class _BodyRate(NamedTuple):
    """The rate of a body.

    Attributes:
        request: the number of its request.
        waited: the seconds in which the server waited for it.
        start: the bytes received before that.
    """

    request: int
    waited: float
    start: int


class TimeoutMonitor:
    """Check all connections periodically, which costs requests nothing.

    Timeouts are exact to a tenth of the shortest one, or to a second.

    Args:
        connections: the open connections; the collection changes.
        limits: the timeouts.
        clock: returns seconds of a monotonic clock.
    """

    def __init__(
        self,
        connections: Collection[TimedConnection],
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
            "anonymous": min(limits.anonymous_body, limits.body),
            "response": limits.response,
            "last": _LAST,
        }
        self._checked = clock()
        self._seen: dict[TimedConnection, tuple[ConnectionState, float]] = {}
        self._rates: dict[TimedConnection, _BodyRate] = {}

    async def run(self) -> None:
        """Check until cancelled."""
        shortest = min(self._longest.values())
        beat = min(max(shortest / 10, _SHORTEST), _LONGEST)
        while True:
            await asyncio.sleep(beat)
            self.check()

    def check(self) -> None:
        """End each connection without progress for longer than its phase allows."""
        now = self._clock()
        passed, self._checked = now - self._checked, now
        seen: dict[TimedConnection, tuple[ConnectionState, float]] = {}
        rates: dict[TimedConnection, _BodyRate] = {}
        for connection in tuple(self._connections):
            state = connection.state()
            before, since = self._seen.get(connection, (state, now))
            if state != before:
                since = now
            seen[connection] = state, since
            if now - since >= self._longest.get(state.phase, float("inf")):
                connection.time_out(state.phase)
            elif state.phase in BODY_PHASES:
                rate = self._rates.get(connection, _BodyRate(state.first, 0.0, state.second))
                rates[connection] = self._check_rate(connection, state, before, rate, passed)
        self._seen, self._rates = seen, rates

    def _check_rate(
        self,
        connection: TimedConnection,
        state: ConnectionState,
        before: ConnectionState,
        rate: _BodyRate,
        passed: float,
    ) -> _BodyRate:
        """End a connection whose body comes too slowly; return the rate so far."""
        if rate.request != state.first:
            return _BodyRate(state.first, 0.0, state.second)
        waited = rate.waited + (passed if before.phase in BODY_PHASES else 0.0)
        if waited < self._longest[state.phase]:
            return rate._replace(waited=waited)
        if state.second - rate.start < self._slowest * waited:
            connection.time_out(state.phase)
        return _BodyRate(state.first, 0.0, state.second)
