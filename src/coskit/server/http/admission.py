"""How much a server takes on, and who waits or is turned away beyond that."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from coskit.protocol.errors import SlowDown

SMALL_BODY = 1 << 16  # bytes of a refused body that are read over rather than cut off


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server bears.

    Attributes:
        head: seconds in which the head of a request has to be complete.
        idle: seconds for which a connection may be without a request.
        body: seconds for which nothing of a body may come.
        response: seconds for which a client may take nothing of its answer.
        queue: seconds for which a request may wait for its turn.
        grace: seconds that running requests have when the server ends.
        requests: how many are worked on at a time.
        strangers: how many of these may be of nobody who is known; None is half of them.
        stranger: seconds for which nothing of a stranger's body may come, and in which the fields
            of a form have to be complete.
        waiting: how many may wait for their turn.
        commits: changes that may wait for the index before further writes are turned away.
        memory: bytes that bodies on their way in and out share.
        reserve: bytes of the disk that are left free: for deletions, which have to write as well.
        slowest: bytes per second that a body has to come with, on average over `body` seconds.
    """

    head: float = 20
    idle: float = 75
    body: float = 60
    response: float = 120
    queue: float = 10
    grace: float = 30
    requests: int = 1024
    strangers: int | None = None
    stranger: float = 15
    waiting: int = 1024
    commits: int = 1024
    memory: int = 256 << 20
    reserve: int = 32 << 20
    slowest: int = 1024

    def of_strangers(self) -> "Limits":
        """Return the limits of requests that are not known to be anybody's."""
        half = max(1, self.requests // 2)
        return replace(self, requests=half if self.strangers is None else self.strangers)

    def shared(self, workers: int) -> "Limits":
        """Return the share of each of several workers in what is counted."""
        return replace(
            self,
            requests=-(-self.requests // workers),
            strangers=None if self.strangers is None else -(-self.strangers // workers),
            waiting=-(-self.waiting // workers),
            commits=-(-self.commits // workers),
            memory=-(-self.memory // workers),
        )


class Admission:
    """Lets so many requests run at a time; the next ones wait in line, and the rest are refused.

    Args:
        limits: how many, and how long.
        draw: returns a number from the first to the second, both included.
        whole: counts what is refused here as well, if this is for a part of its requests.

    Attributes:
        running: requests that have entered and not left.
        refused: requests that were turned away since the start.
    """

    def __init__(
        self,
        limits: Limits,
        draw: Callable[[int, int], int] = random.randint,
        whole: "Admission | None" = None,
    ) -> None:
        self.running = 0
        self.refused = 0
        self._limits = limits
        self._draw = draw
        self._whole = whole
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    def enter_at_once(self) -> bool:
        """Let a request in if there is room, and return whether there was."""
        if self.running >= self._limits.requests:
            return False
        self.running += 1
        return True

    async def enter(self) -> None:
        """Let a request in when it is its turn.

        Raises:
            SlowDown: the line is too long, or it took too long.
        """
        if self.enter_at_once():
            return
        if len(self._line) >= self._limits.waiting:
            raise self.refusal()
        turn = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout(self._limits.queue):
                await turn
        except BaseException as cause:
            if turn in self._line:
                self._line.remove(turn)
            else:
                self.leave()  # the place was given to it in the moment that it gave up
            if isinstance(cause, TimeoutError):
                raise self.refusal() from None
            raise

    def leave(self) -> None:
        """Give the place of a request to the next in line."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1

    def refusal(self) -> SlowDown:
        """Count a request that is turned away, and return what it is told."""
        self.refused += 1
        if self._whole is not None:
            self._whole.refused += 1
        # Spread out, lest those that came together come back together.
        return SlowDown(headers={"Retry-After": str(self._draw(1, 3))})
