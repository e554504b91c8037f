"""The service's clock, learned from a response that refuses a signature for its time."""

from collections.abc import Callable

from coskit.protocol.codec.dates import parse_http_date
from coskit.protocol.errors import CosServiceError

# The difference in seconds from which on a signature may fail.
_LEAST = 30.0
_CODES = frozenset(("RequestTimeTooSkewed", "RequestExpired", "Request has expired"))
_WORDS = ("has expired", "not yet valid", "not yet current")


class ServiceClock:
    """A clock that follows the service's clock once a refusal shows that the two differ.

    Only requests are signed by it: a presigned URL keeps the time of this machine.

    Args:
        clock: the clock of this machine, which returns Unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ahead = 0.0

    def __call__(self) -> float:
        """Return the Unix second at the service, as far as it is known."""
        return self._clock() + self._ahead

    def learn(self, error: CosServiceError) -> bool:
        """Return whether an error is about the time and the clock was set by it."""
        service_time = _time_of(error)
        if service_time is None or abs(service_time - self()) < _LEAST:
            return False
        self._ahead = service_time - self._clock()
        return True

    def explain(self, error: CosServiceError) -> None:
        """Add the difference of the clocks to the message of an error that is about the time."""
        if abs(self._ahead) >= _LEAST and _time_of(error) is not None:
            place = "behind" if self._ahead > 0 else "ahead of"
            amount = f"{abs(self._ahead):.0f} seconds {place} the service's"
            error.message += f"; the clock of this machine is {amount}"


def _time_of(error: CosServiceError) -> float | None:
    """Return the Unix second of a response that may be about the time, else None."""
    if not _is_about_time(error):
        return None
    sent = parse_http_date(error.headers.get("Date", ""))
    return None if sent is None else sent / 1000


def _is_about_time(error: CosServiceError) -> bool:
    if error.code in _CODES:
        return True
    if error.status != 403:
        return False
    # A response to HEAD has no document.
    return not error.body or any(word in error.message.lower() for word in _WORDS)
