"""A client that encrypts objects before it uploads them and decrypts them when they arrive."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack, cast

from coskit.client._async.body.request_body import AsyncRequestBody
from coskit.client._async.client import AsyncClient
from coskit.client._async.concurrency import async_blocking
from coskit.client._async.operations import GetObjectResult
from coskit.client.settings.argument_checks import instance, path_of
from coskit.client.transfer.body_source import checked_length, refuse_body_options
from coskit.client.transfer.copy_options import place_of
from coskit.client.transfer.options import TransferOptions
from coskit.client.transfer.targets.download_target import FileTarget
from coskit.client.transfer.targets.special_files import is_special
from coskit.client.transfer.upload_source import FileSource
from coskit.encryption._async.decrypting_body import AsyncDecryptedBody
from coskit.encryption._async.encrypt_stream import encrypt_chunks
from coskit.encryption._async.range_request import get_plain_range
from coskit.encryption.decrypting_target import DecryptingTarget
from coskit.encryption.encrypt import EncryptingFile, EncryptingSource, encrypt_bytes
from coskit.encryption.format.envelope import Envelope, new_envelope
from coskit.encryption.format.frames import FRAME, Layout
from coskit.encryption.format.headers import (
    checked_range,
    plain_headers,
    response_range,
    seal_headers,
    sealed_metadata,
)
from coskit.encryption.keyring import Keyring, check_keys
from coskit.encryption.master_keys import MasterKey
from coskit.protocol import types
from coskit.protocol.codec.ranges import parse_range
from coskit.protocol.errors import ParameterError
from coskit.protocol.messages import AsyncContent

if TYPE_CHECKING:
    from coskit.client.settings.transfer_options import (
        CopyOptions,
        DeleteObjectOptions,
        DownloadFileOptions,
        EncryptedPutOptions,
        GetObjectOptions,
        HeadObjectOptions,
        UploadFileOptions,
    )


class AsyncEncryptedClient:
    """A client for objects that only the holder of a master key can read.

    Each object has its own data key, which the master key wraps; neither key is sent in plain.
    Lengths and ranges count plaintext; ETag and CRC64 are values of the stored bytes. For all other
    operations use `client`, which is not closed with this one. Many tasks may use it at a time.

    Attributes:
        client: the client that sends the requests.
    """

    def __init__(
        self,
        client: AsyncClient,
        key: MasterKey,
        *,
        old_keys: Sequence[MasterKey] = (),
        vendor_keys: Sequence[MasterKey] = (),
        description: str = "",
        frame: int = FRAME,
    ) -> None:
        """Use a client; nothing is sent.

        Args:
            client: the client that sends the requests.
            key: the master key that seals new objects and opens them.
            old_keys: the master keys of objects that were sealed before `key` was in use.
            vendor_keys: the keys of objects that the vendor's SDK for Python encrypted; without
                any, such objects are refused, because they are not protected against changes.
            description: a text that is stored with each object, unencrypted and bound to its key.
            frame: the bytes that are sealed, and so have to be read, together.

        Raises:
            ParameterError: an argument has the wrong type, the frames are too small or too large,
                the description is too long, or the key only reads.
        """
        instance("client", client, AsyncClient)
        check_keys("key", (key,))
        check_keys("old_keys", old_keys)
        check_keys("vendor_keys", vendor_keys)
        self.client = client
        self._key = key
        self._keyring = Keyring((key, *old_keys), tuple(vendor_keys))
        self._seal: dict[str, Any] = {"description": description, "frame": frame}
        self._layout = Layout(frame)
        new_envelope(key, **self._seal)

    async def put_object(
        self,
        Bucket: str,
        Body: AsyncContent,
        Key: str,
        EnableMD5: bool = False,
        **options: "Unpack[EncryptedPutOptions]",
    ) -> types.PutObjectResult:
        """Seal an object and store it in one request.

        Args:
            Bucket: the bucket's name.
            Body: bytes, text, a binary file from its present position, or chunks.
            Key: the object's key.
            EnableMD5: send the MD5 of the sealed bytes.
            **options: the options of the client's `put_object`; `ContentLength` counts plaintext.

        Returns:
            The result of the client's `put_object`.

        Raises:
            CosServiceError: the service refused the request.
            CosClientError: the request failed.
        """
        _check_md5(options)
        content = AsyncRequestBody(Body, checked_length(options.pop("ContentLength", None)))
        await content.load()
        envelope, frames = new_envelope(self._key, **self._seal)
        sealed: AsyncContent
        if content.data is not None:
            sealed = await async_blocking(encrypt_bytes, frames, self._layout, content.data)
        elif content.replayable and content.length is not None:
            file: Any = Body
            stretch: Any = EncryptingFile(
                frames,
                self._layout,
                file,
                content.length,
                origin=content.start,
                check=content.check,
            )
            sealed = stretch
        else:
            sealed = encrypt_chunks(frames, self._layout, content)
            if content.length is not None:
                options["ContentLength"] = self._layout.sealed_length(content.length)
        options["Metadata"] = sealed_metadata(options.get("Metadata"), envelope.headers())
        return await self.client.put_object(Bucket, sealed, Key, EnableMD5=EnableMD5, **options)

    async def get_object(
        self, Bucket: str, Key: str, **options: "Unpack[GetObjectOptions]"
    ) -> GetObjectResult:
        """Open an object for reading; its bytes are decrypted as they are read.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            **options: the options of the client's `get_object`; `Range` counts plaintext.

        Returns:
            The response as a dict, with lengths of the plaintext.

        Raises:
            CosServiceError: the service refused the request.
            SealBroken: the object was changed, is not sealed, or is sealed for a key that is not
                here; reading `Body` raises it as well.
            CosClientError: the request failed.
        """
        text = checked_range(options.pop("Range", None))
        if text:
            place = {"Bucket": Bucket, "Key": Key}
            response = await get_plain_range(
                self.client, self._keyring, self._layout, text, place, options
            )
        else:
            response = await self.client.get_object(Bucket, Key, **options)
        body = response["Body"]
        try:
            content = self._keyring.open(self._keyring.seal_of(response))
            stored = response_range(response)
            plain = content.layout.plain_length(stored.total)
            wanted = parse_range(text, plain)
            decryptor = content.decryptor(stored, wanted)
        except BaseException:
            await body.aclose()
            raise
        headers = plain_headers(response, plain, wanted)
        length = int(headers["Content-Length"])
        result: Any = {**headers, "Body": AsyncDecryptedBody(body, decryptor, length)}
        return cast(GetObjectResult, result)

    async def head_object(
        self, Bucket: str, Key: str, **options: "Unpack[HeadObjectOptions]"
    ) -> types.HeadObjectResult:
        """Return an object's metadata; its Content-Length counts plaintext.

        The length is authenticated only when the object is read. For an object that is not sealed,
        the headers are returned unchanged.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            **options: the options of the client's `head_object`.

        Raises:
            CosServiceError: the service refused the request.
            CosClientError: no response arrived, or the object's seal is broken.
        """
        response: Any = await self.client.head_object(Bucket, Key, **options)
        seal = Envelope.from_headers(response)
        if seal is None:
            return cast(types.HeadObjectResult, response)
        plain = seal.layout.plain_length(response_range(response).total)
        return cast(types.HeadObjectResult, plain_headers(response, plain, None))

    async def copy_object(
        self,
        Bucket: str,
        Key: str,
        CopySource: types.CopySource,
        CopyStatus: types.Directive = "Copy",
        **options: "Unpack[CopyOptions]",
    ) -> types.CopyObjectResult:
        """Copy an object as it is stored, with its seal, even if its metadata is replaced.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            CopySource: the source.
            CopyStatus: `Copy` or `Replaced`; `Replaced` needs a source that `client` can reach.
            **options: the options of the client's `copy_object`.

        Returns:
            The result of the client's `copy_object`.

        Raises:
            CosServiceError: the service refused the request.
            CosClientError: the request failed.
            ObjectChanged: the source was replaced during the copy.
        """
        if CopyStatus != "Replaced":
            return await self.client.copy_object(Bucket, Key, CopySource, CopyStatus, **options)
        place: Any = place_of(CopySource)
        source = await self.client.head_object(**place)
        metadata = sealed_metadata(options.pop("Metadata", None), seal_headers(source))
        options.setdefault("CopySourceIfMatch", source["ETag"])
        options["Metadata"] = metadata
        return await self.client.copy_object(Bucket, Key, CopySource, CopyStatus, **options)

    async def delete_object(
        self, Bucket: str, Key: str, **options: "Unpack[DeleteObjectOptions]"
    ) -> types.DeleteObjectResult:
        """Delete an object; see the client's `delete_object`."""
        return await self.client.delete_object(Bucket, Key, **options)

    async def upload_file(
        self,
        Bucket: str,
        Key: str,
        LocalFilePath: str | os.PathLike[str],
        **options: "Unpack[UploadFileOptions]",
    ) -> types.PutObjectResult | types.CompleteMultipartUploadResult:
        """Seal a file and upload it, in parallel and resumable, like the client's `upload_file`.

        An interrupted upload resumes with its data key, which the journal keeps wrapped. With only
        the public half of an RSA key it starts again, because that half cannot unwrap.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            LocalFilePath: the path of the file.
            **options: the options of the client's `upload_file`; progress counts sealed bytes.

        Returns:
            The result of `put_object` or `complete_multipart_upload`.

        Raises:
            CosServiceError: the service refused a request.
            SourceChanged: the file changed during the upload; nothing was stored.
            CosClientError: a request failed.
            OSError: the file cannot be read.
        """
        refuse_body_options(options)
        options["Metadata"] = sealed_metadata(options.get("Metadata"), {})
        path = path_of("LocalFilePath", LocalFilePath)
        file = await async_blocking(FileSource, path)
        if not file.is_measured:
            raise ParameterError(f"{path} has no known size: open it and use put_object")
        source = EncryptingSource(file, self._key, **self._seal)
        transfer = TransferOptions.from_arguments(options, part_size=1)
        return await self.client.transfers.upload(source, Bucket, Key, transfer)

    async def download_file(
        self,
        Bucket: str,
        Key: str,
        DestFilePath: str | os.PathLike[str],
        **options: "Unpack[DownloadFileOptions]",
    ) -> types.HeadObjectResult:
        """Download an object and decrypt it, in parallel and resumable, like the client's method.

        The file appears when all of it is authenticated; it never holds sealed bytes.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            DestFilePath: the path of the file.
            **options: the options of the client's `download_file`; progress counts sealed bytes.

        Returns:
            The object's headers; their length counts plaintext.

        Raises:
            CosServiceError: the service refused a request.
            SealBroken: the object was changed, or is not sealed.
            ObjectChanged: the object was replaced repeatedly, or deleted.
            CosClientError: a request failed.
            OSError: the file cannot be written.
            ParameterError: the destination is a pipe or a device; read `get_object` for those.
        """
        path = path_of("DestFilePath", DestFilePath)
        if is_special(path):
            raise ParameterError(f"{path} is not a file: use get_object and write its Body there")
        target = DecryptingTarget(FileTarget(path), self._keyring)
        version = options.pop("VersionId", "")
        transfer = TransferOptions.from_arguments(options, part_size=20)
        transfers = self.client.transfers
        response: Any = await transfers.download(target, Bucket, Key, version, transfer)
        plain = self._keyring.seal_of(response).layout.plain_length(response_range(response).total)
        return cast(types.HeadObjectResult, plain_headers(response, plain, None))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.client!r}, {self._key!r})"


def _check_md5(options: Mapping[str, Any]) -> None:
    if options.get("ContentMD5") is not None:
        raise ParameterError("ContentMD5 would be of the plaintext: use EnableMD5")
