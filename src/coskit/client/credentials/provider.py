"""Sources of credentials: the protocols of providers and the checks of what they return."""

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

from coskit.protocol.auth.credentials import Credentials, check_keys
from coskit.protocol.errors import CosServiceError, CredentialsError

_log = logging.getLogger("coskit")
METADATA: Literal["metadata"] = "metadata"
# Error codes for keys that were valid once: new ones may be accepted.
_OUTDATED = frozenset(("ExpiredToken", "InvalidAccessKeyId"))


class CredentialsProvider(Protocol):
    """A provider of keys; `get` is called for each request, so it should be fast."""

    def get(self) -> Credentials:
        """Return the keys to sign with now."""


class AsyncCredentialsProvider(Protocol):
    """A provider that `AsyncClient` awaits."""

    async def get(self) -> Credentials:
        """Return the keys to sign with now."""


CredentialsSource = (
    Credentials
    | CredentialsProvider
    | AsyncCredentialsProvider
    | Callable[[], Credentials | Awaitable[Credentials]]
    | Literal["metadata"]
)


def is_provider(source: Any) -> bool:
    """Return whether a source is a provider: an object with `get`."""
    return callable(getattr(source, "get", None))


def is_async(function: Any) -> bool:
    """Return whether calling a function, or an object, returns an awaitable."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - of an object whose call is awaited
    )


def source_error(source: Any, function: str) -> CredentialsError:
    """Return the error for an object that is no source of credentials.

    Args:
        source: the object that was given.
        function: the functions that would be accepted, for the message.
    """
    return CredentialsError(
        f"credentials are Credentials, an object with get(), {function}, or {METADATA!r}, "
        f"not {type(source).__name__}"
    )


def checked_credentials(found: Any) -> Credentials:
    """Return the credentials that a provider gave.

    Raises:
        CredentialsError: the value is no `Credentials`, or its keys contain surrounding blanks.
    """
    if not isinstance(found, Credentials):
        raise CredentialsError(f"A provider gave {type(found).__name__} instead of Credentials")
    check_keys(found)
    return found


def required_credentials(keys: Credentials | None) -> Credentials:
    """Return the credentials of a client that has to sign.

    Raises:
        CredentialsError: there are none, because the client is anonymous.
    """
    if keys is None:
        raise CredentialsError("An anonymous client cannot sign")
    return keys


def is_outdated(error: Exception) -> bool:
    """Return whether an error says that the keys of a request are no longer valid."""
    return isinstance(error, CosServiceError) and error.code in _OUTDATED


def log_unrenewed(failure: CredentialsError) -> None:
    """Log that outdated keys could not be replaced."""
    _log.debug("The service calls the keys outdated, and there are no others: %s", failure)
