"""The names of `cos-python-sdk-v5`, so that code for it runs after changing its import line.

    from coskit.compat import CosConfig, CosS3Client, CosServiceError, CosClientError

What differs on purpose is in docs/compatibility.md: success is checked, errors keep their cause.
"""

import posixpath
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from coskit.client._sync.body import Body
from coskit.client._sync.client import Client
from coskit.client.config import ClientConfig
from coskit.client.curl import TransportSettings
from coskit.client.retry import RetryPolicy
from coskit.protocol.endpoint import Endpoint, region_endpoint
from coskit.protocol.errors import (
    CosClientError,
    CosException,
    CosServiceError,
    CredentialsError,
    ParameterError,
)
from coskit.protocol.signature import Credentials

__all__ = [
    "CosClientError",
    "CosConfig",
    "CosException",
    "CosS3Client",
    "CosServiceError",
    "StreamBody",
]


class CosConfig:
    """The settings of a `CosS3Client`, under the vendor's names."""

    def __init__(
        self,
        Appid: str | None = None,
        Region: str | None = None,
        SecretId: str | None = None,
        SecretKey: str | None = None,
        Token: str | None = None,
        Scheme: str | None = None,
        Timeout: float | None = None,
        Access_id: str | None = None,
        Access_key: str | None = None,
        Secret_id: str | None = None,
        Secret_key: str | None = None,
        Endpoint: str | None = None,
        IP: str | None = None,
        Port: int | None = None,
        Anonymous: bool | None = None,
        Proxies: Mapping[str, str] | None = None,
        Domain: str | None = None,
        ServiceDomain: str | None = None,
        PoolMaxSize: int = 10,
        VerifySSL: bool | str | None = None,
        **ignored: Any,
    ) -> None:
        """Keep the settings.

        Args:
            Appid: appended to bucket names that lack it.
            Region: such as `ap-guangzhou`.
            SecretId: the key pair's id; `Secret_id` and `Access_id` are the same.
            SecretKey: the key pair's secret; `Secret_key` and `Access_key` are the same.
            Token: of a temporary key pair.
            Scheme: `https` or `http`.
            Timeout: seconds without a byte, 30 by default.
            Access_id: as SecretId.
            Access_key: as SecretKey.
            Secret_id: as SecretId.
            Secret_key: as SecretKey.
            Endpoint: host that bucket names are put before.
            IP: address that takes the connections, instead of the host's.
            Port: at that address.
            Anonymous: send unsigned requests.
            Proxies: by scheme.
            Domain: a host that belongs to one bucket.
            ServiceDomain: where buckets are listed.
            PoolMaxSize: idle connections that are kept.
            VerifySSL: False trusts any certificate; a path names the CA's.
            **ignored: settings that have no meaning here, such as `KeepAlive`.

        Raises:
            ParameterError: there is no region, endpoint or domain, or the scheme is unknown.
            CredentialsError: there are no keys.
        """
        self._appid = Appid or ""
        self._scheme = Scheme or "https"
        if self._scheme not in ("http", "https"):
            raise ParameterError("Scheme can be only set to 'http' or 'https'")
        self._anonymous = bool(Anonymous)
        self._endpoint = _endpoint(
            self._scheme, Region or "", Endpoint or "", Domain or "", ServiceDomain or "", IP, Port
        )
        self._region = Region or ""
        secret_id, secret_key = SecretId or Secret_id or Access_id, SecretKey or Secret_key
        self.set_credential(secret_id or "", secret_key or Access_key or "", Token)
        verify = VerifySSL is not False
        self._transport = TransportSettings(
            connect_timeout=Timeout or 30.0,
            read_timeout=Timeout or 30.0,
            proxy=(Proxies or {}).get(self._scheme),
            ca_file=VerifySSL if isinstance(VerifySSL, str) else None,
            verify=verify,
            connections=PoolMaxSize,
        )

    def set_credential(self, SecretId: str, SecretKey: str, Token: str | None = None) -> None:
        """Replace the key pair for clients that are made from now on."""
        if not self._anonymous and not (SecretId and SecretKey):
            raise CredentialsError("SecretId and SecretKey is Required!")
        self._credentials = Credentials(SecretId.strip(), SecretKey.strip(), Token or "")

    def bucket(self, name: str) -> str:
        """Return a bucket's full name."""
        if self._appid and not name.endswith(f"-{self._appid}"):
            return f"{name}-{self._appid}"
        return name

    def client_config(self, attempts: int) -> ClientConfig:
        """Return the settings under coskit's names."""
        return ClientConfig(
            self._endpoint,
            self._region,
            None if self._anonymous else self._credentials,
            RetryPolicy(attempts=attempts),
            self._transport,
        )


