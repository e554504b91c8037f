"""The names of `cos-python-sdk-v5`, so that code for it runs after changing its import line.

    from coskit.compat import CosConfig, CosS3Client, CosServiceError, CosClientError

What differs on purpose is in docs/compatibility.md: success is checked, errors keep their cause.
"""

import posixpath
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Self

from coskit.client._sync.body import Body
from coskit.client._sync.client import Client
from coskit.client.config import ClientConfig
from coskit.client.copies import SINGLE_COPY, for_upload
from coskit.client.curl import TransportSettings
from coskit.client.progress import Callback
from coskit.client.retry import RetryPolicy
from coskit.protocol import types
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
        CredentialInstance: Any = None,
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
        AutoSwitchDomainOnRetry: bool = False,
        **ignored: Any,
    ) -> None:
        """Keep the settings.

        Args:
            Appid: appended to bucket names that lack it.
            Region: such as `ap-guangzhou`.
            SecretId: the key pair's id; `Secret_id` and `Access_id` are the same.
            SecretKey: the key pair's secret; `Secret_key` and `Access_key` are the same.
            Token: of a temporary key pair.
            CredentialInstance: an object with `secret_id`, `secret_key` and `token`, which are
                read at each request, so that it may replace them.
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
            AutoSwitchDomainOnRetry: try calls that lead nowhere at the service's second domain.
            **ignored: settings that have no meaning here, such as `KeepAlive`.

        Raises:
            ParameterError: there is no region, endpoint or domain, or the scheme is unknown.
            CredentialsError: there are no keys.
        """
        self._appid = Appid or ""
        self._failover = bool(AutoSwitchDomainOnRetry)
        self._copy_part_threshold_size = SINGLE_COPY
        self._scheme = Scheme or "https"
        if self._scheme not in ("http", "https"):
            raise ParameterError("Scheme can be only set to 'http' or 'https'")
        self._anonymous = bool(Anonymous)
        self._endpoint = _endpoint(
            self._scheme, Region or "", Endpoint or "", Domain or "", ServiceDomain or "", IP, Port
        )
        self._region = Region or ""
        self._credentials: Credentials | _Instance
        if CredentialInstance is not None:
            self._credentials = _Instance(CredentialInstance)
        else:
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

    def set_copy_part_threshold_size(self, size: int) -> None:
        """Have `copy` copy objects of more than `size` bytes in parts; at first it is 5 GB."""
        if size > 0:
            self._copy_part_threshold_size = size

    def bucket(self, name: str, appid: str = "") -> str:
        """Return a bucket's full name; `appid` counts before the setting."""
        appid = appid or self._appid
        return f"{name}-{appid}" if appid and not name.endswith(f"-{appid}") else name

    def copy_source(self, source: Any) -> Any:
        """Return a copy's source with the full name of its bucket."""
        if not isinstance(source, Mapping) or not isinstance(source.get("Bucket"), str):
            return source
        named = {name: value for name, value in source.items() if name != "Appid"}
        return {**named, "Bucket": self.bucket(source["Bucket"], str(source.get("Appid") or ""))}

    def source_here(self, bucket: str, key: str) -> types.CopySource:
        """Return an object of this service as a copy's source."""
        if self._region:
            return {"Bucket": self.bucket(bucket), "Key": key, "Region": self._region}
        return {"Bucket": self.bucket(bucket), "Key": key, "Endpoint": self._endpoint.host}

    def client_config(self, attempts: int) -> ClientConfig:
        """Return the settings under coskit's names."""
        return ClientConfig(
            self._endpoint,
            self._region,
            None if self._anonymous else self._credentials,
            RetryPolicy(attempts=attempts),
            self._transport,
            failover=self._failover,
        )


class _Instance:
    """The vendor's kind of provider: an object whose attributes are the keys of the moment."""

    def __init__(self, instance: Any) -> None:
        if not all(hasattr(instance, name) for name in ("secret_id", "secret_key", "token")):
            raise CredentialsError("CredentialInstance needs secret_id, secret_key and token")
        self._instance = instance

    def get(self) -> Credentials:
        """Return what the attributes are now."""
        instance = self._instance
        if not (instance.secret_id and instance.secret_key):
            raise CredentialsError("CredentialInstance has no keys")
        return Credentials(instance.secret_id, instance.secret_key, instance.token or "")


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


class _Named(Client):
    """A client that knows buckets by their names without the APPID, too."""

    def __init__(self, conf: CosConfig, attempts: int) -> None:
        self._conf = conf
        super().__init__(config=conf.client_config(attempts))

    def _call(self, operation: Any, params: dict[str, Any], unknown: Mapping[str, Any]) -> Any:
        if isinstance(params.get("Bucket"), str):
            params["Bucket"] = self._conf.bucket(params["Bucket"])
        if "CopySource" in params:
            params["CopySource"] = self._conf.copy_source(params["CopySource"])
        return super()._call(operation, params, unknown)

    def get_presigned_url(self, Bucket: str, *args: Any, **kwargs: Any) -> str:
        return super().get_presigned_url(self._conf.bucket(Bucket), *args, **kwargs)

    def get_auth(self, Method: str, Bucket: str, *args: Any, **kwargs: Any) -> str:
        return super().get_auth(Method, self._conf.bucket(Bucket), *args, **kwargs)

    def get_object_url(self, Bucket: str, Key: str) -> str:
        return super().get_object_url(self._conf.bucket(Bucket), Key)

    def __getstate__(self) -> Any:
        return self._conf, super().__getstate__()

    def __setstate__(self, state: Any) -> None:
        self._conf, config = state
        super().__setstate__(config)


