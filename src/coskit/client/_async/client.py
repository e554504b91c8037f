"""The asynchronous client: its settings, its calls and its life."""

from collections.abc import Callable, Mapping
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from coskit.client._async.body.pacer import AsyncPacer
from coskit.client._async.body.request_body import AsyncRequestBody, open_body
from coskit.client._async.body.streaming_body import AsyncBody
from coskit.client._async.credentials.keys import AsyncSigningKeys
from coskit.client._async.methods.directory_methods import AsyncDirectoryMethods
from coskit.client._async.methods.folder_methods import AsyncFolderMethods
from coskit.client._async.methods.transfer_methods import AsyncTransferMethods
from coskit.client._async.paginators import AsyncPaginators
from coskit.client._async.request.append_check import AsyncAppendCheck
from coskit.client._async.request.body_resumer import AsyncBodyResumer
from coskit.client._async.request.lost_response import OUTCOME_FINDERS
from coskit.client._async.request.retry_handler import AsyncRetryHandler
from coskit.client._async.request.sender import AsyncSender
from coskit.client._async.transfer.context import AsyncTransferContext
from coskit.client._async.transfer.transfers import AsyncTransfers
from coskit.client._async.transport import AsyncTransport
from coskit.client.config import ClientConfig, find_config
from coskit.client.credentials.provider import CredentialsSource
from coskit.client.credentials.resolver import DialectName
from coskit.client.request.dialects.dialect import ClientDialect
from coskit.client.request.dialects.lookup import dialect_of
from coskit.client.request.retry_state import RetryState
from coskit.client.request.signed_urls import SignedURLMethods
from coskit.client.request.validation import (
    checked_bucket,
    is_repeatable,
    normalise,
    unknown_parameter,
)
from coskit.client.settings.argument_checks import Scheme, instance
from coskit.client.settings.retry import FAILURES, RetryPolicy
from coskit.client.settings.transfers import TransferSettings
from coskit.client.settings.transport import TransportSettings
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.errors import CosServiceError
from coskit.protocol.messages import Response
from coskit.protocol.model import Operation
from coskit.protocol.operations import APPEND_OBJECT


