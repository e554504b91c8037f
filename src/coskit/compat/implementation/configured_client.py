"""A coskit client made from the vendor's `CosConfig`: `CosS3Client` makes its calls with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coskit.client._sync.client import Client
from coskit.client.config import ClientConfig
from coskit.client.request.dialects.cos_dialect import CosClientDialect
from coskit.client.request.dialects.dialect import ClientDialect
from coskit.client.request.dialects.signer import Content, RequestSigner
from coskit.client.transport.http_request import HTTPRequest
from coskit.compat.cos_comm import to_unicode
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.signature import sign
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.messages import META_PREFIX, Request

_CONTENT = frozenset(("Body", "Data", "Policy", "SSECustomerKey", "CopySourceSSECustomerKey"))

if TYPE_CHECKING:
    from coskit.compat.implementation.cos_config import CosConfig


@dataclass(frozen=True, slots=True)
class _RequestSettings:
    """The settings of requests that only the vendor's SDK has."""

    keep_alive: bool
    sign_host: bool
    sign_params: bool


@dataclass(frozen=True)
class _ConfiguredSigner(RequestSigner):
    """A signer that leaves parts unsigned or closes connections, as configured."""

    settings: _RequestSettings

    def sign_request(
        self,
        call: Call,
        credentials: Credentials | None,
        content: Content | None = None,
        length: int | None = None,
    ) -> HTTPRequest:
        settings = self.settings
        out = super().sign_request(call, credentials, content, length)
        headers = dict(out.headers)
        if credentials is not None and not (settings.sign_host and settings.sign_params):
            headers["authorization"] = self._signed(call, credentials, headers, settings)
        if not settings.keep_alive:
            headers["connection"] = "close"
        return out._replace(headers=tuple(headers.items()))

    def _signed(
        self,
        call: Call,
        credentials: Credentials,
        headers: Mapping[str, str],
        settings: _RequestSettings,
    ) -> str:
        host, path = self._place(call.bucket, call.key)
        signed = {name: value for name, value in headers.items() if name != "authorization"}
        signed.pop("host", None)
        if settings.sign_host:
            signed["host"] = host.partition(":")[0]
        query = tuple(call.query) if settings.sign_params else ()
        request = Request(call.operation.method, path, query, signed)
        return sign(request, credentials, int(self.config.clock()))


class _ConfiguredDialect(CosClientDialect):
    """The dialect of COS with a configured signer."""

    def __init__(self, settings: _RequestSettings) -> None:
        self._settings = settings

    def signer(self, config: ClientConfig) -> RequestSigner:
        """See `ClientDialect.signer`."""
        return _ConfiguredSigner(config, self._settings)


class ConfiguredClient(Client):
    """A client with the vendor's settings; names of buckets may lack the APPID.

    Args:
        conf: the settings.
        attempts: the largest number of attempts of a request.
        count: called before each retry.
    """

    def __init__(self, conf: "CosConfig", attempts: int, count: Callable[[], None]) -> None:
        self._conf, self._count = conf, count
        super().__init__(config=conf.client_config(attempts))

    def _begin(
        self,
        config: ClientConfig,
        dialect: ClientDialect | None = None,
        on_retry: Callable[[], None] | None = None,
    ) -> None:
        conf = self._conf
        settings = _RequestSettings(
            conf._keep_alive is not False, conf._sign_host is not False, bool(conf._sign_params)
        )
        if settings != _RequestSettings(True, True, True):
            dialect = _ConfiguredDialect(settings)
        super()._begin(config, dialect, on_retry or self._count)

    def _call(self, operation: Any, params: dict[str, Any], unknown: Mapping[str, Any]) -> Any:
        if params.get("Bucket") is not None:
            params["Bucket"] = self._conf.bucket(params["Bucket"])
        if "CopySource" in params:
            params["CopySource"] = self._conf.copy_source(params["CopySource"])
        if isinstance(metadata := params.get("Metadata"), Mapping):
            # Names without the prefix are left out, as documented.
            params["Metadata"] = {n: t for n, t in metadata.items() if _is_metadata(n)}
        for name, value in params.items():
            # The vendor's own helpers return keys and checksums as bytes.
            if isinstance(value, bytes) and name not in _CONTENT:
                params[name] = to_unicode(value)
        return super()._call(operation, params, unknown)

    def get_presigned_url(self, Bucket: str, *args: Any, **kwargs: Any) -> str:
        """See `Client.get_presigned_url`."""
        return super().get_presigned_url(self._conf.bucket(Bucket), *args, **kwargs)

    def get_auth(self, Method: Any, Bucket: str, *args: Any, **kwargs: Any) -> str:
        """See `Client.get_auth`."""
        return super().get_auth(Method, self._conf.bucket(Bucket), *args, **kwargs)

    def get_object_url(self, Bucket: str, Key: str) -> str:
        """See `Client.get_object_url`."""
        return super().get_object_url(self._conf.bucket(Bucket), Key)


def _is_metadata(name: object) -> bool:
    return str(name).lower().startswith(META_PREFIX)
