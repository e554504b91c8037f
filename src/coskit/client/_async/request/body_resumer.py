"""Resume a response body after its connection was cut, bound to the same object by its ETag."""

from collections.abc import Mapping

from coskit.client._async.request.retry_handler import AsyncRetryHandler
from coskit.client._async.request.sender import AsyncSender
from coskit.client._async.transport import AsyncStreamedResponse
from coskit.client.request.resume_body import body_range_of, check_remaining, remaining_call
from coskit.client.request.retry_state import RetryState
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.errors import CosServiceError, IntegrityError, ObjectChanged, TransportError

_GONE = frozenset((404, 412, 416))


class AsyncBodyResumer:
    """Requests the remaining bytes of one response body.

    Args:
        sender: sends the requests.
        call: the call whose response is read.
        status: the status of the response.
        headers: the headers of the response.
    """

    def __init__(
        self, sender: AsyncSender, call: Call, status: int, headers: Mapping[str, str]
    ) -> None:
        self._sender = sender
        self._call = call
        self._status = status
        self._headers = headers
        self._received = 0
        self._state: RetryState | None = None

    async def __call__(self, received: int, cut: TransportError) -> AsyncStreamedResponse:
        """Return the response that continues after the received bytes.

        Args:
            received: the number of bytes that arrived before the cut.
            cut: the failure of the connection.

        Raises:
            ObjectChanged: the object was replaced or deleted.
            IntegrityError: the service sends other bytes than the remaining ones.
            CosException: the remaining bytes cannot be had; the cut itself, if retries are of no
                use.
        """
        body_range = body_range_of(self._status, self._headers)
        if body_range is None:
            raise cut
        state = self._state = self._state or self._sender.retry_state(self._call)
        if received > self._received:
            self._received = received
            state.succeeded()
        call = remaining_call(self._call, body_range, received)
        handler = AsyncRetryHandler(
            state,
            idempotent=True,
            can_repeat=lambda error: not isinstance(error, IntegrityError),
            explain=lambda error: self._sender.explain(error, call),
        )
        try:
            incoming: AsyncStreamedResponse = await handler.retry(
                cut, 0.0, lambda: self._sender.open(call, state)
            )
        except CosServiceError as error:
            if error.status not in _GONE:
                raise
            raise ObjectChanged(
                f"The object changed while it was read, after {received} bytes"
            ) from error
        try:
            check_remaining(body_range, received, incoming.status, incoming.headers)
        except IntegrityError:
            await incoming.aclose()
            raise
        return incoming
