"""How much a server takes on, and who waits or is turned away beyond that."""

import asyncio
import random
from collections import deque
from collections.abc import Callable

from coskit.protocol.errors import SlowDown
from coskit.server.settings import Limits

SMALL_BODY = 1 << 16  # bytes of a refused body that are read over rather than cut off


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
