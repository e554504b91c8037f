"""The vendor's signer for requests that a program sends by other means."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from coskit.compat.cos_comm import to_str, to_unicode
from coskit.protocol.auth.credentials import Credentials
from coskit.protocol.auth.signature import sign
from coskit.protocol.messages import Request

if TYPE_CHECKING:
    from coskit.compat.implementation.cos_config import CosConfig

_VALID_BEFORE = 60  # seconds before now from which a signature is valid
_SIGNED = frozenset(
    """cache-control content-disposition content-encoding content-type content-md5 content-length
    expect expires host if-match if-modified-since if-none-match if-unmodified-since origin range
    transfer-encoding pic-operations""".split()
)


class CosS3Auth:
    """Signs a request of the library `requests`, as its `auth`.

    Args:
        conf: the configuration with the keys.
        key: the key of the object; None for a bucket or the service.
        params: the parameters in the URL, which are signed.
        expire: the seconds for which the signature is valid.
        sign_host: whether the host is signed; None uses the configuration.
    """

    def __init__(
        self,
        conf: "CosConfig",
        key: str | None = None,
        params: Mapping[str, Any] | None = None,
        expire: int = 10000,
        sign_host: bool | None = None,
    ) -> None:
        self._conf = conf
        self._path = "/" + to_unicode(key or "").removeprefix("/")
        self._params = dict(params or {}) if conf._sign_params else {}
        self._expire = expire
        self._sign_host = bool(conf._sign_host if sign_host is None else sign_host)

    def __call__(self, r: Any) -> Any:
        """Return the request with an Authorization header, which is empty without keys."""
        from coskit.compat.implementation.cos_config import (
            Keys,  # imported here, because that module imports the whole client
        )

        if self._conf._anonymous:
            r.headers["Authorization"] = ""
            return r
        headers = {
            name.lower(): to_unicode(to_str(value))
            for name, value in r.headers.items()
            if name.lower() in _SIGNED or name.lower().startswith(("x-cos-", "x-ci-"))
        }
        if self._sign_host:
            headers.setdefault("host", urlsplit(r.url).hostname or "")
        else:
            headers.pop("host", None)
        query = tuple((name, to_unicode(to_str(value))) for name, value in self._params.items())
        request = Request(r.method.upper(), self._path, query, headers)
        r.headers["Authorization"] = sign(
            request, Keys(self._conf).get(), int(time.time()), self._expire
        )
        return r


def rtmp_query(
    keys: Credentials, bucket: str, channel: str, expire: int, params: Mapping[str, Any]
) -> str:
    """Return the query of a live channel's URL: its signature and its parameters.

    Args:
        keys: the keys to sign with.
        bucket: the full name of the bucket.
        channel: the name of the channel.
        expire: the seconds for which the signature is valid.
        params: the parameters of the stream.
    """
    given = {**params, **({"q-token": keys.token} if keys.token else {})}
    listed = "&".join(f"{name}={value}" for name, value in given.items())
    now = int(time.time())
    window = f"{now - _VALID_BEFORE};{now + expire}"
    digest = hashlib.sha1(f"/{bucket}/{channel}\n{listed}\n".encode()).hexdigest()
    text = f"sha1\n{window}\n{digest}\n"
    signature = hmac.new(keys.secret_key.encode(), text.encode(), hashlib.sha1).hexdigest()
    signed = (
        f"q-sign-algorithm=sha1&q-ak={keys.secret_id}&q-sign-time={window}"
        f"&q-key-time={window}&q-signature={signature}"
    )
    return f"{signed}&{listed}" if listed else signed
