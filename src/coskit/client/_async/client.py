"""The asynchronous client: lay out, sign, send, try again, decode."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from coskit.client._async.body import AsyncBody
from coskit.client._async.content import AsyncUpload
from coskit.client._async.transfer import AsyncTransfers
from coskit.client._async.transport import AsyncTransport
from coskit.client._async.workers import async_sleep
from coskit.client.addressing import Addressing
from coskit.client.config import ClientConfig, find_config
from coskit.client.curl import Outgoing, TransportSettings
from coskit.client.outcome import check_stored, decode, failure
from coskit.client.params import checked_key, is_repeatable, normalise, unknown_parameter
from coskit.client.retry import RetryPolicy
from coskit.protocol.codec import Call, encode_request
from coskit.protocol.errors import CosServiceError, IntegrityError, ParameterError, TransportError
from coskit.protocol.messages import Response
from coskit.protocol.spec import Operation

_log = logging.getLogger("coskit")
_ERROR_DOCUMENT = 1 << 20


class AsyncClient(AsyncTransfers):
    """A client of COS or of a service that speaks its dialect, asynchronous throughout.

    Use it as a context manager or call `aclose`. It may be used by many tasks at a time.
    """

    def __init__(
        self,
        *,
        region: str | None = None,
        endpoint: str | None = None,
        secret_id: str | None = None,
        secret_key: str | None = None,
        token: str | None = None,
        profile: str | None = None,
        scheme: str = "https",
        anonymous: bool = False,
        path_style: bool | None = None,
        retry: RetryPolicy | None = None,
        transport: TransportSettings | None = None,
        config: ClientConfig | None = None,
    ) -> None:
        """Find the settings; nothing is sent.

        Args:
            region: of the public service, such as `ap-guangzhou`.
            endpoint: of another service, such as `http://127.0.0.1:9000`.
            secret_id: the key pair's id.
            secret_key: the key pair's secret.
            token: of a temporary key pair.
            profile: a table of the configuration file.
            scheme: `https` or `http`, for a region.
            anonymous: send unsigned requests.
            path_style: put buckets into the path; by default only for IP addresses and localhost.
            retry: how failed requests are repeated.
            transport: timeouts in seconds, proxy, certificates.
            config: all settings at once, instead of the other arguments.

        Raises:
            CredentialsError: no keys were given or found.
            ParameterError: no region and no endpoint was given or found.
        """
        self._config = config or find_config(
            region=region,
            endpoint=endpoint,
            secret_id=secret_id,
            secret_key=secret_key,
            token=token,
            profile=profile,
            scheme=scheme,
            anonymous=anonymous,
            path_style=path_style,
            retry=retry or RetryPolicy(),
            transport=transport or TransportSettings(),
        )
        self._addressing = Addressing(self._config)
        self._transport = AsyncTransport(self._config.transport)

    async def _call(
        self, operation: Operation, params: dict[str, Any], unknown: Mapping[str, Any]
    ) -> Any:
        if unknown:
            raise unknown_parameter(operation, unknown)
        call = encode_request(operation, normalise(operation, params, self._config.region))
        upload = await _upload_of(call)
        keep_encoded = operation.listing and params.get("EncodingType") == "url"
        attempt = 1
        while True:
            try:
                return await self._attempt(call, upload, keep_encoded)
            except (TransportError, CosServiceError, IntegrityError) as error:
                pause = self._config.retry.delay(
                    error,
                    attempt,
                    idempotent=is_repeatable(operation, params),
                    jitter=self._config.jitter(),
                )
                if not isinstance(error, IntegrityError):
                    error.attempts = attempt
                # A source that cannot be rewound is never sent twice.
                if pause is None or (upload and not upload.replayable):
                    raise
            await async_sleep(pause)
            attempt += 1
            if upload:
                upload.rewind()

    async def _attempt(self, call: Call, upload: AsyncUpload | None, keep_encoded: bool) -> Any:
        operation = call.operation
        out = self._addressing.outgoing(call)
        if upload:
            body = upload if upload.data is None else upload.data
            out = replace(out, body=body, length=upload.length)
        if operation.returns == "stream":
            return await self._open(operation, out)
        response = await self._transport.send(out)
        _log.debug("%s %s -> %d", out.method, out.url, response.status)
        result = decode(operation, response, out.url, keep_encoded=keep_encoded)
        if upload and "x-cos-next-append-position" not in response.headers:
            check_stored(response.headers, upload.sum())
        return result

    async def _open(self, operation: Operation, out: Outgoing) -> dict[str, Any]:
        incoming = await self._transport.stream(out)
        _log.debug("%s %s -> %d", out.method, out.url, incoming.status)
        if incoming.status in operation.status:
            body = AsyncBody(incoming, incoming.status, incoming.headers)
            return {**incoming.headers, "Body": body}
        try:
            document = await incoming.read(_ERROR_DOCUMENT)
        finally:
            await incoming.aclose()
        raise failure(operation, Response(incoming.status, incoming.headers, document), out.url)

    async def object_exists(self, Bucket: str, Key: str) -> bool:
        """Return whether an object exists.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.

        Raises:
            CosServiceError: the service answered neither yes nor no.
            CosClientError: no answer arrived.
        """
        try:
            await self.head_object(Bucket, Key)
        except CosServiceError as error:
            return _absent(error)
        return True

    async def bucket_exists(self, Bucket: str) -> bool:
        """Return whether a bucket exists and may be read.

        Args:
            Bucket: the bucket's name.

        Raises:
            CosServiceError: the service answered neither yes nor no.
            CosClientError: no answer arrived.
        """
        try:
            await self.head_bucket(Bucket)
        except CosServiceError as error:
            return _absent(error)
        return True

    def get_presigned_url(
        self,
        Bucket: str,
        Key: str,
        Method: str,
        Expired: int = 300,
        Params: Mapping[str, str] | None = None,
        Headers: Mapping[str, str] | None = None,
        SignHost: bool | None = None,
    ) -> str:
        """Return a URL that lets anybody make one request; nothing is sent.

        The token of temporary keys becomes part of it.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            Method: the HTTP method it is good for.
            Expired: seconds for which it is good.
            Params: query parameters that the request will have; they are signed.
            Headers: headers that the request has to have; they are signed.
            SignHost: False leaves the host unsigned, so that another one may be used.

        Raises:
            CredentialsError: the client is anonymous.
            ParameterError: the key is empty or the bucket's name is none.
        """
        return self._addressing.presigned(
            Method,
            Bucket,
            checked_key(Key),
            Expired,
            Params or {},
            Headers or {},
            sign_host=SignHost is not False,
        )

    def get_presigned_download_url(
        self,
        Bucket: str,
        Key: str,
        Expired: int = 300,
        Params: Mapping[str, str] | None = None,
        Headers: Mapping[str, str] | None = None,
        SignHost: bool | None = None,
    ) -> str:
        """Return a presigned URL for GET; see `get_presigned_url`."""
        return self.get_presigned_url(Bucket, Key, "GET", Expired, Params, Headers, SignHost)

    def presign_post(
        self,
        Bucket: str,
        Key: str,
        Expired: int = 300,
        Conditions: Iterable[Mapping[str, str] | Sequence[Any]] = (),
    ) -> dict[str, Any]:
        """Return what lets a browser's form upload one file; nothing is sent.

        The form is sent as `multipart/form-data` to `url`, with all of `fields` and then the file
        as the field `file`. What a condition fixes, such as `{"success_action_status": "200"}`, is
        among the fields; what it leaves open, such as `["starts-with", "$Content-Type", "image/"]`,
        the form has to add. Fields without a condition may be anything.

        Args:
            Bucket: the bucket's name.
            Key: the object's key; `${filename}` in it stands for the name of the file.
            Expired: seconds for which the form is good.
            Conditions: on further fields and, as `["content-length-range", 0, 1048576]`, on the
                bytes of the file.

        Returns:
            A dict with `url` and the dict `fields`.

        Raises:
            CredentialsError: the client is anonymous.
            ParameterError: the key is empty or the bucket's name is none.
        """
        url, fields = self._addressing.form(Bucket, checked_key(Key), Expired, Conditions)
        return {"url": url, "fields": fields}

    def get_auth(
        self,
        Method: str,
        Bucket: str,
        Key: str = "",
        Expired: int = 300,
        Headers: Mapping[str, str] | None = None,
        Params: Mapping[str, str] | None = None,
        SignHost: bool | None = None,
    ) -> str:
        """Return the Authorization header for a request that is sent by other means.

        Args:
            Method: the HTTP method.
            Bucket: the bucket's name.
            Key: the object's key; empty for the bucket.
            Expired: seconds for which it is good.
            Headers: the request's headers that are to be signed.
            Params: the request's query parameters.
            SignHost: False leaves the host unsigned.

        Raises:
            CredentialsError: the client is anonymous.
        """
        return self._addressing.authorization(
            Method,
            Bucket,
            Key,
            Expired,
            Params or {},
            Headers or {},
            sign_host=SignHost is not False,
        )

    def get_object_url(self, Bucket: str, Key: str) -> str:
        """Return the plain URL of an object, without a signature."""
        return self._addressing.url(Bucket, Key)

    async def aclose(self) -> None:
        """Close the connections; the client cannot be used afterwards."""
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

    def __repr__(self) -> str:
        place = self._config.endpoint
        return f"{type(self).__name__}({place.scheme}://{place.host})"


async def _upload_of(call: Call) -> AsyncUpload | None:
    if call.content is None:
        return None
    length = call.local.get("ContentLength")
    upload = AsyncUpload(call.content, None if length is None else _length(length))
    await upload.load()
    if call.local.get("EnableMD5"):
        call.headers["content-md5"] = await upload.content_md5()
    return upload


def _length(value: int | str) -> int:
    if not str(value).isdecimal():
        raise ParameterError(f"ContentLength is a number of bytes, not {value!r}")
    return int(value)


def _absent(error: CosServiceError) -> bool:
    """Return False for "it does not exist"; any other answer is an error."""
    if error.status == 404:
        return False
    raise error
