"""The retry state of one call, and the retry budget that all calls of a client share."""

import logging
from collections.abc import Callable

from coskit.client.settings.retry import Failure, RetryPolicy
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.errors import CosServiceError, TransferTimeout

_log = logging.getLogger("coskit")
_RETRY_COST = 5.0
_TIMEOUT_RETRY_COST = 10.0  # more, because a timeout has occupied a connection
_BUDGET_SPENT = "Not retried: the client's retry budget is spent, because many of its calls fail"


class RetryBudget:
    """The retries that a client may spend, so that its calls do not multiply an outage.

    Threads may use it side by side: a lost update costs a token or two, so there is no lock that a
    fork could inherit.

    Args:
        size: the tokens of a full budget.
    """

    def __init__(self, size: float) -> None:
        self._size = self._left = size

    @property
    def left(self) -> float:
        """The tokens that are left."""
        return self._left

    def take(self, tokens: float) -> bool:
        """Take tokens for a retry; take nothing and return False if there are too few."""
        if tokens > self._left:
            return False
        self._left -= tokens
        return True

    def give(self, tokens: float = 1.0) -> None:
        """Add tokens after a success."""
        if self._left < self._size:
            self._left = min(self._size, self._left + tokens)


class RetryState:
    """The retry state of one call: its failures so far and the decision on the next attempt.

    Args:
        policy: the policy that allows retries.
        budget: the budget that pays for retries.
        name: the name of the call in the log.
        jitter: returns a random number from 0 to 1.
        clock: returns Unix seconds.
        elsewhere: whether the next attempt goes to another address after a failure on the way.
        on_retry: called before each retry.

    Attributes:
        signed_again: whether the next attempt repeats the last one with the service's time or with
            other keys. It has the same number.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        budget: RetryBudget,
        name: str,
        *,
        jitter: Callable[[], float],
        clock: Callable[[], float],
        elsewhere: bool = False,
        on_retry: Callable[[], None] | None = None,
    ) -> None:
        self._policy = policy
        self._budget = budget
        self._name = name
        self._jitter = jitter
        self._clock = clock
        self._elsewhere = elsewhere
        self._on_retry = on_retry
        self.signed_again = False
        self._failed = 0
        self._taken = 0.0
        self._notes: dict[str, str] = {}

    @property
    def attempt(self) -> int:
        """The number of the next attempt, from 1."""
        return self._failed + 1

    def record(self, error: Failure) -> None:
        """Count a failure; the error gets the number of attempts and notes of earlier failures."""
        self._failed += 1
        self.signed_again = False
        error.attempts = max(error.attempts, self._failed)
        kind, text = _summary(error)
        for other, note in self._notes.items():
            if other != kind:
                error.add_note(note)
        self._notes.setdefault(kind, f"Try {self._failed} failed otherwise: {text}")

    def pause(self, error: Failure, *, idempotent: bool) -> float | None:
        """Return the seconds to wait before the next attempt, or None to give up.

        An error that the budget forbids to retry gets a note.

        Args:
            error: the failure that was recorded last.
            idempotent: whether a repetition is harmless even if the service acted.
        """
        pause = self._policy.delay(
            error,
            self._failed,
            idempotent=idempotent,
            jitter=self._jitter(),
            now=self._clock(),
            elsewhere=self._elsewhere,
        )
        if pause is None:
            return None
        cost = _TIMEOUT_RETRY_COST if isinstance(error, TransferTimeout) else _RETRY_COST
        if not self._budget.take(cost):
            error.add_note(_BUDGET_SPENT)
            return None
        self._taken = cost
        if self._on_retry is not None:
            self._on_retry()
        return pause

    def log(self, error: Failure, seconds: float, pause: float | None) -> None:
        """Log a failed attempt.

        Args:
            error: the failure that was recorded last.
            seconds: the duration of the attempt.
            pause: the pause before the next attempt, None if there is none.
        """
        name, attempts = self._name, self._policy.attempts
        if pause is None and self._failed > 1:
            text = describe(error)
            _log.warning("%s failed %d times, giving up: %s", name, self._failed, text)
        if _log.isEnabledFor(logging.DEBUG):
            then = "not retried" if pause is None else f"retrying in {pause:.3f} s"
            words = "%s, attempt %d of %d: %s after %.3f s; %s"
            _log.debug(words, name, self._failed, attempts, describe(error), seconds, then)

    def sign_again(self, error: Failure) -> None:
        """Note that the call is repeated at once, signed anew."""
        self.signed_again = True
        _log.debug("%s, signed again at once: %s", self._name, describe(error))

    def succeeded(self) -> None:
        """Return the cost of the successful attempt to the budget and start counting anew."""
        self._budget.give(self._taken)
        self._failed, self._taken = 0, 0.0
        self._notes.clear()


def call_name(call: Call) -> str:
    """Return the name of a call in the log: its operation, bucket and key."""
    place = "/".join(part for part in (call.bucket, call.key) if part)
    return f"{call.operation.function} {place}".strip()


def describe(error: Failure) -> str:
    """Return a failure as a log line names it."""
    return _summary(error)[1]


def _summary(error: Failure) -> tuple[str, str]:
    """Return the kind of a failure, which is equal for equal failures, and its description."""
    if isinstance(error, CosServiceError):
        kind = f"{error.code}, HTTP {error.status}"
        return kind, f"{kind}, request id {error.request_id}" if error.request_id else kind
    text = str(error.args[0]) if error.args else ""
    return text, f"{type(error).__name__}: {text}"
