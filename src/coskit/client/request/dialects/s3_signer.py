"""The signer of S3: turns a call into a request for one endpoint, signed in version 4."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from coskit.client.request.dialects.signer import Content, RequestSigner
from coskit.client.transport.http_request import HTTPRequest
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.post_policy import (
    encode_policy,
    fixed_fields,
    key_condition,
    write_policy,
)
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.errors import ParameterError
from coskit.protocol.messages import Request
from coskit.protocol.s3 import names
from coskit.protocol.s3.auth.post_signature import sign_form, signing_fields
from coskit.protocol.s3.auth.sigv4 import (
    MAX_LIFETIME,
    PAYLOAD_HASH,
    UNSIGNED_PAYLOAD,
    parse_amz_date,
    presign,
    sign,
)

# The region of the signature's scope without another one: most other stores expect it.
DEFAULT_REGION = "us-east-1"
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9_-]|\.(?!\.)){0,253}[a-z0-9]", re.IGNORECASE | re.ASCII)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def is_s3_bucket_name(name: str) -> bool:
    """Return whether a bucket of S3 may have this name, which may contain dots."""
    return bool(_BUCKET.fullmatch(name))


@dataclass(frozen=True, slots=True)
class S3RequestSigner(RequestSigner):
    """Addresses and signs the calls to one store."""

    @property
    def region(self) -> str:
        """The region of the signature's scope."""
        return self.config.region or DEFAULT_REGION

    def sign_request(
        self,
        call: Call,
        credentials: Credentials | None,
        content: Content | None = None,
        length: int | None = None,
    ) -> HTTPRequest:
        """See `RequestSigner.sign_request`; the headers have the hash of the content."""
        host, path = self._place(call.bucket, call.key)
        headers = dict(call.headers)
        if credentials is not None:
            signed = {**headers, "host": self._host(host)}
            request = Request(call.operation.method, path, tuple(call.query), signed)
            now, payload = int(self.config.clock()), headers[PAYLOAD_HASH]
            headers.update(sign(request, credentials, now, self.region, payload))
        return self._addressed(call, host, path, headers, content, length)

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
        """See `RequestSigner.presign_url`.

        Raises:
            ParameterError: the URL would be good for more than a week, or for another host.
        """
        if not 0 < expired <= MAX_LIFETIME:
            raise ParameterError(f"Expired must be 1 to {MAX_LIFETIME} seconds, a week, with S3")
        host, request = self._request(method, bucket, key, params, headers, sign_host)
        pairs = presign(request, credentials, int(self.config.clock()), self.region, expired)
        return self._url(host, request.path, pairs)

    def presign_form(
        self,
        credentials: Credentials,
        bucket: str,
        key: str,
        expired: int,
        conditions: Iterable[Any],
    ) -> tuple[str, dict[str, str]]:
        """See `RequestSigner.presign_form`; names of COS are replaced by those that S3 has."""
        now = int(self.config.clock())
        signing = signing_fields(credentials, now, self.region)
        given = [_condition(condition) for condition in conditions]
        needed = [{"bucket": bucket}, key_condition(key), *({n: t} for n, t in signing.items())]
        policy = encode_policy(write_policy((now + expired) * 1000, [*needed, *given]))
        host, path = self._place(bucket, None)
        fields = {"key": key, **fixed_fields(given), "policy": policy, **signing}
        signature = sign_form(policy, credentials, now, self.region)
        return self._url(host, path, ()), {**fields, "x-amz-signature": signature}

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
        """Return the Authorization value of a request that is sent by other means.

        Raises:
            ParameterError: the headers lack the date, or the token of temporary keys.
        """
        _, request = self._request(method, bucket, key, params, headers, sign_host)
        moment = parse_amz_date(request.headers.get("x-amz-date", ""))
        if moment is None:
            raise ParameterError("Headers needs x-amz-date, such as 20231114T221320Z, with S3")
        if credentials.token and request.headers.get("x-amz-security-token") != credentials.token:
            raise ParameterError("Headers needs x-amz-security-token with temporary keys and S3")
        payload = request.headers.get(PAYLOAD_HASH, UNSIGNED_PAYLOAD)
        return sign(request, credentials, moment, self.region, payload)["authorization"]

    def _request(
        self,
        method: str,
        bucket: str,
        key: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        sign_host: bool,
    ) -> tuple[str, Request]:
        if not sign_host:
            raise ParameterError("A signature of S3 always covers the host")
        host, path = self._place(bucket, key.removeprefix("/"))
        named = names.headers_to_s3((name.lower(), str(text)) for name, text in headers.items())
        signed = {"host": self._host(host), **dict(named)}
        query = tuple((name, str(value)) for name, value in params.items())
        return host, Request(method.upper(), path, query, signed)

    def _host(self, host: str) -> str:
        """Return the Host header that libcurl sends, which lacks a default port."""
        return host.removesuffix(_DEFAULT_PORTS[self.config.endpoint.scheme])

    def _place(self, bucket: str | None, key: str | None) -> tuple[str, str]:
        if bucket is not None and not is_s3_bucket_name(bucket):
            raise ParameterError(
                f"Bucket {bucket!r} is not a bucket name: letters, digits, hyphens, inner dots"
            )
        place = self.config.endpoint
        if bucket is not None and "." in bucket:
            place = replace(place, path_style=True)  # a wildcard certificate covers one label
        return place.address(bucket, key)


def _condition(condition: Any) -> Any:
    """Return a condition on a form with the field names of S3."""
    if isinstance(condition, Mapping):
        pairs = ((str(name), str(text)) for name, text in condition.items())
        return dict(names.headers_to_s3(pairs))
    match, name, *rest = condition
    if isinstance(name, str) and name.startswith("$"):
        name = f"${names.s3_name(name[1:])}"
    return [match, name, *rest]
