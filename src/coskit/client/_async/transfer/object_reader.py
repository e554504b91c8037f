"""Reads the object of one download: its state, and parts of that object and of no other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coskit.client._async.body.streaming_body import AsyncBody
from coskit.client._async.operations import AsyncOperations
from coskit.client._async.transfer.context import in_part
from coskit.client.request.range_check import RangeIgnored
from coskit.client.settings.argument_checks import text
from coskit.client.transfer.options import TransferOptions
from coskit.client.transfer.parts import PartRange
from coskit.client.transfer.ranges import (
    FoundObject,
    Span,
    described,
    for_parts,
    range_header,
    read_response,
)
from coskit.protocol.errors import (
    CosException,
    CosServiceError,
    IntegrityError,
    InvalidRange,
    ObjectChanged,
)

# The statuses of responses about an object that was replaced or deleted.
GONE = frozenset((404, 412, 416))
# The options of a download that HEAD takes.
_FOR_HEAD = frozenset(("SSECustomerAlgorithm", "SSECustomerKey", "SSECustomerKeyMD5"))


@dataclass(frozen=True, slots=True)
class DownloadRequest:
    """An object to download and how to download it.

    Attributes:
        place: the parameters that name the object.
        options: the options of the transfer.
        step: the bytes of a part, unless the object's size or the target requires more.
        at_once: whether the whole object is requested first, because it is small.
    """

    place: Mapping[str, str]
    options: TransferOptions
    step: int
    at_once: bool = False

    def confirm(self, found: FoundObject, arrived: int) -> None:
        """Compare the CRC64 of the bytes that arrived with the object's, if it is known.

        Raises:
            IntegrityError: the two differ.
        """
        if self.options.enable_crc and found.crc64 is not None and found.crc64 != arrived:
            raise IntegrityError(
                f"The object's CRC64 is {found.crc64}, but the {found.size} bytes that arrived "
                f"have {arrived}"
            )


def download_request(
    bucket: str,
    key: str,
    version: str | None,
    options: TransferOptions,
    step: int,
    *,
    at_once: bool = False,
) -> DownloadRequest:
    """Return the request for one object.

    Raises:
        ParameterError: the version is not a text.
    """
    if version is not None:
        text("VersionId", version)
    place = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
    return DownloadRequest(place, options, step, at_once)


@dataclass(frozen=True, slots=True)
class AsyncOpenedObject:
    """An object that was found, with the response that described it.

    Attributes:
        found: the object.
        headers: the headers of the whole object.
        span: the bytes that `body` carries.
        body: the body of the response; None for a response to HEAD.
    """

    found: FoundObject
    headers: dict[str, Any]
    span: Span
    body: AsyncBody | None

    @property
    def is_whole(self) -> bool:
        """True if the body is the whole object."""
        return self.body is not None and self.span == Span(0, self.found.size)

    def body_of(self, part: PartRange) -> AsyncBody | None:
        """Return the body if it is the body of this part."""
        return self.body if self.span == Span(part.offset, part.length) else None

    async def close(self) -> None:
        """Close the body; the bytes that were not read are dropped."""
        if self.body is not None:
            await self.body.aclose()


class AsyncObjectReader:
    """Reads the object of one download."""

    def __init__(self, operations: AsyncOperations, request: DownloadRequest) -> None:
        self._operations = operations
        self._request = request
        self._options = request.options.request

    async def find(self) -> AsyncOpenedObject:
        """Request the first part of the object; the response describes the whole object.

        Raises:
            IntegrityError: the response contains other bytes than were requested.
            CosException: the request failed.
        """
        return await self._find(PartRange(1, 0, self._request.step), {})

    async def find_same(self, etag: str, part: PartRange | None) -> AsyncOpenedObject:
        """Request a part of an object that was found before, or its HEAD.

        An `IfMatch` among the options of the download takes the place of the ETag.

        Args:
            etag: the ETag that the object had.
            part: the part to request; None requests the HEAD.
        """
        condition = {"IfMatch": self._options.get("IfMatch") or etag}
        if part is not None:
            return await self._find(part, condition)
        known = {name: value for name, value in self._options.items() if name in _FOR_HEAD}
        asked: dict[str, Any] = {**self._request.place, **known, **condition}
        head = dict(await self._operations.head_object(**asked))
        found, _ = read_response(head)
        return AsyncOpenedObject(found, described(head, found), Span(0, 0), None)

    async def _find(self, part: PartRange, condition: Mapping[str, str]) -> AsyncOpenedObject:
        get_object = self._operations.get_object
        asked: dict[str, Any] = {**self._request.place, **self._options, **condition}
        try:
            if self._request.at_once and not part.offset:
                response = await get_object(**asked)
            else:
                response = await get_object(**asked, Range=range_header(part))
        except InvalidRange:
            if part.offset:
                raise
            response = await get_object(**asked)  # an empty object has no ranges
        except RangeIgnored:
            response = await get_object(**asked)
        body: AsyncBody = response["Body"]
        try:
            found, span = read_response(response)
            expected = Span(part.offset, min(part.length, found.size - part.offset))
            if span not in (expected, Span(0, found.size)):
                raise IntegrityError(
                    f"{expected.length} bytes from {part.offset} were requested; the service "
                    f"returned {span.length} from {span.offset}"
                )
        except IntegrityError:
            await body.aclose()
            raise
        return AsyncOpenedObject(found, described(response, found), span, body)

    async def open_part(self, found: FoundObject, part: PartRange) -> AsyncBody:
        """Open one part of the object that was found, and of no other.

        Raises:
            ObjectChanged: the object was replaced or deleted.
        """
        bound = {**self._request.place, **for_parts(self._options), **found.conditions()}
        try:
            response = await self._operations.get_object(**bound, Range=range_header(part))
        except CosServiceError as error:
            if error.status in GONE:
                gone = ObjectChanged("The object was replaced or deleted while it was downloaded")
                raise in_part(gone, part.number) from error
            in_part(error, part.number)
            raise
        except CosException as error:
            in_part(error, part.number)
            raise
        body: AsyncBody = response["Body"]
        try:
            found.check(response, part)
        except IntegrityError as error:
            await body.aclose()
            in_part(error, part.number)
            raise
        return body
