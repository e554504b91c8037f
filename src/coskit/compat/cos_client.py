"""The vendor's `CosS3Client`: its methods, in its order of arguments, over coskit's own client."""

import functools
import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self
from urllib.parse import quote, unquote

from coskit.client._sync.client import Client
from coskit.client.settings.progress import Callback
from coskit.client.transfer.copy_options import for_upload
from coskit.client.transfer.options import TransferOptions
from coskit.compat.cos_auth import rtmp_query
from coskit.compat.cos_comm import is_switched, local_path, path_simplify_check
from coskit.compat.implementation.bucket_meta import bucket_meta
from coskit.compat.implementation.configured_client import ConfiguredClient
from coskit.compat.implementation.cos_config import CosConfig
from coskit.compat.implementation.unsupported_error import raise_unsupported
from coskit.compat.implementation.unsupported_methods import UnsupportedCosS3ClientMethods
from coskit.compat.implementation.vendor_methods import EMPTY, VendorMethods
from coskit.compat.streambody import StreamBody
from coskit.protocol.errors import CosClientError, CosServiceError
from coskit.protocol.operations import BY_NAME

__all__ = ["CosConfig", "CosS3Client"]

_NEEDED = {
    operation.function: {param.name for param in operation.params if param.required}
    for operation in BY_NAME.values()
}
_LINKED = "x-cos-symlink-target"
_NAMES = {"AcceptEncoding"}  # accepted and not sent: content is returned as it is stored


def _as_in_client(name: str) -> Callable[..., Any]:
    """Return a method of `coskit.Client` that the vendor's SDK does not have."""
    method = getattr(Client, name)

    @functools.wraps(method)
    def call(self: "CosS3Client", *args: Any, **kwargs: Any) -> Any:
        return getattr(self._client, name)(*args, **kwargs)

    return call


