"""The signer: turns a call into a signed request for one endpoint, or a presigned URL."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coskit.client.config import ClientConfig
from coskit.client.request.validation import checked_key
from coskit.client.transport.http_request import AsyncSource, HTTPRequest, Source
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.post_policy import (
    encode_policy,
    fixed_fields,
    key_condition,
    write_policy,
)
from coskit.protocol.auth.signature import TOKEN, presign, sign, sign_form
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.endpoint import encode_path, encode_query, is_bucket_name
from coskit.protocol.errors import ParameterError
from coskit.protocol.messages import Request

_PUBLIC = (".myqcloud.com", ".tencentcos.cn")
is_full_name = re.compile(r".+-\d{4,}", re.ASCII).fullmatch
Content = bytes | memoryview | Source | AsyncSource


@dataclass(frozen=True, slots=True)
class RequestSigner:
    """Addresses and signs the calls to one service."""

    config: ClientConfig

    def sign_request(
        self,
        call: Call,
        credentials: Credentials | None,
        content: Content | None = None,
        length: int | None = None,
    ) -> HTTPRequest:
        """Return the request of a call, signed now, or unsigned without credentials.

        Args:
            call: the call.
            credentials: the credentials to sign with.
            content: the content of the body, unless it is the call's own document.
            length: the bytes of the content, None if it is unknown.
        """
        host, path = self._place(call.bucket, call.key)
        headers = dict(call.headers)
        if credentials is not None:
            if credentials.token:
                headers[TOKEN] = credentials.token
            request = Request(
                call.operation.method,
                path,
                tuple(call.query),
                {**headers, "host": _without_port(host)},
            )
            headers["authorization"] = sign(request, credentials, int(self.config.clock()))
        return self._addressed(call, host, path, headers, content, length)

    def _addressed(
        self,
        call: Call,
        host: str,
        path: str,
        headers: dict[str, str],
        content: Content | None,
        length: int | None,
    ) -> HTTPRequest:
        if self.config.endpoint.via:
            headers["host"] = host
        if content is None and call.body is not None:
            content, length = call.body, len(call.body)
        url = self._url(host, path, call.query)
        return HTTPRequest(call.operation.method, url, tuple(headers.items()), content, length)

    def url(self, bucket: str, key: str) -> str:
        """Return the plain URL of an object."""
        host, path = self._place(bucket, checked_key(key))
        return self._url(host, path, ())

    def presign_url(
        self,
        credentials: Credentials,
        method: str,
        bucket: str,
        key: str,
        expired: int,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        sign_host: bool = True,
    ) -> str:
        """Return a URL with its signature and, for temporary keys, their token."""
        query = dict(params)
        if credentials.token:
            query.setdefault(TOKEN, credentials.token)
        host, request = self._request(method, bucket, key, query, headers, sign_host)
        pairs = presign(request, credentials, int(self.config.clock()), expired)
        return self._url(host, request.path, pairs)

    def presign_form(
        self,
        credentials: Credentials,
        bucket: str,
        key: str,
        expired: int,
        conditions: Iterable[Any],
    ) -> tuple[str, dict[str, str]]:
        """Return the URL of a form upload and its signed fields."""
        now = int(self.config.clock())
        window = f"{now - 60};{now + expired}"
        signature = {"q-sign-algorithm": "sha1", "q-ak": credentials.secret_id}
        token = {TOKEN: credentials.token} if credentials.token else {}
        given = list(conditions)
        required = [signature, {"q-sign-time": window}, *([token] if token else [])]
        policy = write_policy(
            (now + expired) * 1000, [{"bucket": bucket}, key_condition(key), *required, *given]
        )
        host, path = self._place(bucket, None)
        fields = {"key": key, **fixed_fields(given), "policy": encode_policy(policy), **signature}
        signed = sign_form(policy, credentials, window)
        return self._url(host, path, ()), {
            **fields,
            "q-key-time": window,
            "q-signature": signed,
            **token,
        }

    def authorization(
        self,
        credentials: Credentials,
        method: str,
        bucket: str,
        key: str,
        expired: int,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        sign_host: bool = True,
    ) -> str:
        """Return the Authorization value of a request that is sent by other means."""
        _, request = self._request(method, bucket, key, params, headers, sign_host)
        return sign(request, credentials, int(self.config.clock()), expired)

    def _request(
        self,
        method: str,
        bucket: str,
        key: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        sign_host: bool,
    ) -> tuple[str, Request]:
        host, path = self._place(bucket, key.removeprefix("/"))
        signed = {name.lower(): str(value) for name, value in headers.items()}
        if sign_host:
            signed.setdefault("host", _without_port(host))
        query = tuple((name, str(value)) for name, value in params.items())
        return host, Request(method.upper(), path, query, signed)

    def _place(self, bucket: str | None, key: str | None) -> tuple[str, str]:
        if bucket is not None and not is_bucket_name(bucket):
            raise ParameterError(
                f"Bucket {bucket!r} is not a bucket name: letters, digits, hyphens"
            )
        if (
            bucket is not None
            and self.config.endpoint.host.endswith(_PUBLIC)
            and not is_full_name(bucket)
        ):
            raise ParameterError(
                f"Bucket {bucket!r} lacks the APPID: its name is {bucket}-<APPID>, such as "
                f"{bucket}-1250000000"
            )
        return self.config.endpoint.address(bucket, key)

    def _url(self, host: str, path: str, query: Sequence[tuple[str, str]]) -> str:
        place = self.config.endpoint
        base = f"{place.scheme}://{place.via or host}{encode_path(path)}"
        return f"{base}?{encode_query(query)}" if query else base


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name if port.isdigit() else host
