"""Whether a failed call is tried again, and after how long."""

import logging
from dataclasses import dataclass

from coskit.client.settings.argument_checks import number, seconds, whole
from coskit.protocol.codec.dates import parse_http_date
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.errors import (
    CosServiceError,
    IntegrityError,
    ObjectChanged,
    SourceChanged,
    TransferTimeout,
    TransportError,
    UnexpectedAnswer,
)

_log = logging.getLogger("coskit")


class RangeIgnored(IntegrityError):
    """The service returned the whole object for a range, as HTTP allows (RFC 9110 14.2)."""


Failure = TransportError | CosServiceError | IntegrityError
FAILURES = (TransportError, CosServiceError, IntegrityError)

# The service refused before it acted, so that every operation may be repeated.
REFUSED = frozenset((429, 503))
# On its way, or it did not arrive in time; it was not stored.
_DAMAGED = frozenset(("BadDigest", "RequestTimeout", "XAmzContentSHA256Mismatch"))
_FAILED = frozenset((408, 500, 502, 504))
_REDIRECTED = frozenset((301, 302, 307))
# What can go wrong after a 200 has been sent.
_LATE = frozenset(("InternalError", "ServiceUnavailable", "SlowDown"))

_COST = 5.0
_COST_OF_TIMEOUT = 10.0  # it has held a connection all the while
_SPENT = "Not tried again: the client's retry budget is spent, so many of its calls fail"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter, within a budget that all calls of a client share.

    Attributes:
        attempts: how often a request is sent at most.
        base: seconds that the first pause can last; each further one can last twice as long.
        longest: seconds that a pause lasts at most, Retry-After included.
        budget: tokens of the client. A repetition takes 5, one after a timeout 10; they come back
            if it succeeds, and each call that succeeds at once gives 1. `math.inf` sets no limit.
    """

    attempts: int = 4
    base: float = 0.2
    longest: float = 20.0
    budget: float = 500.0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ParameterError: one is of a wrong type or out of range.
        """
        whole("attempts", self.attempts)
        seconds("base", self.base)
        seconds("longest", self.longest)
        number("budget", self.budget)

    def delay(
        self,
        error: Exception,
        attempt: int,
        *,
        idempotent: bool,
        jitter: float,
        now: float = 0.0,
        elsewhere: bool = False,
    ) -> float | None:
        """Return the seconds to wait before the next attempt, or None to give up.

        Args:
            error: what the attempt raised.
            attempt: its number, from 1.
            idempotent: whether repeating is harmless even if the service acted.
            jitter: a random number from 0 to 1.
            now: Unix seconds, for a Retry-After that is a date and comes without a Date.
            elsewhere: whether the next attempt goes to another address.
        """
        if attempt >= self.attempts:
            return None
        if not _is_passing(error, idempotent) and not (
            elsewhere and _is_curable(error, idempotent)
        ):
            return None
        pause: float = jitter * min(self.longest, self.base * 2 ** (attempt - 1))
        if isinstance(error, CosServiceError):
            pause = max(pause, min(_asked(error, now), self.longest))
        return pause


class RetryBudget:
    """What a client may spend on repetitions, so that an outage is not multiplied by its calls.

    Threads may use it side by side: a lost update costs a token or two, so there is no lock that a
    fork could inherit.
    """

    def __init__(self, size: float) -> None:
        self._size = self._left = size

    @property
    def left(self) -> float:
        """Tokens there are."""
        return self._left

    def take(self, tokens: float) -> bool:
        """Take tokens for a repetition; False, and nothing is taken, if there are too few."""
        if tokens > self._left:
            return False
        self._left -= tokens
        return True

    def give(self, tokens: float = 1.0) -> None:
        """Note a success."""
        if self._left < self._size:
            self._left = min(self._size, self._left + tokens)


def label(call: Call) -> str:
    """Return what a log line calls a call: its operation, bucket and key."""
    place = "/".join(part for part in (call.bucket, call.key) if part)
    return f"{call.operation.function} {place}".strip()


