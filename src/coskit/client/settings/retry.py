"""The retry policy: the failures that allow a retry, and the pause before it."""

from dataclasses import dataclass

from coskit.client.settings.argument_checks import number, seconds, whole
from coskit.protocol.codec.dates import parse_http_date
from coskit.protocol.errors import (
    CosServiceError,
    IntegrityError,
    TransportError,
    UnexpectedAnswer,
)

Failure = TransportError | CosServiceError | IntegrityError
FAILURES = (TransportError, CosServiceError, IntegrityError)

# The service refused before it acted, so that every operation may be repeated.
REFUSED = frozenset((429, 503))
# The body was damaged on its way or came too late; nothing was stored.
_DAMAGED = frozenset(("BadDigest", "RequestTimeout", "XAmzContentSHA256Mismatch"))
_FAILED = frozenset((408, 500, 502, 504))
_REDIRECTED = frozenset((301, 302, 307))
# Errors that can happen after a 200 has been sent.
_LATE = frozenset(("InternalError", "ServiceUnavailable", "SlowDown"))


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter, within a budget that all calls of a client share.

    Attributes:
        attempts: the number of times that a request is sent at most.
        base: the longest first pause in seconds; the limit doubles with each further pause.
        longest: the longest pause in seconds, Retry-After included.
        budget: the client's tokens for retries. A retry takes 5, after a timeout 10; they are
            returned if it succeeds, and each call that succeeds at once adds 1. `math.inf` sets no
            limit.
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
            error: the error of the attempt.
            attempt: the number of the attempt, from 1.
            idempotent: whether a repetition is harmless even if the service acted.
            jitter: a random number from 0 to 1.
            now: the Unix second, for a Retry-After that is a date in a response without a Date.
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


def is_lost(error: Exception) -> bool:
    """Return whether the service may have acted, though the call did not succeed."""
    if isinstance(error, TransportError):
        return error.sent
    return isinstance(error, CosServiceError) and (error.status in _FAILED or _is_late(error))


def is_misdirected(error: Exception) -> bool:
    """Return whether a request did not reach the service, so that another endpoint may work.

    A response without a request id is not the service's own.
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
        return idempotent and not error.lasting
    if isinstance(error, CosServiceError):
        refused = error.status in REFUSED or error.code in _DAMAGED
        return refused or (idempotent and is_lost(error))
    return False


def _is_curable(error: Exception, idempotent: bool) -> bool:
    """Return whether another address may help; a server that redirects has not acted."""
    redirected = isinstance(error, CosServiceError) and error.status in _REDIRECTED
    return is_misdirected(error) and (idempotent or redirected)


def _is_late(error: CosServiceError) -> bool:
    return error.status == 200 and error.code in _LATE


def _asked(error: CosServiceError, now: float) -> float:
    """Return the seconds that Retry-After asks for, 0 without it."""
    text = error.headers.get("Retry-After", "")
    if not text:
        return 0.0
    if text.isascii() and text.isdigit():
        return float(text[:9])
    moment = parse_http_date(text)
    # The service's own clock shows best how far away its date is.
    sent = parse_http_date(error.headers.get("Date", ""))
    start = now * 1000 if sent is None else sent
    return 0.0 if moment is None else max(moment - start, 0) / 1000
