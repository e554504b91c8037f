"""One try of a call: signed now, sent to the address that works, its answer understood."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter
from typing import Any

from coskit.client._async.body.request_body import AsyncRequestBody
from coskit.client._async.credentials.keys import AsyncSigningKeys
from coskit.client._async.transport import AsyncIncoming, AsyncTransport
from coskit.client.config import ClientConfig
from coskit.client.request.checksums import check_stored, check_stored_md5
from coskit.client.request.clock_skew import ServiceClock
from coskit.client.request.dialects.dialect import ClientDialect
from coskit.client.request.dialects.signer import RequestSigner, is_full_name
from coskit.client.request.response_parser import check_stream, parse_response, stream_error
from coskit.client.settings.retry import (
    REFUSED,
    Failure,
    RetryBudget,
    Tries,
    is_misdirected,
    label,
    told,
)
from coskit.client.transfer.adaptive_limit import AdaptiveLimit
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.errors import CosServiceError, TransportError
from coskit.protocol.messages import Response
from coskit.protocol.operations import APPEND_OBJECT

_log = logging.getLogger("coskit")
_ERROR_DOCUMENT = 1 << 20


class AsyncSender:
    """Sends the calls of one client, and knows which of its addresses works.

    An address that leads nowhere is left for the other one, until that one leads nowhere.
    """

    def __init__(
        self,
        config: ClientConfig,
        dialect: ClientDialect,
        keys: AsyncSigningKeys,
        transport: AsyncTransport,
        pace: AdaptiveLimit,
    ) -> None:
        self._clock = ServiceClock(config.clock)
        self._config = config = replace(config, clock=self._clock)
        self._dialect = dialect
        self._keys = keys
        self._reached = False
        self._transport = transport
        self._adaptive_limit = pace
        self._budget = RetryBudget(config.retry.budget)
        self._here = dialect.signer(config)
        second = config.second()
        self._other = dialect.signer(replace(config, endpoint=second)) if second else None

    async def send(self, call: Call, upload: AsyncRequestBody | None, attempt: int = 1) -> Any:
        """Send a call and return its result.

        Args:
            call: what to send.
            upload: its content, if it has one.
            attempt: its number, from 1, for the log.

        Raises:
            TransportError: no whole answer arrived.
            CosServiceError: the answer says that the call failed.
            IntegrityError: the service stored other bytes than were sent.
            CredentialsError: the provider of the keys has none.
        """
        keys = self._keys.fixed or await self._keys.get()
        try:
            return await self._send(call, keys, upload, attempt)
        except CosServiceError as error:
            once = upload is not None and not upload.replayable
            if not await self._is_mended(call, error, keys) or once:
                raise
        if upload:
            upload.rewind()
        with self._explained():
            return await self._send(call, await self._keys.get(), upload, attempt)

    async def _is_mended(
        self, call: Call, error: CosServiceError, keys: Credentials | None
    ) -> bool:
        """Return whether the call may succeed now: at the service's time, or with other keys."""
        mended = self._clock.learn(error) or await self._keys.renew_after(error, keys)
        if mended:
            _log.debug("%s, signed anew at once: %s", label(call), told(error))
        return mended

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except CosServiceError as error:
            self._clock.explain(error)
            raise

    async def _send(
        self,
        call: Call,
        keys: Credentials | None,
        upload: AsyncRequestBody | None,
        attempt: int,
    ) -> Any:
        here, started = self._here, perf_counter()
        try:
            if upload is None:
                out = here.sign_request(call, keys)
            else:
                content = upload if upload.data is None else upload.data
                out = here.sign_request(call, keys, content, upload.length)
            response = await self._transport.send(out)
            self._reached = True
            headers = self._dialect.cos_headers(response.headers)
            if headers is not response.headers:
                response = replace(response, headers=headers)
            result = parse_response(self._dialect, call, response, out.url)
        except (TransportError, CosServiceError) as error:
            self._heed(error, here)
            raise
        # What was appended is not the whole object, and is looked at elsewhere.
        if upload and call.operation is not APPEND_OBJECT:
            proved = check_stored(headers, upload.sum())
            if not proved and (stored := self._dialect.stored_md5(call.headers, headers)):
                check_stored_md5(stored, await upload.md5())
        if _log.isEnabledFor(logging.DEBUG):
            self._tell(call, attempt, started, response.status, headers)
        return result

    async def open(self, call: Call, attempt: int = 1) -> AsyncIncoming:
        """Send a call whose answer is read as it arrives.

        Raises:
            TransportError: no answer arrived.
            CosServiceError: the answer says that the call failed.
            CredentialsError: the provider of the keys has none.
        """
        keys = self._keys.fixed or await self._keys.get()
        try:
            return await self._open(call, keys, attempt)
        except CosServiceError as error:
            if not await self._is_mended(call, error, keys):
                raise
        with self._explained():
            return await self._open(call, await self._keys.get(), attempt)

    async def _open(self, call: Call, keys: Credentials | None, attempt: int) -> AsyncIncoming:
        here, started = self._here, perf_counter()
        try:
            out = here.sign_request(call, keys)
            incoming = await self._transport.stream(out)
            self._reached = True
            incoming.headers = self._dialect.cos_headers(incoming.headers)
            try:
                await self._check(call, incoming, out.url)
            except BaseException:
                await incoming.aclose()
                raise
        except (TransportError, CosServiceError) as error:
            self._heed(error, here)
            raise
        if _log.isEnabledFor(logging.DEBUG):
            self._tell(call, attempt, started, incoming.status, incoming.headers)
        return incoming

    def _tell(
        self, call: Call, attempt: int, started: float, status: int, headers: Mapping[str, str]
    ) -> None:
        _log.debug(
            "%s, attempt %d of %d: HTTP %d after %.3f s, request id %s",
            label(call),
            attempt,
            self._config.retry.attempts,
            status,
            perf_counter() - started,
            headers.get("x-cos-request-id", "-"),
        )

    async def _check(self, call: Call, incoming: AsyncIncoming, url: str) -> None:
        """Make sure that the body which is about to be read is the object that was asked for."""
        status, headers = incoming.status, incoming.headers
        # Every object has an ETag: what comes without one is an error inside a 200.
        if status in call.operation.status and headers.get("ETag"):
            check_stream(self._dialect, call, status, headers, url)
            return
        answer = Response(status, headers, await incoming.read(_ERROR_DOCUMENT))
        raise stream_error(self._dialect, call.operation, answer, url)

    def tries(self, call: Call) -> Tries:
        """Return what counts the tries of a call."""
        return Tries(self._config.retry, self._budget, label(call))

    def succeeded(self) -> None:
        """Note that a call succeeded at once."""
        self._budget.give()

    def decide(
        self, tries: Tries, error: Failure, *, idempotent: bool, seconds: float, can: bool = True
    ) -> float | None:
        """Return the pause before the next try, or None if there is to be none; log either.

        Args:
            tries: of the call.
            error: what the last one raised.
            idempotent: whether repeating is harmless even if the service acted.
            seconds: how long it took.
            can: whether there can be another one.
        """
        pause = self.pause(tries, error, idempotent=idempotent) if can else None
        tries.tell(error, seconds, pause)
        return pause

    def pause(self, tries: Tries, error: Failure, *, idempotent: bool) -> float | None:
        """Return the seconds to wait before the next try, or None if there is to be none."""
        return tries.pause(
            error,
            idempotent=idempotent,
            jitter=self._config.jitter(),
            now=self._config.clock(),
            elsewhere=self._other is not None,
        )

    def explain(self, error: Failure, call: Call) -> None:
        """Add to a refusal what is known of its reason: here, a bucket without its APPID."""
        if not isinstance(error, CosServiceError) or error.status != 404:
            return
        about_bucket = error.code == "NoSuchBucket" or call.operation.level == "bucket"
        bucket = call.bucket or ""
        if about_bucket and self._config.dialect == "cos" and not is_full_name(bucket):
            error.add_note(
                f"The names of buckets of COS end with the APPID, such as {bucket}-1250000000"
            )

    def _heed(self, error: TransportError | CosServiceError, here: RequestSigner) -> None:
        """Learn from a failure; `here` is where it happened, which another call may have left."""
        if isinstance(error, TransportError) and error.unresolved and not self._reached:
            error.lasting = True  # misspelt rather than lost for a moment
        if isinstance(error, CosServiceError) and error.status in REFUSED:
            self._adaptive_limit.throttled()
        if self._other is not None and self._here is here and is_misdirected(error):
            self._here, self._other = self._other, here