class CosS3Client:
    """A client with the vendor's constructor, argument order and helpers.

    Whatever is not written here it has from `coskit.Client`, `upload_file` and `sync` included.
    """

    def __init__(self, conf: CosConfig, retry: int = 3, session: object = None) -> None:
        """Make a client.

        Args:
            conf: the settings.
            retry: how often a failed request is repeated.
            session: accepted and not used: connections belong to the client.
        """
        self._conf = conf
        # Not inherited: transfers need answers in coskit's shape, not in the vendor's.
        self._client = _Named(conf, retry + 1)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._client, name)

    def get_conf(self) -> CosConfig:
        """Return the settings."""
        return self._conf

    def get_auth(self, *args: Any, **kwargs: Any) -> str:
        """Return an Authorization header, as `coskit.Client.get_auth` does."""
        return self._client.get_auth(*args, **kwargs)

    def list_objects(
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
        return self._client.list_objects(
            Bucket, Delimiter, Marker, MaxKeys, Prefix, EncodingType, **kwargs
        )

    def list_parts(
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
        return self._client.list_parts(
            Bucket, Key, UploadId, MaxParts, PartNumberMarker, EncodingType, **kwargs
        )

    def get_object(
        self, Bucket: str, Key: str, KeySimplifyCheck: bool = True, **kwargs: Any
    ) -> Any:
        """Open an object; its Body has the vendor's methods.

        `AcceptEncoding` is accepted and not sent: content comes as it was stored.
        """
        _check_key(Key, KeySimplifyCheck)
        kwargs.pop("AcceptEncoding", None)
        result: dict[str, Any] = dict(self._client.get_object(Bucket, Key, **kwargs))
        encoding = result.get("Content-Encoding", "")
        return {**result, "Body": StreamBody(result["Body"], encoding=encoding)}

    def put_object_from_local_file(
        self, Bucket: str, LocalFilePath: str, Key: str, EnableMD5: bool = False, **kwargs: Any
    ) -> Any:
        """Upload a file in one request."""
        with open(LocalFilePath, "rb") as file:  # noqa: PTH123 - the vendor takes any file name
            return self._client.put_object(Bucket, file, Key, EnableMD5=EnableMD5, **kwargs)

    def upload_file_from_buffer(
        self,
        Bucket: str,
        Key: str,
        Body: Any,
        MaxBufferSize: int = 100,
        PartSize: int = 10,
        MAXThread: int = 5,
        **kwargs: Any,
    ) -> Any:
        """Upload whatever has a `read`, of unknown length.

        `MaxBufferSize` is accepted and not used: `TransferSettings.memory` bounds all transfers.
        """
        if not hasattr(Body, "read"):
            raise CosClientError("Body must have attr read")
        return self._client.upload_stream(
            Bucket, Key, Body, PartSize=PartSize, MAXThread=MAXThread, **kwargs
        )

    def download_file(
        self,
        Bucket: str,
        Key: str,
        DestFilePath: str,
        PartSize: int = 20,
        MAXThread: int = 5,
        EnableCRC: bool = False,
        progress_callback: Callback | None = None,
        DumpRecordDir: str | None = None,
        KeySimplifyCheck: bool = True,
        DisableTempDestFilePath: bool = False,
        MaxPartCount: int = 10000,
        **kwargs: Any,
    ) -> None:
        """Download an object into a file, which appears only when it is whole and right.

        The CRC64 is always compared. `DumpRecordDir`, `DisableTempDestFilePath` and `MaxPartCount`
        are accepted and not used: journals are where `TransferSettings` says.
        """
        _check_key(Key, KeySimplifyCheck)
        kwargs.pop("AcceptEncoding", None)
        self._client.download_file(
            Bucket,
            Key,
            DestFilePath,
            PartSize=PartSize,
            MAXThread=MAXThread,
            progress_callback=progress_callback,
            **kwargs,
        )

    def copy(
        self,
        Bucket: str,
        Key: str,
        CopySource: Mapping[str, str],
        CopyStatus: str = "Copy",
        PartSize: int = 10,
        MAXThread: int = 5,
        **kwargs: Any,
    ) -> Any:
        """Copy an object of any size."""
        return self._client._copy(
            Bucket,
            Key,
            self._conf.copy_source(CopySource),
            CopyStatus,
            PartSize=PartSize,
            MAXThread=MAXThread,
            progress_callback=kwargs.pop("progress_callback", None),
            Deadline=kwargs.pop("Deadline", None),
            single=self._conf._copy_part_threshold_size,
            **kwargs,
        )

    def change_object_storage_class(self, Bucket: str, Key: str, StorageClass: str) -> Any:
        """Give an object another storage class; its headers and metadata stay."""
        # A copy onto itself has to replace headers and metadata, so they are given again.
        head = self._client.head_object(Bucket, Key)
        return self._client.copy_object(
            Bucket,
            Key,
            self._conf.source_here(Bucket, Key),
            CopyStatus="Replaced",
            CopySourceIfMatch=head["ETag"],
            **for_upload({"StorageClass": StorageClass}, head, "Copy"),
        )

    def update_object_meta(self, Bucket: str, Key: str, **kwargs: Any) -> Any:
        """Replace an object's headers and metadata by those that are given."""
        return self._client.copy_object(
            Bucket, Key, self._conf.source_here(Bucket, Key), CopyStatus="Replaced", **kwargs
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    def __repr__(self) -> str:
        return repr(self._client).replace("_Named", "CosS3Client")


def _check_key(key: str, simplify: bool) -> None:
    """Refuse a key that a path's rules would simplify to nothing."""
    if simplify and posixpath.normpath(f"/{key.lstrip('/')}") == "/":
        raise CosClientError("GetObject Key is invalid")
