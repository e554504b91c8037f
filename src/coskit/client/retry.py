"""Whether a failed call is tried again, and after how long."""

from dataclasses import dataclass

from coskit.protocol.errors import CosServiceError, IntegrityError, TransportError

# The service refused before it acted, so that every operation may be repeated.
_REFUSED = frozenset((429, 503))
_FAILED = frozenset((408, 500, 502, 504))


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter.

    Attributes:
        attempts: how often a request is sent at most.
        base: seconds that the first pause can last; each further one can last twice as long.
        longest: seconds that a pause lasts at most, Retry-After included.
    """

    attempts: int = 4
    base: float = 0.2
    longest: float = 20.0

    def delay(
        self, error: Exception, attempt: int, *, idempotent: bool, jitter: float
    ) -> float | None:
        """Return the seconds to wait before the next attempt, or None to give up.

        Args:
            error: what the attempt raised.
            attempt: its number, from 1.
            idempotent: whether repeating is harmless even if the service acted.
            jitter: a random number from 0 to 1.
        """
        if attempt >= self.attempts or not _is_passing(error, idempotent):
            return None
        pause: float = jitter * min(self.longest, self.base * 2 ** (attempt - 1))
        if isinstance(error, CosServiceError):
            asked = error.headers.get("Retry-After", "")
            if asked.isascii() and asked.isdigit():
                pause = max(pause, min(float(asked[:9]), self.longest))
        return pause


def _is_passing(error: Exception, idempotent: bool) -> bool:
    if isinstance(error, TransportError):
        return idempotent or not error.sent
    if isinstance(error, IntegrityError):
        return idempotent
    if isinstance(error, CosServiceError):
        return error.status in _REFUSED or (idempotent and error.status in _FAILED)
    return False
