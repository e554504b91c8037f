"""Errors of an exchange that did not end well: what failed, with which peer, what to do."""

import sys
from urllib.parse import urlsplit

import pycurl

from coskit.client.settings.transport import TransportSettings
from coskit.client.transport.error_advice import Advice, advise
from coskit.protocol.errors import (
    CosClientError,
    IntegrityError,
    ParameterError,
    TransferTimeout,
    TransportError,
)

_MISUSED = frozenset((pycurl.E_URL_MALFORMAT, pycurl.E_UNSUPPORTED_PROTOCOL))


def stalled(url: str, limits: TransportSettings) -> TransferTimeout:
    """Return the error of an exchange on which nothing moved for the read timeout."""
    words = f"not a byte moved to or from {_peer(url)}"
    return TransferTimeout(f"{words} for {limits.read_timeout:g} s (read timeout)")


def overdue(url: str, limits: TransportSettings) -> TransferTimeout:
    """Return the error of an exchange that took longer than its total timeout."""
    total = limits.total_timeout or sys.maxsize
    words = f"the exchange with {_peer(url)} took longer than {total:g} s"
    return TransferTimeout(f"{words} (total timeout)")


def too_long(url: str, longest: int) -> CosClientError:
    """Return the error of a result that is longer than any result may be."""
    return CosClientError(
        f"{_peer(url)} answered with more than {longest} bytes, "
        "which no result may have (TransportSettings.longest_result)"
    )


def not_sent(code: int, text: str, url: str, limits: TransportSettings) -> CosClientError:
    """Return the error of a request of which nothing was sent.

    Args:
        code: libcurl's code.
        text: libcurl's text.
        url: the URL of the request.
        limits: the settings that held for it.
    """
    peer = _peer(url)
    if code in _MISUSED:
        return ParameterError(f"{text} ({peer})")
    if code == pycurl.E_OPERATION_TIMEDOUT:
        if limits.connect_timeout < (limits.total_timeout or sys.maxsize):
            words = f"connecting to {peer} took longer than {limits.connect_timeout:g} s"
            return TransferTimeout(f"{words} (connect timeout)", sent=False)
        late = overdue(url, limits)
        late.sent = False
        return late
    advice = advise(code, text, through_proxy=bool(limits.proxy))
    error = TransportError(_joined(f"no connection to {peer}: {text}", advice), sent=False)
    error.unresolved = code == pycurl.E_COULDNT_RESOLVE_HOST
    return _advised(error, advice)


def cut(code: int, text: str, url: str, limits: TransportSettings) -> CosClientError:
    """Return the error of an exchange whose connection failed after the request was sent.

    Takes the arguments of `not_sent`.
    """
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return overdue(url, limits)
    advice = advise(code, text)
    words = _joined(f"the exchange with {_peer(url)} failed: {text}", advice)
    return _advised(TransportError(words), advice)


def body_ended_early(length: int | None) -> IntegrityError:
    """Return the error of a request whose source ended before its announced length."""
    return IntegrityError(f"the request's body ended before its {length} bytes")


def _joined(words: str, advice: Advice) -> str:
    return f"{words}; {advice.text}" if advice.text else words


def _advised(error: TransportError, advice: Advice) -> TransportError:
    error.lasting = advice.lasting
    return error


def _peer(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    except ValueError:
        return "an address that cannot be read"
