"""The check that an append stored the bytes that were sent."""

from collections.abc import Mapping
from typing import Any

from coskit.client._async.body.request_body import AsyncRequestBody
from coskit.client._async.operations import AsyncOperations
from coskit.client.request.checksums import object_crc64
from coskit.protocol.codec.checksums.md5_crc64 import crc64_combine
from coskit.protocol.codec.encode_request import Call
from coskit.protocol.errors import CosException, CosServiceError, IntegrityError, ParameterError


class AsyncAppendCheck:
    """Compares an object after an append with the bytes that were sent.

    A body that can be read twice is sent with its MD5, which the service compares. For a body that
    can be read only once, the CRC64 of the object is requested before; combined with the CRC64 of
    the body it must be the CRC64 of the object afterwards.

    Args:
        client: the client's operations.
        call: the append.
        params: the parameters of the append.
    """

    def __init__(self, client: AsyncOperations, call: Call, params: Mapping[str, Any]) -> None:
        self._client = client
        self._call = call
        self._place = {"Bucket": params["Bucket"], "Key": params["Key"]}
        self._position = _position(params["Position"])
        self._before: int | None = None if self._position else 0

    async def prepare(self, upload: AsyncRequestBody) -> None:
        """Add the MD5 to the call, or request the object's CRC64.

        Raises:
            CosException: the request failed.
            IntegrityError: the response has no CRC64, so that the append cannot be checked.
        """
        headers = self._call.headers
        if "content-md5" in headers:
            return
        if upload.replayable:
            headers["content-md5"] = await upload.content_md5()
        elif self._position:
            await self._look()

    async def _look(self) -> None:
        try:
            head: Mapping[str, Any] = await self._client.head_object(**self._place)
        except CosServiceError as error:
            if error.status == 404:
                return  # the append gets this error
            error.add_note(_HINT)
            raise
        except CosException as error:
            error.add_note(_HINT)
            raise
        if str(head.get("Content-Length")) != str(self._position):
            return  # the append gets the error of a wrong position
        self._before = object_crc64(head)
        if self._before is None:
            raise IntegrityError(f"The response does not contain the object's CRC64. {_HINT}")

    def check(self, result: Mapping[str, Any], upload: AsyncRequestBody) -> None:
        """Compare the response to the append with the bytes that were sent.

        Raises:
            IntegrityError: the service stored other bytes, or the response cannot prove that it
                did not.
        """
        end, following = (
            self._position + upload.sent_bytes,
            result.get("x-cos-next-append-position"),
        )
        if following is not None and str(following) != str(end):
            raise IntegrityError(f"The object ends at {following} after the append, not at {end}")
        found = object_crc64(result)
        if found is not None and self._before is not None:
            whole = crc64_combine(self._before, upload.sent_crc64(), upload.sent_bytes)
            if found != whole:
                raise IntegrityError(
                    f"The service appended other bytes: the object's CRC64 is {found}, that of the "
                    f"bytes sent makes it {whole}"
                )
        elif "content-md5" not in self._call.headers:
            raise IntegrityError("The response does not show which bytes the service appended")


def _position(value: int | str) -> int:
    text = str(value)
    if not (text.isascii() and text.isdecimal()):
        raise ParameterError(f"Position must be a number of bytes, not {value!r}")
    return int(text)


_HINT = (
    "The check of a body that can be read only once needs the object's CRC64 before the append; "
    "bytes and files are sent with their MD5."
)
