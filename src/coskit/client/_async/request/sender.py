"""One attempt of a call: sign it, send it to the address that works, parse its response."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any

from coskit.client._async.body.request_body import AsyncRequestBody
from coskit.client._async.credentials.keys import AsyncSigningKeys
from coskit.client._async.transport import AsyncStreamedResponse, AsyncTransport
from coskit.client.config import ClientConfig
from coskit.client.request.checksums import check_stored, check_stored_md5
from coskit.client.request.clock_skew import ServiceClock
from coskit.client.request.dialects.dialect import ClientDialect
from coskit.client.request.dialects.signer import RequestSigner, is_full_name
from coskit.client.request.response_parser import check_stream, parse_response, stream_error
from coskit.client.request.retry_state import RetryBudget, RetryState, call_name
from coskit.client.request.wire_log import WIRE, log_request, log_response
from coskit.client.settings.retry import REFUSED, Failure, is_misdirected
from coskit.client.transfer.adaptive_limit import AdaptiveLimit
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.errors import CosServiceError, TransportError
from coskit.protocol.messages import Response
from coskit.protocol.operations import APPEND_OBJECT

_log = logging.getLogger("coskit")
_ERROR_DOCUMENT = 1 << 20


class AsyncSender:
    """Sends the calls of one client, each time once.

    After a failure on the way to an endpoint, it switches to the other endpoint, if there is one,
    until that one fails.

    Args:
        config: the settings of the client.
        dialect: the dialect of the client.
        keys: the keys that requests are signed with.
        transport: the transport that sends requests.
        adaptive_limit: the limit of parallel parts, which a refusal lowers.
        on_retry: called before each retry.
    """

    def __init__(
        self,
        config: ClientConfig,
        dialect: ClientDialect,
        keys: AsyncSigningKeys,
        transport: AsyncTransport,
        adaptive_limit: AdaptiveLimit,
        on_retry: Callable[[], None] | None = None,
    ) -> None:
        self._clock = ServiceClock(config.clock)
        self._config = config = replace(config, clock=self._clock)
        self._dialect = dialect
        self._keys = keys
        self._reached = False
        self._transport = transport
        self._adaptive_limit = adaptive_limit
        self._on_retry = on_retry
        self._budget = RetryBudget(config.retry.budget)
        self._signer = dialect.signer(config)
        second = config.second()
        self._other = dialect.signer(replace(config, endpoint=second)) if second else None

    async def send(
        self, call: Call, body: AsyncRequestBody | None, state: RetryState | None = None
    ) -> Any:
        """Send a call once and return its result.

        Args:
            call: the call to send.
            body: the content of the request, if it has one.
            state: the retry state of the call; None at its first attempt.

        Raises:
            TransportError: no whole response arrived.
            CosServiceError: the response says that the call failed.
            IntegrityError: the service stored other bytes than were sent.
            CredentialsError: the provider of the keys has none.
        """
        keys = self._keys.fixed or await self._keys.get()
        signer, started = self._signer, perf_counter()
        try:
            if body is None:
                request = signer.sign_request(call, keys)
            else:
                request = signer.sign_request(call, keys, body.content(), body.length)
            if _log.isEnabledFor(WIRE):
                log_request(request)
            response = await self._transport.send(request)
            self._reached = True
            if _log.isEnabledFor(WIRE):
                log_response(response.status, response.headers)
            headers = self._dialect.cos_headers(response.headers)
            if headers is not response.headers:
                response = replace(response, headers=headers)
            result = parse_response(self._dialect, call, response, request.url)
        except (TransportError, CosServiceError) as error:
            await self._learn(error, signer, keys, state)
            raise
        # An append's content is not the whole object; `AsyncAppendCheck` compares it.
        if body and call.operation is not APPEND_OBJECT:
            compared = check_stored(headers, body.sent_crc64())
            if not compared and (stored := self._dialect.stored_md5(call.headers, headers)):
                check_stored_md5(stored, await body.md5())
        if _log.isEnabledFor(logging.DEBUG):
            self._log_success(call, state, started, response.status, headers)
        return result

    async def open(self, call: Call, state: RetryState | None = None) -> AsyncStreamedResponse:
        """Send a call once and return its response, whose body is read as it arrives.

        Args:
            call: the call to send.
            state: the retry state of the call; None at its first attempt.

        Raises:
            TransportError: no response arrived.
            CosServiceError: the response says that the call failed.
            IntegrityError: the response contains other bytes than were requested.
            CredentialsError: the provider of the keys has none.
        """
        keys = self._keys.fixed or await self._keys.get()
        signer, started = self._signer, perf_counter()
        try:
            request = signer.sign_request(call, keys)
            if _log.isEnabledFor(WIRE):
                log_request(request)
            incoming = await self._transport.stream(request)
            self._reached = True
            if _log.isEnabledFor(WIRE):
                log_response(incoming.status, incoming.headers)
            incoming.headers = self._dialect.cos_headers(incoming.headers)
            try:
                await self._check(call, incoming, request.url)
            except BaseException:
                await incoming.aclose()
                raise
        except (TransportError, CosServiceError) as error:
            await self._learn(error, signer, keys, state)
            raise
        if _log.isEnabledFor(logging.DEBUG):
            self._log_success(call, state, started, incoming.status, incoming.headers)
        return incoming

    async def _check(self, call: Call, incoming: AsyncStreamedResponse, url: str) -> None:
        """Make sure that the body of a response is the object that was requested."""
        status, headers = incoming.status, incoming.headers
        # Every object has an ETag: a response without one is an error inside a 200.
        if status in call.operation.status and headers.get("ETag"):
            check_stream(self._dialect, call, status, headers, url)
            return
        response = Response(status, headers, await incoming.read(_ERROR_DOCUMENT))
        raise stream_error(self._dialect, call.operation, response, url)

    async def _learn(
        self,
        error: TransportError | CosServiceError,
        signer: RequestSigner,
        keys: Credentials | None,
        state: RetryState | None,
    ) -> None:
        """Learn from a failure: about the address, the load, the service's time and the keys.

        Args:
            error: the failure.
            signer: the signer whose address failed; other calls may have left it by now.
            keys: the keys that the request was signed with.
            state: the retry state of the call; None at its first attempt.
        """
        if isinstance(error, TransportError) and error.unresolved and not self._reached:
            error.lasting = True  # a misspelt name rather than an outage
        if self._other is not None and self._signer is signer and is_misdirected(error):
            self._signer, self._other = self._other, signer
        if isinstance(error, CosServiceError):
            if error.status in REFUSED:
                self._adaptive_limit.throttled()
            if state is None or not state.signed_again:
                learned = self._clock.learn(error)
                error.renewed = learned or await self._keys.renew_after(error, keys)

    def retry_state(self, call: Call) -> RetryState:
        """Return the retry state of a call that begins."""
        return RetryState(
            self._config.retry,
            self._budget,
            call_name(call),
            jitter=self._config.jitter,
            clock=self._config.clock,
            elsewhere=self._other is not None,
            on_retry=self._on_retry,
        )

    def succeeded(self) -> None:
        """Note that a call succeeded at once."""
        self._budget.give()

    def explain(self, error: Failure, call: Call) -> None:
        """Add to a refusal its likely reason: the clock, or a bucket's name without its APPID."""
        if not isinstance(error, CosServiceError):
            return
        self._clock.explain(error)
        about_bucket = error.code == "NoSuchBucket" or call.operation.level == "bucket"
        if error.status != 404 or not about_bucket or self._config.dialect != "cos":
            return
        bucket = call.bucket or ""
        if not is_full_name(bucket):
            error.add_note(
                f"The names of buckets of COS end with the APPID, such as {bucket}-1250000000"
            )

    def _log_success(
        self,
        call: Call,
        state: RetryState | None,
        started: float,
        status: int,
        headers: Mapping[str, str],
    ) -> None:
        _log.debug(
            "%s, attempt %d of %d: HTTP %d after %.3f s, request id %s",
            call_name(call),
            state.attempt if state else 1,
            self._config.retry.attempts,
            status,
            perf_counter() - started,
            headers.get("x-cos-request-id", "-"),
        )