class AsyncClient(
    AsyncPaginators,
    AsyncTransferMethods,
    AsyncDirectoryMethods,
    AsyncFolderMethods,
    SignedURLMethods,
):
    """An asynchronous client of COS, or of a service that speaks the dialect of COS or S3.

    Use it as a context manager or call `aclose`. Many tasks may use it at a time.
    """

    def __init__(
        self,
        *,
        region: str | None = None,
        endpoint: str | None = None,
        secret_id: str | None = None,
        secret_key: str | None = None,
        token: str | None = None,
        credentials: CredentialsSource | None = None,
        profile: str | None = None,
        scheme: Scheme = "https",
        anonymous: bool = False,
        path_style: bool | None = None,
        failover: bool = False,
        dialect: DialectName | None = None,
        retry: RetryPolicy | None = None,
        transport: TransportSettings | None = None,
        transfers: TransferSettings | None = None,
        config: ClientConfig | None = None,
    ) -> None:
        """Find the settings; nothing is sent.

        Args:
            region: the region of the public service, such as `ap-guangzhou`; beside an endpoint it
                is only part of signatures.
            endpoint: the address of another service, such as `http://127.0.0.1:9000`.
            secret_id: the id of the key pair.
            secret_key: the secret of the key pair.
            token: the token of a temporary key pair.
            credentials: instead of these three, `Credentials`, a provider, a function that fetches
                them, or `"metadata"` for the role of the machine.
            profile: the name of a table in the configuration file.
            scheme: `https` or `http`, for a region or an endpoint without a scheme.
            anonymous: send unsigned requests.
            path_style: put bucket names into the path; by default only for IP addresses and
                localhost.
            failover: use the public service's second domain if the first one cannot be reached.
            dialect: the dialect of the service: `cos`, the default, or `s3`.
            retry: the policy for failed requests.
            transport: the timeouts in seconds, the proxy, the certificates.
            transfers: the memory, parallel files, rate and journals of transfers.
            config: all settings, instead of the other arguments.

        Raises:
            CredentialsError: there are no keys.
            ParameterError: there is neither a region nor an endpoint.
        """
        if config is not None:
            instance("config", config, ClientConfig)
        config = config or find_config(
            region=region,
            endpoint=endpoint,
            secret_id=secret_id,
            secret_key=secret_key,
            token=token,
            credentials=credentials,
            profile=profile,
            scheme=scheme,
            anonymous=anonymous,
            path_style=path_style,
            failover=failover,
            dialect=dialect,
            retry=RetryPolicy() if retry is None else retry,
            transport=TransportSettings() if transport is None else transport,
            transfers=TransferSettings() if transfers is None else transfers,
        )
        self._begin(config)

    def _begin(
        self,
        config: ClientConfig,
        dialect: ClientDialect | None = None,
        on_retry: Callable[[], None] | None = None,
    ) -> None:
        """Build the parts of the client.

        Args:
            config: the settings.
            dialect: the dialect, if not the one in the settings.
            on_retry: called before each retry of a request.
        """
        self._config = config
        self._dialect = dialect or dialect_of(config)
        self._transfer_context = AsyncTransferContext(config, _connect)
        rate = config.transfers.rate
        self._pacer = None if rate is None else AsyncPacer(rate)
        self._signer = self._dialect.signer(config)
        self._transport = AsyncTransport(config.transport)
        self._keys = AsyncSigningKeys(config.credentials, config.clock)
        adaptive_limit = self._transfer_context.adaptive_limit
        self._sender = AsyncSender(
            config, self._dialect, self._keys, self._transport, adaptive_limit, on_retry
        )

    @property
    def transfers(self) -> AsyncTransfers:
        """The transfers of this client, from sources and to targets of any kind."""
        # Made at each use, because a client that kept them would be in a reference cycle.
        return AsyncTransfers(self, self._transfer_context)

    async def _call(
        self, operation: Operation, params: dict[str, Any], unknown: Mapping[str, Any]
    ) -> Any:
        if unknown:
            raise unknown_parameter(operation, unknown)
        normal = normalise(operation, params, self._config.region)
        call = self._dialect.encode(operation, normal)
        call.keep_encoded = operation.listing and params.get("EncodingType") == "url"
        body = await open_body(call, self._dialect, self._pacer)
        check = None
        if operation is APPEND_OBJECT and body is not None:
            check = AsyncAppendCheck(self, call, params)
            await check.prepare(body)
        started, found = perf_counter(), False
        try:
            result = await self._attempt(call, body, None)
        except FAILURES as error:
            handler = self._retry_handler(call, body, params)
            result = await handler.retry(
                error,
                perf_counter() - started,
                lambda: self._attempt(call, body, handler.state),
            )
            found = handler.found
        else:
            self._sender.succeeded()
        if check is not None and body is not None and not found:
            check.check(result, body)
        return result

    async def _attempt(
        self, call: Call, body: AsyncRequestBody | None, state: RetryState | None
    ) -> Any:
        if call.operation.returns != "stream":
            return await self._sender.send(call, body, state)
        incoming = await self._sender.open(call, state)
        status, headers = incoming.status, incoming.headers
        resume = AsyncBodyResumer(self._sender, call, status, headers)
        checksum = self._dialect.expected_checksum(status, headers)
        return {**headers, "Body": AsyncBody(incoming, headers, checksum, resume, self._pacer)}

    def _retry_handler(
        self, call: Call, body: AsyncRequestBody | None, params: Mapping[str, Any]
    ) -> AsyncRetryHandler:
        finder = OUTCOME_FINDERS.get(call.operation.name)
        return AsyncRetryHandler(
            self._sender.retry_state(call),
            idempotent=is_repeatable(call.operation, params),
            can_repeat=None if body is None else body.can_be_repeated,
            find_outcome=None if finder is None else lambda: finder(self, params, body),
            before_retry=None if body is None else body.rewind,
            explain=lambda error: self._sender.explain(error, call),
        )

    async def object_exists(self, Bucket: str, Key: str) -> bool:
        """Return whether an object exists.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.

        Raises:
            CosServiceError: the response shows neither that it exists nor that it does not.
            CosClientError: no response arrived.
        """
        try:
            await self.head_object(Bucket, Key)
        except CosServiceError as error:
            return self._absent(error)
        return True

    async def bucket_exists(self, Bucket: str) -> bool:
        """Return whether a bucket exists and may be read.

        Args:
            Bucket: the bucket's name.

        Raises:
            CosServiceError: the response shows neither that it exists nor that it does not.
            CosClientError: no response arrived.
        """
        try:
            await self.head_bucket(Bucket)
        except CosServiceError as error:
            return self._absent(error)
        return True

    def _absent(self, error: CosServiceError) -> bool:
        """Return False for a response that nothing exists; raise any other error."""
        response = Response(error.status, error.headers)
        genuine = error.request_id or self._dialect.is_genuine(response, bare=True)
        if error.status == 404 and genuine:
            return False
        raise error

    def get_object_url(self, Bucket: str, Key: str) -> str:
        """Return the plain URL of an object, without a signature."""
        return self._signer.url(checked_bucket(Bucket), Key)

    def _signing_keys(self) -> Credentials:
        return self._keys.get_without_waiting()

    async def refresh_credentials(self) -> None:
        """Fetch valid keys, so that URLs can be signed without waiting.

        The provider is called as for each request; it does not fetch fresh keys again.

        Raises:
            CredentialsError: the provider has no keys.
        """
        await self._keys.get()

    async def aclose(self) -> None:
        """Close the connections; the client cannot be used after that."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __getstate__(self) -> ClientConfig:
        """Return the settings, including the keys; a copy or a pickle has its own connections."""
        return self._config

    def __setstate__(self, config: ClientConfig) -> None:
        self._begin(config)

    def __repr__(self) -> str:
        place = self._config.endpoint
        return f"{type(self).__name__}({place.scheme}://{place.host})"


def _connect(config: ClientConfig) -> AsyncClient:
    return AsyncClient(config=config)