class Tries:
    """The tries of one call: counted, failures remembered and logged, the next allowed or not.

    Args:
        policy: says what is worth another try.
        budget: pays for it.
        name: of the call, for the log.
    """

    def __init__(self, policy: RetryPolicy, budget: RetryBudget, name: str = "") -> None:
        self._policy = policy
        self._name = name
        self._budget = budget
        self._failed = 0
        self._taken = 0.0
        self._told: dict[str, str] = {}

    @property
    def next(self) -> int:
        """The number of the next try, from 1."""
        return self._failed + 1

    def tell(self, error: Failure, seconds: float, pause: float | None) -> None:
        """Log a failed try: how long it took, what it raised, and when the next one follows."""
        name, attempts = self._name, self._policy.attempts
        if pause is None and self._failed > 1:
            _log.warning("%s failed %d times and is given up: %s", name, self._failed, told(error))
        if _log.isEnabledFor(logging.DEBUG):
            then = "not tried again" if pause is None else f"tried again in {pause:.3f} s"
            words = "%s, attempt %d of %d: %s after %.3f s; %s"
            _log.debug(words, name, self._failed, attempts, told(error), seconds, then)

    def note(self, error: Failure) -> None:
        """Count a failure; the error then tells how many tries there were, and what else failed."""
        self._failed += 1
        error.attempts = self._failed
        kind, text = _summary(error)
        for other, told in self._told.items():
            if other != kind:
                error.add_note(told)
        self._told.setdefault(kind, f"Try {self._failed} failed otherwise: {text}")

    def pause(
        self,
        error: Failure,
        *,
        idempotent: bool,
        jitter: float,
        now: float,
        elsewhere: bool = False,
    ) -> float | None:
        """Return the seconds to wait before the next try, or None if there is to be none.

        The arguments are those of `RetryPolicy.delay`. An error says so if the budget forbids it.
        """
        pause = self._policy.delay(
            error,
            self._failed,
            idempotent=idempotent,
            jitter=jitter,
            now=now,
            elsewhere=elsewhere,
        )
        if pause is None:
            return None
        cost = _COST_OF_TIMEOUT if isinstance(error, TransferTimeout) else _COST
        if not self._budget.take(cost):
            error.add_note(_SPENT)
            return None
        self._taken = cost
        return pause

    def succeeded(self) -> None:
        """Give back what the try that succeeded had cost, and begin to count anew."""
        self._budget.give(self._taken)
        self._failed, self._taken = 0, 0.0
        self._told.clear()


def is_lost(error: Exception) -> bool:
    """Return whether the service may have acted, though the call did not succeed."""
    if isinstance(error, TransportError):
        return error.sent
    return isinstance(error, CosServiceError) and (error.status in _FAILED or _is_late(error))


def is_misdirected(error: Exception) -> bool:
    """Return whether a request did not get to the service, so that its other domain may do better.

    An answer without a request id is not the service's own.
    """
    if isinstance(error, TransportError):
        return isinstance(error, UnexpectedAnswer) or not error.sent
    if not isinstance(error, CosServiceError) or error.request_id:
        return False
    return error.status >= 500 or error.status in _REDIRECTED


def _is_passing(error: Exception, idempotent: bool) -> bool:
    if isinstance(error, TransportError):
        return not error.lasting and (idempotent or not error.sent)
    if isinstance(error, IntegrityError):
        # What has changed does not change back; who does not know ranges does not learn them.
        return idempotent and not isinstance(error, SourceChanged | ObjectChanged | RangeIgnored)
    if isinstance(error, CosServiceError):
        refused = error.status in REFUSED or error.code in _DAMAGED
        return refused or (idempotent and is_lost(error))
    return False


def _is_curable(error: Exception, idempotent: bool) -> bool:
    """Return whether another address may help; who sends a redirect has not acted."""
    redirected = isinstance(error, CosServiceError) and error.status in _REDIRECTED
    return is_misdirected(error) and (idempotent or redirected)


def _is_late(error: CosServiceError) -> bool:
    return error.status == 200 and error.code in _LATE


def _asked(error: CosServiceError, now: float) -> float:
    """Return the seconds that Retry-After asks for, 0 where it does not."""
    text = error.headers.get("Retry-After", "")
    if not text:
        return 0.0
    if text.isascii() and text.isdigit():
        return float(text[:9])
    moment = parse_http_date(text)
    # The service's own clock tells better how far away its date is.
    sent = parse_http_date(error.headers.get("Date", ""))
    start = now * 1000 if sent is None else sent
    return 0.0 if moment is None else max(moment - start, 0) / 1000


def told(error: Failure) -> str:
    """Return a failure as a log line tells it."""
    return _summary(error)[1]


def _summary(error: Failure) -> tuple[str, str]:
    """Return what makes a failure the same as another, and how it is told in a line."""
    if isinstance(error, CosServiceError):
        kind = f"{error.code}, HTTP {error.status}"
        return kind, f"{kind}, request id {error.request_id}" if error.request_id else kind
    text = str(error.args[0]) if error.args else ""
    return text, f"{type(error).__name__}: {text}"
