"""ASGI types, and the extensions that a connection adds to the scope of a request."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from coskit.protocol.errors import CosServiceError

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# Sends a whole response if that is possible without waiting; returns whether it was sent.
SendWhole = Callable[[int, Sequence[tuple[str, str]], bytes], bool]

CONNECTION = "coskit.connection"  # the extension with a `ConnectionControl`
SEND_WHOLE = "coskit.send_whole"  # the extension with a `SendWhole`


class ConnectionControl(Protocol):
    """The connection of a request, as far as the application controls it.

    Attributes:
        is_receiving: whether the application waits for more of a body.
        is_anonymous: whether the request has no known sender, so that shorter timeouts apply.
        fault: the error to raise because no more of the body will come, or None.
    """

    is_receiving: bool
    is_anonymous: bool
    fault: type[CosServiceError] | None

    async def drain(self) -> None:
        """Wait until the client has taken most of the bytes sent."""
        ...

    def drop(self) -> None:
        """Abort the connection."""
        ...


class UncontrolledConnection:
    """The connection of a foreign ASGI server, which the application cannot control."""

    is_receiving = False
    is_anonymous = False
    fault: type[CosServiceError] | None = None

    async def drain(self) -> None:
        """Return at once."""

    def drop(self) -> None:
        """Raise, so that the ASGI server sees the incomplete response and closes the connection."""
        raise ConnectionAbortedError


def connection_of(scope: Message) -> ConnectionControl:
    """Return the connection of a request."""
    control: ConnectionControl | None = scope.get("extensions", {}).get(CONNECTION)
    return control or UncontrolledConnection()
