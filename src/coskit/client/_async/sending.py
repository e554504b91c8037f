"""One try of a call: signed now, sent to the address that works, its answer understood."""

import logging
from dataclasses import replace
from typing import Any

from coskit.client._async.content import AsyncUpload
from coskit.client._async.transport import AsyncIncoming, AsyncTransport
from coskit.client.addressing import Addressing
from coskit.client.config import ClientConfig
from coskit.client.dialect import Dialect
from coskit.client.keys import AsyncKeys
from coskit.client.outcome import check_opened, decode, refusal
from coskit.client.pace import Pace
from coskit.client.proof import check_stored, check_stored_md5
from coskit.client.retry import REFUSED, Failure, RetryBudget, Tries, is_misled
from coskit.protocol.codec import Call
from coskit.protocol.errors import CosServiceError, TransportError
from coskit.protocol.messages import Response
from coskit.protocol.operations import APPEND_OBJECT
from coskit.protocol.signature import Credentials

_log = logging.getLogger("coskit")
_ERROR_DOCUMENT = 1 << 20


class AsyncSender:
    """Sends the calls of one client, and knows which of its addresses works.

    An address that leads nowhere is left for the other one, until that one leads nowhere.
    """

    def __init__(
        self,
        config: ClientConfig,
        dialect: Dialect,
        keys: AsyncKeys,
        transport: AsyncTransport,
        pace: Pace,
    ) -> None:
        self._config = config
        self._dialect = dialect
        self._keys = keys
        self._transport = transport
        self._pace = pace
        self._budget = RetryBudget(config.retry.budget)
        self._here = dialect.addressing(config)
        second = config.second()
        self._other = dialect.addressing(replace(config, endpoint=second)) if second else None

    async def send(self, call: Call, upload: AsyncUpload | None, keep_encoded: bool) -> Any:
        """Send a call and return its result.

        Raises:
            TransportError: no whole answer arrived.
            CosServiceError: the answer says that the call failed.
            IntegrityError: the service stored other bytes than were sent.
            CredentialsError: the provider of the keys has none.
        """
        keys = self._keys.fixed or await self._keys.get()
        try:
            return await self._send(call, keys, upload, keep_encoded)
        except CosServiceError as error:
            once = upload is not None and not upload.replayable
            if once or not await self._keys.renewed(error, keys):
                raise
        if upload:
            upload.rewind()
        return await self._send(call, await self._keys.get(), upload, keep_encoded)

    async def _send(
        self, call: Call, keys: Credentials | None, upload: AsyncUpload | None, keep_encoded: bool
    ) -> Any:
        here = self._here
        try:
            if upload is None:
                out = here.outgoing(call, keys)
            else:
                content = upload if upload.data is None else upload.data
                out = here.outgoing(call, keys, content, upload.length)
            response = await self._transport.send(out)
            _log.debug("%s %s -> %d", out.method, out.url, response.status)
            headers = self._dialect.headers(response.headers)
            if headers is not response.headers:
                response = replace(response, headers=headers)
            result = decode(self._dialect, call, response, out.url, keep_encoded=keep_encoded)
        except (TransportError, CosServiceError) as error:
            self._heed(error, here)
            raise
        # What was appended is not the whole object, and is looked at elsewhere.
        if upload and call.operation is not APPEND_OBJECT:
            proved = check_stored(headers, upload.sum())
            if not proved and (stored := self._dialect.stored_md5(call.headers, headers)):
                check_stored_md5(stored, await upload.md5())
        return result

    async def open(self, call: Call) -> AsyncIncoming:
        """Send a call whose answer is read as it arrives.

        Raises:
            TransportError: no answer arrived.
            CosServiceError: the answer says that the call failed.
            CredentialsError: the provider of the keys has none.
        """
        keys = self._keys.fixed or await self._keys.get()
        try:
            return await self._open(call, keys)
        except CosServiceError as error:
            if not await self._keys.renewed(error, keys):
                raise
        return await self._open(call, await self._keys.get())

    async def _open(self, call: Call, keys: Credentials | None) -> AsyncIncoming:
        here = self._here
        try:
            out = here.outgoing(call, keys)
            incoming = await self._transport.stream(out)
            _log.debug("%s %s -> %d", out.method, out.url, incoming.status)
            incoming.headers = self._dialect.headers(incoming.headers)
            try:
                await self._check(call, incoming, out.url)
            except BaseException:
                await incoming.aclose()
                raise
        except (TransportError, CosServiceError) as error:
            self._heed(error, here)
            raise
        return incoming

    async def _check(self, call: Call, incoming: AsyncIncoming, url: str) -> None:
        """Make sure that the body which is about to be read is the object that was asked for."""
        status, headers = incoming.status, incoming.headers
        # Every object has an ETag: what comes without one is an error inside a 200.
        if status in call.operation.status and headers.get("ETag"):
            check_opened(self._dialect, call, status, headers, url)
            return
        answer = Response(status, headers, await incoming.read(_ERROR_DOCUMENT))
        raise refusal(self._dialect, call.operation, answer, url)

    def tries(self) -> Tries:
        """Return what counts the tries of one call."""
        return Tries(self._config.retry, self._budget)

    def succeeded(self) -> None:
        """Note that a call succeeded at once."""
        self._budget.give()

    def pause(self, tries: Tries, error: Failure, *, idempotent: bool) -> float | None:
        """Return the seconds to wait before the next try, or None if there is to be none."""
        return tries.pause(
            error,
            idempotent=idempotent,
            jitter=self._config.jitter(),
            now=self._config.clock(),
            elsewhere=self._other is not None,
        )

    def _heed(self, error: TransportError | CosServiceError, here: Addressing) -> None:
        """Learn from a failure; `here` is where it happened, which another call may have left."""
        if isinstance(error, CosServiceError) and error.status in REFUSED:
            self._pace.throttled()
        if self._other is not None and self._here is here and is_misled(error):
            self._here, self._other = self._other, here
