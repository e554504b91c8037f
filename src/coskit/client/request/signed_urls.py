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
        """Return a URL that lets anybody make one request; nothing is sent.

        The token of temporary keys becomes part of it.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            Method: the HTTP method it is good for.
            Expired: seconds for which it is good; `coskit serve` takes at most 366 days unless it
                is told otherwise, stores of S3 seven days.
            Params: query parameters that the request will have; they are signed.
            Headers: headers that the request has to have; they are signed.
            SignHost: False leaves the host unsigned, so that another one may be used;
                `coskit serve` refuses that.

        Raises:
            CredentialsError: the client is anonymous, or its provider has no keys at hand.
            ParameterError: an argument is of another kind, such as a number of seconds below one or
                a method that is none, the key is empty or the bucket's name is none.
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
        """Return what lets a browser's form upload one file; nothing is sent.

        The form is sent as `multipart/form-data` to `url`, with all of `fields` and then the file
        as the field `file`. What a condition fixes, such as `{"success_action_status": "200"}`, is
        among the fields; what it leaves open, such as `["starts-with", "$Content-Type", "image/"]`,
        the form has to add. Fields without a condition may be anything.

        Args:
            Bucket: the bucket's name.
            Key: the object's key; `${filename}` in it stands for the name of the file.
            Expired: seconds for which the form is good; see `get_presigned_url`.
            Conditions: on further fields and, as `["content-length-range", 0, 1048576]`, on the
                bytes of the file.

        Returns:
            A dict with `url` and the dict `fields`.

        Raises:
            CredentialsError: the client is anonymous, or its provider has no keys at hand.
            ParameterError: the key is empty or the bucket's name is none.
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
            Key: the object's key; empty for the bucket.
            Expired: seconds for which it is good.
            Headers: the request's headers that are to be signed.
            Params: the request's query parameters.
            SignHost: False leaves the host unsigned.

        Raises:
            CredentialsError: the client is anonymous, or its provider has no keys at hand.
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
