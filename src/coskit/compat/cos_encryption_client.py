"""The vendor's `CosEncryptionClient`: objects in its format of client-side encryption."""

import base64
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Never

from coskit.client.settings.argument_checks import check_metadata
from coskit.client.transfer.body_source import as_bytes, in_memory
from coskit.compat.cos_client import CosS3Client
from coskit.compat.crypto import BaseProvider, counter
from coskit.compat.implementation.cos_config import CosConfig
from coskit.compat.implementation.unsupported_error import DESCRIBED
from coskit.compat.streambody import StreamBody
from coskit.protocol.errors import CosClientError

_KEY, _START = (f"x-cos-meta-client-side-encryption-{name}" for name in ("key", "iv"))
_CHUNK = 1 << 20


class _Encrypted(io.RawIOBase):
    """A file that is encrypted as it is read, from its present position."""

    def __init__(self, file: Any, cipher: Callable[[int], Any]) -> None:
        self._file, self._origin = file, file.tell()
        self._new_cipher, self._cipher = cipher, cipher(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        """Return the descriptor of the file, so that changes during the upload are detected."""
        number: int = self._file.fileno()
        return number

    def tell(self) -> int:
        at: int = self._file.tell() - self._origin
        return at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._file.seek(offset + (self._origin if whence == io.SEEK_SET else 0), whence)
        self._cipher = self._new_cipher(self.tell())
        return self.tell()

    def read(self, size: int = -1, /) -> bytes:
        encrypted: bytes = self._cipher.update(as_bytes(self._file.read(size)))
        return encrypted


class _Decrypted:
    """A body that is decrypted as it is read."""

    def __init__(self, body: Any, cipher: Any) -> None:
        self._body, self._cipher = body, cipher

    def __len__(self) -> int:
        return len(self._body)

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, fewer only at the end; a negative size reads everything."""
        content: bytes = self._cipher.update(self._body.read(size))
        return content

    def read1(self, size: int) -> bytes:
        """Return up to `size` bytes as soon as there are any, b"" at the end."""
        content: bytes = self._cipher.update(self._body.read1(size))
        return content

    def close(self) -> None:
        """Return the connection to the pool."""
        self._body.close()


class _Parts:
    """The parts of one upload, which share one counter."""

    def __init__(self, keys: tuple[bytes, bytes]) -> None:
        self.keys = keys
        self._starts = {1: 0}

    def start(self, number: int, length: int) -> int:
        """Return the offset of a part, and record its length.

        Raises:
            CosClientError: the previous part is missing, or this part had another length before.
        """
        start = self._starts.get(number)
        if start is None:
            raise CosClientError(f"Parts are encrypted in order: {number} comes after {number - 1}")
        if self._starts.setdefault(number + 1, start + length) != start + length:
            raise CosClientError(f"Part {number} was sent with another length before")
        return start


def _refused(name: str) -> Callable[..., Any]:
    """Return a method that refuses to send or return unencrypted content."""

    def call(self: "CosEncryptionClient", *args: Any, **kwargs: Any) -> Never:
        raise CosClientError(f"{name} does not encrypt: use coskit.encryption; see {DESCRIBED}")

    call.__name__, call.__doc__ = name, "Raise `CosClientError`: it does not encrypt."
    return call


class CosEncryptionClient(CosS3Client):
    """A client for objects that need a master key, in the format of the vendor's SDK.

    Content goes through `put_object`, `get_object`, `upload_part` and `put_object_from_local_file`;
    methods that would send it unencrypted raise `CosClientError`.
    """

    def __init__(
        self, conf: CosConfig, provider: BaseProvider, retry: int = 1, session: object = None
    ) -> None:
        """Make a client.

        Args:
            conf: the settings.
            provider: the master key.
            retry: the number of retries of a failed request.
            session: accepted and not used.
        """
        super().__init__(conf, retry, session)
        self.provider = provider
        self._uploads: dict[str, _Parts] = {}

    def put_object(
        self, Bucket: str, Body: Any, Key: str, EnableMD5: bool = False, **kwargs: Any
    ) -> Any:
        """Encrypt an object and store it in one request; see `CosS3Client.put_object`."""
        keys = self.provider.new_keys()
        body = _encrypted(Body, lambda offset: counter(*keys, offset))
        return super().put_object(Bucket, body, Key, EnableMD5, **self._described(keys, kwargs))

    def get_object(
        self, Bucket: str, Key: str, KeySimplifyCheck: bool = True, **kwargs: Any
    ) -> Any:
        """Open an object, or a range of it, for reading.

        Raises:
            CosClientError: the object is not encrypted in this format, or with another master key.
        """
        result = super().get_object(Bucket, Key, KeySimplifyCheck, **kwargs)
        raw = result["Body"].get_raw_stream()
        try:
            keys = self.provider.unwrap(*_stored(result))
        except BaseException:
            raw.close()
            raise
        body: Any = _Decrypted(raw, counter(*keys, _first(result)))
        return {**result, "Body": StreamBody(body, encoding=result.get("Content-Encoding", ""))}

    def create_multipart_upload(self, Bucket: str, Key: str, **kwargs: Any) -> Any:
        """Begin an upload in parts, which only this client can continue."""
        keys = self.provider.new_keys()
        result = super().create_multipart_upload(Bucket, Key, **self._described(keys, kwargs))
        self._uploads[result["UploadId"]] = _Parts(keys)
        return result

    def upload_part(
        self,
        Bucket: str,
        Key: str,
        Body: Any,
        PartNumber: int,
        UploadId: str,
        EnableMD5: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Encrypt and send a part; parts are sent in order, and may be sent again.

        Raises:
            CosClientError: this client did not begin the upload, or the part before was not sent.
        """
        parts = self._uploads.get(UploadId)
        if parts is None:
            raise CosClientError("Only the client that began an upload can encrypt its parts")
        content = _whole(Body)
        start = parts.start(int(PartNumber), len(content))
        body = counter(*parts.keys, start).update(content)
        return super().upload_part(Bucket, Key, body, PartNumber, UploadId, EnableMD5, **kwargs)

    def _described(self, keys: tuple[bytes, bytes], options: Mapping[str, Any]) -> dict[str, Any]:
        """Return options with the wrapped keys among the metadata."""
        for name in ("ContentMD5", "ContentLength"):
            if options.get(name) is not None:
                raise CosClientError(f"{name} would be of the content before it is encrypted")
        check_metadata(options.get("Metadata"))
        wrapped = (base64.b64encode(part).decode() for part in self.provider.wrap(*keys))
        named = dict(zip((_KEY, _START), wrapped, strict=True))
        return {**options, "Metadata": {**(options.get("Metadata") or {}), **named}}

    append_object = _refused("append_object")
    download_dir = _refused("download_dir")
    download_file = _refused("download_file")
    download_fileobj = _refused("download_fileobj")
    presign_post = _refused("presign_post")
    sync = _refused("sync")
    upload_dir = _refused("upload_dir")
    upload_file = _refused("upload_file")
    upload_file_from_buffer = _refused("upload_file_from_buffer")
    upload_fileobj = _refused("upload_fileobj")
    upload_stream = _refused("upload_stream")

    def __getstate__(self) -> Any:
        return {**super().__getstate__(), "_uploads": {}}


def _encrypted(body: Any, cipher: Callable[[int], Any]) -> Any:
    content = in_memory(body)
    if content is not None:
        return cipher(0).update(content)
    if hasattr(body, "read") and hasattr(body, "seek") and hasattr(body, "tell"):
        return _Encrypted(body, cipher)
    return _each(body, cipher(0))


def _each(body: Any, cipher: Any) -> Iterator[bytes]:
    for piece in _pieces(body):
        yield cipher.update(piece)


def _pieces(body: Any) -> Iterator[bytes]:
    """Yield the content of a file or an iterator."""
    if hasattr(body, "read"):
        yield from iter(lambda: as_bytes(body.read(_CHUNK)), b"")
    else:
        yield from map(as_bytes, body)


def _whole(body: Any) -> bytes:
    content = in_memory(body)
    return b"".join(_pieces(body)) if content is None else content


def _first(headers: Mapping[str, Any]) -> int:
    """Return the offset of a response's first byte in its object."""
    span = str(headers.get("Content-Range", "bytes 0-")).removeprefix("bytes ")
    return int(span.partition("-")[0])


def _stored(headers: Mapping[str, Any]) -> tuple[bytes, bytes]:
    try:
        return base64.b64decode(headers[_KEY]), base64.b64decode(headers[_START])
    except (KeyError, ValueError) as cause:
        raise CosClientError("The object is not encrypted as the vendor's SDK does it") from cause
