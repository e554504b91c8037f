"""The methods of a client that sign requests which other programs send."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from coskit.client.request.dialects.signer import RequestSigner
from coskit.client.request.validation import (
    checked_bucket,
    checked_fields,
    checked_key,
    checked_lifetime,
    checked_method,
)
from coskit.client.settings.argument_checks import HTTPMethod, check
from coskit.protocol.auth.credentials import Credentials


class SignedURLMethods(ABC):
    """Presigned URLs, forms and Authorization headers; no method sends a request."""

    _signer: RequestSigner

    @abstractmethod
    def _signing_keys(self) -> Credentials:
        """Return the keys to sign with, without waiting for a provider."""

    def get_presigned_url(
        self,
        Bucket: str,
        Key: str,
        Method: HTTPMethod,
        Expired: int = 300,
        Params: Mapping[str, str] | None = None,
        Headers: Mapping[str, str] | None = None,
        SignHost: bool | None = None,
    ) -> str:
        """Return a URL with which any client may send one request; nothing is sent.

        The token of temporary keys is part of the URL.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            Method: the HTTP method of the request.
            Expired: the seconds for which the URL is valid; `coskit serve` accepts at most 366 days
                unless configured otherwise, S3 stores accept seven days.
            Params: the query parameters of the request; they are signed.
            Headers: the headers that the request must have; they are signed.
            SignHost: False leaves the host unsigned, so that another host may be used;
                `coskit serve` refuses such a URL.

        Raises:
            CredentialsError: the client is anonymous, or its provider has no keys now.
            ParameterError: an argument is wrong, such as a number of seconds below one, an unknown
                method, an empty key or an invalid bucket name.
        """
        return self._signer.presign_url(
            self._signing_keys(),
            checked_method(Method),
            checked_bucket(Bucket),
            checked_key(Key),
            checked_lifetime(Expired),
            checked_fields("Params", Params),
            checked_fields("Headers", Headers),
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
        """Return the address and the fields of a form that uploads one file; nothing is sent.

        The browser sends the form as `multipart/form-data` to `url`, with all `fields` and then the
        file as the field `file`. A condition with a fixed value, such as
        `{"success_action_status": "200"}`, is among the fields. For an open condition, such as
        `["starts-with", "$Content-Type", "image/"]`, the form adds the field. Fields without a
        condition may have any value.

        Args:
            Bucket: the bucket's name.
            Key: the object's key; `${filename}` in it is replaced by the name of the file.
            Expired: the seconds for which the form is valid; see `get_presigned_url`.
            Conditions: the conditions on further fields and, as
                `["content-length-range", 0, 1048576]`, on the bytes of the file.

        Returns:
            A dict with `url` and the dict `fields`.

        Raises:
            CredentialsError: the client is anonymous, or its provider has no keys now.
            ParameterError: the key is empty or the bucket's name is invalid.
        """
        Conditions = list(Conditions) if isinstance(Conditions, Iterator) else Conditions
        check(Conditions=Conditions)
        url, fields = self._signer.presign_form(
            self._signing_keys(),
            checked_bucket(Bucket),
            checked_key(Key),
            checked_lifetime(Expired),
            Conditions,
        )
        return {"url": url, "fields": fields}

    def get_auth(
        self,
        Method: HTTPMethod,
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
            Key: the object's key; empty for a request about the bucket.
            Expired: the seconds for which the signature is valid.
            Headers: the headers to sign.
            Params: the query parameters of the request.
            SignHost: False leaves the host unsigned.

        Raises:
            CredentialsError: the client is anonymous, or its provider has no keys now.
        """
        return self._signer.authorization(
            self._signing_keys(),
            checked_method(Method),
            checked_bucket(Bucket),
            checked_key(Key) if Key else "",
            checked_lifetime(Expired),
            checked_fields("Params", Params),
            checked_fields("Headers", Headers),
            sign_host=SignHost is not False,
        )