class CosS3Client(VendorMethods, UnsupportedCosS3ClientMethods):
    """A client with the vendor's constructor, methods and order of arguments.

    It also has the other methods of `coskit.Client`. Helpers that make one call, such as
    `object_exists`, use the method of this object, which a subclass may override; transfers in
    parts do not.
    """

    def __init__(self, conf: CosConfig, retry: int = 3, session: object = None) -> None:
        """Make a client.

        Args:
            conf: the settings; changes apply from the next call on.
            retry: the number of retries of a failed request.
            session: accepted and not used: connections belong to the client.
        """
        self._conf = conf
        self._retry = retry
        self._session = session
        self._retry_exe_times = 0
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._made: tuple[ConfiguredClient | None, int] = (None, 0)
        _ = self._client  # wrong settings raise here, not at the first call

    @property
    def _client(self) -> ConfiguredClient:
        """The client that sends the requests; a new one after the settings have changed."""
        # Not inherited, because transfers need results in coskit's shape, not in the vendor's.
        made, version = self._made
        if made is None or version != self._conf.version:
            with self._lock:
                version = self._conf.version
                made = ConfiguredClient(self._conf, self._retry + 1, self.inc_retry_exe_times)
                self._made = made, version
        return made

    def _forward(self, name: str, given: dict[str, Any], options: Mapping[str, Any]) -> Any:
        needed = _NEEDED[name]
        asked = {
            argument: value
            for argument, value in given.items()
            if argument in needed or not (value is None or value is EMPTY or value == "")
        }
        return getattr(self._client, name)(**asked, **options)

    def get_conf(self) -> CosConfig:
        """Return the settings."""
        return self._conf

    def get_retry_exe_times(self) -> int:
        """Return the number of retries."""
        return self._retry_exe_times

    def inc_retry_exe_times(self) -> None:
        """Count a retry."""
        self._retry_exe_times += 1

    def should_switch_domain(self, url: str, headers: Mapping[str, str] = EMPTY) -> bool:
        """Return whether an unreachable URL is tried at the service's second domain.

        Args:
            url: the URL of a request.
            headers: the headers of its response.
        """
        responded = any(name.lower() == "x-cos-request-id" for name in headers)
        host = url.partition("://")[2].partition("/")[0].partition(":")[0]
        return bool(self._conf._auto_switch_domain_on_retry) and not responded and is_switched(host)

    def generate_built_in_connection_pool(self, PoolConnections: int, PoolMaxSize: int) -> None:
        """Keep more or fewer connections from now on.

        Args:
            PoolConnections: accepted and not used.
            PoolMaxSize: the number of idle connections to keep.
        """
        self._conf._pool_connections, self._conf._pool_maxsize = PoolConnections, PoolMaxSize

    def handle_built_in_connection_pool_by_pid(self) -> None:
        """Do nothing, because a forked process always opens its own connections."""

    def get_auth(
        self,
        Method: str,
        Bucket: str,
        Key: str,
        Expired: int = 300,
        Headers: Mapping[str, str] = EMPTY,
        Params: Mapping[str, str] = EMPTY,
        SignHost: bool | None = None,
        UseCiEndPoint: bool = False,
    ) -> str:
        """Return an Authorization header, as `coskit.Client.get_auth` does."""
        if UseCiEndPoint:
            raise_unsupported("get_auth with UseCiEndPoint")
        if self._conf._anonymous:
            return ""
        return self._client.get_auth(
            Method, Bucket, Key, Expired, Headers or {}, Params or {}, self._signs_host(SignHost)
        )

    def get_presigned_url(
        self,
        Bucket: str,
        Key: str,
        Method: str,
        Expired: int = 300,
        Params: Mapping[str, str] = EMPTY,
        Headers: Mapping[str, str] = EMPTY,
        UseCiEndPoint: bool = False,
        SignHost: bool | None = None,
    ) -> str:
        """Return a presigned URL, as `coskit.Client.get_presigned_url` does."""
        if UseCiEndPoint:
            raise_unsupported("get_presigned_url with UseCiEndPoint")
        signs_host = self._signs_host(SignHost)
        return self._client.get_presigned_url(
            Bucket, Key, Method, Expired, Params or {}, Headers or {}, signs_host
        )

    def get_presigned_download_url(
        self,
        Bucket: str,
        Key: str,
        Expired: int = 300,
        Params: Mapping[str, str] = EMPTY,
        Headers: Mapping[str, str] = EMPTY,
        UseCiEndPoint: bool = False,
        SignHost: bool | None = None,
    ) -> str:
        """Return a presigned URL for GET; see `get_presigned_url`."""
        return self.get_presigned_url(
            Bucket, Key, "GET", Expired, Params, Headers, UseCiEndPoint, SignHost
        )

    def _signs_host(self, asked: bool | None) -> bool:
        return bool(self._conf._sign_host if asked is None else asked)

    def get_object_url(self, Bucket: str, Key: str) -> str:
        """Return the plain URL of an object, without a signature."""
        return self._client.get_object_url(Bucket, Key)

    def get_rtmp_signed_url(
        self,
        Bucket: str,
        ChannelName: str,
        Expire: int = 3600,
        Params: Mapping[str, str] = EMPTY,
    ) -> str:
        """Return the URL of a live channel, signed; nothing is sent.

        Args:
            Bucket: the bucket's name.
            ChannelName: the name of the channel.
            Expire: the seconds for which the signature is valid.
            Params: the parameters of the stream; they are signed.
        """
        bucket = self._conf.bucket(Bucket)
        keys = self._client._signing_keys()
        query = rtmp_query(keys, bucket, ChannelName, Expire, Params or {})
        return f"rtmp://{self._conf.get_host(Bucket)}/live/{ChannelName}?{query}"

    def object_exists(self, Bucket: str, Key: str) -> bool:
        """Return whether an object exists."""
        return _exists(lambda: self.head_object(Bucket, Key))

    def bucket_exists(self, Bucket: str) -> bool:
        """Return whether a bucket exists and may be read."""
        return _exists(lambda: self.head_bucket(Bucket))

    def get_bucket_meta(self, Bucket: str, **kwargs: Any) -> dict[str, Any]:
        """Return the address and the settings of a bucket, None for settings that are not set.

        Raises:
            CosServiceError: the bucket does not exist, or a setting may not be read.
        """
        return bucket_meta(self, Bucket, self._conf.uri(self._conf.bucket(Bucket)), kwargs)

    def put_symlink(self, Bucket: str, SymlinkName: str, SymlinkTarget: str, **kwargs: Any) -> Any:
        """Make a key a symbolic link; `SymlinkTarget` is percent-encoded, as the vendor sends it.

        Args:
            Bucket: the bucket's name.
            SymlinkName: the key of the link.
            SymlinkTarget: the key of the target; a percent sign in it is written `%25`.
            **kwargs: the options of `coskit.Client.put_symlink`.
        """
        target = unquote(SymlinkTarget, errors="surrogateescape")
        given = {"Bucket": Bucket, "Key": SymlinkName, "SymlinkTarget": target}
        return self._forward("put_symlink", given, kwargs)

    def get_symlink(self, Bucket: str, SymlinkName: str, **kwargs: Any) -> Any:
        """Return the target of a symbolic link, percent-encoded as the service returns it."""
        result = self._forward("get_symlink", {"Bucket": Bucket, "Key": SymlinkName}, kwargs)
        return {**result, _LINKED: quote(result[_LINKED], safe="/-_.~", errors="surrogateescape")}

    def put_bucket_website(
        self, Bucket: str, WebsiteConfiguration: Mapping[str, Any] = EMPTY, **kwargs: Any
    ) -> None:
        """Replace the website configuration of a bucket; `RoutingRules` is a list of rules."""
        document = dict(WebsiteConfiguration)
        if isinstance(document.get("RoutingRules"), list):
            document["RoutingRules"] = {"RoutingRule": document["RoutingRules"]}
        super().put_bucket_website(Bucket, document, **kwargs)

    def get_bucket_website(self, Bucket: str, **kwargs: Any) -> Any:
        """Return the website configuration of a bucket; `RoutingRules` is a list of rules."""
        result = _document(super().get_bucket_website(Bucket, **kwargs), "WebsiteConfiguration")
        if isinstance(result.get("RoutingRules"), dict):
            result["RoutingRules"] = result["RoutingRules"]["RoutingRule"]
        return result

    def get_bucket_referer(self, Bucket: str, **kwargs: Any) -> Any:
        """Return the referer rules of a bucket; `{"RefererConfiguration": None}` if it has none."""
        found = _document(super().get_bucket_referer(Bucket, **kwargs), "RefererConfiguration")
        return found or {"RefererConfiguration": None}

    def delete_bucket_referer(self, Bucket: str, **kwargs: Any) -> None:
        """Remove the referer rules of a bucket."""
        super().put_bucket_referer(Bucket, EMPTY, **kwargs)

    def put_bucket_inventory(
        self,
        Bucket: str,
        Id: str,
        InventoryConfiguration: Mapping[str, Any] = EMPTY,
        **kwargs: Any,
    ) -> None:
        """Replace one inventory of a bucket; an empty dict is an empty element."""
        super().put_bucket_inventory(Bucket, Id, _blank(InventoryConfiguration), **kwargs)

    def post_bucket_inventory(
        self,
        Bucket: str,
        Id: str,
        InventoryConfiguration: Mapping[str, Any] = EMPTY,
        **kwargs: Any,
    ) -> None:
        """Request one inventory of a bucket; an empty dict is an empty element."""
        super().post_bucket_inventory(Bucket, Id, _blank(InventoryConfiguration), **kwargs)

    def get_object(
        self, Bucket: str, Key: str, KeySimplifyCheck: bool = True, **kwargs: Any
    ) -> Any:
        """Open an object; its Body has the vendor's methods.

        `AcceptEncoding` is accepted and not sent: content is returned as it is stored.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            KeySimplifyCheck: refuse a key that path normalisation would make empty.
            **kwargs: the options of `coskit.Client.get_object`.
        """
        if KeySimplifyCheck and Key:
            path_simplify_check(Key)
        options = {name: value for name, value in kwargs.items() if name not in _NAMES}
        result: dict[str, Any] = dict(self._client.get_object(Bucket, Key, **options))
        encoding = result.get("Content-Encoding", "")
        return {**result, "Body": StreamBody(result["Body"], encoding=encoding)}

    def put_object_from_local_file(
        self,
        Bucket: str,
        LocalFilePath: str | bytes | os.PathLike[str],
        Key: str,
        EnableMD5: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Upload a file in one request."""
        with open(LocalFilePath, "rb") as file:  # noqa: PTH123 - the vendor takes any file name
            return self.put_object(Bucket, file, Key, EnableMD5=EnableMD5, **kwargs)

    def upload_file(
        self,
        Bucket: str,
        Key: str,
        LocalFilePath: str | bytes | os.PathLike[str],
        PartSize: int = 1,
        MAXThread: int = 5,
        EnableMD5: bool = False,
        progress_callback: Callback | None = None,
        **kwargs: Any,
    ) -> Any:
        """Upload a file of any size, as `coskit.Client.upload_file` does."""
        return self._client.upload_file(
            Bucket,
            Key,
            local_path(LocalFilePath),
            PartSize=PartSize,
            MAXThread=MAXThread,
            EnableMD5=EnableMD5,
            progress_callback=progress_callback,
            **kwargs,
        )

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
        """Upload an object with a `read`, of unknown length.

        `MaxBufferSize` is accepted and not used: `TransferSettings.memory` limits all transfers.
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
        DestFilePath: str | bytes | os.PathLike[str],
        PartSize: int = 20,
        MAXThread: int = 5,
        EnableCRC: bool = False,
        progress_callback: Callback | None = None,
        DumpRecordDir: str | None = None,
        KeySimplifyCheck: bool = True,
        DisableTempDestFilePath: bool = False,
        MaxPartCount: int = 10000,
        **Kwargs: Any,
    ) -> None:
        """Download an object into a file, which appears when it is complete and verified.

        The CRC64 is always compared. `DumpRecordDir` and `MaxPartCount` are accepted and not used:
        `TransferSettings` sets the directory of journals. With `DisableTempDestFilePath` the object
        is written to the file directly, which may then be left incomplete.
        """
        if KeySimplifyCheck and Key:
            path_simplify_check(Key)
        options = {name: value for name, value in Kwargs.items() if name not in _NAMES}
        path = local_path(DestFilePath)
        settings = {"MAXThread": MAXThread, "progress_callback": progress_callback, **options}
        if DisableTempDestFilePath:
            with open(path, "wb", 0) as file:  # noqa: PTH123 - the vendor takes any file name
                self._client.download_fileobj(Bucket, Key, file, **settings)
        else:
            self._client.download_file(Bucket, Key, path, PartSize=PartSize, **settings)

    def copy(
        self,
        Bucket: str,
        Key: str,
        CopySource: Mapping[str, str],
        CopyStatus: Any = "Copy",
        PartSize: int = 10,
        MAXThread: int = 5,
        **kwargs: Any,
    ) -> Any:
        """Copy an object of any size."""
        source: Any = self._conf.copy_source(CopySource)
        arguments = {"PartSize": PartSize, "MAXThread": MAXThread, **kwargs}
        options = TransferOptions.from_arguments(arguments, part_size=PartSize)
        single = self._conf._copy_part_threshold_size
        return self._client.transfers.copy(Bucket, Key, source, CopyStatus, options, single=single)

    def change_object_storage_class(self, Bucket: str, Key: str, StorageClass: str) -> Any:
        """Change the storage class of an object; its headers and metadata stay."""
        # A copy onto itself has to replace headers and metadata, so the call sends them again.
        head = self.head_object(Bucket, Key)
        return self.copy_object(
            Bucket,
            Key,
            self._conf.source_here(Bucket, Key),
            CopyStatus="Replaced",
            CopySourceIfMatch=head["ETag"],
            **for_upload({"StorageClass": StorageClass}, head, "Copy"),
        )

    def update_object_meta(self, Bucket: str, Key: str, **kwargs: Any) -> Any:
        """Replace the headers and metadata of an object."""
        return self.copy_object(
            Bucket, Key, self._conf.source_here(Bucket, Key), CopyStatus="Replaced", **kwargs
        )

    def _check_all_upload_parts(
        self,
        bucket: str,
        key: str,
        uploadid: str,
        local_path: str,
        parts_num: int,
        part_size: int,
        last_size: int,
        already_exist_parts: dict[int, str],
    ) -> bool:
        """Return whether the parts of an upload match a file, and add their ETags to a dict."""
        with open(local_path, "rb") as file:  # noqa: PTH123 - the vendor takes any file name
            for part in self._client.iter_parts(bucket, key, uploadid):
                number, size = int(part["PartNumber"]), int(part["Size"])
                if number > parts_num or size != (last_size if number == parts_num else part_size):
                    return False
                file.seek((number - 1) * part_size)
                if f'"{hashlib.md5(file.read(size)).hexdigest()}"' != part["ETag"]:
                    return False
                already_exist_parts[number] = part["ETag"]
        return True

    close = _as_in_client("close")
    download_dir = _as_in_client("download_dir")
    download_fileobj = _as_in_client("download_fileobj")
    iter_objects = _as_in_client("iter_objects")
    iter_parts = _as_in_client("iter_parts")
    iter_prefixes = _as_in_client("iter_prefixes")
    iter_buckets = _as_in_client("iter_buckets")
    iter_uploads = _as_in_client("iter_uploads")
    iter_versions = _as_in_client("iter_versions")
    presign_post = _as_in_client("presign_post")
    refresh_credentials = _as_in_client("refresh_credentials")
    sync = _as_in_client("sync")
    upload_dir = _as_in_client("upload_dir")
    upload_fileobj = _as_in_client("upload_fileobj")
    upload_stream = _as_in_client("upload_stream")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __getstate__(self) -> Any:
        kept = vars(self).items()
        return {name: value for name, value in kept if name not in ("_lock", "_made")}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    def __repr__(self) -> str:
        return repr(self._client).replace("ConfiguredClient", type(self).__name__)


def _document(result: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the elements of a document, without the headers of the response."""
    shape = BY_NAME["GetBucket" + name.removesuffix("Configuration")].result
    tags = {child.tag for child in shape.children} if shape else set()
    return {tag: value for tag, value in result.items() if tag in tags}


def _blank(value: Any) -> Any:
    """Return a document with None for each empty dict in it, as empty elements are written."""
    if isinstance(value, Mapping):
        return {name: _blank(inner) if inner != {} else None for name, inner in value.items()}
    return [_blank(inner) for inner in value] if isinstance(value, list) else value


def _exists(ask: Callable[[], Any]) -> bool:
    """Return False for a 404; raise any other error."""
    try:
        ask()
    except CosServiceError as error:
        if error.status == 404:
            return False
        raise
    return True