def _endpoint(
    scheme: str,
    region: str,
    endpoint: str,
    domain: str,
    service: str,
    ip: str | None,
    port: int | None,
) -> Endpoint:
    via = f"{ip}:{port}" if ip and port else ip or ""
    if domain:
        return Endpoint(scheme, domain, False, service or domain, bound=True, via=via)
    if endpoint:
        return Endpoint(scheme, endpoint, False, service or endpoint, via=via)
    if not region:
        raise ParameterError("Region or Endpoint is required not empty!")
    public = region_endpoint(region, scheme)
    return Endpoint(scheme, public.host, False, service or public.service_host, via=via)


class StreamBody:
    """An object's bytes under the vendor's method names; everything is checked as it is read."""

    def __init__(self, body: Body, *, encoding: str = "") -> None:
        self._body = body
        self._encoding = encoding
        self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def __len__(self) -> int:
        return len(self._body)

    def __iter__(self) -> Iterator[bytes]:
        return self.get_stream()

    def get_raw_stream(self) -> Body:
        """Return a file-like object."""
        return self._body

    def get_stream(self, chunk_size: int = 1024) -> Iterator[bytes]:
        """Yield the content in chunks."""
        return self._body.get_stream(chunk_size)

    def read(self, chunk_size: int = 1024, auto_decompress: bool = False) -> bytes:
        """Return up to `chunk_size` bytes of what was sent, b"" at the end.

        With `auto_decompress`, gzip content comes decompressed, and then longer.
        """
        chunk = self._body.read(chunk_size)
        if not (auto_decompress and self._encoding == "gzip"):
            return chunk
        plain = self._inflate.decompress(chunk)
        while chunk and not plain:
            chunk = self._body.read(chunk_size)
            plain = self._inflate.decompress(chunk)
        return plain or self._inflate.flush()

    def get_stream_to_file(
        self, file_name: str, disable_tmp_file: bool = False, auto_decompress: bool = False
    ) -> None:
        """Write the content to a file, which appears only when it is whole."""
        if not auto_decompress or self._encoding != "gzip":
            self._body.get_stream_to_file(file_name)
            return
        with open(file_name, "wb") as file:  # noqa: PTH123 - the vendor takes any file name
            while chunk := self.read(1 << 20, auto_decompress=True):
                file.write(chunk)

    def close(self) -> None:
        """Give the connection back."""
        self._body.close()


class CosS3Client(Client):
    """A client with the vendor's constructor and argument order."""

    def __init__(self, conf: CosConfig, retry: int = 3, session: object = None) -> None:
        """Make a client.

        Args:
            conf: the settings.
            retry: how often a failed request is repeated.
            session: accepted and not used: connections belong to the client.
        """
        self._conf = conf
        super().__init__(config=conf.client_config(retry + 1))

    def _call(self, operation: Any, params: dict[str, Any], unknown: Mapping[str, Any]) -> Any:
        if isinstance(params.get("Bucket"), str):
            params["Bucket"] = self._conf.bucket(params["Bucket"])
        return super()._call(operation, params, unknown)

    def list_objects(  # type: ignore[override]
        self,
        Bucket: str,
        Prefix: str = "",
        Delimiter: str = "",
        Marker: str = "",
        MaxKeys: int = 1000,
        EncodingType: str = "",
        **kwargs: Any,
    ) -> Any:
        """List objects; the arguments stand in the vendor SDK's order."""
        return super().list_objects(
            Bucket, Delimiter, Marker, MaxKeys, Prefix, EncodingType, **kwargs
        )

    def list_parts(  # type: ignore[override]
        self,
        Bucket: str,
        Key: str,
        UploadId: str,
        EncodingType: str = "",
        MaxParts: int = 1000,
        PartNumberMarker: int = 0,
        **kwargs: Any,
    ) -> Any:
        """List parts; the arguments stand in the vendor SDK's order."""
        return super().list_parts(
            Bucket, Key, UploadId, MaxParts, PartNumberMarker, EncodingType, **kwargs
        )

    def get_object(
        self, Bucket: str, Key: str, KeySimplifyCheck: bool = True, **kwargs: Any
    ) -> Any:
        """Open an object; its Body has the vendor's methods."""
        if KeySimplifyCheck and posixpath.normpath(f"/{Key.lstrip('/')}") == "/":
            raise CosClientError("GetObject Key is invalid")
        result: dict[str, Any] = dict(super().get_object(Bucket, Key, **kwargs))
        encoding = result.get("Content-Encoding", "")
        return {**result, "Body": StreamBody(result["Body"], encoding=encoding)}

    def put_object_from_local_file(
        self, Bucket: str, LocalFilePath: str, Key: str, EnableMD5: bool = False, **kwargs: Any
    ) -> Any:
        """Upload a file in one request."""
        with open(LocalFilePath, "rb") as file:  # noqa: PTH123 - the vendor takes any file name
            return self.put_object(Bucket, file, Key, EnableMD5=EnableMD5, **kwargs)
