"""The client that makes the vendor's calls: coskit's own, and what `CosConfig` asks besides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from coskit.client._sync.client import Client
from coskit.client._sync.request.sender import Sender
from coskit.client.config import ClientConfig
from coskit.client.request.dialects.cos_dialect import CosClientDialect
from coskit.client.request.dialects.signer import Content, RequestSigner
from coskit.client.transport.http_request import HTTPRequest
from coskit.compat.cos_comm import to_unicode
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.signature import sign
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.messages import META_PREFIX, Request

_CONTENT = frozenset(("Body", "Data", "Policy", "SSECustomerKey", "CopySourceSSECustomerKey"))

if TYPE_CHECKING:
    from coskit.compat.inner.config import CosConfig


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What requests are like, beside what every client knows."""

    keep_alive: bool
    sign_host: bool
    sign_params: bool


@dataclass(frozen=True)
class _ConfiguredSigner(RequestSigner):
    """Signs less, and closes connections, where a configuration asks for it."""

    wishes: _Wishes

    def sign_request(
        self,
        call: Call,
        credentials: Credentials | None,
        content: Content | None = None,
        length: int | None = None,
    ) -> HTTPRequest:
        wishes = self.wishes
        out = super().sign_request(call, credentials, content, length)
        headers = dict(out.headers)
        if credentials is not None and not (wishes.sign_host and wishes.sign_params):
            headers["authorization"] = self._signed(call, credentials, headers, wishes)
        if not wishes.keep_alive:
            headers["connection"] = "close"
        return replace(out, headers=tuple(headers.items()))

    def _signed(
        self, call: Call, credentials: Credentials, headers: Mapping[str, str], wishes: _Wishes
    ) -> str:
        host, path = self._place(call.bucket, call.key)
        signed = {name: value for name, value in headers.items() if name != "authorization"}
        signed.pop("host", None)
        if wishes.sign_host:
            signed["host"] = host.partition(":")[0]
        query = tuple(call.query) if wishes.sign_params else ()
        request = Request(call.operation.method, path, query, signed)
        return sign(request, credentials, int(self.config.clock()))


class _ConfiguredDialect(CosClientDialect):
    """COS, with addresses as a configuration wants them."""

    def __init__(self, wishes: _Wishes) -> None:
        self._wishes = wishes

    def signer(self, config: ClientConfig) -> RequestSigner:
        """See `ClientDialect.signer`."""
        return _ConfiguredSigner(config, self._wishes)


class InnerClient(Client):
    """A client that knows buckets by their names without the APPID, too.

    Args:
        conf: the settings.
        attempts: how often a request is sent at most.
        count: called before each repetition.
    """

    def __init__(self, conf: "CosConfig", attempts: int, count: Callable[[], None]) -> None:
        self._conf, self._count = conf, count
        super().__init__(config=conf.client_config(attempts))

    def _begin(self, config: ClientConfig) -> None:
        super()._begin(config)
        conf = self._conf
        wishes = _Wishes(
            conf._keep_alive is not False, conf._sign_host is not False, bool(conf._sign_params)
        )
        if wishes != _Wishes(True, True, True):
            self._dialect = _ConfiguredDialect(wishes)
            self._signer = self._dialect.signer(config)
        adaptive_limit = self._transfer_context.adaptive_limit
        self._sender = Sender(
            config, self._dialect, self._keys, self._transport, adaptive_limit, self._count
        )

    def _call(self, operation: Any, params: dict[str, Any], unknown: Mapping[str, Any]) -> Any:
        if params.get("Bucket") is not None:
            params["Bucket"] = self._conf.bucket(params["Bucket"])
        if "CopySource" in params:
            params["CopySource"] = self._conf.copy_source(params["CopySource"])
        if isinstance(metadata := params.get("Metadata"), Mapping):
            # Only here: what has another name is documented as left out.
            params["Metadata"] = {n: t for n, t in metadata.items() if _is_metadata(n)}
        for name, value in params.items():
            # The vendor's own helpers return keys and sums as bytes.
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
