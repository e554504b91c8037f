"""A client whose objects are sealed before they leave and opened when they arrive."""

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
from coskit.client.transfer.download_target import FileTarget, is_special
from coskit.client.transfer.options import TransferOptions
from coskit.client.transfer.upload_source import FileSource
from coskit.encryption._async.decrypting_body import AsyncDecryptedBody
from coskit.encryption._async.encrypt_stream import sealed_chunks
from coskit.encryption._async.range_request import ranged
from coskit.encryption.decrypting_target import OpenedTarget
from coskit.encryption.encrypt import SealedFile, SealedSource, seal_bytes
from coskit.encryption.format.envelope import Envelope, new_envelope
from coskit.encryption.format.frames import FRAME, Layout
from coskit.encryption.format.headers import (
    answered_range,
    checked_range,
    plain_headers,
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
        GetObjectOptions,
        HeadObjectOptions,
        SealedPutOptions,
        UploadFileOptions,
    )


class AsyncEncryptedClient:
    """Objects that only the holder of a master key can read.

    Each object has a data key of its own, which the master key wraps; both stay here. Lengths and
    ranges are those of the plaintext; ETag and CRC64 are those of what the service stores. All
    other operations are those of `client`, which stays the caller's to close. It may be used by
    many tasks at a time.

    Attributes:
        client: what makes the requests.
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
            client: makes the requests.
            key: seals new objects and opens those that it sealed.
            old_keys: open objects that were sealed before `key` was in use.
            vendor_keys: read objects that the vendor's SDK for Python encrypted; without any, such
                objects are refused, because nothing protects them from being changed.
            description: is stored with each object for all to read, and bound to its key.
            frame: bytes that are sealed together and so have to be read together.

        Raises:
            ParameterError: an argument is of another kind, the frames are too small or too large,
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
        **options: "Unpack[SealedPutOptions]",
    ) -> types.PutObjectResult:
        """Seal an object and store it in one request.

        Args:
            Bucket: the bucket's name.
            Body: bytes, text, a binary file from its present position, or chunks.
            Key: the object's key.
            EnableMD5: send the MD5 of what is sent.
            **options: as for the client's `put_object`; `ContentLength` counts plaintext.

        Returns:
            What the client's `put_object` returned.

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
            sealed = await async_blocking(seal_bytes, frames, self._layout, content.data)
        elif content.replayable and content.length is not None:
            file: Any = Body
            stretch: Any = SealedFile(
                frames,
                self._layout,
                file,
                content.length,
                origin=content.start,
                check=content.check,
            )
            sealed = stretch
        else:
            sealed = sealed_chunks(frames, self._layout, content)
            if content.length is not None:
                options["ContentLength"] = self._layout.sealed_length(content.length)
        options["Metadata"] = sealed_metadata(options.get("Metadata"), envelope.headers())
        return await self.client.put_object(Bucket, sealed, Key, EnableMD5=EnableMD5, **options)

    async def get_object(
        self, Bucket: str, Key: str, **options: "Unpack[GetObjectOptions]"
    ) -> GetObjectResult:
        """Open an object for reading; its bytes are opened as they are read.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            **options: as for the client's `get_object`; `Range` counts plaintext.

        Returns:
            The response as a dict, its lengths those of the plaintext.

        Raises:
            CosServiceError: the service refused the request.
            SealBroken: the object is not what was sealed, or not sealed at all, or for a key that
                is not here; reading `Body` raises it as well.
            CosClientError: the request failed.
        """
        text = checked_range(options.pop("Range", None))
        if text:
            place = {"Bucket": Bucket, "Key": Key}
            answer = await ranged(self.client, self._keyring, self._layout, text, place, options)
        else:
            answer = await self.client.get_object(Bucket, Key, **options)
        body = answer["Body"]
        try:
            content = self._keyring.open(self._keyring.seal_of(answer))
            stored = answered_range(answer)
            plain = content.layout.plain_length(stored.total)
            wanted = parse_range(text, plain)
            opener = content.opener(stored, wanted)
        except BaseException:
            await body.aclose()
            raise
        headers = plain_headers(answer, plain, wanted)
        length = int(headers["Content-Length"])
        result: Any = {**headers, "Body": AsyncDecryptedBody(body, opener, length)}
        return cast(GetObjectResult, result)

    async def head_object(
        self, Bucket: str, Key: str, **options: "Unpack[HeadObjectOptions]"
    ) -> types.HeadObjectResult:
        """Return an object's metadata; its Content-Length is that of the plaintext.

        Nothing proves it before the object is read. An object that is not sealed is told as it is.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            **options: as for the client's `head_object`.

        Raises:
            CosServiceError: the service refused the request.
            CosClientError: no answer arrived, or the object's seal is broken.
        """
        answer: Any = await self.client.head_object(Bucket, Key, **options)
        seal = Envelope.from_headers(answer)
        if seal is None:
            return cast(types.HeadObjectResult, answer)
        plain = seal.layout.plain_length(answered_range(answer).total)
        return cast(types.HeadObjectResult, plain_headers(answer, plain, None))

    async def copy_object(
        self,
        Bucket: str,
        Key: str,
        CopySource: types.CopySource,
        CopyStatus: types.Directive = "Copy",
        **options: "Unpack[CopyOptions]",
    ) -> types.CopyObjectResult:
        """Copy an object as it is stored, with its seal; also where its metadata is replaced.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            CopySource: the source.
            CopyStatus: `Copy` or `Replaced`; the latter needs a source that `client` can ask for.
            **options: as for the client's `copy_object`.

        Returns:
            What the client's `copy_object` returned.

        Raises:
            CosServiceError: the service refused the request.
            CosClientError: the request failed.
            ObjectChanged: the source was replaced meanwhile.
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

        An interrupted upload goes on under the key that it began with, which its journal holds
        wrapped. With only the public half of an RSA key it begins anew, since that cannot unwrap.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            LocalFilePath: the file.
            **options: as for the client's `upload_file`; progress counts sealed bytes.

        Returns:
            What `put_object` or `complete_multipart_upload` returned.

        Raises:
            CosServiceError: the service refused a request.
            SourceChanged: the file changed on the way; nothing was stored.
            CosClientError: a request failed.
            OSError: the file cannot be read.
        """
        refuse_body_options(options)
        options["Metadata"] = sealed_metadata(options.get("Metadata"), {})
        path = path_of("LocalFilePath", LocalFilePath)
        file = await async_blocking(FileSource, path)
        if not file.is_measured:
            raise ParameterError(f"{path} does not tell its size: open it and use put_object")
        source = SealedSource(file, self._key, **self._seal)
        transfer = TransferOptions.from_arguments(options, part_size=1)
        return await self.client.transfers.upload(source, Bucket, Key, transfer)

    async def download_file(
        self,
        Bucket: str,
        Key: str,
        DestFilePath: str | os.PathLike[str],
        **options: "Unpack[DownloadFileOptions]",
    ) -> types.HeadObjectResult:
        """Download an object and open it, in parallel and resumable, like `download_file` there.

        The file appears under its name when all of it is proved; it never holds sealed bytes.

        Args:
            Bucket: the bucket's name.
            Key: the object's key.
            DestFilePath: the file.
            **options: as for the client's `download_file`; progress counts sealed bytes.

        Returns:
            The object's headers; their length is that of the plaintext.

        Raises:
            CosServiceError: the service refused a request.
            SealBroken: the object is not what was sealed.
            ObjectChanged: the object was replaced again and again, or deleted.
            CosClientError: a request failed.
            OSError: the file cannot be written.
            ParameterError: the destination is a pipe or a device; read `get_object` for those.
        """
        path = path_of("DestFilePath", DestFilePath)
        if is_special(path):
            raise ParameterError(f"{path} is no file: write to it what get_object reads")
        target = OpenedTarget(FileTarget(path), self._keyring)
        version = options.pop("VersionId", "")
        transfer = TransferOptions.from_arguments(options, part_size=20)
        transfers = self.client.transfers
        answer: Any = await transfers.download(target, Bucket, Key, version, transfer)
        plain = self._keyring.seal_of(answer).layout.plain_length(answered_range(answer).total)
        return cast(types.HeadObjectResult, plain_headers(answer, plain, None))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.client!r}, {self._key!r})"


def _check_md5(options: Mapping[str, Any]) -> None:
    if options.get("ContentMD5") is not None:
        raise ParameterError("ContentMD5 is not that of what is sent: use EnableMD5")
