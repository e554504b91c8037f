"""Limit the requests that run at a time; further requests wait in a queue or are refused."""

import asyncio
import random
from collections import deque
from collections.abc import Callable

from coskit.protocol.errors import SlowDown
from coskit.server.http.connections.asgi import ConnectionControl
from coskit.server.settings import Limits


class Admission:
    """A limited number of places for running requests, and a queue of limited length.

    Args:
        limits: the number of places, the queue's length and its timeout.
        draw: returns a random number between two numbers, both included.
        whole: the admission of all requests, if this one is for a part of them; it counts the
            refusals as well.

    Attributes:
        running: requests that have entered and not left.
        refused: requests that were refused since the start.
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
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """The length of the queue."""
        return len(self._queue)

    def enter_at_once(self) -> bool:
        """Take a place if one is free, and return whether one was."""
        if self.running >= self._limits.requests:
            return False
        self.running += 1
        return True

    async def enter(self) -> None:
        """Take a place, waiting in the queue for it.

        Raises:
            SlowDown: the queue is full, or the wait took too long.
        """
        if self.enter_at_once():
            return
        if len(self._queue) >= self._limits.waiting:
            raise self.refusal()
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(self._limits.queue):
                await turn
        except BaseException as cause:
            if turn in self._queue:
                self._queue.remove(turn)
            else:
                self.leave()  # the place was granted in the moment of the timeout
            if isinstance(cause, TimeoutError):
                raise self.refusal() from None
            raise

    def leave(self) -> None:
        """Give the place of a request to the next one in the queue."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1

    def refusal(self) -> SlowDown:
        """Count a refused request and return its error."""
        self.refused += 1
        if self._whole is not None:
            self._whole.refused += 1
        # A random delay, so that requests that came together do not come back together.
        return SlowDown(headers={"Retry-After": str(self._draw(1, 3))})


class AdmissionTicket:
    """The places that one request holds; `release` gives them back.

    Anonymous requests have a share of all places, so that they cannot take all of them.

    Args:
        whole: the admission of all requests.
        anonymous: the admission of anonymous requests.
        connection: the request's connection; it has shorter timeouts for an anonymous request.
    """

    __slots__ = ("_anonymous", "_connection", "_holds_anonymous", "_holds_whole", "_whole")

    def __init__(
        self, whole: Admission, anonymous: Admission, connection: ConnectionControl
    ) -> None:
        self._whole = whole
        self._anonymous = anonymous
        self._connection = connection
        self._holds_whole = False
        self._holds_anonymous = False

    async def enter(self) -> None:
        """Take a place among all requests, waiting for it.

        Raises:
            SlowDown: too many requests are waiting.
        """
        if not self._whole.enter_at_once():
            await self._whole.enter()
        self._holds_whole = True

    async def enter_anonymous(self) -> None:
        """Take a place among the anonymous requests; a request that waits for it holds no other.

        Raises:
            SlowDown: too many requests are waiting.
        """
        if not self._anonymous.enter_at_once():
            self._leave_whole()
            await self._anonymous.enter()
        self._holds_anonymous = True
        self._connection.is_anonymous = True
        if not self._holds_whole:
            await self.enter()

    def leave_anonymous(self) -> None:
        """Give back the place among the anonymous requests, if the request holds one."""
        if self._holds_anonymous:
            self._anonymous.leave()
            self._holds_anonymous = False
            self._connection.is_anonymous = False

    def release(self) -> None:
        """Give back all places."""
        self._leave_whole()
        self.leave_anonymous()

    def _leave_whole(self) -> None:
        if self._holds_whole:
            self._whole.leave()
            self._holds_whole = False
