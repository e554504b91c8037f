"""Retry a call that failed; if it is unsafe to repeat, find out first whether it succeeded."""

from collections.abc import Callable
from time import perf_counter
from typing import Any, Protocol

from coskit.client._async.concurrency import async_sleep
from coskit.client._async.request.lost_response import CallOutcome
from coskit.client.request.retry_state import RetryState
from coskit.client.settings.retry import FAILURES, Failure, is_lost
from coskit.protocol.errors import AppendPositionErr, CosServiceError, NoSuchUpload


class AsyncAttempt(Protocol):
    """Makes one attempt of a call."""

    async def __call__(self) -> Any:
        """Return the result of the attempt."""
        ...


class AsyncFindOutcome(Protocol):
    """Finds out the outcome of a call whose response was lost."""

    async def __call__(self) -> CallOutcome:
        """Return the outcome."""
        ...


class AsyncRetryHandler:
    """The retries of one call after its first failure.

    Args:
        state: the retry state of the call.
        idempotent: whether a repetition is harmless even if the service acted.
        can_repeat: returns whether the call can be sent again after a failure.
        find_outcome: finds out whether the call succeeded after its response was lost.
        before_retry: called before the call is repeated.
        explain: adds an explanation to an error that is raised.

    Attributes:
        state: the retry state of the call.
        found: whether the result was found by `find_outcome`.
        lost: the first failure that left the outcome unknown, if any.
    """

    def __init__(
        self,
        state: RetryState,
        *,
        idempotent: bool,
        can_repeat: Callable[[Failure], bool] | None = None,
        find_outcome: AsyncFindOutcome | None = None,
        before_retry: Callable[[], None] | None = None,
        explain: Callable[[Failure], None] | None = None,
    ) -> None:
        self.found = False
        self.state = state
        self._idempotent = idempotent
        self._can_repeat = can_repeat
        self._find_outcome = find_outcome
        self._before_retry = before_retry
        self._explain = explain
        self.lost: Failure | None = None

    async def run(self, attempt: AsyncAttempt) -> Any:
        """Make a call, and repeat it as `retry` does.

        Raises:
            CosException: the last failure, or the first one that left the outcome unknown.
        """
        started = perf_counter()
        try:
            return await attempt()
        except FAILURES as error:
            return await self.retry(error, perf_counter() - started, attempt)

    async def retry(self, error: Failure, seconds: float, attempt: AsyncAttempt) -> Any:
        """Repeat a call until it succeeds, turns out to have succeeded, or is given up.

        Args:
            error: the failure of the attempt so far.
            seconds: the duration of that attempt.
            attempt: makes the next attempt.

        Raises:
            CosException: the last failure, or the first one that left the outcome unknown.
        """
        try:
            while True:
                result = await self._wait_or_find(error, seconds)
                if result is not None:
                    return result
                if self._before_retry is not None:
                    self._before_retry()
                started = perf_counter()
                try:
                    result = await attempt()
                except FAILURES as failure:
                    error, seconds = failure, perf_counter() - started
                else:
                    self.state.succeeded()
                    return result
        finally:
            del error  # its traceback refers to this frame

    async def _wait_or_find(self, error: Failure, seconds: float) -> dict[str, Any] | None:
        """Wait until the call may be repeated, or return its result if it succeeded after all."""
        can_repeat = self._can_repeat is None or self._can_repeat(error)
        if can_repeat and isinstance(error, CosServiceError) and error.renewed:
            self.state.sign_again(error)
            return None
        self.state.record(error)
        undone = False
        in_doubt = self._is_in_doubt(error)
        if in_doubt:
            self.lost = self.lost or error
        if self._find_outcome is not None and in_doubt:
            outcome = await self._outcome_after(error, seconds, self._find_outcome)
            if outcome.result is not None:
                return outcome.result
            undone = True
        pause = None
        if can_repeat:
            pause = self.state.pause(error, idempotent=self._idempotent or undone)
        self.state.log(error, seconds, pause)
        if pause is None:
            if self._explain is not None:
                self._explain(error)
            raise error
        await async_sleep(pause)
        return None

    def _is_in_doubt(self, error: Failure) -> bool:
        # Once a response was lost, a refusal may be the echo of a success.
        echo = self.lost is not None and isinstance(error, AppendPositionErr | NoSuchUpload)
        return echo or is_lost(error)

    async def _outcome_after(
        self, error: Failure, seconds: float, find: AsyncFindOutcome
    ) -> CallOutcome:
        """Return the outcome of the call if it is known.

        Raises:
            CosException: the first failure that left the outcome unknown, if it stays so.
        """
        lost = self.lost or error
        outcome = await find()
        if outcome.result is not None:
            self.state.log(error, seconds, 0.0)
            self.state.succeeded()
            self.found = True
        elif outcome.note:
            self.state.log(error, seconds, None)
            lost.attempts = error.attempts
            lost.add_note(outcome.note)
            if lost is error:
                raise lost
            raise lost from error
        return outcome
